//! `cairn demo`.

use clap::Args;

/// Not there yet.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {}
