//! `cairn lab import-git`.

use crate::args::lab::ImportGitArgs;
use crate::control::Step;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_import::{Format, ImportFault, Patterns, Plan, Progress, Summary, import};
use cairn_lab::history::write::WriteFault;
use std::sync::{Mutex, PoisonError};

/// Makes the history, and says what is in it and what is not.
pub(super) fn run(args: &ImportGitArgs, output: Output) -> Result<Exit, Failure> {
    let paths = Patterns::new(args.path.iter().map(String::as_str)).map_err(Failure::usage)?;
    let plan = Plan {
        paths,
        key: args.key.clone(),
        format: args.format.as_deref().and_then(Format::named),
        place: args.place.clone(),
        rows: args.rows.clone(),
        strict: args.strict,
    };
    let bar = Mutex::new(output.bar());
    let tell = |progress: Progress| {
        let (what, done, total) = match progress {
            Progress::Reading { commits } => ("commits found", commits, None),
            Progress::Following { done, of } => ("commits followed", done, Some(of)),
        };
        let step = Step {
            what: what.to_owned(),
            done: done as u64,
            total: total.map(|total| total as u64),
            aloud: false,
        };
        bar.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .show(&step);
    };
    let summary = import(&args.repository, &plan, &args.out, &tell).map_err(failure)?;
    drop(bar);
    match output.json {
        true => output.json(&summary)?,
        false => show(&summary, args, output)?,
    }
    Ok(Exit::Done)
}

fn failure(fault: ImportFault) -> Failure {
    let exit = match &fault {
        ImportFault::Repository { .. } | ImportFault::NothingFits { .. } => Exit::NotFound,
        ImportFault::Write(WriteFault::Io { .. })
        | ImportFault::Folder { .. }
        | ImportFault::Missing { .. }
        | ImportFault::Broken { .. } => Exit::Storage,
        _ => Exit::Usage,
    };
    Failure::new(exit, fault)
}

fn show(summary: &Summary, args: &ImportGitArgs, output: Output) -> Result<(), Failure> {
    let of = |part: u64, whole: u64| format!("{part} of {whole}");
    let true_conflicts = summary.conflicts - summary.conflicts_sequel;
    let resolved = summary.resolved.iter();
    let resolved: Vec<String> = resolved.map(|(how, n)| format!("{how} {n}")).collect();
    let mut facts = vec![
        ("commits", of(summary.commits, summary.commits_seen)),
        ("authors", summary.authors.to_string()),
        ("records", summary.records.to_string()),
        ("changes of records", summary.steps.to_string()),
        (
            "merges in which records met",
            format!(
                "{} ({} diverged)",
                of(summary.merges, summary.merges_seen),
                summary.merges_diverged
            ),
        ),
        ("records that met", summary.merged_records.to_string()),
        (
            "fields in true conflict",
            format!("{true_conflicts}, {} by hand", summary.conflicts_by_hand),
        ),
        (
            "  one side after the other",
            summary.conflicts_sequel.to_string(),
        ),
    ];
    if !resolved.is_empty() {
        facts.push(("  resolved as", resolved.join(", ")));
    }
    output.facts(&facts)?;
    let left_out = summary.left_out.told();
    if !left_out.is_empty() {
        output.line("")?;
        output.line("left out:")?;
        for (count, what) in left_out {
            output.line(format!("  {count} {what}"))?;
        }
    }
    for example in &summary.examples {
        output.say(format!("Left out: {example}"));
    }
    output.say(format!(
        "The history is in {out}; see `cairn lab compare {out}`.",
        out = args.out.display()
    ));
    Ok(())
}
