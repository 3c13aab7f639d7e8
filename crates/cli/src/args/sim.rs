//! `cairn sim`.

use cairn_sim::scenario::Tier;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `cairn sim` takes.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: SimVerb,
}

/// What can be done in the simulator.
#[derive(Debug, Subcommand)]
pub(crate) enum SimVerb {
    /// Run scenarios with seed after seed, and check every promise
    #[command(after_help = "\
Examples:
  cairn sim run                                                every scenario there is
  cairn sim run simulations/scenarios/tunnel_crew.toml --seeds 50
  cairn sim run simulations/scenarios/swarm.toml --seeds 100000 --minutes 60 --out night
  cairn sim run --seeds 100000 --shard 3/16 --out shard3       one of 16 machines
  cairn sim run --seeds 50000 --require-coverage               what a nightly run does

Seeds are shared out among the scenarios. A run that breaks a promise is made
small and written to the folder of --out; it says which command replays it. Ends
with exit code 1 when there was one, and with --require-coverage also when some
situation was never met that a campaign must have met.")]
    Run(RunArgs),
    /// Run one case again, and look at any host at any time
    #[command(after_help = "\
Examples:
  cairn sim replay night/swarm-1234                            does it still fail?
  cairn sim replay night/swarm-1234 --until 2h30m --show 3     device 3 at that time
  cairn sim replay night/swarm-1234 --events                   everything that happens
  cairn sim replay simulations/regressions/page_lost_on_the_way --mutant
                                                               the variant that it is about

Ends with exit code 1 when a promise is broken.")]
    Replay(ReplayArgs),
    /// Run seeds twice and compare every event
    #[command(after_help = "\
Examples:
  cairn sim check-determinism --seeds 1000
  cairn sim check-determinism simulations/scenarios/swarm.toml --seeds 200
  cairn sim check-determinism --tier quic --seeds 100

  cairn sim check-determinism --seeds 200 --out debug.jsonl      then, with another build:
  cairn sim check-determinism --seeds 200 --against debug.jsonl

The hash it prints is over all traces: two builds, or two machines, are the same
exactly if it is. Ends with exit code 1 when two runs of one seed differ.")]
    CheckDeterminism(DeterminismArgs),
    /// See whether the checkers find known-bad variants of the product
    #[command(after_help = "\
Examples:
  cairn sim mutants                             each with up to 1,000 seeds
  cairn sim mutants --only relay-acknowledges-early --seeds 50
  cairn sim mutants --out found                 with a small case for each

Ends with exit code 1 when a variant is not found.")]
    Mutants(MutantsArgs),
    /// Measure the simulator
    #[command(after_help = "\
Example:
  cairn sim bench --json")]
    Bench(BenchArgs),
    /// Add up what several shards found
    #[command(after_help = "\
Example:
  cairn sim merge shard0 shard1 shard2 --require-coverage

Ends with exit code 1 when a shard broke a promise.")]
    Merge(MergeArgs),
    /// Draw one run: who did what when, and what became of it
    #[command(after_help = "\
Examples:
  cairn sim report simulations/scenarios/tunnel_crew.toml --seed 7
  cairn sim report night/swarm-1234 --from 2h --until 2h10m --out close.html

Writes one HTML file, which needs no network to be opened. Ends with exit code 1
when a promise was broken in the run; it is drawn all the same.")]
    Report(ReportArgs),
}

/// What `cairn sim report` takes.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A scenario file; or a case: a file, or the folder it is in
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The seed that a scenario is run with
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Draw in the diagram what happens from here on, such as 2h30m
    #[arg(long, value_name = "T", value_parser = span)]
    pub(crate) from: Option<u64>,
    /// … and until here
    #[arg(long, value_name = "T", value_parser = span)]
    pub(crate) until: Option<u64>,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub(crate) out: PathBuf,
}

/// What `cairn sim run` takes.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Scenario files, or folders of them; without any, simulations/scenarios
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<PathBuf>,
    /// The tier to run them in; each scenario's own if not given
    #[arg(long, value_name = "TIER", value_parser = tier)]
    pub(crate) tier: Option<Tier>,
    /// How many seeds, over all scenarios and shards
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) seeds: u64,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) first: u64,
    /// Begin no run after so many minutes
    #[arg(long, value_name = "M")]
    pub(crate) minutes: Option<f64>,
    /// Runs at a time; as many as there are cores if not given
    #[arg(long, value_name = "J")]
    pub(crate) jobs: Option<usize>,
    /// This shard of so many, from 0
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1")]
    pub(crate) shard: (u64, u64),
    /// Run every so-manyth seed twice and compare; 0 for none
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) twice_every: u64,
    /// Folder for findings, failed cases, and every resolved option
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write failed cases as they are
    #[arg(long)]
    pub(crate) no_shrink: bool,
    /// Fail when a situation was never met that a campaign must have met
    #[arg(long)]
    pub(crate) require_coverage: bool,
}

/// What `cairn sim replay` takes.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The folder the case is in
    #[arg(value_name = "DIR")]
    pub(crate) case: PathBuf,
    /// Run the known-bad variant that the case names, instead of the product
    #[arg(long)]
    pub(crate) mutant: bool,
    /// Stop at this time of the run, such as 2h30m
    #[arg(long, value_name = "T", value_parser = span)]
    pub(crate) until: Option<u64>,
    /// Show a device by its number, or `relay`
    #[arg(long, value_name = "HOST")]
    pub(crate) show: Option<String>,
    /// Show every event
    #[arg(long)]
    pub(crate) events: bool,
}

/// What `cairn sim check-determinism` takes.
#[derive(Debug, Args)]
pub(crate) struct DeterminismArgs {
    /// Scenario files, or folders of them; without any, simulations/scenarios
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<PathBuf>,
    /// The tier to run them in; each scenario's own if not given
    #[arg(long, value_name = "TIER", value_parser = tier)]
    pub(crate) tier: Option<Tier>,
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) seeds: u64,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) first: u64,
    /// Runs at a time; as many as there are cores if not given
    #[arg(long, value_name = "J")]
    pub(crate) jobs: Option<usize>,
    /// Write what each run came to, for another build or machine
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Run seeds once, and compare with what another build or machine wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
}

/// What `cairn sim mutants` takes.
#[derive(Debug, Args)]
pub(crate) struct MutantsArgs {
    /// The scenario they run in
    #[arg(
        long,
        value_name = "SCENARIO",
        default_value = "simulations/scenarios/swarm.toml"
    )]
    pub(crate) scenario: PathBuf,
    /// Only this one
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// Seeds to try for each
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) seeds: u64,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) first: u64,
    /// Make small what finds each one, and write it to a folder of its name in this one
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// What `cairn sim bench` takes.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Seeds for each measurement
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) seeds: u64,
}

/// What `cairn sim merge` takes.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The folders that shards wrote
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// Fail when a situation was never met that a campaign must have met
    #[arg(long)]
    pub(crate) require_coverage: bool,
}

pub(super) fn shard(text: &str) -> Result<(u64, u64), String> {
    let wrong = || "write the shard and their number, such as 0/4".to_owned();
    let (shard, shards) = text.split_once('/').ok_or_else(wrong)?;
    let shard: u64 = shard.parse().map_err(|_| wrong())?;
    let shards: u64 = shards.parse().map_err(|_| wrong())?;
    match shard < shards {
        true => Ok((shard, shards)),
        false => Err(format!(
            "shards count from 0: the last is {}/{shards}",
            shards.saturating_sub(1)
        )),
    }
}

fn span(text: &str) -> Result<u64, String> {
    cairn_sim::time::span_from_text(text)
        .ok_or_else(|| "write a span such as 90s, 2h30m or 7d".to_owned())
}

fn tier(text: &str) -> Result<Tier, String> {
    let names = Tier::ALL.map(Tier::name).join(", ");
    Tier::named(text).ok_or_else(|| format!("`{text}` is no tier; there are: {names}"))
}
