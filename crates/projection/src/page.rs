//! Pages: some hundred records as one value. Storage writes and reads them
//! whole, a first download sends them as they are kept.
//!
//! Pages are never changed. A changed record is written to a new page; the
//! newest page that names a record has it. A page nothing points at any more
//! is removed, and thin ones are gathered into new ones.

use crate::record::Record;
use cairn_model::codec::{self, DecodeError};
use cairn_model::{RecordId, TypeId};
use cairn_oplog::bundle::byte_string;
use cairn_oplog::packing;
use cairn_oplog::storage::{Batch, Storage, StorageError, Table};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Records in one page.
pub const PAGE_RECORDS_MAX: usize = 256;
/// Bytes of records in one page before compression, but for a single record
/// that is larger. Below sled's limit for values with room to spare.
pub const PAGE_BYTES_MAX: usize = 96 * 1024;
/// Pages gathered in one compaction step, so that no step takes long.
const GATHERED_PAGES_MAX: usize = 64;
/// Small pages, as single changes make them, that may be about.
const SMALL_PAGES_MAX: usize = 256;

/// Bytes below which a page is not compressed: it is one of single changes,
/// which others soon outdate or a gathering takes in.
const COMPRESSED_BYTES_MIN: usize = 2 * 1024;
/// Bytes of the records that are kept at hand as they were stored last.
const RECENT_BYTES_MAX: usize = 256 * 1024;

/// What a body begins with whose records follow as they are.
const PLAIN: u8 = 0;
/// What a body begins with whose records follow compressed.
const COMPRESSED: u8 = 1;

#[derive(Deserialize)]
struct Blob(#[serde(with = "byte_string")] Vec<u8>);

/// A page on its way to storage or to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The records in it, in order.
    pub index: Vec<(RecordId, TypeId)>,
    /// Their bytes, compressed when that pays.
    #[serde(with = "byte_string")]
    pub body: Vec<u8>,
}

impl Page {
    /// Packs records.
    pub fn pack(records: Vec<(RecordId, TypeId, Vec<u8>)>) -> Page {
        let index = records
            .iter()
            .map(|(id, record_type, _)| (*id, *record_type))
            .collect();
        let room: usize = records.iter().map(|(_, _, bytes)| bytes.len() + 9).sum();
        let mut plain = Vec::with_capacity(room + 10);
        plain.push(PLAIN);
        codec::encode_onto(&records.len(), &mut plain);
        for (_, _, bytes) in &records {
            codec::encode_onto(&bytes.len(), &mut plain);
            plain.extend_from_slice(bytes);
        }
        let packed = match plain.len() < COMPRESSED_BYTES_MIN {
            true => None,
            false => packing::pack(&plain[1..]),
        };
        let body = match packed {
            Some(mut packed) => {
                packed.insert(0, COMPRESSED);
                packed
            }
            None => plain,
        };
        Page { index, body }
    }

    /// Packs any number of records into pages.
    pub fn pack_all(records: impl IntoIterator<Item = (RecordId, TypeId, Vec<u8>)>) -> Vec<Page> {
        let mut pages = Vec::new();
        let mut gathered = Vec::new();
        let mut bytes = 0;
        for record in records {
            if gathered.len() == PAGE_RECORDS_MAX
                || (bytes + record.2.len() > PAGE_BYTES_MAX && !gathered.is_empty())
            {
                pages.push(Page::pack(std::mem::take(&mut gathered)));
                bytes = 0;
            }
            bytes += record.2.len();
            gathered.push(record);
        }
        if !gathered.is_empty() {
            pages.push(Page::pack(gathered));
        }
        pages
    }

    /// The records' bytes, in the order of the index.
    pub fn unpack(&self) -> Result<Vec<Vec<u8>>, DecodeError> {
        unpack(&self.body)
    }
}

fn malformed(reason: impl ToString) -> DecodeError {
    DecodeError::Malformed {
        what: "page",
        reason: reason.to_string(),
    }
}

/// The records of a body, one behind the other.
fn plain(body: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    match body.split_first() {
        Some((&PLAIN, plain)) => Ok(Cow::Borrowed(plain)),
        Some((&COMPRESSED, packed)) => packing::unpack(packed, codec::DECODE_BYTES_MAX)
            .map(Cow::Owned)
            .map_err(malformed),
        _ => Err(malformed("it has no known form")),
    }
}

fn unpack(body: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let blobs: Vec<Blob> = codec::decode("page", &plain(body)?)?;
    Ok(blobs.into_iter().map(|blob| blob.0).collect())
}

/// The bytes of one record; those before it are passed over.
fn one_of(mut plain: &[u8], slot: u16) -> Result<Vec<u8>, DecodeError> {
    let count: u64 = codec::take("page", &mut plain)?;
    if u64::from(slot) >= count {
        return Err(malformed("it has fewer records than its index"));
    }
    for _ in 0..slot {
        next_of(&mut plain)?;
    }
    next_of(&mut plain).map(<[u8]>::to_vec)
}

fn next_of<'a>(plain: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let length: u64 = codec::take("page", plain)?;
    let parts = usize::try_from(length)
        .ok()
        .and_then(|length| plain.split_at_checked(length));
    let (next, rest) = parts.ok_or_else(|| malformed("it ends within a record"))?;
    *plain = rest;
    Ok(next)
}

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
        let number = self
            .pages
            .last_key_value()
            .map_or(1, |(number, _)| number + 1);
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

    /// Forgets everything, for a device that must load anew.
    pub fn clear(&mut self, batch: &mut Batch) {
        for page in self.pages.keys() {
            batch.remove(Table::Pages, key(*page));
            batch.remove(Table::PageIndex, key(*page));
        }
        *self = Pages::default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;
    use cairn_model::{AuthorId, HybridTime, Timestamp, Version};
    use cairn_oplog::Durability;
    use cairn_oplog::memory::MemoryStorage;

    fn id(n: u32) -> RecordId {
        RecordId::derive(&n.to_be_bytes(), "page test")
    }

    fn write(pages: &mut Pages, storage: &MemoryStorage, records: impl Iterator<Item = (u32, u8)>) {
        let mut batch = Batch::default();
        for page in Page::pack_all(records.map(|(n, fill)| (id(n), TypeId(1), vec![fill; 100]))) {
            pages.add(page, &mut batch);
        }
        storage.commit(batch, Durability::Synced).unwrap();
        let mut batch = Batch::default();
        pages.gather(storage, &mut batch).unwrap();
        storage.commit(batch, Durability::Synced).unwrap();
    }

    #[test]
    fn the_newest_page_has_the_record_also_after_reopening() {
        let storage = MemoryStorage::new();
        let mut pages = Pages::default();
        write(&mut pages, &storage, (0..1000).map(|n| (n, 1)));
        for round in 2..20 {
            write(
                &mut pages,
                &storage,
                (0..1000).filter(|n| n % 3 == 0).map(|n| (n, round)),
            );
        }
        let reopened = Pages::open(&storage).unwrap();
        for n in 0..1000 {
            let fill = if n % 3 == 0 { 19 } else { 1 };
            assert_eq!(pages.get(id(n), &storage).unwrap(), Some(vec![fill; 100]));
            assert_eq!(
                reopened.get(id(n), &storage).unwrap(),
                Some(vec![fill; 100])
            );
        }
        assert_eq!(reopened.len(), 1000);
        let stored = storage.range(Table::Pages, &[], usize::MAX).unwrap().len();
        assert!(
            stored <= 12,
            "outdated pages are removed, {stored} are left"
        );
        let mut visited = 0;
        reopened
            .visit::<StorageError>(&storage, |_, _, _| {
                visited += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(visited, 1000);
    }

    #[test]
    fn every_record_is_found_in_its_slot_of_a_plain_and_of_a_compressed_page() {
        for (count, compressed) in [(3, 0), (200, 1)] {
            let storage = MemoryStorage::new();
            let mut pages = Pages::default();
            let mut batch = Batch::default();
            let bytes = |n: u32| vec![n as u8; 10 + n as usize];
            let records: Vec<_> = (0..count).map(|n| (id(n), TypeId(1), bytes(n))).collect();
            let page = Page::pack(records.clone());
            assert_eq!(page.body[0], compressed);
            let unpacked = page.unpack().unwrap();
            pages.add(page, &mut batch);
            storage.commit(batch, Durability::Synced).unwrap();
            pages.settle(pages.mark());
            for ((id, _, bytes), unpacked) in records.iter().zip(unpacked) {
                assert_eq!(*bytes, unpacked);
                assert_eq!(pages.get(*id, &storage).unwrap(), Some(unpacked));
            }
        }
    }

    #[test]
    fn a_record_is_at_hand_until_a_page_brings_another() {
        let mut pages = Pages::default();
        let mut batch = Batch::default();
        let stored = record(1);
        pages.store([stored.clone(), record(2)], &mut batch);
        pages.add(
            Page::pack(vec![(id(2), TypeId(1), vec![7; 50])]),
            &mut batch,
        );
        assert_eq!(pages.take_recent(id(1)), Some(stored.clone()));
        assert_eq!(pages.take_recent(id(2)), None);
        pages.store([stored], &mut batch);
        pages.clear(&mut batch);
        assert_eq!(pages.take_recent(id(1)), None);
    }

    #[test]
    fn what_is_at_hand_is_bounded() {
        let mut pages = Pages::default();
        let mut kept = 0;
        for n in 0..10_000 {
            pages.store([record(n)], &mut Batch::default());
            kept = kept.max(pages.recent.records.len());
        }
        let bytes = record(1).to_image().len();
        assert!(kept > 100 && kept * bytes <= RECENT_BYTES_MAX, "{kept}");
    }

    fn record(n: u32) -> Record {
        let origin = Origin {
            version: Version(1),
            author: AuthorId(1),
            generation: 0,
            sequence: 1,
            time: HybridTime::default(),
            received: Timestamp(0),
        };
        Record::new(id(n), TypeId(1), origin)
    }

    #[test]
    fn a_damaged_page_is_an_error_not_a_record() {
        let mut page = Page::pack(vec![(id(1), TypeId(1), vec![7; 50])]);
        page.body[0] = 9;
        assert!(page.unpack().is_err());
        page.body.clear();
        assert!(page.unpack().is_err());
    }
}
