//! `cairn lab recommend`.

use super::{failure, memory};
use crate::args::lab::RecommendArgs;
use crate::control::Step;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::settings::unusable;
use crate::verbs::sim::jobs;
use cairn_lab::compare::{CompareFault, FieldSummary};
use cairn_lab::ledger::Archived;
use cairn_lab::recommend::{Advice, Proposal, Recommendation, recommend};
use std::fs::File;
use std::io::BufReader;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Folds the log under every policy and shows what follows.
pub(super) fn run(args: &RecommendArgs, output: Output) -> Result<Exit, Failure> {
    let path = args.log.clone();
    if !path.is_file() {
        return Err(Failure::not_found(format!(
            "{} is not there; `cairn log export` at the relay writes it",
            path.display()
        )));
    }
    File::open(&path).map_err(|error| unusable(&path, "read", &error))?;
    let subject = path.display().to_string();
    let ledger = Archived::new(move || File::open(&path).map(BufReader::new))
        .map_err(|fault| failure(CompareFault::Ledger { subject, fault }))?
        .within(memory::budget(args.memory));
    let bar = Mutex::new(output.bar());
    let done = AtomicU64::new(0);
    let tell = |_: &str| {
        let step = Step {
            what: "folded".to_owned(),
            done: done.fetch_add(1, Ordering::Relaxed) + 1,
            total: None,
            aloud: false,
        };
        bar.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .show(&step);
    };
    let found = recommend(&ledger, args.wrong_costs, jobs(None), &tell).map_err(failure)?;
    drop(bar);
    match output.json {
        true => output.json(&found)?,
        false => show(&found, output)?,
    }
    Ok(Exit::Done)
}

fn show(found: &Recommendation, output: Output) -> Result<(), Failure> {
    let met = |proposal: &&Proposal| proposal.advice != Advice::NothingMet;
    let rows = found.proposals.iter().filter(met).map(row);
    let rows: Vec<Vec<String>> = rows.collect();
    let quiet = found.proposals.len() - rows.len();
    if !rows.is_empty() {
        let heading = [
            "field",
            "in force",
            "conflicts",
            "lost / asked",
            "proposed",
            "why",
        ];
        output.table(&heading, rows)?;
        output.line("")?;
    }
    let weighed = |p: &&Proposal| !matches!(p.advice, Advice::NothingMet | Advice::TooThin { .. });
    let evidence = found.proposals.iter().filter(weighed).flat_map(evidence);
    let evidence: Vec<Vec<String>> = evidence.collect();
    if !evidence.is_empty() {
        let heading = [
            "field",
            "under",
            "lost silently",
            "asked",
            "cost of a conflict [95 % for all]",
        ];
        output.table(&heading, evidence)?;
        output.line("")?;
    }
    for file in &found.changed {
        output.line(format!("--- {}\n+++ {}", file.path, file.path))?;
        file.lines.iter().try_for_each(|line| output.line(line))?;
        output.line("")?;
    }
    if quiet > 0 {
        output.say(format!(
            "Of {} nothing met that does not commute; nothing is proposed for them.",
            count(quiet as u64, "other field")
        ));
    }
    output.say(format!(
        "A silent loss is taken to cost {} questions (--wrong-costs). Nothing was changed: put what you agree with into the definition (`cairn org export`), and `cairn org publish` it.",
        found.wrong_costs
    ));
    output.say(match found.span {
        Some(span) => format!("Conflicts of one {span} are taken for alike."),
        None => {
            "The log is too short to say how alike its conflicts are, so that nothing is concluded."
                .to_owned()
        }
    });
    found.limits.iter().for_each(|limit| output.say(limit));
    Ok(())
}

fn name(proposal: &Proposal) -> String {
    match &proposal.field {
        Some(field) => format!("{}.{field}", proposal.record_type),
        None => format!("{} itself", proposal.record_type),
    }
}

/// What each policy makes of the field, a row each.
fn evidence(proposal: &Proposal) -> impl Iterator<Item = Vec<String>> {
    proposal.evidence.iter().map(|(policy, summary)| {
        let cost = proposal.costs.get(policy);
        vec![
            name(proposal),
            policy.clone(),
            summary.lost_silently.to_string(),
            summary.asked.to_string(),
            cost.map_or_else(String::new, |cost| {
                format!("{:.2} [{:.2}, {:.2}]", cost.estimate, cost.low, cost.high)
            }),
        ]
    })
}

fn row(proposal: &Proposal) -> Vec<String> {
    let counted = |summary: &FieldSummary| format!("{} / {}", summary.wrong, summary.asked);
    let now = proposal.evidence.get(&proposal.in_force);
    let sets = proposal.evidence.values().map(|s| s.conflict_sets).max();
    let (proposed, why) = words(&proposal.advice);
    vec![
        name(proposal),
        proposal.in_force.clone(),
        sets.unwrap_or(0).to_string(),
        now.map_or_else(String::new, counted),
        proposed,
        why,
    ]
}

/// What is proposed, and why.
fn words(advice: &Advice) -> (String, String) {
    let none = || "-".to_owned();
    match advice {
        Advice::NothingMet => (none(), "nothing met".to_owned()),
        Advice::TooThin {
            sets, sets_needed, ..
        } if sets < sets_needed => (
            none(),
            format!("too thin: {sets} of the {sets_needed} conflicts that it takes"),
        ),
        Advice::TooThin {
            spans,
            spans_needed,
            ..
        } => (
            none(),
            format!("too thin: conflicts at {spans} times of the {spans_needed} that it takes"),
        ),
        Advice::Keep => (none(), "nothing is told to cost less".to_owned()),
        Advice::ByHand { to } => (
            none(),
            format!("{to} would cost less, but a policy of the type is one of all its fields"),
        ),
        Advice::Change {
            to,
            alike,
            from_cost,
            to_cost,
            turns_at,
        } => {
            let mut why = format!("{to_cost:.2} questions a conflict, not {from_cost:.2}");
            if let Some((k, above)) = turns_at {
                let side = if *above { "more" } else { "less" };
                why.push_str(&format!("; right if a loss costs {side} than {k:.2}"));
            }
            if !alike.is_empty() {
                why.push_str(&format!("; no different from {}", alike.join(", ")));
            }
            (to.clone(), why)
        }
    }
}
