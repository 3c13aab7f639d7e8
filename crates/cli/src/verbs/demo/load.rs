//! The records the story starts from: the built-in sample, or tables.

use super::world::World;
use crate::control::Progress;
use crate::exit::Failure;
use crate::host::Host;
use crate::verbs::sample;
use std::path::Path;

/// Portions of the sample, and what it is made up from.
const SAMPLE_SIZE: u32 = 1;
const SAMPLE_SEED: u64 = 1;

/// Loads the built-in sample at the relay.
pub(super) async fn sample(world: &World) -> Result<(), Failure> {
    let (progress, _) = Progress::channel();
    let host = Host::Relay(world.host.clone());
    sample::load(&host, SAMPLE_SIZE, SAMPLE_SEED, &progress).await?;
    Ok(())
}

/// Loads tables at the relay, as `cairn import` does.
pub(super) async fn tables(_world: &World, _data: &Path, _mapping: &Path) -> Result<(), Failure> {
    Err(Failure::usage("tables cannot be loaded yet"))
}
