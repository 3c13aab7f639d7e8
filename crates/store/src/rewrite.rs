//! Writes a directory anew, so that nothing of what was removed is left in it.
//!
//! sled marks what is removed and keeps its bytes until it uses their segment
//! again, which may be never. The tree is copied into a folder within the
//! directory; once the copy is on the disk and says so, its files take the
//! place of the old ones. Whatever cuts this short, the directory holds the old
//! files or the new ones, or the next one to take it finishes the exchange.

use crate::directory::{Directory, LOG, PARAMETERS, io_error};
use crate::storage::{Options, SledStorage};
use crate::tree::{Changes, Tree};
use cairn_oplog::storage::StorageError;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The folder of the copy.
const COPY: &str = "rewriting";
/// The file in it that says that it is whole.
const WHOLE: &str = "whole";
/// Bytes copied in one step.
const STEP_BYTES: usize = 1024 * 1024;

/// Writes everything that the store in `path` holds into fresh files, and
/// removes the old ones. The directory must be held by nobody; it needs as much
/// room again as the store holds. The disk itself may keep old blocks, as disks
/// do.
pub fn rewrite(path: &Path) -> Result<(), StorageError> {
    // Damage is found before it is copied.
    drop(SledStorage::open(path, Options::default())?);
    let directory = Directory::take(path)?;
    let io = |error: io::Error| io_error(&error, path);
    copy(&directory)?;
    File::create(path.join(COPY).join(WHOLE))
        .and_then(|file| file.sync_all())
        .map_err(io)?;
    sync_folder(&path.join(COPY)).map_err(io)?;
    settle(path).map_err(io)
}

fn copy(directory: &Directory) -> Result<(), StorageError> {
    let from = Tree::open(directory)?;
    directory.room(crate::RESERVE_BYTES, from.log_bytes()? as usize)?;
    let fresh = Directory::take(&directory.path().join(COPY))?;
    let to = Tree::open(&fresh)?;
    let (mut changes, mut bytes) = (Changes::default(), 0);
    for pair in from.pairs(Vec::new()..vec![u8::MAX; 64], false) {
        let (place, stored) = pair?;
        bytes += place.len() + stored.len();
        changes.put(place, &stored);
        if bytes > STEP_BYTES {
            to.apply(std::mem::take(&mut changes))?;
            to.sync()?;
            bytes = 0;
        }
    }
    to.apply(changes)?;
    to.sync()?;
    fresh.sync().map_err(|error| io_error(&error, fresh.path()))
}

/// Finishes an exchange that was cut short, or forgets a copy that was. Called
/// by whoever has just taken the directory.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    let copy = path.join(COPY);
    if !copy.exists() {
        return Ok(());
    }
    if copy.join(WHOLE).exists() {
        exchange(path, &copy)?;
        sync_folder(path)?;
    }
    // What says that it is whole goes last: until then it can be done again.
    let removed = fs::remove_dir_all(&copy);
    sync_folder(path)?;
    removed
}

fn exchange(path: &Path, copy: &Path) -> io::Result<()> {
    let is_snapshot = |name: &str| name.starts_with(crate::directory::SNAPSHOT);
    if copy.join(LOG).exists() {
        // A snapshot speaks of one log only.
        for name in names(path)?.iter().filter(|name| is_snapshot(name)) {
            fs::remove_file(path.join(name))?;
        }
        sync_folder(path)?;
        fs::rename(copy.join(LOG), path.join(LOG))?;
    }
    let moved = |name: &&String| is_snapshot(name) || *name == PARAMETERS;
    for name in names(copy)?.iter().filter(moved) {
        fs::rename(copy.join(name), path.join(name))?;
    }
    Ok(())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?;
    let name =
        |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_oplog::storage::{Batch, Durability, Storage, Table};
    use std::path::PathBuf;

    const SECRET: &[u8] = b"what nobody may find any more";

    /// A store in which a secret was and is no more.
    fn with_traces(path: &Path) {
        let storage = SledStorage::open(path, Options::default()).unwrap();
        let mut batch = Batch::default();
        batch.put(Table::Pages, [1], SECRET.to_vec());
        for key in 0..200_u8 {
            batch.put(Table::Issues, [key], vec![key; 100]);
        }
        storage.commit(batch, Durability::Synced).unwrap();
        let mut batch = Batch::default();
        batch.remove(Table::Pages, [1]);
        storage.commit(batch, Durability::Synced).unwrap();
    }

    fn has_secret(path: &Path) -> bool {
        let mut folders = vec![path.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read(path)
                    .unwrap()
                    .windows(SECRET.len())
                    .any(|part| part == SECRET)
                {
                    return true;
                }
            }
        }
        false
    }

    fn assert_kept(path: &Path) {
        let storage = SledStorage::open(path, Options::default()).unwrap();
        let issues = storage.range(Table::Issues, &[], usize::MAX).unwrap();
        assert_eq!(issues.len(), 200);
        assert!(
            issues
                .iter()
                .all(|(key, value)| *value == vec![key[0]; 100])
        );
        assert_eq!(storage.get(Table::Pages, &[1]).unwrap(), None);
    }

    #[test]
    fn what_was_removed_leaves_no_trace() {
        let directory = tempfile::tempdir().unwrap();
        with_traces(directory.path());
        assert!(has_secret(directory.path()), "sled keeps what is removed");
        rewrite(directory.path()).unwrap();
        assert!(!has_secret(directory.path()));
        assert_kept(directory.path());
        assert!(!directory.path().join(COPY).exists());
    }

    #[test]
    fn an_exchange_that_is_cut_anywhere_is_finished_by_the_next() {
        for cut in 0..4 {
            let directory = tempfile::tempdir().unwrap();
            let (path, copied) = (directory.path(), directory.path().join(COPY));
            with_traces(path);
            copy(&Directory::take(path).unwrap()).unwrap();
            if cut > 0 {
                File::create(copied.join(WHOLE)).unwrap();
            }
            if cut > 1 {
                for name in names(path).unwrap() {
                    if name.starts_with(crate::directory::SNAPSHOT) {
                        fs::remove_file(path.join(name)).unwrap();
                    }
                }
            }
            if cut > 2 {
                fs::rename(copied.join(LOG), path.join(LOG)).unwrap();
            }
            assert_kept(path);
            assert_eq!(has_secret(path), cut == 0, "cut {cut}");
            assert!(!copied.exists());
        }
    }

    #[test]
    fn a_directory_that_is_held_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        with_traces(directory.path());
        let held = SledStorage::open(directory.path(), Options::default()).unwrap();
        let refused = rewrite(directory.path()).unwrap_err();
        assert!(matches!(refused, StorageError::Locked(..)), "{refused}");
        drop(held);
        assert_kept(directory.path());
    }
}
