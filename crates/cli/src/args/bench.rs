//! `cairn bench`.

use clap::Args;

/// Not there yet.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {}
