//! `cairn sim merge`.

use super::run::{FINDINGS, exit, show};
use crate::args::sim::MergeArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_sim::campaign::Findings;
use std::fs;

/// Adds up the findings of shards.
pub(super) fn run(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    let mut merged = Findings::default();
    for folder in &args.folders {
        let file = folder.join(FINDINGS);
        let text = fs::read_to_string(&file).map_err(|error| {
            Failure::not_found(format!(
                "{} cannot be read: {error}; name folders that `cairn sim run --out` wrote",
                file.display()
            ))
        })?;
        let findings: Findings = serde_json::from_str(&text).map_err(|error| {
            Failure::usage(format!("{} holds no findings: {error}", file.display()))
        })?;
        merged.merge(findings);
    }
    show(&merged, output, &[])?;
    Ok(exit(&merged, args.require_coverage, output))
}
