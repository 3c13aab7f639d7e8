//! `cairn lab`.

use super::sim::shard;
use cairn_import::{Format, Key, Pointer, Rows};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What `cairn lab` takes.
#[derive(Debug, Args)]
pub(crate) struct LabArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: LabVerb,
}

/// What can be done in the lab.
#[derive(Debug, Subcommand)]
pub(crate) enum LabVerb {
    /// Fold histories under every policy, and say what each lost and asked
    #[command(after_help = "\
Examples:
  cairn lab compare synthetic:office --seeds 100 --out office
  cairn lab compare ledger.cairn --out last-month           what a relay recorded
  cairn lab compare simulations/histories/depot --policies last-writer-wins,flag,oracle
  cairn lab compare synthetic:office --policies flag,simulations/policies/newest.rhai
  cairn lab compare synthetic:hot-records --seeds 10000 --shard 3/16 --out shard3
  cairn lab compare synthetic:sales closed:sales             what reactions change
  cairn lab compare synthetic:depot.toml                     a workload of your own

A history is a file that `cairn log export` wrote at a relay; a folder with
merges.jsonl and outcomes.jsonl (or .jsonl.zst), real merges and what people made
of them; or synthetic:NAME, with NAME one of office, hot-records, long-apart,
wrong-clocks, few-values, deletions, field-service-day, sales, text, counters, moves,
or a TOML file with parameters of a workload. closed:NAME is the same in closed loop:
people see what each policy shows them, and react. The folder of --out gets
manifest.json, metrics.csv, summary.json, figures and report.html. A run that was
broken off goes on where it was.")]
    Compare(CompareArgs),
    /// Bring together what several shards did
    #[command(after_help = "\
Example:
  cairn lab merge shard0 shard1 shard2 --out whole")]
    Merge(MergeArgs),
    /// Try a policy on the laws that every policy must keep
    #[command(after_help = "\
Examples:
  cairn lab check-policy last-writer-wins
  cairn lab check-policy simulations/policies/newest.rhai

Ends with exit code 1 when it breaks one.

A script is a file in the language of Rhai (https://rhai.rs) with two functions:

  fn policy() {
      #{ id: \"newest\", version: 1, order_insensitive: true, compares_values: false }
  }
  fn decide(contest) {
      let shown = 0;
      for i in range(0, contest.contenders.len) {
          if contest.contenders[i].rank > contest.contenders[shown].rank { shown = i; }
      }
      #{ shown: shown, others: \"candidates\" }
  }

A contest has contenders, the writes in the order of the ledger; standing and
arriving, the places of the one that shows so far and of the one that has just
arrived. A contender has
  time, own_time, received    milliseconds since 1970; time is its author's clock, at
                              most 5 minutes after it was received
  rank                        its place by time, ties by device; 0 is the earliest
  device, sequence, version   who wrote it, its place in that device's log and in the
                              ledger
and, if the script says that it compares values,
  value                       a number, a text, true or false, a list of texts, or ()
                              for an emptied field; whether a record lives on is true
                              or false; decimals and money are texts
  kind                        text, integer, decimal, money, boolean, date, timestamp,
                              choice, multi-choice, lookup, file or empty
  value_rank                  its place by value; 0 is the smallest, and equal values
                              have equal places
The others become \"settled\", \"settled-and-told\" (the author of the arriving one
is told), \"candidates\" (a later write meets all of them again) or \"flagged\" (until
a person decides).

A script has no files, no clock, no random numbers, no print, and 5,000 operations for
a contest (200,000 where more than 5 writes meet). What it does wrong ends the run.")]
    CheckPolicy(CheckPolicyArgs),
    /// Make a history of a git repository of records
    #[command(after_help = "\
Examples:
  cairn lab import-git products --path 'data/*.json' --out history
  cairn lab import-git linguist --path lib/linguist/languages.yml --key keys --out history
  cairn lab import-git shop --path 'stock/**/*.csv' --key '[site,item]' --out history
  cairn lab import-git eol --path 'products/*.md' --key name --rows /releases=releaseCycle --out history
  cairn lab compare history

--key says what tells records apart:
  file          a file is a record, its path the key
  name          a file is a record, its name without folders and ending the key
  /id           a file is a record, what is at this JSON pointer the key
  keys          a file is a map of records by their keys
  [name,site]   a file is a list or table of records, these columns or pointers the key
  file+keys, name+[id], …   the file's path or name, and what is in it

JSON, YAML, TOML, CSV, TSV and the YAML at the head of a text (.md) are read. Fields
are named by JSON pointers, down to what is no map; with --rows, rows of a list by
their keys. An empty cell of a table is a field that is absent.

The folder of --out gets ops.jsonl, commits.jsonl, merges.jsonl, outcomes.jsonl and
summary.json: every change, and for every merge what both sides had made of each
record and what people left it at. The same repository gives the same files. Which
side of a merge was the server's is told by the branch that is checked out (HEAD).

Nothing in the repository is run: no git, hook, filter or command of its
configuration, which is not even read. Authors are pseudonyms, made of their e-mail
and the first commit: who has the repository can tell who is who, nobody else.")]
    ImportGit(ImportGitArgs),
    /// Write a history, and what policies make of it, as lines of JSON
    #[command(after_help = "\
Examples:
  cairn lab export ledger.cairn > lines.jsonl
  cairn lab export synthetic:office --seed 7 --policies flag,last-writer-wins > lines.jsonl

From these lines every rate of a comparison can be worked out anew, without Cairn. A
line is an operation; or, under each policy, a record at the end, an entry of the
journal of conflicts, an issue, or a rejected operation. `base` is the version that
the author had seen: an operation came before another if it is of the same device
and earlier, or its version is at most the other's base. Times are milliseconds since
1970. Equal values have equal JSON.")]
    Export(ExportArgs),
    /// Propose a policy for each field, from what a log shows
    #[command(after_help = "\
Examples:
  cairn lab recommend ledger.cairn
  cairn lab recommend ledger.cairn --wrong-costs 3 --json

LOG is a file that `cairn log export` wrote at a relay. What is proposed is shown as
a difference to the text of the organization definition; nothing is changed.")]
    Recommend(RecommendArgs),
}

/// What counts as one thing when writes are concurrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Granularities {
    /// A field.
    Field,
    /// A record as a whole.
    Record,
    /// Each policy is tried with either.
    Both,
}

/// What `cairn lab compare` takes.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// An exported log, a folder, synthetic:NAME or closed:NAME
    #[arg(required = true, value_name = "HISTORY")]
    pub(crate) histories: Vec<String>,
    /// Policies, by name or, for scripts, by file; others are held against the
    /// first. All that have a name, if not given
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) policies: Vec<String>,
    /// What counts as one thing when writes are concurrent
    #[arg(long, value_enum, default_value = "field")]
    pub(crate) granularity: Granularities,
    /// How often a synthetic history is lived
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) seeds: u64,
    /// How much worse is no worse: silently lost writes of 1,000
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = positive)]
    pub(crate) margin: f64,
    /// Resamples of each bootstrap interval
    #[arg(long, value_name = "N", default_value_t = cairn_lab::stats::RESAMPLES as u64, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    pub(crate) resamples: u64,
    /// Take lists of texts for sets, to which writes add and from which they remove
    #[arg(long)]
    pub(crate) sets: bool,
    /// Of folders, take everything that was done (ops.jsonl), not only what met
    #[arg(long, conflicts_with = "sets")]
    pub(crate) whole: bool,
    /// Folds at a time; as many as there are cores if not given
    #[arg(long, value_name = "J")]
    pub(crate) jobs: Option<usize>,
    /// Memory that an exported log may take, such as 900M or 6G; most of what is free if not given
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory: Option<u64>,
    /// This shard of so many, from 0
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1")]
    pub(crate) shard: (u64, u64),
    /// The folder for what comes out
    #[arg(long, value_name = "DIR", default_value = "comparison")]
    pub(crate) out: PathBuf,
}

/// What `cairn lab export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// An exported log, a folder, synthetic:NAME or closed:NAME
    #[arg(value_name = "HISTORY")]
    pub(crate) history: String,
    /// The policies, as in `cairn lab compare`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) policies: Vec<String>,
    /// What counts as one thing when writes are concurrent
    #[arg(long, value_enum, default_value = "field")]
    pub(crate) granularity: Granularities,
    /// The seed of a synthetic history
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Take lists of texts for sets, to which writes add and from which they remove
    #[arg(long)]
    pub(crate) sets: bool,
    /// Of folders, take everything that was done (ops.jsonl), not only what met
    #[arg(long, conflicts_with = "sets")]
    pub(crate) whole: bool,
}

/// What `cairn lab merge` takes.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The folders that shards wrote
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// The folder for the whole
    #[arg(long, value_name = "DIR", default_value = "comparison")]
    pub(crate) out: PathBuf,
}

/// What `cairn lab check-policy` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckPolicyArgs {
    /// A policy, or a file with a script
    pub(crate) name: String,
}

/// What `cairn lab import-git` takes.
#[derive(Debug, Args)]
pub(crate) struct ImportGitArgs {
    /// The folder of a repository, bare or with a work tree
    #[arg(value_name = "REPO")]
    pub(crate) repository: PathBuf,
    /// Files that hold records: `*` and `?` within a name, `**` for any folders
    #[arg(long, required = true, value_name = "GLOB")]
    pub(crate) path: Vec<String>,
    /// What tells records apart: file, name, keys, /POINTER, [COLUMN,…]; see below
    #[arg(long, value_name = "EXPR", default_value = "file")]
    pub(crate) key: Key,
    /// How the files are written, whatever their names say
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)))]
    pub(crate) format: Option<String>,
    /// Where in each file the record or the records are
    #[arg(long = "in", value_name = "POINTER", default_value = "")]
    pub(crate) place: Pointer,
    /// A list in a record of which the rows have keys, like /releases=name
    #[arg(long, value_name = "POINTER=KEY")]
    pub(crate) rows: Vec<Rows>,
    /// End with an error where a file cannot be read or keys are not unique
    #[arg(long)]
    pub(crate) strict: bool,
    /// The folder for the history; it must be new or empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// What `cairn lab recommend` takes.
#[derive(Debug, Args)]
pub(crate) struct RecommendArgs {
    /// A file that `cairn log export` wrote at a relay
    #[arg(value_name = "LOG")]
    pub(crate) log: PathBuf,
    /// What it costs to lose somebody's write in silence, in questions to people
    #[arg(long, value_name = "K", default_value_t = 10.0, value_parser = positive)]
    pub(crate) wrong_costs: f64,
    /// Memory that the log may take, such as 900M or 6G; most of what is free if not given
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory: Option<u64>,
}

/// Reads a size.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [('K', 10), ('M', 20), ('G', 30)];
    let unit = units.into_iter().find_map(|(unit, shift)| {
        let number = text.strip_suffix([unit, unit.to_ascii_lowercase()])?;
        Some((number, shift))
    });
    let (number, shift) = unit.unwrap_or((text, 0));
    let number: Option<u64> = number.parse().ok();
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "write a number of bytes above 0, such as 900M or 6G".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "write a number above 0".to_owned())
}
