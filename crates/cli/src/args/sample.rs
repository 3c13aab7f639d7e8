//! `cairn sample`.

use cairn_model::text::TEMPLATES;
use clap::Args;

/// What `cairn sample` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn sample                            the sample as JSON Lines
  cairn sample --size 10 > sample.jsonl
  cairn sample --load --dir hq            create its records at the relay

The same size and seed always give the same records, and a larger sample
begins with the smaller one.")]
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
    /// For which built-in definition; --load takes the one in force
    #[arg(long, value_parser = TEMPLATES.to_vec(), default_value = "field-service", conflicts_with = "load")]
    pub(crate) template: String,
}
