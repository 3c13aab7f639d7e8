//! A log as its bytes: page by page from whoever holds the directory, or what
//! is left of it in a damaged one that nobody can hold any more.

use super::damaged::Left;
use super::{LogAnswer, LogCommand, ask};
use crate::context::Context;
use crate::exit::Failure;
use crate::host::Host;
use crate::session::Session;
use cairn_model::{OrganizationId, PublicKey, Timestamp};
use cairn_oplog::archive::{Header, Subject};
use cairn_oplog::storage::{Storage, Table};
use cairn_oplog::{Checkpoint, ledger_log};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::sync::Arc;

/// Bytes of bundles in one answer; with Base64 around them they stay far below
/// the limit of a frame.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Entries read from storage at a time.
const STEP: usize = 64;

/// Bytes, as Base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        data_encoding::BASE64
            .decode(text.as_bytes())
            .map(Bytes)
            .map_err(de::Error::custom)
    }
}

/// Whose log it is, and where it ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct About {
    pub(super) organization: OrganizationId,
    pub(super) relay: PublicKey,
    /// A ledger's end.
    pub(super) checkpoint: Option<Checkpoint>,
    /// A device's key and its user.
    pub(super) device: Option<(PublicKey, String)>,
}

impl About {
    /// As the head of an archive.
    pub(super) fn header(&self) -> Header {
        let subject = match &self.device {
            Some((key, user)) => Subject::Device {
                key: *key,
                user: user.clone(),
            },
            None => Subject::Ledger,
        };
        Header {
            organization: self.organization,
            relay: self.relay,
            subject,
        }
    }

    /// A ledger's end; `None` of a device's log.
    pub(super) fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }
}

/// An entry of the ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WireEntry {
    pub(super) position: u64,
    pub(super) received: Timestamp,
    pub(super) bundle: Bytes,
}

/// A bundle of a device's log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WireBundle {
    /// Its key in storage.
    pub(super) key: String,
    /// The bundle.
    pub(super) bundle: Bytes,
}

pub(super) async fn about(host: &Host) -> Result<About, Failure> {
    match host {
        Host::Relay(relay) => {
            let look = relay.look(|relay| (relay.organization(), relay.key(), relay.checkpoint()));
            let (organization, relay, checkpoint) = look.await?;
            Ok(About {
                organization,
                relay,
                checkpoint: Some(checkpoint),
                device: None,
            })
        }
        Host::Device(device) => {
            device.handle.export().await?;
            let key = device.look(|agent| agent.key()).await?;
            let settings = &device.settings;
            let named = Some((key, settings.user.clone()));
            Ok(About {
                organization: settings.organization,
                relay: settings.relay,
                checkpoint: None,
                device: named,
            })
        }
    }
}

pub(super) fn entries(
    storage: &dyn Storage,
    from: u64,
    to: u64,
) -> Result<Vec<WireEntry>, Failure> {
    let mut page = Vec::new();
    let mut bytes = 0;
    let mut next = from;
    while next <= to && bytes < PAGE_BYTES {
        let found = ledger_log::entries(next, STEP, storage)?;
        if found.is_empty() {
            break;
        }
        for entry in found
            .into_iter()
            .map(|stored| stored.entry)
            .take_while(|entry| entry.position <= to)
        {
            bytes += entry.bundle.bytes().len();
            next = entry.position + 1;
            let bundle = Bytes(entry.bundle.bytes().to_vec());
            page.push(WireEntry {
                position: entry.position,
                received: entry.received,
                bundle,
            });
        }
    }
    Ok(page)
}

pub(super) fn bundles(
    storage: &dyn Storage,
    after: Option<&str>,
) -> Result<Vec<WireBundle>, Failure> {
    let mut from = match after {
        Some(key) => data_encoding::HEXLOWER
            .decode(key.as_bytes())
            .map_err(Failure::usage)?,
        None => Vec::new(),
    };
    if after.is_some() {
        from.push(0);
    }
    let mut page = Vec::new();
    let mut bytes = 0;
    while bytes < PAGE_BYTES {
        let found = storage.range(Table::Bundles, &from, STEP)?;
        let Some((last, _)) = found.last() else { break };
        from.clone_from(last);
        from.push(0);
        for (key, bundle) in found {
            bytes += bundle.len();
            page.push(WireBundle {
                key: data_encoding::HEXLOWER.encode(&key),
                bundle: Bytes(bundle),
            });
        }
    }
    Ok(page)
}

/// Reads a log from its beginning.
pub(super) struct LogReader {
    source: Source,
    /// Whose log it is.
    pub(super) about: About,
    next: u64,
    after: Option<String>,
    /// A device's bundles out of a damaged directory.
    rescued: Vec<WireBundle>,
}

enum Source {
    /// Whoever holds the directory.
    Holder(Session),
    /// A damaged directory, read only.
    Damaged(Arc<dyn Storage>),
}

impl LogReader {
    /// Reads what the holder of the directory has.
    pub(super) async fn open(context: &Context) -> Result<LogReader, Failure> {
        let mut session = context.session().await?;
        let LogAnswer::About(about) = ask(&mut session, LogCommand::About).await? else {
            return Err(Failure::other_answer());
        };
        Ok(LogReader {
            source: Source::Holder(session),
            about: *about,
            next: 1,
            after: None,
            rescued: Vec::new(),
        })
    }

    /// Reads what is left of a damaged directory.
    pub(super) fn of_damaged(left: Left) -> LogReader {
        LogReader {
            source: Source::Damaged(left.storage),
            about: left.about,
            next: 1,
            after: None,
            rescued: left.bundles,
        }
    }

    /// The next entries of a ledger; none at its end.
    pub(super) async fn entries(&mut self) -> Result<Vec<WireEntry>, Failure> {
        let (from, to) = (
            self.next,
            self.about
                .checkpoint
                .map_or(0, |checkpoint| checkpoint.position),
        );
        if from > to {
            return Ok(Vec::new());
        }
        let page = match &mut self.source {
            Source::Damaged(storage) => entries(&**storage, from, to)?,
            Source::Holder(session) => {
                match ask(session, LogCommand::Entries { from, to }).await? {
                    LogAnswer::Entries(page) => page,
                    _ => return Err(Failure::other_answer()),
                }
            }
        };
        if let Some(last) = page.last() {
            self.next = last.position + 1;
        }
        Ok(page)
    }

    /// The next bundles of a device's log; none at its end.
    pub(super) async fn bundles(&mut self) -> Result<Vec<WireBundle>, Failure> {
        let Source::Holder(session) = &mut self.source else {
            return Ok(std::mem::take(&mut self.rescued));
        };
        let after = self.after.clone();
        let LogAnswer::Bundles(page) = ask(session, LogCommand::Bundles { after }).await? else {
            return Err(Failure::other_answer());
        };
        if let Some(last) = page.last() {
            self.after = Some(last.key.clone());
        }
        Ok(page)
    }

    /// Has another command done by the holder.
    pub(super) async fn ask(&mut self, command: LogCommand) -> Result<LogAnswer, Failure> {
        match &mut self.source {
            Source::Holder(session) => ask(session, command).await,
            Source::Damaged(_) => Err(Failure::storage(
                "the directory is damaged, and can only be exported",
            )),
        }
    }

    /// Lets go of the directory.
    pub(super) async fn close(self) {
        if let Source::Holder(session) = self.source {
            session.close().await;
        }
    }
}
