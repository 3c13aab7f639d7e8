//! The records the story starts from: the built-in sample, or tables.

use super::world::World;
use crate::control::Progress;
use crate::editing::Place;
use crate::exit::Failure;
use crate::host::Host;
use crate::output::count;
use crate::verbs::import::{Mapping, import};
use crate::verbs::sample;
use std::fmt::Display;
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
pub(super) async fn tables(world: &World, data: &Path, mapping: &Path) -> Result<(), Failure> {
    let wrong = |reason: &dyn Display| Failure::usage(format!("{}: {reason}", mapping.display()));
    let text = std::fs::read_to_string(mapping).map_err(|error| wrong(&error))?;
    let parsed = Mapping::parse(&text).map_err(|reason| wrong(&reason))?;
    let (progress, _) = Progress::channel();
    let place = Place::Relay(world.host.handle.clone());
    let report = import(&place, &parsed, data, &progress).await?;
    match report.left_out() {
        0 => Ok(()),
        rows => Err(wrong(&format_args!(
            "{} of the tables left out; `cairn import` says which and why",
            count(rows, "row")
        ))),
    }
}
