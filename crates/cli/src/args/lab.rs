//! `cairn lab`.

use super::sim::shard;
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
  cairn lab compare synthetic:hot-records --seeds 10000 --shard 3/16 --out shard3

A history is a file that `cairn log export` wrote at a relay; a folder with
merges.jsonl and outcomes.jsonl (or .jsonl.zst), real merges and what people made
of them; or synthetic:NAME, with NAME one of office, hot-records, long-apart,
wrong-clocks, few-values, deletions. The folder of --out gets manifest.json,
metrics.csv, summary.json, figures and report.html. A run that was broken off goes
on where it was.")]
    Compare(CompareArgs),
    /// Bring together what several shards did
    #[command(after_help = "\
Example:
  cairn lab merge shard0 shard1 shard2 --out whole")]
    Merge(MergeArgs),
    /// Try a policy on the laws that every policy must keep
    #[command(after_help = "\
Example:
  cairn lab check-policy last-writer-wins

Ends with exit code 1 when it breaks one.")]
    CheckPolicy(CheckPolicyArgs),
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
    /// An exported log, a folder, or synthetic:NAME
    #[arg(required = true, value_name = "HISTORY")]
    pub(crate) histories: Vec<String>,
    /// Policies; others are held against the first. All of them, if not given
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
    /// This shard of so many, from 0
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1")]
    pub(crate) shard: (u64, u64),
    /// The folder for what comes out
    #[arg(long, value_name = "DIR", default_value = "comparison")]
    pub(crate) out: PathBuf,
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
    /// The policy
    pub(crate) name: String,
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
}

fn positive(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "write a number above 0".to_owned())
}
