//! `cairn sim run`.

use super::{failure, jobs, scenarios};
use crate::args::sim::RunArgs;
use crate::control::Step;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use cairn_sim::campaign::{Extent, Findings, campaign};
use cairn_sim::check;
use cairn_sim::coverage::{Seen, Watch};
use cairn_sim::run::{Case, Outcome};
use cairn_sim::time::DAY;
use cairn_sim::wiring::Straight;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the findings are written as, for `cairn sim merge`.
pub(super) const FINDINGS: &str = "findings.json";
/// Every resolved option of every run, a line each.
const MANIFEST: &str = "manifest.jsonl";

/// A line of the manifest.
#[derive(Serialize)]
struct Ran<'a> {
    plan: &'a cairn_sim::scenario::Plan,
    entries: usize,
    outcome: &'a Outcome,
}

/// Runs the campaign and shows what it found.
pub(super) fn run(args: &RunArgs, output: Output) -> Result<Exit, Failure> {
    let scenarios = scenarios::read_all(&args.scenarios, args.tier)?;
    let extent = Extent {
        first: args.first,
        seeds: args.seeds,
        jobs: jobs(args.jobs),
        shard: args.shard.0,
        shards: args.shard.1,
        twice_every: args.twice_every,
    };
    let manifest = match &args.out {
        Some(folder) => Some(Mutex::new(manifest(folder)?)),
        None => None,
    };
    let began = Instant::now();
    let limit = args
        .minutes
        .map(|minutes| Duration::from_secs_f64((minutes * 60.0).clamp(0.0, 1e9)));
    let total = args.seeds / extent.shards.max(1);
    let bar = Mutex::new(output.bar());
    let go_on = |done: u64| {
        let step = Step {
            what: "runs".to_owned(),
            done,
            total: Some(total),
            aloud: false,
        };
        bar.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .show(&step);
        limit.is_none_or(|limit| began.elapsed() < limit)
    };
    let one = |case: &Case| {
        let (outcome, seen) = watched(case);
        if let Some(manifest) = &manifest {
            note(manifest, case, &outcome);
        }
        (outcome, seen)
    };
    let findings = campaign(&scenarios, &extent, &one, &go_on).map_err(Failure::usage)?;
    drop(bar);
    if let Some(folder) = &args.out {
        write_json(&folder.join(FINDINGS), &findings)?;
    }
    let first = args.first;
    let seeds = format!(
        "from {first}, shared out among {} scenarios",
        scenarios.len()
    );
    show(
        &findings,
        output,
        &[("seeds", seeds), ("took", took(began))],
    )?;
    let folder = args.out.as_deref().unwrap_or(Path::new("failures"));
    failure::keep(&findings, &scenarios, folder, !args.no_shrink, output)?;
    Ok(exit(&findings, args.require_coverage, output))
}

/// A run under every checker.
pub(super) fn watched(case: &Case) -> (Outcome, Seen) {
    let (watch, seen) = Watch::new();
    let mut checkers = check::all();
    checkers.push(Box::new(watch));
    let (outcome, _) = cairn_sim::run::run(case, Box::new(Straight), &mut checkers, false);
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (outcome, seen)
}

fn took(began: Instant) -> String {
    format!("{:.1} s", began.elapsed().as_secs_f64())
}

/// No, if a promise was broken or two runs of one seed differed, or if all was
/// to be met and something was not.
pub(super) fn exit(findings: &Findings, all_to_be_met: bool, output: Output) -> Exit {
    let unmet = findings.coverage.unmet();
    let missed = all_to_be_met && !unmet.is_empty();
    if missed {
        output.say(format!(
            "The campaign says nothing of what it has never met: {}. Give it more seeds, or scenarios in which that happens.",
            unmet.join(", ")
        ));
    }
    match findings.failures == 0 && findings.differed.is_empty() && !missed {
        true => Exit::Done,
        false => Exit::No,
    }
}

fn manifest(folder: &Path) -> Result<BufWriter<File>, Failure> {
    fs::create_dir_all(folder)
        .and_then(|()| File::create(folder.join(MANIFEST)))
        .map(BufWriter::new)
        .map_err(|error| cannot_write(folder, &error))
}

fn note(manifest: &Mutex<BufWriter<File>>, case: &Case, outcome: &Outcome) {
    let line = Ran {
        plan: &case.plan,
        entries: case.schedule.entries.len(),
        outcome,
    };
    if let Ok(line) = serde_json::to_string(&line) {
        let mut file = manifest.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").ok();
    }
}

pub(super) fn cannot_write(at: &Path, error: &std::io::Error) -> Failure {
    Failure::storage(format!("{} cannot be written: {error}", at.display()))
}

/// Writes a value as a file of JSON.
pub(super) fn write_json(at: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::usage)?;
    fs::write(at, text + "\n").map_err(|error| cannot_write(at, &error))
}

/// What a campaign found, and what follows from it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    findings: &'a Findings,
    unmet: Vec<&'static str>,
    chance_of_news: f64,
    new_in_the_next: f64,
    shapes_in_all: f64,
}

/// Shows what a campaign found; `more` is what is told beside it.
pub(super) fn show(
    findings: &Findings,
    output: Output,
    more: &[(&str, String)],
) -> Result<(), Failure> {
    if output.json {
        return output.json(&Told {
            findings,
            unmet: findings.coverage.unmet(),
            chance_of_news: findings.coverage.chance_of_news(),
            new_in_the_next: findings.coverage.new_in_the_next(),
            shapes_in_all: findings.coverage.shapes_in_all(),
        });
    }
    let rows = findings.runs.iter().map(|(scenario, runs)| {
        let failed = findings.failed.iter().filter(|f| f.scenario == *scenario);
        vec![
            scenario.clone(),
            runs.to_string(),
            failed.count().to_string(),
        ]
    });
    output.table(&["scenario", "runs", "failed"], rows.collect())?;
    output.line("")?;
    let years = findings.device_time as f64 / (365 * DAY) as f64;
    let mut facts = vec![
        ("runs", findings.total().to_string()),
        (
            "run twice",
            format!("{}, {} differed", findings.twice, findings.differed.len()),
        ),
        ("device-years", format!("{years:.1}")),
    ];
    for name in [
        "edits",
        "messages",
        "sessions",
        "crashes",
        "partitions",
        "faults",
        "conflicts",
    ] {
        let counted = findings.counts.get(name).copied().unwrap_or_default();
        facts.push((name, counted.to_string()));
    }
    let coverage = &findings.coverage;
    let unmet = coverage.unmet();
    facts.push((
        "shapes seen",
        format!(
            "{} of about {:.0} by Chao's estimate",
            coverage.shapes.len(),
            coverage.shapes_in_all()
        ),
    ));
    let curve = coverage.curve.iter();
    let curve: Vec<String> = curve
        .map(|(runs, shapes)| format!("{shapes} after {runs}"))
        .collect();
    facts.push(("saturation", curve.join(", ")));
    facts.push((
        "new in the next seed",
        format!(
            "something in {:.1} % of seeds, {:.3} shapes on average, by Good and Turing's estimate",
            100.0 * coverage.chance_of_news(),
            coverage.new_in_the_next()
        ),
    ));
    facts.push((
        "never met",
        match unmet.is_empty() {
            true => "nothing that should be".to_owned(),
            false => unmet.join(", "),
        },
    ));
    facts.extend(more.iter().cloned());
    output.facts(&facts)?;
    for (scenario, seed) in &findings.differed {
        output.say(format!("seed {seed} of {scenario} gave two different runs"));
    }
    let failures = count(findings.failures, "broken promise");
    output.say(match findings.failures {
        0 => "Every promise was kept.".to_owned(),
        _ => format!("{failures}."),
    });
    Ok(())
}
