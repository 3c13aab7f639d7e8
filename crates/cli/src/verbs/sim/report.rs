//! `cairn sim report`.

use super::replay;
use super::scenarios;
use crate::args::sim::ReportArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_sim::check;
use cairn_sim::report::{Part, Report, Stage};
use cairn_sim::run::Case;
use cairn_sim::time::VirtualTime;
use cairn_sim::wiring::Straight;
use serde_json::json;
use std::fs;

/// Runs a case and draws it into a file.
pub(super) fn run(args: &ReportArgs, output: Output) -> Result<Exit, Failure> {
    let case = case(args)?;
    let stage = Stage {
        wiring: &|| Box::new(Straight),
        checkers: &check::all,
    };
    let part = Part {
        from: args.from.map(VirtualTime),
        until: args.until.map(VirtualTime),
    };
    let report = Report::of(&case, &stage, part);
    fs::write(&args.out, report.to_html()).map_err(|error| {
        Failure::storage(format!("{} cannot be written: {error}", args.out.display()))
    })?;
    let outcome = report.outcome();
    if output.json {
        output.json(&json!({ "file": args.out, "outcome": outcome }))?;
    } else {
        output.line(format!(
            "Seed {} of {} is drawn in {}; open it in any browser.",
            case.plan.seed,
            case.plan.name,
            args.out.display()
        ))?;
        if let Some(violation) = &outcome.violation {
            output.line(super::failure::told(violation))?;
        }
    }
    Ok(match outcome.violation {
        None => Exit::Done,
        Some(_) => Exit::No,
    })
}

/// A scenario is written by people, a case by a campaign.
fn case(args: &ReportArgs) -> Result<Case, Failure> {
    let is_case = args.file.ends_with(cairn_sim::kept::CASE);
    let extension = args.file.extension();
    if is_case || extension.is_none_or(|extension| extension != "toml") {
        return replay::kept(&args.file).map(|kept| kept.case);
    }
    let scenario = scenarios::read(&args.file)?;
    scenario.case(args.seed).map_err(Failure::usage)
}
