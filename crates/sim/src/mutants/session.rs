//! Variants of how a device and the relay come to terms: what a welcome
//! counts, what an acknowledgement stands for, what a new log takes along.

use crate::disk::SimStore;
use crate::host::Host;
use crate::wiring::{Secrets, Wiring};
use cairn_agent::{Input, Request};
use cairn_model::{DeviceId, LogId, Version};
use cairn_oplog::bundle::LogHead;
use cairn_oplog::{Parsed, Storage};
use cairn_projection::{Code, Image};
use cairn_proto::{Ack, ClientMessage, Incorporated, ServerMessage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A welcome names what has arrived, stored or not.
#[derive(Default)]
pub(super) struct WelcomeEarly {
    devices: Vec<DeviceId>,
    /// Where each session's last bundle ended.
    sessions: BTreeMap<cairn_relay::SessionId, (LogId, LogHead)>,
    /// Where each log ends.
    ends: BTreeMap<LogId, LogHead>,
}

impl WelcomeEarly {
    fn arrived(&mut self, session: cairn_relay::SessionId, message: &ClientMessage) {
        let last = self.sessions.get(&session).copied();
        let parsed = match (message, last) {
            (ClientMessage::Upload(bytes), _) => Parsed::parse(bytes.as_slice()).ok(),
            (ClientMessage::UploadNext(bytes), Some((log, head))) => {
                Parsed::continuing(bytes, log, &head).ok()
            }
            _ => None,
        };
        let Some(parsed) = parsed else { return };
        let (log, head) = (parsed.log(), parsed.trust_own_storage().head());
        self.sessions.insert(session, (log, head));
        self.ends.insert(log, head);
    }
}

impl Wiring for WelcomeEarly {
    fn begin(&mut self, secrets: &Secrets) {
        let keys = secrets.devices.iter();
        self.devices = keys.map(|key| key.public().device()).collect();
    }

    fn start(&mut self, host: Host, store: &Arc<SimStore>) -> Arc<dyn Storage> {
        if host == Host::Relay {
            self.ends.clear();
        }
        store.clone()
    }

    fn relay_input(&mut self, input: cairn_relay::Input, on: &mut Vec<cairn_relay::Input>) {
        if let cairn_relay::Input::Received { session, message } = &input {
            self.arrived(*session, message);
        }
        on.push(input);
    }

    fn to_device(&mut self, device: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Welcome(welcome) = &mut message
            && let Some(device) = self.devices.get(device as usize)
        {
            let generation = welcome.generation;
            let device = *device;
            let end = self.ends.get(&LogId { device, generation });
            if let Some(end) = end.filter(|end| end.sequence > welcome.head.sequence) {
                welcome.head = *end;
            }
        }
        Some(message)
    }
}

/// Changes that come before an acknowledgement are taken at once, so that what
/// it stands for is left out for good.
#[derive(Default)]
pub(super) struct Overtaken {
    through: BTreeMap<u32, Version>,
}

impl Wiring for Overtaken {
    fn device_input(&mut self, device: u32, mut input: Input, on: &mut Vec<Input>) {
        match &mut input {
            Input::Received(ServerMessage::Changes { through, .. }) => {
                self.through.insert(device, *through);
            }
            Input::Received(ServerMessage::Ack(ack))
                if self
                    .through
                    .get(&device)
                    .is_some_and(|at| *at >= ack.version) =>
            {
                ack.incorporated = None;
            }
            _ => {}
        }
        on.push(input);
    }
}

/// The relay takes the images that a device makes of its own work for right
/// where they are not, and sends none of its own instead.
pub(super) struct OwnImages {
    /// After which acknowledgements it does.
    after: fn(&Ack) -> bool,
    /// Up to which version it takes each device to have everything.
    through: BTreeMap<u32, Version>,
}

impl OwnImages {
    pub(super) fn always() -> OwnImages {
        OwnImages {
            after: |_| true,
            through: BTreeMap::new(),
        }
    }

    /// What builds on something rejected counts as right.
    pub(super) fn of_dependants() -> OwnImages {
        let after = |ack: &Ack| {
            let mut codes = ack.rejected.iter().map(|(_, code)| *code);
            !ack.rejected.is_empty() && codes.all(|code| code == Code::Dependent)
        };
        OwnImages {
            after,
            through: BTreeMap::new(),
        }
    }
}

impl Wiring for OwnImages {
    fn to_device(&mut self, device: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        match &mut message {
            ServerMessage::Welcome(_) => drop(self.through.remove(&device)),
            ServerMessage::Ack(ack) if ack.incorporated.is_none() && (self.after)(ack) => {
                ack.incorporated = Some(Incorporated {
                    received_after: 0,
                    messages: 0,
                });
                self.through.insert(device, ack.version);
            }
            ServerMessage::Changes { images, .. } => {
                let through = self.through.get(&device).copied().unwrap_or_default();
                images.retain(|bytes| {
                    let image = Image::read(&bytes.0);
                    image.is_ok_and(|image| image.is_whole() || image.version() > through)
                });
            }
            _ => {}
        }
        Some(message)
    }
}

/// A device that begins a new log hears that the relay has nothing of the old
/// one, and does all of it again.
pub(super) struct CarriesAll;

impl Wiring for CarriesAll {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::LogHashes { hashes, .. } = &mut message {
            hashes.clear();
        }
        Some(message)
    }
}

/// Every edit claims to have seen what any device has.
#[derive(Default)]
pub(super) struct SeenByOthers {
    newest: Version,
}

impl Wiring for SeenByOthers {
    fn to_device(&mut self, _: u32, message: ServerMessage) -> Option<ServerMessage> {
        let at = match &message {
            ServerMessage::Welcome(welcome) => welcome.version,
            ServerMessage::Ack(ack) => ack.version,
            ServerMessage::Changes { through, .. } => *through,
            _ => Version(0),
        };
        self.newest = self.newest.max(at);
        Some(message)
    }

    fn device_input(&mut self, _: u32, mut input: Input, on: &mut Vec<Input>) {
        if let Input::Request {
            request: Request::Edit(edits),
            ..
        } = &mut input
        {
            for edit in edits {
                edit.base.get_or_insert(self.newest);
            }
        }
        on.push(input);
    }
}

/// Dials at once of one run; endless would not end the run.
const DIALS: u32 = 2_000;

/// A device whose session has ended dials again without waiting.
#[derive(Default)]
pub(super) struct DialsAtOnce {
    wanted: BTreeSet<u32>,
    dials: u32,
}

impl Wiring for DialsAtOnce {
    fn device_input(&mut self, device: u32, input: Input, on: &mut Vec<Input>) {
        let ended = matches!(
            input,
            Input::Disconnected | Input::Received(ServerMessage::Refused(_))
        );
        match &input {
            Input::GoOnline => drop(self.wanted.insert(device)),
            Input::GoOffline => drop(self.wanted.remove(&device)),
            _ => {}
        }
        on.push(input);
        if ended && self.wanted.contains(&device) && self.dials < DIALS {
            self.dials += 1;
            on.extend([Input::GoOffline, Input::GoOnline]);
        }
    }
}
