//! A full disk: an error a user can read, and nothing confirmed is lost.

use crate::subject::{all, noise, open};
use cairn_oplog::storage::{Batch, Durability, Storage, StorageError, Table};
use cairn_store::{Options, SledStorage};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Commits until the port refuses; returns how many batches it took.
fn fill(storage: &SledStorage) -> (u64, StorageError) {
    fill_from(storage, 0)
}

fn fill_from(storage: &SledStorage, first: u64) -> (u64, StorageError) {
    for number in first.. {
        if let Err(error) = storage.commit(batch(number), Durability::Synced) {
            return (number, error);
        }
    }
    unreachable!("no disk takes that much")
}

fn batch(number: u64) -> Batch {
    let mut batch = Batch::default();
    batch.put(Table::Ledger, number.to_be_bytes(), value(number));
    batch.put(Table::Meta, "head", number.to_be_bytes());
    batch
}

fn value(number: u64) -> Vec<u8> {
    noise(number, 6_000)
}

/// The batches that were taken are there, whole, and no other is.
#[track_caller]
fn holds(storage: &SledStorage, batches: u64) {
    let expected = (0..batches).map(|number| (number.to_be_bytes().to_vec(), value(number)));
    assert!(
        expected.eq(all(storage, Table::Ledger)),
        "{batches} batches"
    );
}

#[test]
fn a_quota_refuses_and_goes_on_when_it_is_raised() {
    let directory = tempfile::tempdir().unwrap();
    let quota = |bytes| Options {
        quota_bytes: Some(bytes),
        ..Options::default()
    };
    let storage = SledStorage::open(directory.path(), quota(2 << 20)).unwrap();
    let (taken, full) = fill(&storage);
    assert!(taken > 50, "{taken}");
    assert!(full.to_string().starts_with("the disk is full"), "{full}");
    // Refused before anything was written: the port still works.
    holds(&storage, taken);
    assert_eq!(storage.commit(batch(taken), Durability::Synced), Err(full));
    drop(storage);

    let storage = SledStorage::open(directory.path(), quota(8 << 20)).unwrap();
    holds(&storage, taken);
    storage.commit(batch(taken), Durability::Synced).unwrap();
    holds(&storage, taken + 1);
}

/// A file system of its own, in memory.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<SmallDisk> {
        let at = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(at.path())
            .output();
        mount
            .is_ok_and(|done| done.status.success())
            .then_some(SmallDisk(at))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let umount = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(umount.is_ok_and(|status| status.success()));
    }
}

macro_rules! small_disk {
    ($size:literal) => {
        match SmallDisk::mount($size) {
            Some(disk) => disk,
            None => {
                println!("skipped: mounting a small file system needs the rights of root");
                return;
            }
        }
    };
}

#[test]
fn the_reserve_refuses_before_the_disk_is_full() {
    let disk = small_disk!("24m");
    let directory = disk.path().join("store");
    let storage = open(&directory);
    let (taken, full) = fill(&storage);
    assert!(matches!(full, StorageError::Full(_)), "{full}");
    holds(&storage, taken);
    drop(storage);
    // Kept back for this: a start needs room of its own.
    let storage = open(&directory);
    holds(&storage, taken);
}

#[test]
fn a_disk_that_fills_under_the_store_loses_nothing_confirmed() {
    let disk = small_disk!("24m");
    let directory = disk.path().join("store");
    let filler = disk.path().join("filler");
    let unchecked = || {
        let options = Options {
            reserve_bytes: 0,
            ..Options::default()
        };
        SledStorage::open(&directory, options).unwrap()
    };
    let mut held = 0;
    for filled in [20_u64, 14, 8] {
        fs::write(&filler, vec![0; (filled << 20) as usize]).unwrap();
        let storage = unchecked();
        let (taken, full) = fill_from(&storage, held);
        assert!(matches!(full, StorageError::Full(_)), "{full}");
        let poisoned = storage.get(Table::Meta, b"head");
        assert!(
            matches!(poisoned, Err(StorageError::Poisoned(_))),
            "{poisoned:?}"
        );
        drop(storage);

        fs::remove_file(&filler).unwrap();
        let storage = unchecked();
        held = all(&storage, Table::Ledger).len() as u64;
        assert!(held >= taken, "{taken} were confirmed and {held} are there");
        holds(&storage, held);
    }
}
