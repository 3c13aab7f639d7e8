//! `cairn bench`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What is measured, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
Every number stands beside a floor measured in the same run: what the disk or
the transport alone can do for the same bytes.

Example: how fast a relay takes in the offline work of 20 devices
  cairn bench ingest --devices 20 --edits 5000")]
pub(crate) struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub(crate) what: What,
    /// Folder on the disk to measure; data made there is removed again
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) at: Option<PathBuf>,
}

/// What can be measured.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum What {
    /// Edits a second that a relay verifies, makes durable and projects
    #[command(after_help = "Example:\n  cairn bench ingest --devices 20 --edits 5000")]
    Ingest(IngestSize),
    /// Time from an edit on one device to its showing on another
    #[command(after_help = "Example:\n  cairn bench latency --edits 1000")]
    Latency(LatencySize),
    /// Time until a fresh device can query everything
    #[command(after_help = "Example:\n  cairn bench first-sync --records 10000 --records 100000")]
    FirstSync(FirstSyncSize),
    /// Time to open a device with a long log
    #[command(after_help = "Example:\n  cairn bench cold-start --operations 1000000")]
    ColdStart(ColdStartSize),
    /// Bytes on the wire of a live edit, and of edits uploaded together
    #[command(after_help = "Example:\n  cairn bench wire --edits 50")]
    Wire(WireSize),
    /// Bytes on the relay's disk of a record and of an edit
    #[command(after_help = "Example:\n  cairn bench disk --records 20000 --edits 100000")]
    Disk(DiskSize),
    /// Memory of a relay, fresh and with idle devices connected
    #[command(after_help = "Example:\n  cairn bench idle --devices 1000")]
    Idle(IdleSize),
    /// Who holds what: indexes, scopes and changes of a large organization
    #[command(after_help = "Example:\n  cairn bench scope --records 1000000 --users 2000")]
    Scope(ScopeSize),
    /// Operations a second that each policy folds, and a comparison of all
    #[command(
        after_help = "Example: quickly\n  cairn bench lab --operations 50000 --compared 50000"
    )]
    Lab(LabSize),
    /// All of them, one after another, each in a process of its own
    #[command(after_help = "Example: for a program\n  cairn bench all --json")]
    All,
    /// Stands in for many devices, or for a transport without a relay
    #[command(hide = true)]
    Crowd,
}

/// How much is taken in.
#[derive(Debug, Clone, Args)]
pub(crate) struct IngestSize {
    /// Devices that upload at the same time
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub(crate) devices: u32,
    /// Edits made offline by each of them
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) edits: u32,
    /// Records that each of them edits
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) records: u32,
}

/// How many edits are followed.
#[derive(Debug, Clone, Args)]
pub(crate) struct LatencySize {
    /// Edits, one after another
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) edits: u32,
}

/// How much there is to download.
#[derive(Debug, Clone, Args)]
pub(crate) struct FirstSyncSize {
    /// Records of 10 fields; several sizes by repeating it
    #[arg(long, default_values_t = [10_000, 100_000], value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) records: Vec<u32>,
}

/// How long the log is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ColdStartSize {
    /// Operations in the device's log, all acknowledged
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(crate) operations: u32,
    /// Records on the device
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) records: u32,
}

/// How many edits are counted.
#[derive(Debug, Clone, Args)]
pub(crate) struct WireSize {
    /// Live edits, each with the line quiet before and after
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) edits: u32,
    /// Bundles of 100 edits
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) bundles: u32,
}

/// How much is stored.
#[derive(Debug, Clone, Args)]
pub(crate) struct DiskSize {
    /// Records, each created by one operation
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) records: u32,
    /// One-field edits of them
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) edits: u32,
}

/// How many devices are there.
#[derive(Debug, Clone, Args)]
pub(crate) struct IdleSize {
    /// Idle connected devices
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=3_000))]
    pub(crate) devices: u32,
}

/// How large the organization is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScopeSize {
    /// Records, about
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub(crate) records: u32,
    /// Users, all with the default offline profile
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) users: u32,
    /// Give everybody a role that reads within their business unit
    #[arg(long)]
    pub(crate) roles: bool,
}

/// How long the logs are.
#[derive(Debug, Clone, Args)]
pub(crate) struct LabSize {
    /// Edits in the logs that each policy folds
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(crate) operations: u64,
    /// Edits in the log on which all policies are compared
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(crate) compared: u64,
    /// Folds of the comparison at a time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) jobs: u32,
}
