//! What becomes of a broken promise: a folder with the case, made small, the
//! events, and a sentence; and the command that replays it.

use super::run::{cannot_write, watched, write_json};
use crate::exit::Failure;
use crate::output::Output;
use cairn_sim::campaign::{Failed, Findings};
use cairn_sim::check::{self, Violation};
use cairn_sim::run::{Case, run};
use cairn_sim::scenario::Scenario;
use cairn_sim::shrink::shrink;
use cairn_sim::wiring::Straight;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The case, in its folder.
pub(super) const CASE: &str = "case.json";
/// The events of its run, a line each.
const EVENTS: &str = "events.jsonl";
/// What it is about, for a reader.
const STORY: &str = "README.md";

/// Writes the first failure that each checker found in each scenario; tells of
/// the others.
pub(super) fn keep(
    findings: &Findings,
    scenarios: &[Scenario],
    folder: &Path,
    small: bool,
    output: Output,
) -> Result<(), Failure> {
    let mut known = BTreeSet::new();
    for failed in &findings.failed {
        let Some(violation) = &failed.outcome.violation else {
            continue;
        };
        if !known.insert((failed.scenario.clone(), violation.checker.clone())) {
            output.say(format!(
                "seed {} of {}: {}",
                failed.seed,
                failed.scenario,
                told(violation)
            ));
            continue;
        }
        let name = Some(failed.scenario.as_str());
        let scenario = scenarios.iter().find(|known| known.name.as_deref() == name);
        if let Some(scenario) = scenario {
            let case = scenario.case(failed.seed).map_err(Failure::usage)?;
            keep_one(failed, violation, case, folder, small, output)?;
        }
    }
    Ok(())
}

fn keep_one(
    failed: &Failed,
    violation: &Violation,
    case: Case,
    folder: &Path,
    small: bool,
    output: Output,
) -> Result<(), Failure> {
    let at = folder.join(format!("{}-{}", failed.scenario, failed.seed));
    fs::create_dir_all(&at).map_err(|error| cannot_write(&at, &error))?;
    let before = case.schedule.entries.len();
    let (case, violation) = match small {
        true => {
            let shrunk = shrink(&case, violation, |case| {
                cairn_sim::campaign::guarded(case, &watched).0.violation
            });
            (shrunk.case, shrunk.violation)
        }
        false => (case, violation.clone()),
    };
    write_json(&at.join(CASE), &case)?;
    let events = events(&case);
    fs::write(at.join(EVENTS), events).map_err(|error| cannot_write(&at, &error))?;
    let command = format!("cairn sim replay {}", at.display());
    let story = format!(
        "{}\n\nFound in scenario {} with seed {}, which says: {}\n\nReplay it with `{command}`.\n",
        told(&violation),
        failed.scenario,
        failed.seed,
        case.plan.story,
    );
    fs::write(at.join(STORY), story).map_err(|error| cannot_write(&at, &error))?;
    let after = case.schedule.entries.len();
    output.say(format!(
        "seed {} of {}: {}\n  {before} entries, made {after}; {command}",
        failed.seed,
        failed.scenario,
        told(&violation),
    ));
    Ok(())
}

/// A violation as a sentence.
pub(super) fn told(violation: &Violation) -> String {
    let mut text = format!("{} at {}", violation.checker, violation.at);
    if let Some(host) = violation.host {
        let _ = write!(text, ", {host}");
    }
    let _ = write!(text, ": {}", violation.words);
    text
}

fn events(case: &Case) -> String {
    let one = || run(case, Box::new(Straight), &mut check::all(), true).1;
    let events = std::panic::catch_unwind(std::panic::AssertUnwindSafe(one)).unwrap_or_default();
    let lines = events
        .iter()
        .filter_map(|event| serde_json::to_string(event).ok());
    lines.fold(String::new(), |mut text, line| {
        text.push_str(&line);
        text.push('\n');
        text
    })
}
