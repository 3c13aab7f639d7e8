//! Variants that let devices hold or learn what they should not, or lack what
//! they should have.

use crate::wiring::Wiring;
use cairn_model::RecordId;
use cairn_projection::Image;
use cairn_projection::page::Page;
use cairn_proto::{ClientMessage, HistoryEntry, ServerMessage};
use std::collections::{BTreeMap, BTreeSet};

/// Everybody is sent the fullest image that anybody was.
#[derive(Default)]
pub(super) struct FullestImages {
    fullest: BTreeMap<RecordId, Vec<u8>>,
}

impl FullestImages {
    fn instead(&mut self, bytes: &mut Vec<u8>) {
        let told = |bytes: &[u8]| {
            let image = Image::read(bytes).ok().filter(Image::is_whole)?;
            Some((image.id(), image.fields().count()))
        };
        let Some((id, fields)) = told(bytes) else {
            return;
        };
        let known = self.fullest.entry(id).or_insert_with(|| bytes.clone());
        match told(known).is_some_and(|(_, known)| known > fields) {
            true => bytes.clone_from(known),
            false => known.clone_from(bytes),
        }
    }
}

impl Wiring for FullestImages {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        match &mut message {
            ServerMessage::Page { page, .. } => {
                let images = page.unpack().unwrap_or_default();
                let images = page.index.iter().zip(images).map(|((id, of), mut bytes)| {
                    self.instead(&mut bytes);
                    (*id, *of, bytes)
                });
                *page = Page::pack(images.collect());
            }
            ServerMessage::Changes { images, .. } => {
                for image in images {
                    self.instead(&mut image.0);
                }
            }
            _ => {}
        }
        Some(message)
    }
}

/// No leave arrives.
pub(super) struct NoLeaves;

impl Wiring for NoLeaves {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { leaves, .. } = &mut message {
            leaves.clear();
        }
        Some(message)
    }
}

/// What left a device does not enter it again.
#[derive(Default)]
pub(super) struct NoReturn {
    left: BTreeSet<(u32, RecordId)>,
}

impl Wiring for NoReturn {
    fn to_device(&mut self, device: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { images, leaves, .. } = &mut message {
            images.retain(|bytes| {
                let image = Image::read(&bytes.0);
                !image.is_ok_and(|i| i.is_whole() && self.left.contains(&(device, i.id())))
            });
            self.left
                .extend(leaves.iter().map(|leave| (device, leave.record)));
        }
        Some(message)
    }
}

/// The relay takes what it sent for what a device has.
#[derive(Default)]
pub(super) struct SentIsHeld {
    sent: BTreeMap<u32, BTreeSet<RecordId>>,
}

impl Wiring for SentIsHeld {
    fn to_device(&mut self, device: u32, message: ServerMessage) -> Option<ServerMessage> {
        let sent = self.sent.entry(device).or_default();
        match &message {
            ServerMessage::Page { page, .. } => {
                sent.extend(page.index.iter().map(|(id, _)| *id));
            }
            ServerMessage::Changes { images, leaves, .. } => {
                let images = images.iter().filter_map(|bytes| Image::read(&bytes.0).ok());
                sent.extend(images.filter(Image::is_whole).map(|image| image.id()));
                for leave in leaves {
                    sent.remove(&leave.record);
                }
            }
            _ => {}
        }
        Some(message)
    }

    fn to_relay(&mut self, device: u32, mut message: ClientMessage) -> Option<ClientMessage> {
        if let ClientMessage::Hello(hello) = &mut message
            && let Some(sent) = self.sent.get(&device)
        {
            hello.held = sent.iter().copied().collect();
        }
        Some(message)
    }
}

/// The relay does not hear that it is time.
pub(super) struct NeverDue;

impl Wiring for NeverDue {
    fn relay_input(&mut self, input: cairn_relay::Input, on: &mut Vec<cairn_relay::Input>) {
        if !matches!(input, cairn_relay::Input::Due) {
            on.push(input);
        }
    }
}

/// No leave of what may not be read any more arrives.
pub(super) struct NoSecretLeaves;

impl Wiring for NoSecretLeaves {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { leaves, .. } = &mut message {
            leaves.retain(|leave| leave.reason.readable);
        }
        Some(message)
    }
}

/// Nobody is told why anything leaves.
pub(super) struct NoReasons;

impl Wiring for NoReasons {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { leaves, .. } = &mut message {
            for leave in leaves {
                leave.reason.words.clear();
            }
        }
        Some(message)
    }
}

/// Devices are not told that fields are gone from what they hold.
pub(super) struct NoViews;

impl Wiring for NoViews {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::Changes { views, .. } = &mut message {
            views.clear();
        }
        Some(message)
    }
}

/// Whoever asks what was done to a record is told what anybody was told.
#[derive(Default)]
pub(super) struct OneHistory {
    told: BTreeMap<RecordId, Vec<HistoryEntry>>,
}

impl Wiring for OneHistory {
    fn to_device(&mut self, _: u32, mut message: ServerMessage) -> Option<ServerMessage> {
        if let ServerMessage::History {
            record, entries, ..
        } = &mut message
        {
            let told = self.told.entry(*record).or_default();
            let bytes = |entries: &[HistoryEntry]| -> usize {
                entries.iter().map(|entry| entry.bundle.len()).sum()
            };
            match bytes(told) > bytes(entries) {
                true => entries.clone_from(told),
                false => told.clone_from(entries),
            }
        }
        Some(message)
    }
}
