//! `cairn sim mutants`.

use super::failure::{made_small, told, write};
use super::scenarios;
use crate::args::sim::MutantsArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_sim::check::all;
use cairn_sim::kept::Kept;
use cairn_sim::mutants::{Hunt, Kill, MUTANTS, Mutant, found_only_in, hunt, named};
use cairn_sim::run::Case;
use serde_json::json;
use std::path::Path;

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
        if let (Some(kill), Some(folder)) = (&hunted.kill, &args.out) {
            keep(mutant, kill, cases(kill.seed), folder, output)?;
        }
        hunts.push(hunted);
    }
    let found = hunts.iter().filter(|hunt| hunt.kill.is_some()).count();
    if output.json {
        output.json(&json!({ "found": found, "mutants": hunts.len(), "hunts": hunts }))?;
    } else {
        output.line(format!("{found} of {} mutants found", hunts.len()))?;
        if args.only.is_none() {
            output.facts(&finders(&hunts))?;
        }
    }
    Ok(match found == hunts.len() {
        true => Exit::Done,
        false => Exit::No,
    })
}

/// How many variants each checker was the first to find.
fn finders(hunts: &[Hunt]) -> Vec<(&'static str, String)> {
    let found = |name: &str| {
        let kills = hunts.iter().filter_map(|hunt| hunt.kill.as_ref());
        kills.filter(|kill| kill.violation.checker == name).count()
    };
    let checkers = all();
    let names = checkers.iter().map(|checker| checker.name());
    names.map(|name| (name, found(name).to_string())).collect()
}

/// Writes what finds a variant, made small as long as the product keeps its
/// promises in it.
fn keep(
    mutant: &Mutant,
    kill: &Kill,
    case: Case,
    folder: &Path,
    output: Output,
) -> Result<(), Failure> {
    if found_only_in(mutant, &case).is_none() {
        output.say("  not kept: the product breaks a promise in it too");
        return Ok(());
    }
    let before = case.schedule.entries.len();
    let (case, found) = made_small(&case, &kill.violation, |case| found_only_in(mutant, case));
    let after = case.schedule.entries.len();
    let kept = Kept {
        story: mutant.wrong.to_owned(),
        mutant: Some(mutant.name.to_owned()),
        found,
        case,
    };
    let at = write(&kept, folder, &mutant.name.replace('-', "_"))?;
    output.say(format!(
        "  {before} entries, made {after}: {}; cairn sim replay {} --mutant",
        told(&kept.found),
        at.display()
    ));
    Ok(())
}
