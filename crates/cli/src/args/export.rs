//! `cairn export`.

use super::import::FormatArg;
use clap::Args;
use std::path::PathBuf;

/// What `cairn export` takes.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExportArgs {
    /// The record types [default: all]
    #[arg(value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// How to write them
    #[arg(long, value_enum, default_value = "jsonl")]
    pub(crate) format: FormatArg,
    /// A file, or a folder that gets a file for each type [default: standard output]
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Deleted records too
    #[arg(long)]
    pub(crate) deleted: bool,
}

const AFTER_HELP: &str = "\
Records are in the order of their ids, so that equal states give equal files.
`cairn import` reads them back: the column `id` says which record a row is.

Examples:
  cairn export work_order > work_orders.jsonl
  cairn export account contact --format csv --out tables/";
