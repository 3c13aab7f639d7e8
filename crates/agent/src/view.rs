//! What the device shows: images with its own unacknowledged operations folded
//! on top. People always read what they wrote.

use crate::machine::Agent;
use crate::mode::{Conditions, Mode, Waiting};
use cairn_model::{
    Action, AuthorId, Change, Definition, Hash, Mutation, RecordId, Timestamp, TypeId, Value,
    Version, Write,
};
use cairn_oplog::StorageError;
use cairn_projection::digest::Digest;
use cairn_projection::record::Origin;
use cairn_projection::register::RegisterWrite;
use cairn_projection::{Image, Issue, Record};
use cairn_proto::Refusal;
use std::collections::BTreeMap;

/// Where the device stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether it talks with the relay now.
    pub connected: bool,
    /// Whether the relay said that it was revoked.
    pub revoked: bool,
    /// Whether records that shall be here are still to come.
    pub downloading: bool,
    /// Every change up to here is incorporated.
    pub cursor: Version,
    /// Records held, deleted ones included.
    pub records: usize,
    /// Operations the relay has not acknowledged.
    pub unsent: usize,
    /// When the oldest of them was made, by this device's clock.
    pub oldest_unsent: Option<Timestamp>,
    /// Issues that wait for this user.
    pub open_issues: usize,
    /// The generation of the log.
    pub generation: u32,
    /// The last sequence of the log.
    pub sequence: u64,
    /// When the device last had everything.
    pub synced: Option<Timestamp>,
    /// Why the relay ended the last session, if it did.
    pub refused: Option<Refusal>,
    /// How the device is set.
    pub mode: Mode,
    /// How things are around it.
    pub conditions: Conditions,
    /// Why it does not sync by itself, if there is a reason.
    pub waiting: Option<Waiting>,
}

impl Agent {
    /// A record as this device shows it; deleted ones too.
    pub fn record(&self, id: RecordId) -> Result<Option<Record>, StorageError> {
        let mut record = self.image(id)?;
        for pending in self.pending.of(id) {
            let Action::Edit(mutations) = &pending.operation.action else {
                continue;
            };
            let origin = Origin {
                version: Version(Version::PENDING.0 + pending.sequence),
                author: self.own_author(),
                generation: self.log.log().generation,
                sequence: pending.sequence,
                time: pending.operation.time,
                received: pending.operation.time.wall(),
            };
            for mutation in mutations.iter().filter(|mutation| mutation.record == id) {
                show(&mut record, mutation, &origin, &self.directory.definition);
            }
        }
        Ok(record)
    }

    /// A record as the relay last sent it.
    pub fn image(&self, id: RecordId) -> Result<Option<Record>, StorageError> {
        let Some(bytes) = self.pages.get(id, &*self.storage)? else {
            return Ok(None);
        };
        read_image(id, &bytes).map(Some)
    }

    /// This device's author number; before its first sync, one nobody has.
    pub fn own_author(&self) -> AuthorId {
        self.author.unwrap_or(AuthorId(u32::MAX))
    }

    /// The type of a record this device has or is creating.
    pub fn record_type_of(&self, id: RecordId) -> Option<TypeId> {
        let left = || self.left(id).map(|left| left.record_type);
        self.pages.record_type(id).or_else(left).or_else(|| {
            self.pending
                .of(id)
                .flat_map(|pending| pending.operation.mutations())
                .find(|mutation| mutation.record == id)
                .map(|mutation| mutation.record_type)
        })
    }

    /// Visits every record this device shows, deleted ones too, page by page;
    /// those with unacknowledged edits last.
    pub fn visit(&self, mut visitor: impl FnMut(Record)) -> Result<(), StorageError> {
        let touched: std::collections::BTreeSet<RecordId> = self.pending.records().collect();
        self.pages
            .visit::<StorageError>(&*self.storage, |id, _, bytes| {
                if !touched.contains(&id) {
                    visitor(read_image(id, &bytes)?);
                }
                Ok(())
            })?;
        for id in touched {
            if let Some(record) = self.record(id)? {
                visitor(record);
            }
        }
        Ok(())
    }

    /// The digest of the images this device holds, without its own
    /// unacknowledged edits: equal to the relay's when both have the same.
    pub fn digest(&self) -> Result<Hash, StorageError> {
        let mut digest = Digest::default();
        self.pages
            .visit::<StorageError>(&*self.storage, |id, _, bytes| {
                if self.is_held(id) {
                    digest.add(&read_image(id, &bytes)?, &self.directory.definition);
                }
                Ok(())
            })?;
        Ok(digest.finish())
    }

    /// Records held by type, deleted ones included.
    pub fn counts(&self) -> BTreeMap<TypeId, usize> {
        let mut counts = BTreeMap::new();
        for (_, record_type) in self.pages.records() {
            *counts.entry(record_type).or_default() += 1;
        }
        counts
    }

    /// Issues of this device's user, by number.
    pub fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.values()
    }

    /// Whether this device has settled an issue and the relay does not know yet.
    pub fn is_settled_here(&self, version: Version) -> bool {
        self.pending
            .iter()
            .any(|pending| matches!(pending.operation.action, Action::Settle { operation, .. } if operation == version))
    }

    /// Operations the relay has not acknowledged, oldest first: place in the
    /// log, and what they do.
    pub fn unsent(&self) -> impl Iterator<Item = (u64, &cairn_model::Operation)> {
        self.pending
            .unacknowledged()
            .map(|pending| (pending.sequence, &pending.operation))
    }

    /// Whether the device has sent everything and received everything. A
    /// revoked device receives nothing; it is done when all is handed in.
    pub fn is_synced(&self) -> bool {
        let sent = match self.link.is_revoked() {
            true => self.pending.unacknowledged().next().is_none(),
            false => self.pending.iter().next().is_none(),
        };
        let received = self.link.is_caught_up() || self.has_synced;
        received && sent && self.log.tail().next().is_none()
    }

    /// Where the device stands.
    pub fn status(&self) -> Status {
        Status {
            connected: self.link.is_welcome(),
            revoked: self.link.is_revoked(),
            downloading: self.progress.downloading,
            cursor: self.progress.cursor,
            records: self.pages.len(),
            unsent: self.pending.unacknowledged().count(),
            oldest_unsent: self
                .pending
                .unacknowledged()
                .next()
                .map(|pending| pending.operation.time.wall()),
            open_issues: self
                .issues
                .values()
                .filter(|i| i.is_open() && !self.is_settled_here(i.version))
                .count(),
            generation: self.log.log().generation,
            sequence: self.log.end(),
            synced: self.progress.synced,
            refused: self.refused,
            mode: self.mode,
            conditions: self.conditions,
            waiting: self.waiting(),
        }
    }
}

pub(crate) fn read_image(id: RecordId, bytes: &[u8]) -> Result<Record, StorageError> {
    let corrupt = |reason: String| StorageError::corrupt(cairn_oplog::Table::Pages, &id.0, reason);
    Image::read(bytes)
        .map_err(|error| corrupt(error.to_string()))?
        .over(None)
        .ok_or_else(|| corrupt("the image is not whole".to_owned()))
}

/// Folds one mutation of the device's own on top of what is shown.
pub(crate) fn show(
    record: &mut Option<Record>,
    mutation: &Mutation,
    origin: &Origin,
    definition: &Definition,
) {
    let Some(record_type) = definition.types.get(&mutation.record_type) else {
        return;
    };
    let alive = match mutation.change {
        Change::Follow | Change::Unfollow => return,
        Change::Delete
        | Change::Resolve {
            keep: Some(false), ..
        } => false,
        _ => true,
    };
    let creates = matches!(mutation.change, Change::Create(_));
    if record.is_none() && !creates {
        return;
    }
    let shown =
        record.get_or_insert_with(|| Record::new(mutation.record, mutation.record_type, *origin));
    shown.add_origin(*origin);
    shown.life.replace(RegisterWrite {
        version: origin.version,
        value: Some(Value::Boolean(alive)),
    });
    shown.life_changed = origin.version;
    let writes = mutation.change.writes();
    if creates {
        for field in record_type
            .live_fields()
            .filter(|field| !writes.iter().any(|(id, _)| *id == field.id))
        {
            if let Some(default) = field
                .default
                .as_ref()
                .filter(|_| shown.field(field.id).is_none())
            {
                shown.apply_pending(field, &Write::Set(default.clone()), origin);
            }
        }
    }
    for (id, write) in writes {
        if let Some(field) = record_type.fields.get(id).filter(|field| !field.retired) {
            shown.apply_pending(field, write, origin);
        }
    }
    shown.prune_origins();
}
