//! What becomes of a broken promise: a folder with the case, made small, the
//! events, and a sentence; and the command that replays it.

use super::run::{cannot_write, watched};
use crate::exit::Failure;
use crate::output::Output;
use cairn_sim::campaign::{Failed, Findings, guarded};
use cairn_sim::check::Violation;
use cairn_sim::kept::Kept;
use cairn_sim::run::Case;
use cairn_sim::scenario::Scenario;
use cairn_sim::shrink::shrink;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long making one case small may take: each step is another run, and a
/// campaign has other things to tell.
const SHRINK: Duration = Duration::from_secs(60);

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
    let before = case.schedule.entries.len();
    let (case, violation) = match small {
        true => made_small(&case, violation, |case| guarded(case, &watched).0.violation),
        false => (case, violation.clone()),
    };
    let after = case.schedule.entries.len();
    let kept = Kept {
        story: format!(
            "Scenario {} with seed {} breaks a promise. It says: {}",
            failed.scenario, failed.seed, case.plan.story,
        ),
        mutant: None,
        found: violation,
        case,
    };
    let at = write(
        &kept,
        folder,
        &format!("{}-{}", failed.scenario, failed.seed),
    )?;
    output.say(format!(
        "seed {} of {}: {}\n  {before} entries, made {after}; cairn sim replay {}",
        failed.seed,
        failed.scenario,
        told(&kept.found),
        at.display(),
    ));
    Ok(())
}

/// A case made small while `fails` finds what the same checker found, and what
/// it finds now.
pub(super) fn made_small(
    case: &Case,
    violation: &Violation,
    fails: impl Fn(&Case) -> Option<Violation>,
) -> (Case, Violation) {
    let began = Instant::now();
    let shrunk = shrink(case, violation, |case| {
        fails(case).filter(|_| began.elapsed() < SHRINK)
    });
    (shrunk.case, shrunk.violation)
}

/// Writes a case into a folder of its own; gives where.
pub(super) fn write(kept: &Kept, folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let at = folder.join(name);
    fs::create_dir_all(&at).map_err(|error| cannot_write(&at, &error))?;
    let files = kept.files(&at.display().to_string());
    for (name, text) in files.map_err(Failure::usage)? {
        let file = at.join(name);
        fs::write(&file, text).map_err(|error| cannot_write(&file, &error))?;
    }
    Ok(at)
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
