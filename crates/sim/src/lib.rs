//! The deterministic world the machines are proven in: the real device and
//! relay machines on a virtual network, disks that fail and clocks that lie,
//! every choice drawn from one seed.
//!
//! A run is a [`run::Case`] (a plan, which is a scenario with every choice
//! made, and a schedule, which is what happens as data) and nothing else: the
//! same case gives the same events on every machine. Checkers watch it;
//! [`wiring`] is where known-bad variants of the product are made, so that the
//! product itself knows nothing of any of this.
//!
//! Reading order: [`time`], [`streams`], [`laws`], [`scenario`], [`schedule`],
//! [`disk`], [`world`], [`trace`], [`check`] (with the [`mod@reference`] it judges
//! by), [`wiring`], [`run`]; then [`mutants`], [`shrink`],
//! [`kept`], [`coverage`] and [`report`].

pub mod bench;
pub mod campaign;
pub mod check;
pub mod clocks;
pub mod coverage;
pub mod disk;
pub mod host;
pub mod kept;
pub mod laws;
pub mod mutants;
pub mod network;
pub mod organization;
#[cfg(feature = "quic")]
pub mod quic;
pub mod reference;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod shrink;
pub mod streams;
pub mod time;
pub mod trace;
pub mod wiring;
pub mod workload;
pub mod world;
