//! The ledger in storage: entries by position, and where each device log's
//! bundles stand in it.

use crate::bundle::{BUNDLE_OPERATIONS_MAX, LogHead, Parsed, Verified};
use crate::ledger::{Entry, LedgerHead};
use crate::storage::{self, Batch, Storage, StorageError, Table};
use cairn_model::codec;
use cairn_model::{DeviceId, Hash, LogId, OrganizationId, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};

const HEAD: &str = "ledger head";
/// Entries of the index read at a time.
const INDEX_PAGE: usize = 64;

#[derive(Serialize, Deserialize)]
struct Stored {
    received: Timestamp,
    first_version: u64,
    head: Hash,
    #[serde(with = "crate::bundle::byte_string")]
    bundle: Vec<u8>,
}

/// An entry with where the ledger stood after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// The version of its first operation.
    pub first_version: u64,
    /// The chain head after it.
    pub head: Hash,
}

/// Where the stored ledger ends.
pub fn head(
    organization: &OrganizationId,
    relay: &PublicKey,
    storage: &dyn Storage,
) -> Result<LedgerHead, StorageError> {
    Ok(storage::meta(storage, HEAD)?.unwrap_or_else(|| LedgerHead::genesis(organization, relay)))
}

/// Puts one more bundle behind `head` and moves it.
pub fn append(
    head: &mut LedgerHead,
    received: Timestamp,
    bundle: &Verified,
    batch: &mut Batch,
) -> Entry {
    let received = received.max(head.received);
    let first_version = head.version + 1;
    *head = head.after(received, bundle.bytes(), bundle.slots().len() as u64);
    let stored = Stored {
        received,
        first_version,
        head: head.head,
        bundle: bundle.bytes().to_vec(),
    };
    batch.put(
        Table::Ledger,
        head.position.to_be_bytes(),
        codec::encode(&stored),
    );
    batch.put(
        Table::LogIndex,
        index_key(&bundle.log(), bundle.first(), head.position),
        head.position.to_be_bytes(),
    );
    Entry {
        position: head.position,
        received,
        bundle: bundle.clone(),
    }
}

/// Records where the ledger ends; once per batch of appends.
pub fn put_head(head: &LedgerHead, batch: &mut Batch) {
    batch.put(Table::Meta, HEAD, codec::encode(head));
}

/// Up to `limit` entries from `position` on.
pub fn entries(
    position: u64,
    limit: usize,
    storage: &dyn Storage,
) -> Result<Vec<StoredEntry>, StorageError> {
    storage
        .range(Table::Ledger, &position.to_be_bytes(), limit)?
        .into_iter()
        .map(|(key, value)| read(&key, &value))
        .collect()
}

/// The entry that holds the operation of `version`, if the ledger is that long.
/// Binary search over positions.
pub fn entry_of_version(
    version: u64,
    head: &LedgerHead,
    storage: &dyn Storage,
) -> Result<Option<StoredEntry>, StorageError> {
    if version == 0 || version > head.version {
        return Ok(None);
    }
    let (mut low, mut high) = (1, head.position);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match entries(middle, 1, storage)?.first() {
            Some(entry) if entry.first_version <= version => low = middle,
            _ => high = middle - 1,
        }
    }
    Ok(entries(low, 1, storage)?.into_iter().next())
}

/// Where in the key of a bundle its position in the ledger begins: after
/// device, generation and first sequence.
const POSITION_AT: usize = 16 + 4 + 8;

/// The bundles of `log` that hold `first` or come after it, at most `limit`.
pub fn bundles_of(
    log: &LogId,
    first: u64,
    limit: usize,
    storage: &dyn Storage,
) -> Result<Vec<Verified>, StorageError> {
    let prefix = index_prefix(log);
    let mut from = index_key(log, first, 0);
    if let Some((mut key, _)) = storage
        .range_back(
            Table::LogIndex,
            &index_key(log, first.saturating_add(1), 0),
            1,
        )?
        .into_iter()
        .next()
        && key.starts_with(&prefix)
    {
        // Where a log was written twice, several bundles begin at one place.
        key.truncate(POSITION_AT);
        from = key;
    }
    let mut bundles = Vec::new();
    for (key, position) in storage.range(Table::LogIndex, &from, limit)? {
        if !key.starts_with(&prefix) {
            break;
        }
        let bundle = indexed(&key, &position, storage)?.entry.bundle;
        if bundle.last() >= first {
            bundles.push(bundle);
        }
    }
    Ok(bundles)
}

/// The bundles of `log` that hold an operation from `first` to `last`: all of
/// them where the log was written twice.
pub fn bundles_over(
    log: &LogId,
    first: u64,
    last: u64,
    storage: &dyn Storage,
) -> Result<Vec<Verified>, StorageError> {
    let entries = entries_over(log, first, last, storage)?;
    let bundles = entries.into_iter().map(|stored| stored.entry.bundle);
    Ok(bundles.collect())
}

/// The entries of those bundles.
pub fn entries_over(
    log: &LogId,
    first: u64,
    last: u64,
    storage: &dyn Storage,
) -> Result<Vec<StoredEntry>, StorageError> {
    let earliest = first.saturating_sub(BUNDLE_OPERATIONS_MAX as u64 - 1);
    let after = index_key(log, last.saturating_add(1), 0);
    let mut from = index_key(log, earliest, 0);
    let mut entries = Vec::new();
    loop {
        let page = storage.range(Table::LogIndex, &from, INDEX_PAGE)?;
        let whole = page.len() < INDEX_PAGE;
        for (key, position) in page {
            if key >= after {
                return Ok(entries);
            }
            let stored = indexed(&key, &position, storage)?;
            if stored.entry.bundle.last() >= first {
                entries.push(stored);
            }
            from = key;
            from.push(0);
        }
        if whole {
            return Ok(entries);
        }
    }
}

/// The furthest end of `log` that any of its bundles reaches; `None` before
/// the first.
pub fn furthest(log: &LogId, storage: &dyn Storage) -> Result<Option<LogHead>, StorageError> {
    let after = index_key(log, u64::MAX, u64::MAX);
    let Some((key, position)) = storage.range_back(Table::LogIndex, &after, 1)?.pop() else {
        return Ok(None);
    };
    if !key.starts_with(&index_prefix(log)) {
        return Ok(None);
    }
    // Only what overlaps the start of the newest bundle can reach further.
    let newest = indexed(&key, &position, storage)?.entry.bundle;
    let bundles = bundles_over(log, newest.first(), u64::MAX, storage)?;
    let heads = bundles.iter().map(Verified::head);
    Ok(heads.max_by_key(|head| head.sequence))
}

/// The newest of a device's logs that the ledger has a bundle of.
pub fn newest(device: &DeviceId, storage: &dyn Storage) -> Result<Option<LogId>, StorageError> {
    let last = LogId {
        device: *device,
        generation: u32::MAX,
    };
    let after = index_key(&last, u64::MAX, u64::MAX);
    let found = storage.range_back(Table::LogIndex, &after, 1)?.pop();
    let generation = found
        .filter(|(key, _)| key.starts_with(&device.0))
        .and_then(|(key, _)| key.get(16..20)?.try_into().ok())
        .map(u32::from_be_bytes);
    Ok(generation.map(|generation| LogId {
        device: *device,
        generation,
    }))
}

/// The entry that one of the index names.
fn indexed(
    key: &[u8],
    position: &[u8],
    storage: &dyn Storage,
) -> Result<StoredEntry, StorageError> {
    let found = storage.get(Table::Ledger, position)?;
    let value = found
        .ok_or_else(|| StorageError::corrupt(Table::LogIndex, key, "it names no ledger entry"))?;
    read(position, &value)
}

fn index_prefix(log: &LogId) -> Vec<u8> {
    let mut key = log.device.0.to_vec();
    key.extend_from_slice(&log.generation.to_be_bytes());
    key
}

fn index_key(log: &LogId, first: u64, position: u64) -> Vec<u8> {
    let mut key = index_prefix(log);
    key.extend_from_slice(&first.to_be_bytes());
    key.extend_from_slice(&position.to_be_bytes());
    key
}

fn read(key: &[u8], value: &[u8]) -> Result<StoredEntry, StorageError> {
    let corrupt = |reason: String| StorageError::corrupt(Table::Ledger, key, reason);
    let position = key
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| corrupt("its key is no position".into()))?;
    let stored: Stored =
        codec::decode("ledger entry", value).map_err(|error| corrupt(error.to_string()))?;
    let bundle = Parsed::parse(stored.bundle).map_err(|fault| corrupt(fault.to_string()))?;
    Ok(StoredEntry {
        entry: Entry {
            position,
            received: stored.received,
            bundle: bundle.trust_own_storage(),
        },
        first_version: stored.first_version,
        head: stored.head,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::seal;
    use crate::key::SecretKey;
    use crate::memory::MemoryStorage;
    use crate::storage::Durability;

    #[test]
    fn entries_are_found_by_position_version_and_log() {
        let organization = OrganizationId([1; 16]);
        let key = SecretKey::from_seed(&[2; 32]);
        let log = LogId {
            device: key.public().device(),
            generation: 0,
        };
        let storage = MemoryStorage::new();
        let mut head = head(&organization, &key.public(), &storage).unwrap();
        let mut at = LogHead::genesis(&organization, &log);
        let mut batch = Batch::default();
        for count in [1, 3, 2] {
            let bundle = seal(&organization, log, &at, vec![b"op".to_vec(); count], &key);
            at = bundle.head();
            append(&mut head, Timestamp(count as u64), &bundle, &mut batch);
        }
        put_head(&head, &mut batch);
        storage.commit(batch, Durability::Synced).unwrap();

        assert_eq!(
            self::head(&organization, &key.public(), &storage).unwrap(),
            head
        );
        assert_eq!((head.position, head.version), (3, 6));
        let positions: Vec<u64> = (1..=6)
            .map(|version| {
                entry_of_version(version, &head, &storage)
                    .unwrap()
                    .unwrap()
                    .entry
                    .position
            })
            .collect();
        assert_eq!(positions, [1, 2, 2, 2, 3, 3]);
        assert_eq!(entry_of_version(7, &head, &storage).unwrap(), None);
        let received: Vec<u64> = entries(1, 9, &storage)
            .unwrap()
            .iter()
            .map(|e| e.entry.received.0)
            .collect();
        assert_eq!(received, [1, 3, 3], "received times never fall");
        let firsts: Vec<u64> = bundles_of(&log, 3, 9, &storage)
            .unwrap()
            .iter()
            .map(Verified::first)
            .collect();
        assert_eq!(firsts, [2, 5]);
    }

    #[test]
    fn all_that_stands_at_a_place_is_found_where_a_log_was_written_twice() {
        let organization = OrganizationId([1; 16]);
        let key = SecretKey::from_seed(&[2; 32]);
        let log = LogId {
            device: key.public().device(),
            generation: 0,
        };
        let storage = MemoryStorage::new();
        let mut head = head(&organization, &key.public(), &storage).unwrap();
        let start = LogHead::genesis(&organization, &log);
        let mut batch = Batch::default();
        let mut append_of = |at: &LogHead, words: &[&[u8]]| {
            let operations = words.iter().map(|word| word.to_vec()).collect();
            let bundle = seal(&organization, log, at, operations, &key);
            append(&mut head, Timestamp(1), &bundle, &mut batch);
            bundle
        };
        let long = append_of(&start, &[b"one", b"two", b"three"]);
        let short = append_of(&start, &[b"one"]);
        let other = append_of(&short.head(), &[b"other"]);
        let four = append_of(&long.head(), &[b"four"]);
        storage.commit(batch, Durability::Synced).unwrap();

        let found = bundles_over(&log, 2, 3, &storage).unwrap();
        assert_eq!(found, [long.clone(), other]);
        assert_eq!(furthest(&log, &storage).unwrap(), Some(four.head()));
        let unknown = LogId {
            generation: 1,
            ..log
        };
        assert_eq!(furthest(&unknown, &storage).unwrap(), None);
        let found = bundles_over(&log, 1, 1, &storage).unwrap();
        assert_eq!(found, [long, short]);
        assert_eq!(bundles_over(&log, 5, 9, &storage).unwrap(), []);
    }
}
