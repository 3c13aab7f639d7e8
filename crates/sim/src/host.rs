//! Who takes part in a run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A machine of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// The relay.
    Relay,
    /// A device, from 0. Copies of a device come after all others.
    Device(u32),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Relay => f.write_str("relay"),
            Host::Device(number) => write!(f, "device {number}"),
        }
    }
}
