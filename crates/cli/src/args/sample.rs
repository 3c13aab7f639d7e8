//! `cairn sample`.

use clap::Args;

/// What `cairn sample` takes.
#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// How many portions of some 80 records
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) size: u32,
    /// Another number makes up other records
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Create the records, at the relay or on the device of the directory
    #[arg(long)]
    pub(crate) load: bool,
}
