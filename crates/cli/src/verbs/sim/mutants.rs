//! `cairn sim mutants`.

use super::scenarios;
use crate::args::sim::MutantsArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_sim::mutants::{Hunt, MUTANTS, Mutant, hunt, named};
use serde_json::json;

/// Hunts every mutant, or the one that is named.
pub(super) fn run(args: &MutantsArgs, output: Output) -> Result<Exit, Failure> {
    let scenario = scenarios::read(&args.scenario)?;
    let hunted: Vec<&'static Mutant> = match &args.only {
        None => MUTANTS.iter().collect(),
        Some(name) => vec![named(name).ok_or_else(|| {
            let names: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
            Failure::not_found(format!(
                "there is no mutant `{name}`; there are {}",
                names.join(", ")
            ))
        })?],
    };
    scenario.case(args.first).map_err(Failure::usage)?;
    let mut hunts: Vec<Hunt> = Vec::new();
    for mutant in hunted {
        let seeds = args.first..args.first.saturating_add(args.seeds);
        let cases = |seed| {
            scenario
                .case(seed)
                .unwrap_or_else(|words| unreachable!("{words}"))
        };
        let hunted = hunt(mutant, seeds, cases);
        output.say(match &hunted.kill {
            Some(kill) => format!(
                "{}: found with seed {} by {}",
                mutant.name, kill.seed, kill.violation.checker
            ),
            None => format!("{}: NOT FOUND in {} seeds", mutant.name, hunted.seeds),
        });
        hunts.push(hunted);
    }
    let found = hunts.iter().filter(|hunt| hunt.kill.is_some()).count();
    if output.json {
        output.json(&json!({ "found": found, "mutants": hunts.len(), "hunts": hunts }))?;
    } else {
        output.line(format!("{found} of {} mutants found", hunts.len()))?;
    }
    Ok(match found == hunts.len() {
        true => Exit::Done,
        false => Exit::No,
    })
}
