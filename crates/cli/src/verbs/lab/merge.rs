//! `cairn lab merge`.

use super::compare::show;
use super::failure;
use super::shelf::Folder;
use crate::args::lab::MergeArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_lab::compare::Manifest;

/// Puts the units of all shards into one folder, and reports.
pub(super) fn run(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    let whole = Folder::of_shard(&args.out, "merge");
    let mut last = None;
    for folder in &args.folders {
        let shard = Folder::of_shard(folder, "merge");
        let manifest = Manifest::read(&shard).map_err(failure)?.ok_or_else(|| {
            Failure::not_found(format!(
                "{} holds no comparison; name folders that `cairn lab compare --out` wrote",
                folder.display()
            ))
        })?;
        manifest.gather(&shard, &whole).map_err(failure)?;
        last = Some(manifest);
    }
    let manifest = last.ok_or_else(|| Failure::usage("name at least one folder"))?;
    let report = manifest.report(&whole).map_err(failure)?;
    show(&report, &args.out, output)
}
