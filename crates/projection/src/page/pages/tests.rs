use super::*;
use crate::page::*;
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
fn nothing_of_a_removed_record_stays_in_any_page() {
    let storage = MemoryStorage::new();
    let mut pages = Pages::default();
    write(&mut pages, &storage, (0..300).map(|n| (n, 1)));
    write(&mut pages, &storage, (0..10).map(|n| (n, 2)));
    let gone: BTreeSet<RecordId> = [id(3), id(5), id(299)].into();
    let mut batch = Batch::default();
    pages.remove(&gone, &storage, &mut batch).unwrap();
    storage.commit(batch, Durability::Synced).unwrap();
    let reopened = Pages::open(&storage).unwrap();
    for pages in [&pages, &reopened] {
        assert_eq!(pages.len(), 297);
        for id in &gone {
            assert_eq!(pages.get(*id, &storage).unwrap(), None);
        }
        assert_eq!(pages.get(id(4), &storage).unwrap(), Some(vec![2; 100]));
        assert_eq!(pages.get(id(200), &storage).unwrap(), Some(vec![1; 100]));
    }
    let mut batch = Batch::default();
    pages.scrub(&storage, &mut batch).unwrap();
    storage.commit(batch, Durability::Synced).unwrap();
    assert!(
        pages
            .pages
            .values()
            .all(|(written, current)| written == current)
    );
    for (_, index) in storage.range(Table::PageIndex, &[], usize::MAX).unwrap() {
        let index: Vec<(RecordId, TypeId)> = codec::decode("page index", &index).unwrap();
        assert!(index.iter().all(|(id, _)| !gone.contains(id)));
    }
}

#[test]
fn no_page_takes_the_number_of_one_that_is_gone() {
    let storage = MemoryStorage::new();
    let mut pages = Pages::default();
    write(&mut pages, &storage, (0..100).map(|n| (n, 1)));
    pages.settle(pages.mark());
    assert_eq!(pages.get(id(7), &storage).unwrap(), Some(vec![1; 100]));
    let under_way = pages.mark();
    let mut batch = Batch::default();
    let gone = (0..100).map(id).collect();
    pages.remove(&gone, &storage, &mut batch).unwrap();
    storage.commit(batch, Durability::Synced).unwrap();
    let mut batch = Batch::default();
    let fresh = Page::pack_all((0..200).map(|n| (id(n), TypeId(1), vec![2; 90])));
    fresh
        .into_iter()
        .for_each(|page| pages.add(page, &mut batch));
    pages.settle(under_way);
    assert_eq!(pages.get(id(7), &storage).unwrap(), Some(vec![2; 90]));
    storage.commit(batch, Durability::Synced).unwrap();
    pages.settle(pages.mark());
    assert_eq!(pages.get(id(7), &storage).unwrap(), Some(vec![2; 90]));
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
