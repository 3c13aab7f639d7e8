//! `cairn demo`.

use clap::Args;
use std::path::PathBuf;

/// What the story is told on, and what is left of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Six rounds, each a relay and four devices from scratch: client-wins,
server-wins and flag, with conflicts counted by field and by record.
The exit code is 1 if relay and devices do not agree at the end.

Examples:
  cairn demo
  cairn demo --keep demo-organization
  cairn demo --data tables --mapping tables.toml")]
pub(crate) struct DemoArgs {
    /// Leave the relays and devices in this folder, to explore with every other command
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Tell the story on these tables instead of the built-in sample
    #[arg(long, value_name = "DIR", requires = "mapping")]
    pub(crate) data: Option<PathBuf>,
    /// How those tables become records, as for `cairn import`
    #[arg(long, value_name = "FILE", requires = "data")]
    pub(crate) mapping: Option<PathBuf>,
}
