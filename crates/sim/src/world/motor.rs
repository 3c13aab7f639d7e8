//! The seam for a tier that drives the machines with something else than the
//! world itself: with the services of the product, over a network of its own.
//! The world keeps the machines, the clocks, the schedule and the trace.

use crate::disk::SimStore;
use crate::host::Host;
use crate::schedule::HostileAct;
use crate::streams::Stream;
use cairn_agent::Request;
use cairn_oplog::{Storage, StorageError};
use cairn_relay::AdminRequest;
use std::sync::Arc;

/// Drives the machines.
pub trait Motor: Send {
    /// What the machine of a host that starts, in this life of it, gets to see
    /// of what is stored.
    ///
    /// # Errors
    /// When what is stored cannot be opened.
    fn storage(
        &mut self,
        host: Host,
        life: u32,
        store: &Arc<SimStore>,
    ) -> Result<Arc<dyn Storage>, StorageError>;

    /// A host has stopped; in order, or because the power went. Gives what is
    /// stored then, and how many batches were lost.
    fn stopped(
        &mut self,
        host: Host,
        store: &Arc<SimStore>,
        in_order: bool,
        stream: &mut Stream,
    ) -> (Arc<SimStore>, u32);

    /// Flips a bit of a stored value before a host starts the next time; of the
    /// `pick`-th of those stored then, counted round.
    fn rot(&mut self, host: Host, pick: u32);

    /// Has something done, after everything that was asked before.
    fn errand(&mut self, errand: Errand);
}

/// What the world wants done by the services.
#[derive(Debug)]
pub enum Errand {
    /// A host's machine is there: a service takes it.
    Serve(Host),
    /// A host's service is gone, and all that it had under way.
    Kill(Host),
    /// A host's service stops in order; it starts again after so many
    /// microseconds.
    Stop(Host, u64),
    /// A device connects, and again whenever it is cut off.
    Online(u32),
    /// A device ends its session and begins no other.
    Offline(u32),
    /// A person wants something done.
    Ask(u32, Request),
    /// An administrator wants something done.
    Admin(AdminRequest),
    /// A device is enrolled with a ticket.
    Enrol(u32),
    /// A device's session is ended by the relay.
    Cut(u32),
    /// Somebody who has a device's key misuses it.
    Misuse(u32, HostileAct),
}
