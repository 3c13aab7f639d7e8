//! `cairn conflict`.

use crate::fields::Assignment;
use clap::{Args, Subcommand};

/// What `cairn conflict` takes.
#[derive(Debug, Args)]
pub(crate) struct ConflictArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: ConflictVerb,
}

/// What can be done with conflicts.
#[derive(Debug, Subcommand)]
pub(crate) enum ConflictVerb {
    /// List conflicts that wait for a person
    #[command(after_help = "\
A device has the open ones. The relay has the whole journal: every time that
concurrent writes met, with both sides and the outcome.

Examples:
  cairn conflict list
  cairn conflict list --dir hq --all     decided ones too, at the relay
  cairn conflict list --check            exit code 6 if one is open")]
    List(ListArgs),
    /// Show a conflict: what was there before, and every write with its author and times
    #[command(after_help = "\
Example:
  cairn conflict show 1")]
    Show {
        /// Its number
        #[arg(value_name = "CONFLICT")]
        number: u64,
    },
    /// Decide a conflict
    #[command(after_help = "\
A decision dominates the writes that are here now; one that arrives later makes
a new conflict.

Examples:
  cairn conflict resolve 1 --take 8             the write of version 8
  cairn conflict resolve 1 --take theirs
  cairn conflict resolve 1 status=scheduled     another value
  cairn conflict resolve 2 --keep               deleted by one, changed by another: keep it")]
    Resolve(ResolveArgs),
}

/// What `cairn conflict list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Settled ones too, with their outcomes; only at the relay
    #[arg(long)]
    pub(crate) all: bool,
    /// End with exit code 6 if one is open
    #[arg(long)]
    pub(crate) check: bool,
}

/// What `cairn conflict resolve` takes.
#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// Its number
    #[arg(value_name = "CONFLICT")]
    pub(crate) number: u64,
    /// Take one of the writes: by its version, or mine or theirs where that is one
    #[arg(long, value_name = "VERSION|mine|theirs", conflicts_with_all = ["fields", "keep", "delete_record"])]
    pub(crate) take: Option<String>,
    /// Take this value
    #[arg(value_name = "NAME=VALUE", value_parser = Assignment::read, conflicts_with_all = ["keep", "delete_record"])]
    pub(crate) fields: Vec<Assignment>,
    /// Keep a record that one deleted and another changed
    #[arg(long, conflicts_with = "delete_record")]
    pub(crate) keep: bool,
    /// Delete it
    #[arg(long)]
    pub(crate) delete_record: bool,
}
