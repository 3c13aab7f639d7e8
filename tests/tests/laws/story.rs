//! Stories: one promise each, with the words of the design.

mod admission;
mod conflict;
mod definition;
mod device_log;
mod granularity;
mod life;
mod limit;
mod merging;
mod resolution;
mod rights;

use crate::world::World;

/// A world where everybody has an order called `lift`, made by Ann.
fn lift(policy: &str, fields: crate::world::Fields) -> World {
    let mut world = World::of(policy, &["ann", "bob", "cho"]);
    world.creates("ann", "lift", "order", fields);
    assert_eq!(world.all_sync(), ["admitted"]);
    world
}
