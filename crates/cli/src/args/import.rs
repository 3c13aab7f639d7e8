//! `cairn import`.

use clap::Args;

/// Not there yet.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {}
