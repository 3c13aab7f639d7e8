//! The pages in storage, with an index in memory.

#[cfg(test)]
mod tests;

use super::{PAGE_RECORDS_MAX, Page, one_of, plain, unpack};
use crate::record::Record;
use cairn_model::codec::{self, DecodeError};
use cairn_model::{RecordId, TypeId};
use cairn_oplog::storage::{Batch, Storage, StorageError, Table};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Pages gathered in one compaction step, so that no step takes long.
const GATHERED_PAGES_MAX: usize = 64;
/// Small pages, as single changes make them, that may be about.
const SMALL_PAGES_MAX: usize = 256;
/// Bytes of the records that are kept at hand as they were stored last.
const RECENT_BYTES_MAX: usize = 256 * 1024;

/// Where a record's newest bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    page: u64,
    slot: u16,
    record_type: TypeId,
}

/// All pages in storage, with an index in memory.
#[derive(Debug, Default)]
pub struct Pages {
    places: BTreeMap<RecordId, Place>,
    /// Pages by number: records written, and records still current.
    pages: BTreeMap<u64, (usize, usize)>,
    /// Records written in all of these together.
    written: usize,
    /// Pages that are on their way to storage.
    on_the_way: BTreeMap<u64, Page>,
    /// The compressed page that was opened last: who reads one record of a
    /// page soon reads another, or the same again.
    opened: Mutex<Option<(u64, Vec<u8>)>>,
    /// The last number given: a page that is gone may be open still, or on its
    /// way, and no other takes its number.
    numbered: u64,
    recent: Recent,
}

/// Records that were stored lately: what has just changed soon changes again.
#[derive(Debug, Default)]
struct Recent {
    /// Each with the bytes of its image.
    records: BTreeMap<RecordId, (usize, Record)>,
    bytes: usize,
}

impl Recent {
    /// Keeps a record, and forgets the others when they become too many.
    fn keep(&mut self, record: Record, bytes: usize) {
        if self.bytes + bytes > RECENT_BYTES_MAX {
            *self = Recent::default();
        }
        self.take(record.id);
        self.bytes += bytes;
        self.records.insert(record.id, (bytes, record));
    }

    fn take(&mut self, id: RecordId) -> Option<Record> {
        let (bytes, record) = self.records.remove(&id)?;
        self.bytes -= bytes;
        Some(record)
    }
}

/// What was added to [`Pages`] up to some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PagesMark(u64);

fn key(page: u64) -> [u8; 8] {
    page.to_be_bytes()
}

fn number(key: &[u8]) -> Result<u64, StorageError> {
    key.try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| StorageError::corrupt(Table::PageIndex, key, "its key is no page number"))
}

impl Pages {
    /// Reads the index; no page is opened.
    pub fn open(storage: &dyn Storage) -> Result<Pages, StorageError> {
        let mut placed = Vec::new();
        let mut pages = BTreeMap::new();
        for (key, value) in storage.range(Table::PageIndex, &[], usize::MAX)? {
            let page = number(&key)?;
            let index: Vec<(RecordId, TypeId)> = codec::decode("page index", &value)
                .map_err(|error| StorageError::corrupt(Table::PageIndex, &key, error))?;
            pages.insert(page, (index.len(), 0));
            for (slot, (id, record_type)) in (0..).zip(index) {
                placed.push((
                    id,
                    Place {
                        page,
                        slot,
                        record_type,
                    },
                ));
            }
        }
        // Of equal keys the last one stays, which is the newest page's.
        let places: BTreeMap<RecordId, Place> = placed.into_iter().collect();
        for place in places.values() {
            if let Some((_, current)) = pages.get_mut(&place.page) {
                *current += 1;
            }
        }
        Ok(Pages {
            places,
            written: pages.values().map(|(written, _)| written).sum(),
            pages,
            ..Pages::default()
        })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Every record and its type, by id.
    pub fn records(&self) -> impl Iterator<Item = (RecordId, TypeId)> + '_ {
        self.places
            .iter()
            .map(|(id, place)| (*id, place.record_type))
    }

    /// The type of a record.
    pub fn record_type(&self, id: RecordId) -> Option<TypeId> {
        self.places.get(&id).map(|place| place.record_type)
    }

    /// The newest bytes of a record.
    pub fn get(
        &self,
        id: RecordId,
        storage: &dyn Storage,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(place) = self.places.get(&id) else {
            return Ok(None);
        };
        self.read_one(place, storage).map(Some)
    }

    fn read_one(&self, place: &Place, storage: &dyn Storage) -> Result<Vec<u8>, StorageError> {
        let corrupt =
            |error: DecodeError| StorageError::corrupt(Table::Pages, &key(place.page), error);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((page, plain)) = &*opened
            && *page == place.page
        {
            return one_of(plain, place.slot).map_err(corrupt);
        }
        let body = self.body(place.page, storage)?;
        let plain = plain(&body).map_err(corrupt)?;
        let bytes = one_of(&plain, place.slot).map_err(corrupt)?;
        if let Cow::Owned(plain) = plain {
            *opened = Some((place.page, plain));
        }
        Ok(bytes)
    }

    /// Visits every record's newest bytes, page by page. Stops at the first error.
    pub fn visit<E: From<StorageError>>(
        &self,
        storage: &dyn Storage,
        mut visitor: impl FnMut(RecordId, TypeId, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        for page in self.pages.keys() {
            for (id, record_type, bytes) in self.current(*page, storage)? {
                visitor(id, record_type, bytes)?;
            }
        }
        Ok(())
    }

    /// The records of a page that no newer page has.
    fn current(
        &self,
        page: u64,
        storage: &dyn Storage,
    ) -> Result<Vec<(RecordId, TypeId, Vec<u8>)>, StorageError> {
        let index = self.read_index(page, storage)?;
        let blobs = self.read(page, storage)?;
        if blobs.len() != index.len() {
            return Err(StorageError::corrupt(
                Table::Pages,
                &key(page),
                "it does not match its index",
            ));
        }
        Ok((0u16..)
            .zip(index.into_iter().zip(blobs))
            .filter(|(slot, ((id, _), _))| {
                self.places
                    .get(id)
                    .is_some_and(|place| place.page == page && place.slot == *slot)
            })
            .map(|(_, ((id, record_type), bytes))| (id, record_type, bytes))
            .collect())
    }

    fn read_index(
        &self,
        page: u64,
        storage: &dyn Storage,
    ) -> Result<Vec<(RecordId, TypeId)>, StorageError> {
        if let Some(page) = self.on_the_way.get(&page) {
            return Ok(page.index.clone());
        }
        let corrupt = |reason: String| StorageError::corrupt(Table::PageIndex, &key(page), reason);
        let index = storage
            .get(Table::PageIndex, &key(page))?
            .ok_or_else(|| corrupt("it is missing".to_owned()))?;
        codec::decode("page index", &index).map_err(|error| corrupt(error.to_string()))
    }

    fn body(&self, page: u64, storage: &dyn Storage) -> Result<Cow<'_, [u8]>, StorageError> {
        if let Some(page) = self.on_the_way.get(&page) {
            return Ok(Cow::Borrowed(&page.body));
        }
        let body = storage.get(Table::Pages, &key(page))?;
        body.map(Cow::Owned)
            .ok_or_else(|| StorageError::corrupt(Table::Pages, &key(page), "it is missing"))
    }

    fn read(&self, page: u64, storage: &dyn Storage) -> Result<Vec<Vec<u8>>, StorageError> {
        unpack(&self.body(page, storage)?)
            .map_err(|error| StorageError::corrupt(Table::Pages, &key(page), error))
    }

    /// What has been added so far: to be settled when the batches it went into
    /// are in storage.
    pub fn mark(&self) -> PagesMark {
        PagesMark(
            self.on_the_way
                .last_key_value()
                .map_or(0, |(number, _)| *number),
        )
    }

    /// Notes that the pages added up to `mark` can be read from storage.
    pub fn settle(&mut self, mark: PagesMark) {
        self.on_the_way.retain(|number, _| *number > mark.0);
    }

    /// Adds a page: its records are the newest now. It is kept in memory until
    /// [`Pages::settle`] says that the batch is in storage.
    pub fn add(&mut self, page: Page, batch: &mut Batch) {
        let newest = self.pages.last_key_value().map_or(0, |(number, _)| *number);
        let number = newest.max(self.numbered) + 1;
        self.numbered = number;
        batch.put(Table::PageIndex, key(number), codec::encode(&page.index));
        batch.put(Table::Pages, key(number), page.body.clone());
        self.pages
            .insert(number, (page.index.len(), page.index.len()));
        self.written += page.index.len();
        for (slot, (id, record_type)) in (0..).zip(&page.index) {
            let place = Place {
                page: number,
                slot,
                record_type: *record_type,
            };
            self.recent.take(*id);
            if let Some(old) = self.places.insert(*id, place) {
                self.outdate(old.page, batch);
            }
        }
        self.on_the_way.insert(number, page);
    }

    /// Packs records into pages and adds these.
    pub fn store(&mut self, records: impl IntoIterator<Item = Record>, batch: &mut Batch) {
        let mut images = Vec::new();
        let mut kept = Vec::new();
        for record in records {
            let image = record.to_image();
            kept.push((image.len(), record));
            let (_, record) = &kept[kept.len() - 1];
            images.push((record.id, record.record_type, image));
        }
        for page in Page::pack_all(images) {
            self.add(page, batch);
        }
        for (bytes, record) in kept {
            self.recent.keep(record, bytes);
        }
    }

    /// A record as it was stored last, if it is still at hand; for whoever
    /// stores it again.
    pub fn take_recent(&mut self, id: RecordId) -> Option<Record> {
        self.recent.take(id)
    }

    fn outdate(&mut self, page: u64, batch: &mut Batch) {
        let Some((written, current)) = self.pages.get_mut(&page) else {
            return;
        };
        *current -= 1;
        if *current == 0 {
            self.written -= *written;
            self.pages.remove(&page);
            self.on_the_way.remove(&page);
            batch.remove(Table::Pages, key(page));
            batch.remove(Table::PageIndex, key(page));
        }
    }

    /// Removes records: no page holds anything of them any more. Pages that
    /// name them, older ones too, are written anew without them.
    pub fn remove(
        &mut self,
        records: &BTreeSet<RecordId>,
        storage: &dyn Storage,
        batch: &mut Batch,
    ) -> Result<(), StorageError> {
        let places = records.iter().filter_map(|id| self.places.get(id));
        let mut naming: BTreeSet<u64> = places.map(|place| place.page).collect();
        for (page, (written, current)) in &self.pages {
            if current < written
                && self
                    .read_index(*page, storage)?
                    .iter()
                    .any(|(id, _)| records.contains(id))
            {
                naming.insert(*page);
            }
        }
        for id in records {
            self.recent.take(*id);
            if let Some(place) = self.places.remove(id) {
                self.outdate(place.page, batch);
            }
        }
        let mut rest = Vec::new();
        for page in naming {
            if self.pages.contains_key(&page) {
                rest.extend(self.current(page, storage)?);
            }
        }
        for page in Page::pack_all(rest) {
            self.add(page, batch);
        }
        Ok(())
    }

    /// Writes pages anew that still hold outdated bytes of records: nothing
    /// but the newest bytes stays in storage.
    pub fn scrub(&mut self, storage: &dyn Storage, batch: &mut Batch) -> Result<(), StorageError> {
        let outdated = self
            .pages
            .iter()
            .filter(|(_, (written, current))| current < written);
        let outdated: Vec<u64> = outdated.map(|(page, _)| *page).collect();
        let mut current = Vec::new();
        for page in outdated {
            current.extend(self.current(page, storage)?);
        }
        for page in Page::pack_all(current) {
            self.add(page, batch);
        }
        Ok(())
    }

    /// Forgets everything, for a device that must load anew.
    pub fn clear(&mut self, batch: &mut Batch) {
        for page in self.pages.keys() {
            batch.remove(Table::Pages, key(*page));
            batch.remove(Table::PageIndex, key(*page));
        }
        *self = Pages {
            numbered: self.numbered,
            ..Pages::default()
        };
    }

    /// Gathers pages into new ones while more than half of what is stored is
    /// outdated, or while there are many small pages; one bounded step.
    pub fn gather(&mut self, storage: &dyn Storage, batch: &mut Batch) -> Result<(), StorageError> {
        let outdated = self.written > PAGE_RECORDS_MAX && self.written >= 2 * self.places.len();
        let scattered =
            self.pages.len() > SMALL_PAGES_MAX + 4 * self.places.len() / PAGE_RECORDS_MAX;
        if !outdated && !scattered {
            return Ok(());
        }
        let thin = self.pages.iter().filter(|(_, (written, current))| {
            (outdated && 2 * current < *written) || (scattered && *current < PAGE_RECORDS_MAX / 4)
        });
        let thin: Vec<u64> = thin
            .map(|(page, _)| *page)
            .take(GATHERED_PAGES_MAX)
            .collect();
        let mut records = Vec::new();
        for page in thin {
            records.extend(self.current(page, storage)?);
        }
        for page in Page::pack_all(records) {
            self.add(page, batch);
        }
        Ok(())
    }
}
