//! `cairn lab`: one log, every policy.
//!
//! Reading order: `history` and `script` (what may be named), `shelf` (where
//! results are kept), then one module for each verb.

mod check_policy;
mod compare;
mod export;
mod gap;
mod history;
mod import_git;
mod memory;
mod merge;
mod recommend;
mod script;
pub(crate) mod shelf;

use crate::args::lab::{LabArgs, LabVerb};
use crate::context::Context;
use crate::exit::{Exit, Failure, with_causes};
use cairn_lab::compare::CompareFault;

/// Does what was typed. Nothing here waits for anything but processor and disk.
pub(crate) fn run(args: LabArgs, context: &Context) -> Result<Exit, Failure> {
    let output = context.output;
    match args.verb {
        LabVerb::Compare(args) => compare::run(&args, output),
        LabVerb::Export(args) => export::run(&args),
        LabVerb::Merge(args) => merge::run(&args, output),
        LabVerb::CheckPolicy(args) => check_policy::run(&args, output),
        LabVerb::ImportGit(args) => import_git::run(&args, output),
        LabVerb::Recommend(args) => recommend::run(&args, output),
    }
}

fn failure(fault: CompareFault) -> Failure {
    match &fault {
        CompareFault::Shelf { .. } => Failure::storage(with_causes(&fault)),
        _ => Failure::usage(with_causes(&fault)),
    }
}
