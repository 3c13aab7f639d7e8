//! Variants that say, hear or believe something else than they should.

use crate::disk::SimStore;
use crate::host::Host;
use crate::wiring::{Secrets, Wiring};
use cairn_model::{DeviceId, Hash, LogId, RecordId, Version};
use cairn_oplog::bundle::{LogHead, Slot, seal};
use cairn_oplog::{Batch, Durability, Parsed, SecretKey, Storage, Table};
use cairn_projection::page::Page;
use cairn_projection::{Image, Issue};
use cairn_proto::message::ImageBytes;
use cairn_proto::{ClientMessage, ServerMessage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a first download brings is lost.
#[derive(Default)]
pub(super) struct DropDownload {
    /// Devices that have all there is.
    complete: BTreeSet<u32>,
}

impl Wiring for DropDownload {
    fn to_relay(&mut self, device: u32, message: ClientMessage) -> Option<ClientMessage> {
        if let ClientMessage::Hello(hello) = &message
            && hello.cursor == Version(0)
        {
            self.complete.remove(&device);
        }
        Some(message)
    }

    fn to_device(&mut self, device: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        match &mut message {
            ServerMessage::Page { page, .. } => *page = Page::pack(Vec::new()),
            ServerMessage::Changes { images, last, .. } if !self.complete.contains(&device) => {
                images.clear();
                if *last {
                    self.complete.insert(device);
                }
            }
            _ => {}
        }
        Some(message)
    }
}

/// Of two messages of changes the later one comes first.
#[derive(Default)]
pub(super) struct SwapChanges {
    held: BTreeMap<cairn_relay::SessionId, ServerMessage>,
}

impl Wiring for SwapChanges {
    fn relay_output(&mut self, output: cairn_relay::Output, on: &mut Vec<cairn_relay::Output>) {
        let cairn_relay::Output::Send { session, message } = output else {
            return on.push(output);
        };
        let is_changes = matches!(message, ServerMessage::Changes { .. });
        match self.held.remove(&session) {
            None if is_changes => drop(self.held.insert(session, message)),
            held => {
                on.push(cairn_relay::Output::Send { session, message });
                on.extend(held.map(|message| cairn_relay::Output::Send { session, message }));
            }
        }
    }
}

/// Each image is the one before.
#[derive(Default)]
pub(super) struct StaleImages {
    last: BTreeMap<(u32, RecordId), ImageBytes>,
}

impl Wiring for StaleImages {
    fn to_device(&mut self, device: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { images, .. } = &mut message {
            for image in images {
                let Ok(id) = Image::read(&image.0).map(|image| image.id()) else {
                    continue;
                };
                if let Some(before) = self.last.insert((device, id), image.clone()) {
                    *image = before;
                }
            }
        }
        Some(message)
    }
}

/// One image of many is cut short.
#[derive(Default)]
pub(super) struct GarbledImage {
    seen: u64,
}

impl Wiring for GarbledImage {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { images, .. } = &mut message {
            for image in images {
                self.seen += 1;
                if self.seen.is_multiple_of(7) {
                    image.0.truncate(image.0.len() / 2);
                }
            }
        }
        Some(message)
    }
}

/// A device that comes back says that it has the next change already.
pub(super) struct SkipChange;

impl Wiring for SkipChange {
    fn to_relay(&mut self, _: u32, mut message: ClientMessage) -> Option<ClientMessage> {
        if let ClientMessage::Hello(hello) = &mut message
            && hello.cursor > Version(0)
        {
            hello.cursor = hello.cursor.next();
        }
        Some(message)
    }
}

/// Every acknowledgement goes one operation too far.
pub(super) struct AckTooFar;

impl Wiring for AckTooFar {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Ack(ack) = &mut message {
            ack.through += 1;
        }
        Some(message)
    }
}

/// No acknowledgement arrives.
pub(super) struct NoAcks;

impl Wiring for NoAcks {
    fn to_device(&mut self, _: u32, message: ServerMessage) -> Option<ServerMessage> {
        Some(message).filter(|message| !matches!(message, ServerMessage::Ack(_)))
    }
}

/// Issues for one device go to the next that is told anything.
#[derive(Default)]
pub(super) struct WrongIssues {
    held: Vec<(u32, Issue)>,
}

impl Wiring for WrongIssues {
    fn to_device(&mut self, device: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { issues, .. } = &mut message {
            self.held
                .extend(issues.drain(..).map(|issue| (device, issue)));
            let others = |(of, _): &mut (u32, Issue)| *of != device;
            issues.extend(self.held.extract_if(.., others).map(|(_, issue)| issue));
        }
        Some(message)
    }
}

/// No issue arrives.
pub(super) struct NoIssues;

impl Wiring for NoIssues {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { issues, .. } = &mut message {
            issues.clear();
        }
        Some(message)
    }
}

/// Keys by device id, once the run has begun.
#[derive(Default)]
struct Keys {
    secrets: Option<Secrets>,
}

impl Keys {
    fn of(&self, device: &DeviceId) -> Option<(&Secrets, &SecretKey)> {
        let secrets = self.secrets.as_ref()?;
        let mut keys = secrets.devices.iter();
        let key = keys.find(|key| key.public().device() == *device)?;
        Some((secrets, key))
    }

    /// The operations of a bundle, sealed by its device at a place.
    fn sealed_at(&self, bundle: &Parsed, at: &LogHead) -> Option<cairn_oplog::Verified> {
        let (secrets, key) = self.of(&bundle.log().device)?;
        let unchecked = bundle.clone().trust_own_storage();
        let slots = unchecked.slots().iter().map(|slot| match slot {
            Slot::Whole(bytes) => Some(bytes.clone()),
            Slot::Withheld(_) => None,
        });
        let operations = slots.collect::<Option<Vec<_>>>()?;
        Some(seal(
            &secrets.organization,
            bundle.log(),
            at,
            operations,
            key,
        ))
    }
}

/// A whole upload, if the input is one.
fn uploaded(input: &mut cairn_relay::Input) -> Option<&mut Vec<u8>> {
    match input {
        cairn_relay::Input::Received {
            message: ClientMessage::Upload(bytes),
            ..
        } => Some(bytes),
        _ => None,
    }
}

/// A device is told that the relay has nothing of its log, and what it sends
/// again is put behind what there is.
#[derive(Default)]
pub(super) struct ResendAsNew {
    keys: Keys,
    /// Where each session's last bundle ended.
    sessions: BTreeMap<cairn_relay::SessionId, (LogId, LogHead)>,
    /// Where each log ends.
    ends: BTreeMap<LogId, LogHead>,
    /// Devices that were told so; each is once.
    told: BTreeSet<u32>,
}

impl ResendAsNew {
    fn note(&mut self, session: cairn_relay::SessionId, log: LogId, head: LogHead) {
        self.sessions.insert(session, (log, head));
        let end = self.ends.entry(log).or_insert(head);
        if head.sequence > end.sequence {
            *end = head;
        }
    }
}

impl Wiring for ResendAsNew {
    fn begin(&mut self, secrets: &Secrets) {
        self.keys.secrets = Some(secrets.clone());
    }

    fn to_device(&mut self, device: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Welcome(welcome) = &mut message
            && welcome.head.sequence > 0
            && self.told.insert(device)
        {
            welcome.head.sequence = 0;
        }
        Some(message)
    }

    fn relay_input(&mut self, mut input: cairn_relay::Input, on: &mut Vec<cairn_relay::Input>) {
        if let cairn_relay::Input::Received { session, message } = &mut input {
            let last = self.sessions.get(session).copied();
            match (message, last) {
                (ClientMessage::Upload(bytes), _) => {
                    if let Ok(parsed) = Parsed::parse(bytes.as_slice()) {
                        let mut head = parsed.clone().trust_own_storage().head();
                        let end = self.ends.get(&parsed.log()).copied();
                        if let Some(end) = end.filter(|end| end.sequence >= parsed.first())
                            && let Some(again) = self.keys.sealed_at(&parsed, &end)
                        {
                            head = again.head();
                            *bytes = again.bytes().to_vec();
                        }
                        self.note(*session, parsed.log(), head);
                    }
                }
                (ClientMessage::UploadNext(bytes), Some((log, head))) => {
                    if let Ok(parsed) = Parsed::continuing(bytes, log, &head) {
                        self.note(*session, log, parsed.trust_own_storage().head());
                    }
                }
                _ => {}
            }
        }
        on.push(input);
    }
}

/// Signatures are taken for right, and kept as they came.
#[derive(Default)]
pub(super) struct Unchecked {
    keys: Keys,
    /// What came, by what it was made into.
    came: BTreeMap<Hash, (Vec<u8>, Vec<u8>)>,
}

impl Wiring for Unchecked {
    fn begin(&mut self, secrets: &Secrets) {
        self.keys.secrets = Some(secrets.clone());
    }

    fn relay_input(&mut self, mut input: cairn_relay::Input, on: &mut Vec<cairn_relay::Input>) {
        if let Some(bytes) = uploaded(&mut input)
            && let Ok(parsed) = Parsed::parse(bytes.as_slice())
        {
            let unchecked = parsed.clone().trust_own_storage();
            let at = LogHead {
                sequence: parsed.first() - 1,
                head: unchecked.previous(),
            };
            if let Some(right) = self.keys.sealed_at(&parsed, &at)
                && right.bytes()[..] != bytes[..]
            {
                let right = right.bytes().to_vec();
                let came = std::mem::replace(bytes, right.clone());
                self.came.insert(Hash::of(&right), (right, came));
            }
        }
        on.push(input);
    }

    fn commit(
        &mut self,
        host: Host,
        mut batch: Batch,
        durability: Durability,
    ) -> (Batch, Durability) {
        let entries = batch
            .changes
            .iter_mut()
            .filter(|(table, _, _)| *table == Table::Ledger);
        for value in entries.filter_map(|(_, _, value)| value.as_mut()) {
            for (right, came) in self.came.values() {
                let found = value
                    .windows(right.len())
                    .position(|window| window == right);
                if let Some(at) = found.filter(|_| host == Host::Relay) {
                    value[at..at + came.len()].copy_from_slice(came);
                }
            }
        }
        (batch, durability)
    }
}

/// A device is told that the relay has nothing of its log, so that it never
/// finds out that it is behind.
pub(super) struct WriteOn;

impl Wiring for WriteOn {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Welcome(welcome) = &mut message {
            welcome.head.sequence = 0;
            welcome.generation = 0;
        }
        Some(message)
    }
}

/// Requests of the variant's own, which nobody waits for.
const OWN: cairn_agent::ReplyId = cairn_agent::ReplyId(1 << 60);
/// Questions of one run; endless would not end the run.
const QUESTIONS: u32 = 20_000;

/// A device asks for a record's history as often as it is answered.
#[derive(Default)]
pub(super) struct Chatter {
    asked: u32,
}

impl Wiring for Chatter {
    fn start(&mut self, _: Host, store: &Arc<SimStore>) -> Arc<dyn Storage> {
        store.clone()
    }

    fn device_input(
        &mut self,
        _: u32,
        input: cairn_agent::Input,
        on: &mut Vec<cairn_agent::Input>,
    ) {
        let answered = matches!(
            input,
            cairn_agent::Input::Received(
                ServerMessage::Changes { .. } | ServerMessage::History { .. }
            )
        );
        on.push(input);
        if answered && self.asked < QUESTIONS {
            self.asked += 1;
            on.push(cairn_agent::Input::History {
                reply: OWN,
                record: crate::world::record_id(0),
            });
        }
    }

    fn device_output(
        &mut self,
        _: u32,
        output: cairn_agent::Output,
        on: &mut Vec<cairn_agent::Output>,
    ) {
        if !matches!(output, cairn_agent::Output::Reply { reply: OWN, .. }) {
            on.push(output);
        }
    }
}
