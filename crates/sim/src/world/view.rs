//! Read access for checkers and readers.

use super::{DeviceHost, ORGANIZATION, RelayHost, World, record_id};
use crate::disk::SimStore;
use crate::host::Host;
use crate::scenario::Plan;
use crate::schedule::Schedule;
use crate::time::VirtualTime;
use crate::trace::Trace;
use cairn_agent::Agent;
use cairn_model::{OrganizationId, PublicKey, RecordId, Timestamp};
use cairn_oplog::SecretKey;
use cairn_oplog::StorageError;
use cairn_relay::Relay;
use std::sync::Arc;

/// The world as it is now.
#[derive(Clone, Copy)]
pub struct View<'a> {
    world: &'a World,
}

/// A device as it is now.
#[derive(Clone, Copy)]
pub struct DeviceView<'a> {
    number: u32,
    host: &'a DeviceHost,
    world: &'a World,
}

/// The relay as it is now.
#[derive(Clone, Copy)]
pub struct RelayView<'a> {
    host: &'a RelayHost,
    world: &'a World,
}

impl<'a> View<'a> {
    pub(crate) fn of(world: &'a World) -> View<'a> {
        View { world }
    }

    /// The time.
    pub fn now(&self) -> VirtualTime {
        self.world.now
    }

    /// What the run was built from.
    pub fn plan(&self) -> &'a Plan {
        &self.world.plan
    }

    /// What happens in it.
    pub fn schedule(&self) -> &'a Schedule {
        &self.world.schedule
    }

    /// What has happened.
    pub fn trace(&self) -> &'a Trace {
        &self.world.trace
    }

    /// The organization.
    pub fn organization(&self) -> OrganizationId {
        ORGANIZATION
    }

    /// The id of a record, by its number in the schedule.
    pub fn record_id(&self, number: u32) -> RecordId {
        record_id(number)
    }

    /// The relay.
    pub fn relay(&self) -> RelayView<'a> {
        RelayView {
            host: &self.world.relay,
            world: self.world,
        }
    }

    /// The devices, copies last.
    pub fn devices(&self) -> impl Iterator<Item = DeviceView<'a>> + use<'a> {
        let world = self.world;
        (0..)
            .zip(&world.devices)
            .map(move |(number, host)| DeviceView {
                number,
                host,
                world,
            })
    }

    /// A device by its number.
    pub fn device(&self, number: u32) -> Option<DeviceView<'a>> {
        self.devices().nth(number as usize)
    }
}

impl<'a> DeviceView<'a> {
    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The machine; `None` while it is down.
    pub fn machine(&self) -> Option<&'a Agent> {
        self.host.machine.as_ref()
    }

    /// What it has stored.
    pub fn store(&self) -> &'a Arc<SimStore> {
        &self.host.body.disk.store
    }

    /// Its key.
    pub fn key(&self) -> PublicKey {
        self.host.secret.public()
    }

    /// Its user, by login.
    pub fn user(&self) -> &'a str {
        &self.host.user
    }

    /// Whether it was enrolled.
    pub fn is_enrolled(&self) -> bool {
        self.host.enrolled
    }

    /// The device it is a copy of.
    pub fn copy_of(&self) -> Option<u32> {
        self.host.copy_of
    }

    /// What its clock shows.
    pub fn wall(&self) -> Timestamp {
        self.world.wall(Host::Device(self.number))
    }

    /// Why the machine does not start, or has given up.
    pub fn failure(&self) -> Option<&'a StorageError> {
        self.host.body.failed.as_ref()
    }

    /// Whether it shall be online when it runs.
    pub fn is_wanted_online(&self) -> bool {
        self.host.wanted
    }

    /// Whether messages pass to the relay and back.
    pub fn link_passes(&self) -> bool {
        self.host.link.passes()
    }

    /// The session it believes in.
    pub fn session(&self) -> Option<u64> {
        self.host.session
    }

    /// Batches that storage has not answered for.
    pub fn unwritten(&self) -> usize {
        self.host.unwritten.len()
    }
}

impl<'a> RelayView<'a> {
    /// The machine; `None` while it is down.
    pub fn machine(&self) -> Option<&'a Relay> {
        self.host.machine.as_ref()
    }

    /// Its secret, to open another relay over a copy of what it has stored.
    pub fn secret(&self) -> &'a SecretKey {
        &self.host.secret
    }

    /// What it has stored.
    pub fn store(&self) -> &'a Arc<SimStore> {
        &self.host.body.disk.store
    }

    /// Its key.
    pub fn key(&self) -> PublicKey {
        self.host.secret.public()
    }

    /// What its clock shows.
    pub fn wall(&self) -> Timestamp {
        self.world.wall(Host::Relay)
    }

    /// Why the machine does not start, or has given up.
    pub fn failure(&self) -> Option<&'a StorageError> {
        self.host.body.failed.as_ref()
    }
}
