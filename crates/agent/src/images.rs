//! What the relay sends of records: pages, changes, issues.

use crate::left::put_traces;
use crate::machine::{Agent, Output, VIEWS};
use crate::pending::PendingOperation;
use crate::view::show;
use cairn_model::{Change, RecordId, Timestamp, TypeId, Version, codec};
use cairn_oplog::Table;
use cairn_oplog::bundle::decode_operation;
use cairn_oplog::storage::{Batch, Durability, StorageError, VALUE_BYTES_MAX};
use cairn_projection::page::Page;
use cairn_projection::{Image, Issue, Origin, Record};
use cairn_proto::message::ImageBytes;
use cairn_proto::{Lag, Leave, View};
use std::collections::{BTreeMap, BTreeSet};

/// Acknowledged operations whose images this device makes itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnImages {
    /// Pages and changes of this session that are taken before.
    pub(crate) after: u64,
    /// The version of the first of them.
    pub(crate) first: Version,
    /// The version of the last of them.
    pub(crate) version: Version,
    /// When the relay received them, in milliseconds after the last one's time.
    pub(crate) received_after: i64,
}

/// What changed, as the relay tells it.
#[derive(Debug)]
pub(crate) struct Changes {
    pub(crate) images: Vec<ImageBytes>,
    pub(crate) leaves: Vec<Leave>,
    pub(crate) views: Vec<View>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) lags: Option<Vec<Lag>>,
    pub(crate) through: Version,
    pub(crate) last: bool,
}

/// Changes that came before an acknowledgement they may build on.
#[derive(Debug)]
pub(crate) struct EarlyChanges {
    /// They are taken once the log is acknowledged up to here.
    until: u64,
    changes: Changes,
}

/// Messages of changes that wait for an acknowledgement before the session is
/// given up: the relay sends a few frames ahead, and no more.
const EARLY_CHANGES_MAX: usize = 64;

impl Agent {
    /// Stores a page of records that enter, as it came, if every record in it
    /// can be read: later nobody could tell the relay's fault from the disk's.
    pub(crate) fn take_page(&mut self, now: Timestamp, page: Page, began: Version) {
        self.link.taken += 1;
        match readable(&page) {
            Ok(newest) if newest > self.heard.paged => {
                self.heard.paged = newest;
                self.put_heard();
            }
            Ok(_) => {}
            Err(reason) => {
                tracing::error!(reason, "the relay sent a page that cannot be true");
                return self.break_off(now);
            }
        }
        self.came(page.index.iter().map(|(id, _)| *id));
        let mut batch = Batch::default();
        if !page.index.is_empty() {
            self.pages.add(page, &mut batch);
        }
        if self.progress.cursor == Version(0) {
            self.progress.cursor = began;
        }
        self.progress.downloading = true;
        // A power cut must not take back what took minutes to come.
        self.waiting_batch(Durability::Synced).extend(batch);
        self.put_progress();
    }

    /// Changes travel on another lane than acknowledgements. They leave out
    /// the images of own operations whose acknowledgement says that the device
    /// makes them itself, so they must not be taken before it: with bundles
    /// under way, they wait until those are acknowledged.
    pub(crate) fn changes_came(&mut self, now: Timestamp, changes: Changes) {
        if self.early_changes.is_empty() && self.link.acknowledged >= self.link.sent {
            return self.take_changes(now, changes);
        }
        if self.early_changes.len() >= EARLY_CHANGES_MAX {
            tracing::warn!("the relay sends changes and acknowledges nothing; starting over");
            return self.break_off(now);
        }
        let until = self.link.sent;
        self.early_changes
            .push_back(EarlyChanges { until, changes });
    }

    /// Takes the changes that waited for what is acknowledged now.
    pub(crate) fn take_early_changes(&mut self, now: Timestamp) {
        while let Some(early) = self.early_changes.front()
            && early.until <= self.link.acknowledged
            && let Some(early) = self.early_changes.pop_front()
        {
            self.take_changes(now, early.changes);
        }
    }

    fn take_changes(&mut self, now: Timestamp, changes: Changes) {
        self.link.taken += 1;
        let Changes {
            images,
            leaves,
            views,
            issues,
            lags,
            through,
            last,
        } = changes;
        match self.merge(images) {
            Ok(Some(records)) => {
                self.hear_of(records.values(), through);
                self.store_records(records, Durability::Synced);
            }
            Ok(None) => return self.start_over(now),
            Err(error) => return self.fail(error),
        }
        let seen_otherwise: BTreeSet<TypeId> = views.iter().map(|(of, _)| *of).collect();
        if let Err(error) = self.take_views(views) {
            return self.fail(error);
        }
        self.withhold_words_about(&leaves);
        // Not all that changed up to `through` need have been told.
        let issues_through = match last {
            true => through,
            false => (issues.last()).map_or(Version(0), |issue| issue.changed),
        };
        for issue in issues {
            let bytes = codec::encode(&issue);
            self.waiting_batch(Durability::Synced).put(
                Table::Issues,
                issue.number.to_be_bytes(),
                bytes,
            );
            self.issues.insert(issue.number, issue);
        }
        if let Err(error) = self.take_leaves(now, leaves, &seen_otherwise) {
            return self.fail(error);
        }
        if let Some(lags) = lags {
            self.take_lags(lags);
        }
        self.progress.cursor = self.progress.cursor.max(through);
        self.progress.issues = self.progress.issues.max(issues_through);
        self.progress.downloading &= !last;
        self.link.set_caught_up(last);
        if last && self.link.acknowledged >= self.log.end() {
            self.link.succeeded();
        }
        if last {
            self.progress.synced = Some(now);
        }
        self.make_own_images(now);
        self.incorporate(now);
        self.put_progress();
        self.outputs.push_back(Output::Changed);
    }

    /// Puts acknowledged operations into the images where the relay said that
    /// this gives what it has. An acknowledgement may overtake the changes
    /// before it; it then waits for them.
    pub(crate) fn make_own_images(&mut self, now: Timestamp) {
        while let Some(own) = self.own_images.front().copied() {
            if own.version <= self.progress.cursor {
                self.own_images.pop_front();
                continue;
            }
            if self.link.taken < own.after {
                return;
            }
            self.own_images.pop_front();
            let is_due = |at: Version| at >= own.first && at <= own.version;
            let due: Vec<PendingOperation> = self
                .pending
                .iter()
                .filter(|pending| pending.acknowledged.is_some_and(is_due))
                .cloned()
                .collect();
            match self.with_own(&due, own.received_after) {
                Ok(Some(records)) => {
                    // The log has these edits and shows them until then.
                    self.store_records(records, Durability::Behind);
                    self.progress.cursor = own.version;
                    self.progress.issues = self.progress.issues.max(own.version);
                    self.progress.synced = Some(now);
                    self.put_progress();
                }
                Ok(None) => return self.start_over(now),
                Err(error) => return self.fail(error),
            }
        }
    }

    /// The images with own operations on top, as the relay has them.
    fn with_own(
        &mut self,
        due: &[PendingOperation],
        received_after: i64,
    ) -> Result<Option<BTreeMap<RecordId, Record>>, StorageError> {
        let last = due
            .last()
            .map_or(Timestamp(0), |pending| pending.operation.time.wall());
        let received = Timestamp(last.0.wrapping_add(received_after as u64));
        let mut records: BTreeMap<RecordId, Record> = BTreeMap::new();
        for pending in due {
            let origin = Origin {
                version: pending.acknowledged.unwrap_or_default(),
                author: self.own_author(),
                generation: self.log.log().generation,
                sequence: pending.sequence,
                time: pending.operation.time,
                received,
            };
            for mutation in pending.operation.mutations() {
                let held = match records.remove(&mutation.record) {
                    Some(record) => Some(record),
                    None => self.take_image(mutation.record)?,
                };
                let mut record = held;
                show(&mut record, mutation, &origin, &self.directory.definition);
                let Some(record) = record else {
                    return Ok(None);
                };
                records.insert(mutation.record, record);
            }
        }
        Ok(Some(records))
    }

    /// Records may come as they are and not as of `through`: the device then
    /// knows of newer operations than its cursor says.
    fn hear_of<'a>(&mut self, records: impl Iterator<Item = &'a Record>, through: Version) {
        let newest = records.map(|record| record.version).max();
        let newest = newest.unwrap_or_default();
        if newest > through.max(self.heard.paged) {
            self.heard.paged = newest;
            self.put_heard();
        }
    }

    fn store_records(&mut self, records: BTreeMap<RecordId, Record>, durability: Durability) {
        self.came(records.keys().copied());
        let mut batch = Batch::default();
        self.pages.store(records.into_values(), &mut batch);
        match self.pages.gather(&*self.storage, &mut batch) {
            Ok(()) => self.waiting_batch(durability).extend(batch),
            Err(error) => self.fail(error),
        }
    }

    /// The records that the images make of what is held; `None` when one tells
    /// only a part of a record that is not here.
    fn merge(
        &mut self,
        images: Vec<ImageBytes>,
    ) -> Result<Option<BTreeMap<RecordId, Record>>, StorageError> {
        let mut records: BTreeMap<RecordId, Record> = BTreeMap::new();
        for ImageBytes(bytes) in images {
            let image = match Image::read(&bytes) {
                Ok(image) => image,
                Err(error) => {
                    tracing::error!(%error, "the relay sent an image that cannot be read");
                    return Ok(None);
                }
            };
            let id = image.id();
            let held = match records.remove(&id) {
                Some(record) => Some(record),
                None if image.is_whole() => None,
                None => self.take_image(id)?,
            };
            let Some(record) = image.over(held) else {
                return Ok(None);
            };
            records.insert(id, record);
        }
        Ok(Some(records))
    }

    /// Notes what the records of some types lack from now on. What they had
    /// before does not stay behind in storage.
    fn take_views(&mut self, views: Vec<View>) -> Result<(), StorageError> {
        if views.is_empty() {
            return Ok(());
        }
        let changed: BTreeSet<TypeId> = views.iter().map(|(of, _)| *of).collect();
        for (of, view) in views {
            match view {
                0 => self.views.remove(&of),
                view => self.views.insert(of, view),
            };
        }
        let mut batch = Batch::default();
        self.pages.scrub(&*self.storage, &mut batch)?;
        let of_changed = |issue: &Issue| {
            let operation = decode_operation(&issue.payload);
            operation.is_ok_and(|operation| {
                let mut mutations = operation.mutations().iter();
                mutations.any(|mutation| changed.contains(&mutation.record_type))
            })
        };
        self.withhold_words(of_changed);
        self.let_go_of_types(&changed)?;
        put_traces(&mut batch);
        let views: Vec<View> = self.views.iter().map(|(of, view)| (*of, *view)).collect();
        batch.put(Table::Meta, VIEWS, codec::encode(&views));
        self.waiting_batch(Durability::Synced).extend(batch);
        Ok(())
    }

    /// A record as the relay last sent it, to be stored anew.
    fn take_image(&mut self, id: RecordId) -> Result<Option<Record>, StorageError> {
        match self.pages.take_recent(id) {
            Some(record) => Ok(Some(record)),
            None => self.image(id),
        }
    }

    /// Drops every image and downloads anew; the device's own work stays.
    fn start_over(&mut self, now: Timestamp) {
        tracing::warn!(
            "what the relay sent does not fit what is here; downloading everything again"
        );
        let mut batch = Batch::default();
        self.pages.clear(&mut batch);
        self.forget_lags(&mut batch);
        self.progress.cursor = Version(0);
        self.progress.downloading = true;
        self.heard.paged = Version(0);
        self.put_heard();
        self.waiting_batch(Durability::Synced).extend(batch);
        self.put_progress();
        self.break_off(now);
    }

    /// Forgets own operations that the images show now.
    pub(crate) fn incorporate(&mut self, now: Timestamp) {
        // The cursor of a first download runs ahead of what has come.
        if self.progress.downloading {
            return;
        }
        let cursor = self.progress.cursor;
        let shown = self.pending.shown_at(cursor);
        let absent: BTreeSet<(RecordId, TypeId)> = shown
            .flat_map(|pending| pending.operation.mutations())
            .filter(|mutation| !matches!(mutation.change, Change::Follow | Change::Unfollow))
            .map(|mutation| (mutation.record, mutation.record_type))
            .filter(|(id, _)| self.pages.record_type(*id).is_none())
            .collect();
        let titled = absent
            .into_iter()
            .map(|(id, record_type)| Ok((id, record_type, self.names_of(id)?)));
        let titled = match titled.collect::<Result<Vec<_>, StorageError>>() {
            Ok(titled) => titled,
            Err(error) => return self.fail(error),
        };
        if let Some(sequence) = self.pending.incorporate(cursor) {
            self.progress.incorporated = sequence;
            self.put_progress();
            self.note_not_let_in(now, titled);
        }
        if let Err(error) = self.let_go() {
            self.fail(error);
        }
    }
}

/// Reads a page and gives the newest version in it; or says why it does not
/// hold what it says.
fn readable(page: &Page) -> Result<Version, String> {
    if page.body.len() > VALUE_BYTES_MAX {
        return Err(format!("it has {} bytes", page.body.len()));
    }
    let records = page.unpack().map_err(|error| error.to_string())?;
    if records.len() != page.index.len() {
        return Err("it does not match its index".to_owned());
    }
    let mut newest = Version(0);
    for ((id, record_type), bytes) in page.index.iter().zip(&records) {
        let image = Image::read(bytes).map_err(|error| error.to_string())?;
        if image.id() != *id || !image.is_whole() {
            return Err(format!("record {id} is not what it says"));
        }
        let record = image
            .over(None)
            .filter(|record| record.record_type == *record_type)
            .ok_or_else(|| format!("record {id} is of another type"))?;
        newest = newest.max(record.version);
    }
    Ok(newest)
}
