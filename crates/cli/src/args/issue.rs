//! `cairn issue`.

use crate::fields::Assignment;
use clap::{Args, Subcommand};

/// What `cairn issue` takes.
#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: IssueVerb,
}

/// What can be done with issues.
#[derive(Debug, Subcommand)]
pub(crate) enum IssueVerb {
    /// List work that was rejected or set aside and waits for its author
    #[command(after_help = "\
A device has the issues of its user, the relay those of everyone.

Examples:
  cairn issue list
  cairn issue list --all             settled ones too
  cairn issue list --check           exit code 6 if one is open")]
    List(ListArgs),
    /// Show an issue: why, what was wanted, what can be done
    #[command(after_help = "\
Example:
  cairn issue show 1")]
    Show {
        /// Its number
        #[arg(value_name = "ISSUE")]
        number: u64,
    },
    /// Do the work again on what stands now, some fields otherwise if need be
    #[command(after_help = "\
What you have written since on the same device stays: such fields are left out,
unless you name them. If nothing is left to write, discard the issue.

Examples:
  cairn issue resubmit 1                      what was wanted, again
  cairn issue resubmit 1 number=WO-5042       with another number")]
    Resubmit(ResubmitArgs),
    /// Give the work up
    #[command(after_help = "\
Example:
  cairn issue discard 1")]
    Discard {
        /// Its number
        #[arg(value_name = "ISSUE")]
        number: u64,
    },
}

/// What `cairn issue list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Settled ones too
    #[arg(long)]
    pub(crate) all: bool,
    /// End with exit code 6 if one is open
    #[arg(long)]
    pub(crate) check: bool,
}

/// What `cairn issue resubmit` takes.
#[derive(Debug, Args)]
pub(crate) struct ResubmitArgs {
    /// Its number
    #[arg(value_name = "ISSUE")]
    pub(crate) number: u64,
    /// Fields to write so, whatever stands there
    #[arg(value_name = "NAME=VALUE", value_parser = Assignment::read)]
    pub(crate) fields: Vec<Assignment>,
}
