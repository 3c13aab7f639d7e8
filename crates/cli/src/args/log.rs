//! `cairn log`.

use cairn_model::PublicKey;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `cairn log` takes.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: LogVerb,
}

/// What can be done with a log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogVerb {
    /// Show operations, the newest last
    #[command(after_help = "\
Examples:
  cairn log show --dir hq                      the newest operations of the ledger
  cairn log show --dir hq --from 1 --limit 20
  cairn log show --dir amara                   what this device did")]
    Show(ShowArgs),
    /// Check every signature and hash again, from the bytes
    #[command(after_help = "\
Examples:
  cairn log verify --dir hq
  cairn log verify hq.cairnlog --relay 5f0c...
  cairn log verify --dir hq --fold

Ends with exit code 1 when something does not verify.")]
    Verify(VerifyArgs),
    /// Write the whole log into one file, to check or carry it elsewhere
    #[command(after_help = "\
Examples:
  cairn log export --dir hq hq.cairnlog
  cairn log export --dir amara unsent.cairnlog     with its unsent work, to carry by hand

The file holds what people wrote: keep it as safe as the directory.")]
    Export(ExportArgs),
    /// Take a log in from a file, at the relay
    #[command(after_help = "\
Examples:
  cairn log import --dir hq unsent.cairnlog     a device's work that came by hand
  cairn log import --dir hq hq.cairnlog         a ledger, into the relay it is of

What the relay has already changes nothing. Ends with exit code 6 when an
operation was rejected and waits for its author.")]
    Import(ImportArgs),
}

/// What `cairn log show` takes.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Begin with this version (on a device: this place in its log)
    #[arg(long, value_name = "N")]
    pub(crate) from: Option<u64>,
    /// How many operations
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) limit: usize,
}

/// What `cairn log verify` takes.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A file that `cairn log export` wrote; without one, the log of the directory
    pub(crate) file: Option<PathBuf>,
    /// The key of the relay it must be of; the directory's relay if there is one
    #[arg(long, value_name = "KEY")]
    pub(crate) relay: Option<PublicKey>,
    /// Fold the ledger from the beginning too, and compare with what the relay shows;
    /// a running relay does nothing else meanwhile
    #[arg(long, conflicts_with = "file")]
    pub(crate) fold: bool,
}

/// What `cairn log export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The file to write; `-` is standard output
    pub(crate) file: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `cairn log import` takes.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file that `cairn log export` wrote
    pub(crate) file: PathBuf,
}
