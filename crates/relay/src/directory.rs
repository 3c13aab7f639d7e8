//! The definition and the devices, as devices are told of them: what they do
//! not have yet, in parts.

use crate::machine::{Relay, SessionId};
use cairn_model::{AuthorId, Definition, DefinitionChange, Version, codec};
use cairn_proto::limit::DIRECTORY_BYTES_MAX;
use cairn_proto::{DirectoryDevice, DirectoryPart, Refusal, ServerMessage};
use std::sync::Arc;

/// How far a device has been sent a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectoryParts {
    /// The directory's version. If it changes meanwhile, the parts begin anew.
    version: Version,
    changes: usize,
    devices: usize,
}

/// The definition in force, as the changes that make it from nothing.
#[derive(Debug, Default)]
pub(crate) struct DefinitionChanges {
    number: u32,
    changes: Arc<[DefinitionChange]>,
}

impl Relay {
    /// Sends the next part of what is new, or parts with a device that was
    /// revoked meanwhile.
    pub(crate) fn send_directory(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let device = session.author.and_then(|author| self.state.device(author));
        if device.is_none_or(|device| device.revoked.is_some()) {
            return self.refuse(id, Refusal::Revoked);
        }
        let (known, sent) = (session.served.directory, session.served.directory_parts);
        let version = self.state.directory_changed();
        let sent = sent.filter(|sent| sent.version == version);
        let mut sent = sent.unwrap_or(DirectoryParts {
            version,
            changes: 0,
            devices: 0,
        });
        let (part, last) = self.directory_part(known, &mut sent);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.served.directory_parts = (!last).then_some(sent);
        if last {
            session.served.directory = version;
        }
        self.send(id, ServerMessage::Directory(part));
    }

    /// The part that follows what was sent, and whether it is the last one.
    fn directory_part(
        &mut self,
        known: Version,
        sent: &mut DirectoryParts,
    ) -> (DirectoryPart, bool) {
        let definition = self.state.definition().clone();
        let is_new = self.state.definition_changed() > known;
        let mut bytes = 0;
        let mut fits = |item: Vec<u8>| {
            let fits = bytes <= DIRECTORY_BYTES_MAX;
            bytes += item.len();
            fits
        };
        let mut changes = Vec::new();
        let mut left = false;
        if is_new {
            let all = self.definition_changes(&definition);
            let next = all[sent.changes..].iter();
            changes.extend(
                next.take_while(|change| fits(codec::encode(*change)))
                    .cloned(),
            );
            sent.changes += changes.len();
            left = sent.changes < all.len();
        }
        let mut devices = Vec::new();
        for (number, device) in (0..).zip(self.state.devices()).skip(sent.devices) {
            if left {
                break;
            }
            if device.changed() > known || known == Version(0) {
                let told = DirectoryDevice {
                    key: device.key,
                    user: device.user.clone(),
                    name: device.name.clone(),
                    revoked: device.revoked.is_some(),
                };
                if !fits(codec::encode(&told)) {
                    left = true;
                    break;
                }
                devices.push((AuthorId(number), told));
            }
            sent.devices += 1;
        }
        let part = DirectoryPart {
            version: sent.version,
            definition: is_new.then_some(definition.number),
            changes,
            devices,
            last: !left,
        };
        (part, !left)
    }

    /// Made once for each definition, as many devices are told of it.
    fn definition_changes(&mut self, definition: &Definition) -> Arc<[DefinitionChange]> {
        if self.definition_changes.number != definition.number {
            self.definition_changes = DefinitionChanges {
                number: definition.number,
                changes: Definition::default().changes_to(definition).into(),
            };
        }
        self.definition_changes.changes.clone()
    }
}
