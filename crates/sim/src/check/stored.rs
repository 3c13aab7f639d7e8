//! What stores hold, read from their bytes and not with the product's layouts.

use crate::reference::bytes::{Bundle, StoredEntry};
use cairn_model::{Hash, LogId, Version};
use cairn_oplog::storage::{Pair, Storage, Table};

/// The rows of a table, as far as they can be read: a rotten one hides itself
/// and nothing else.
fn rows(store: &dyn Storage, table: Table) -> Vec<Pair> {
    match store.range(table, &[], usize::MAX) {
        Ok(rows) => rows,
        Err(_) => one_by_one(store, table),
    }
}

/// Rows from the front up to a rotten one, and from the back down to one.
fn one_by_one(store: &dyn Storage, table: Table) -> Vec<Pair> {
    let mut rows = Vec::new();
    let mut from = Vec::new();
    while let Ok(row) = store.range(table, &from, 1)
        && let Some((key, value)) = row.into_iter().next()
    {
        from = [&key[..], &[0]].concat();
        rows.push((key, value));
    }
    let mut behind = Vec::new();
    let mut before = vec![0xff; 64];
    while let Ok(row) = store.range_back(table, &before, 1)
        && let Some((key, value)) = row.into_iter().next()
        && key >= from
    {
        before.clone_from(&key);
        behind.push((key, value));
    }
    rows.extend(behind.into_iter().rev());
    rows
}

/// The ledger, entry by entry.
pub(super) fn ledger(store: &dyn Storage) -> Vec<(u64, StoredEntry)> {
    let rows = rows(store, Table::Ledger).into_iter();
    rows.filter_map(|(key, value)| {
        let position = u64::from_be_bytes(key.try_into().ok()?);
        Some((position, StoredEntry::read(&value)?))
    })
    .collect()
}

/// The entry whose last operation has this version; the newest are looked at
/// first.
pub(super) fn entry_ending_at(store: &dyn Storage, version: Version) -> Option<StoredEntry> {
    let mut before = vec![0xff; 9];
    loop {
        let rows = store.range_back(Table::Ledger, &before, 16).ok()?;
        before.clone_from(&rows.last()?.0);
        for (_, value) in &rows {
            let entry = StoredEntry::read(value)?;
            if entry.first_version <= version.0 {
                return Some(entry).filter(|entry| entry.last_version() == version);
            }
        }
    }
}

/// A device's sealed bundles, in order.
pub(super) fn bundles(store: &dyn Storage) -> Vec<Bundle> {
    let rows = rows(store, Table::Bundles).into_iter();
    rows.filter_map(|(_, bytes)| Bundle::read(&bytes)).collect()
}

/// A device's operations that are not sealed yet, in order.
pub(super) fn tail(store: &dyn Storage) -> Vec<Vec<u8>> {
    let rows = rows(store, Table::Tail).into_iter();
    rows.map(|(_, bytes)| bytes).collect()
}

fn place(generation: u32, sequence: u64) -> Vec<u8> {
    [&generation.to_be_bytes()[..], &sequence.to_be_bytes()].concat()
}

/// The bytes of the operation at a place of a device's log, if it is there.
pub(super) fn bytes_at(store: &dyn Storage, log: &LogId, sequence: u64) -> Option<Vec<u8>> {
    let key = place(log.generation, sequence);
    if let Ok(Some(bytes)) = store.get(Table::Tail, &key) {
        return Some(bytes);
    }
    let after = place(log.generation, sequence + 1);
    let found = store.range_back(Table::Bundles, &after, 1).ok()?;
    let bundle = Bundle::read(&found.first()?.1)?;
    let at = sequence.checked_sub(bundle.first)? as usize;
    let right = bundle.generation == log.generation && bundle.device == log.device;
    bundle
        .operations
        .into_iter()
        .nth(at)
        .flatten()
        .filter(|_| right)
}

/// The hash of the operation at a place of a device's log, if it is there.
pub(super) fn operation_at(store: &dyn Storage, log: &LogId, sequence: u64) -> Option<Hash> {
    bytes_at(store, log, sequence).map(|bytes| Hash::of(&bytes))
}
