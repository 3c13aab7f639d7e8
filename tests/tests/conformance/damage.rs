//! Damaged files: refused at the start, or a value is refused when it is
//! read, or nothing of use was damaged. Never other content than was written.

use crate::subject::{all, copy, noise, open};
use cairn_oplog::storage::{Batch, Durability, Pair, Storage, StorageError, Table};
use cairn_store::{Options, SledStorage};
use std::fs;
use std::path::Path;

const BATCHES: u64 = 120;
/// Places in each file that are damaged, one at a time.
const PLACES: usize = 40;

/// What became of a damaged directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Refused,
    ReadRefused,
    Intact,
}

#[test]
fn damage_to_files_that_were_never_read_back_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    let fates = damage_everywhere(directory.path());
    assert!(fates.contains(&Fate::Refused));
}

#[test]
fn damage_to_files_that_were_read_back_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    // sled writes down where everything is at a start.
    drop(open(directory.path()));
    let fates = damage_everywhere(directory.path());
    assert!(fates.contains(&Fate::ReadRefused));
}

#[test]
fn a_log_that_was_cut_off_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    let log = directory.path().join("db");
    let length = fs::metadata(&log).unwrap().len();
    for kept in [0, 20, length / 2, length - 40] {
        let cut = tempfile::tempdir().unwrap();
        copy(directory.path(), cut.path());
        let log = fs::OpenOptions::new()
            .write(true)
            .open(cut.path().join("db"));
        log.unwrap().set_len(kept).unwrap();
        assert_eq!(fate(cut.path(), directory.path()), Fate::Refused, "{kept}");
    }
}

#[test]
fn what_is_left_of_a_damaged_directory_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    drop(open(directory.path()));
    let confirmed = directory.path().join("confirmed");
    fs::write(confirmed, ahead()).unwrap();
    let refused = SledStorage::open(directory.path(), Options::default()).unwrap_err();
    let expected = format!(
        "the log ends after batch {BATCHES}, but batch {} had been",
        BATCHES + 5
    );
    assert!(refused.to_string().contains(&expected), "{refused}");

    let damaged = Options {
        damaged: true,
        ..Options::default()
    };
    let storage = SledStorage::open(directory.path(), damaged).unwrap();
    assert_eq!(all(&storage, Table::Ledger), content(Table::Ledger));
    let refused = storage.commit(Batch::default(), Durability::Synced);
    assert!(
        matches!(refused, Err(StorageError::Poisoned(_))),
        "{refused:?}"
    );
}

/// The file `confirmed` of a store that went on for five batches more.
fn ahead() -> Vec<u8> {
    let later = tempfile::tempdir().unwrap();
    fill(later.path());
    let storage = open(later.path());
    for number in 0..5_u8 {
        let mut batch = Batch::default();
        batch.put(Table::Meta, [number], [number]);
        storage.commit(batch, Durability::Synced).unwrap();
    }
    fs::read(later.path().join("confirmed")).unwrap()
}

fn fill(directory: &Path) {
    let storage = open(directory);
    for number in 0..BATCHES {
        let mut batch = Batch::default();
        batch.put(Table::Ledger, number.to_be_bytes(), value(number));
        batch.put(Table::Meta, "head", number.to_be_bytes());
        storage.commit(batch, Durability::Synced).unwrap();
    }
}

fn value(number: u64) -> Vec<u8> {
    let length = number.wrapping_mul(2_654_435_761) % 6_000;
    noise(number, length as usize)
}

fn content(table: Table) -> Vec<Pair> {
    match table {
        Table::Ledger => (0..BATCHES)
            .map(|number| (number.to_be_bytes().to_vec(), value(number)))
            .collect(),
        Table::Meta => vec![(b"head".to_vec(), (BATCHES - 1).to_be_bytes().to_vec())],
        _ => Vec::new(),
    }
}

fn damage_everywhere(directory: &Path) -> Vec<Fate> {
    let mut fates = Vec::new();
    for file in fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        if file.file_type().unwrap().is_dir() || file.file_name() == "lock" {
            continue;
        }
        for place in 0..PLACES.min(length) {
            let damaged = tempfile::tempdir().unwrap();
            copy(directory, damaged.path());
            let mut bytes = fs::read(file.path()).unwrap();
            bytes[place * length / PLACES.min(length)] ^= 0x10;
            fs::write(damaged.path().join(file.file_name()), bytes).unwrap();
            fates.push(fate(damaged.path(), directory));
        }
    }
    fates
}

/// Opens and reads the directory; whatever is read is what was written.
#[track_caller]
fn fate(damaged: &Path, original: &Path) -> Fate {
    let storage = match SledStorage::open(damaged, Options::default()) {
        Ok(storage) => storage,
        Err(error) => {
            explains(&error, damaged);
            return Fate::Refused;
        }
    };
    let mut fate = Fate::Intact;
    for table in Table::ALL {
        match storage.range(table, &[], usize::MAX) {
            Ok(found) => assert!(
                found == content(table),
                "{table} is not what was written to {}",
                original.display()
            ),
            Err(error) => {
                explains(&error, damaged);
                fate = Fate::ReadRefused;
            }
        }
    }
    fate
}

#[track_caller]
fn explains(error: &StorageError, directory: &Path) {
    let text = error.to_string();
    let fine = match error {
        StorageError::Corrupt { .. } => text.contains("restore the directory from a backup"),
        StorageError::Io(_) => text.contains(&directory.display().to_string()),
        _ => false,
    };
    assert!(fine, "{text}");
}
