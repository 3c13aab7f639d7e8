//! `cairn import`.

use crate::verbs::import::Format;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What `cairn import` takes.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ImportArgs {
    /// CSV or JSON Lines, plain or .gz; `-` is standard input (say --format);
    /// left out when the mapping names its files
    pub(crate) file: Option<PathBuf>,
    /// The record type that rows become
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) record_type: Option<String>,
    /// Which columns become which fields; without it, columns are called like fields
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// Columns that tell rows apart, so that a second run finds the same records
    #[arg(
        long,
        value_name = "COLUMN",
        value_delimiter = ',',
        conflicts_with = "mapping"
    )]
    pub(crate) key: Vec<String>,
    /// Where the files are that the mapping names [default: beside the mapping]
    #[arg(long, value_name = "DIR", requires = "mapping")]
    pub(crate) data: Option<PathBuf>,
    /// How the file is written, where its name does not tell
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArg>,
    /// What stands between cells of CSV [default: what the heading has: , ; or a tab]
    #[arg(long, value_name = "CHARACTER")]
    pub(crate) delimiter: Option<char>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// A heading, then cells with a delimiter between
    Csv,
    /// A JSON object on each line
    Jsonl,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Format {
        match format {
            FormatArg::Csv => Format::Csv,
            FormatArg::Jsonl => Format::Jsonl,
        }
    }
}

const AFTER_HELP: &str = "\
Rows that cannot be read or do not fit are told with row, column and reason; the
others are taken over. Running it again doubles nothing: a row's record is found
by its key, and changed only where something differs.

A counter is brought to the number in the file by adding what it lacks here, and
what devices add adds up: import a file with counters at the relay, or on one
device and let it sync. Two devices that import it both, before either has seen
the other's work, count everything twice.

Examples:
  cairn import accounts.csv --type account
  cairn import stock.csv --type product --key number
  cairn export product --dir old | cairn import - --type product --format jsonl --dir new
  cairn import --mapping tables.toml --data tables

A mapping:
  [[table]]
  file = \"orders.jsonl.gz\"
  type = \"work_order\"
  key = \"OrderID\"
  [table.fields]
  number = \"OrderID\"
  summary = { text = \"Order {OrderID} for {ShipName}\" }
  job = { value = \"installation\" }
  account = { column = \"CustomerID\", lookup = \"account.number\" }
  status = { column = \"ShippedDate\", map = { \"\" = \"scheduled\", \"*\" = \"completed\" } }";
