//! The seam for known-bad variants: everything that passes between a machine
//! and its world passes through here. The default passes it on as it is; the
//! product knows nothing of this.

use crate::disk::SimStore;
use crate::host::Host;
use cairn_model::{OrganizationId, Timestamp};
use cairn_oplog::{Batch, Durability, SecretKey, Storage, StorageError};
use cairn_proto::{ClientMessage, ServerMessage};
use std::sync::Arc;

/// What a variant may need to know, once, before the run.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The organization.
    pub organization: OrganizationId,
    /// The relay's key.
    pub relay: SecretKey,
    /// The devices' keys, by their numbers; a copy of a device has its
    /// original's.
    pub devices: Vec<SecretKey>,
}

/// What passes between machines and world. Each method may change, drop or
/// add; what is put into `on` takes the place of what was given, in order.
pub trait Wiring: Send {
    /// The run begins.
    fn begin(&mut self, secrets: &Secrets) {
        let _ = secrets;
    }

    /// A machine starts over this store; gives what it gets to see.
    fn start(&mut self, host: Host, store: &Arc<SimStore>) -> Arc<dyn Storage> {
        let _ = host;
        store.clone()
    }

    /// The time a machine is told.
    fn time(&mut self, host: Host, now: Timestamp) -> Timestamp {
        let _ = host;
        now
    }

    /// An input on its way to a device's machine.
    fn device_input(
        &mut self,
        device: u32,
        input: cairn_agent::Input,
        on: &mut Vec<cairn_agent::Input>,
    ) {
        let _ = device;
        on.push(input);
    }

    /// An output on its way from a device's machine.
    fn device_output(
        &mut self,
        device: u32,
        output: cairn_agent::Output,
        on: &mut Vec<cairn_agent::Output>,
    ) {
        let _ = device;
        on.push(output);
    }

    /// An input on its way to the relay's machine.
    fn relay_input(&mut self, input: cairn_relay::Input, on: &mut Vec<cairn_relay::Input>) {
        on.push(input);
    }

    /// An output on its way from the relay's machine.
    fn relay_output(&mut self, output: cairn_relay::Output, on: &mut Vec<cairn_relay::Output>) {
        on.push(output);
    }

    /// A message leaving a device.
    fn to_relay(&mut self, device: u32, message: ClientMessage) -> Option<ClientMessage> {
        let _ = device;
        Some(message)
    }

    /// A message leaving the relay for a device.
    fn to_device(&mut self, device: u32, message: ServerMessage) -> Option<ServerMessage> {
        let _ = device;
        Some(message)
    }

    /// A batch on its way to a store.
    fn commit(&mut self, host: Host, batch: Batch, durability: Durability) -> (Batch, Durability) {
        let _ = host;
        (batch, durability)
    }

    /// What a store answered.
    fn committed(
        &mut self,
        host: Host,
        answer: Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let _ = host;
        answer
    }
}

/// Passes everything on as it is: the product as it ships.
#[derive(Debug, Clone, Copy, Default)]
pub struct Straight;

impl Wiring for Straight {}
