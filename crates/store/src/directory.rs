//! The directory: made, taken for one process, and kept from filling the disk.

use crate::{confirmed, rewrite};
use cairn_oplog::storage::StorageError;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Bytes that are left free on the file system: below this, batches are
/// refused. sled writes each byte three to four times, as leaves are rewritten
/// while they grow, and at a start it fills the last segment (512 KiB) and
/// writes a snapshot beside the old one (about 30 bytes for each leaf: 3 MiB
/// for 2 GiB of content). With this much kept back a full disk refuses batches
/// and stops nothing else, and the start after it has what it needs.
pub const RESERVE_BYTES: u64 = 16 * 1024 * 1024;

/// Times a batch's bytes that sled may write to its log for it.
pub(crate) const WRITE_AMPLIFICATION: u64 = 4;

/// The files in the directory.
const LOCK: &str = "lock";
pub(crate) const LOG: &str = "db";
pub(crate) const PARAMETERS: &str = "conf";
pub(crate) const SNAPSHOT: &str = "snap.";
const UNFINISHED: &str = ".generating";

/// A directory that this process holds.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Held for its lock, which the kernel lets go of however the process ends.
    _lock: File,
}

impl Directory {
    /// Makes the directory, for its owner alone, if it is not there, and takes
    /// it for this process.
    pub(crate) fn take(path: &Path) -> Result<Directory, StorageError> {
        let named = |error: io::Error| io_error(&error, path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(named)?;
        let lock = lock(path)?;
        let directory = Directory {
            path: path.to_owned(),
            _lock: lock,
        };
        rewrite::settle(path).map_err(named)?;
        directory.refuse_foreign()?;
        directory.clear_unfinished().map_err(named)?;
        Ok(directory)
    }

    /// The path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// sled's log.
    pub(crate) fn log(&self) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.path.join(LOG))
    }

    /// sled's snapshot: its name says how far sled has read its log.
    pub(crate) fn snapshot(&self) -> io::Result<Option<String>> {
        Ok(self.snapshots()?.into_iter().max())
    }

    fn snapshots(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.retain(|name| name.starts_with(SNAPSHOT));
        Ok(names)
    }

    /// Removes what a start left of a snapshot when it was killed, or the disk
    /// was full: sled would take it for a snapshot, and refuse to start.
    fn clear_unfinished(&self) -> io::Result<()> {
        let names = self.snapshots()?.into_iter();
        let mut unfinished = names.filter(|name| name.ends_with(UNFINISHED));
        unfinished.try_for_each(|name| fs::remove_file(self.path.join(name)))
    }

    /// Makes the names in the directory, and sled's parameters, last.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(self.path.join(PARAMETERS))?.sync_all()?;
        File::open(&self.path)?.sync_all()
    }

    /// Refuses a batch of `bytes` when less than `reserve` would stay free.
    /// Without a reserve it does not ask.
    pub(crate) fn room(&self, reserve: u64, bytes: usize) -> Result<(), StorageError> {
        if reserve == 0 {
            return Ok(());
        }
        let free =
            fs4::available_space(&self.path).map_err(|error| io_error(&error, &self.path))?;
        let needed = reserve.saturating_add(written_for(bytes));
        if free >= needed {
            return Ok(());
        }
        Err(StorageError::Full(format!(
            "{} KiB are free where {} is, and {} KiB are needed",
            free / 1024,
            self.path.display(),
            needed.div_ceil(1024)
        )))
    }

    /// Refuses a batch of `bytes` when sled's log would grow over `quota`.
    pub(crate) fn quota(&self, quota: u64, log: u64, bytes: usize) -> Result<(), StorageError> {
        if log.saturating_add(written_for(bytes)) <= quota {
            return Ok(());
        }
        Err(StorageError::Full(format!(
            "{} holds {} KiB and may hold {} KiB",
            self.path.display(),
            log / 1024,
            quota / 1024
        )))
    }

    /// sled would write over a file of its log's name, whatever is in it.
    fn refuse_foreign(&self) -> Result<(), StorageError> {
        let length = |name: &str| fs::metadata(self.path.join(name)).map_or(0, |file| file.len());
        if length(LOG) == 0 || length(PARAMETERS) > 0 || length(confirmed::FILE) > 0 {
            return Ok(());
        }
        Err(StorageError::Io(format!(
            "{} holds a file `{LOG}` that is no store of cairn; name another directory",
            self.path.display()
        )))
    }
}

fn written_for(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(WRITE_AMPLIFICATION)
}

fn lock(directory: &Path) -> Result<File, StorageError> {
    let path = directory.join(LOCK);
    let named = |error: io::Error| io_error(&error, &path);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(named)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(directory, &mut file)),
        Err(TryLockError::Error(error)) => return Err(named(error)),
    }
    write_holder(&mut file).map_err(named)?;
    Ok(file)
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn locked(directory: &Path, file: &mut File) -> StorageError {
    let mut holder = String::new();
    let known = file.take(20).read_to_string(&mut holder).is_ok();
    let holder = match holder.parse::<u32>() {
        Ok(process) if known => format!(" (process {process})"),
        _ => String::new(),
    };
    StorageError::Locked(directory.display().to_string(), holder)
}

/// What the operating system said, about which path.
pub(crate) fn io_error(error: &io::Error, path: &Path) -> StorageError {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageError::Full(text),
        _ => StorageError::Io(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_is_made_for_its_owner_and_taken_once() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let taken = Directory::take(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let second = Directory::take(&path).unwrap_err();
        let holder = format!(" (process {})", std::process::id());
        assert_eq!(
            second,
            StorageError::Locked(path.display().to_string(), holder)
        );
        drop(taken);
        Directory::take(&path).unwrap();
    }

    #[test]
    fn a_file_of_someone_else_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(LOG), "addresses").unwrap();
        let refused = Directory::take(directory.path()).unwrap_err().to_string();
        assert!(refused.contains("is no store of cairn"), "{refused}");
        assert_eq!(fs::read(directory.path().join(LOG)).unwrap(), b"addresses");
    }

    #[test]
    fn an_unfinished_snapshot_is_no_snapshot() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["snap.1", "snap.2.generating", "other.generating"] {
            fs::write(parent.path().join(name), "").unwrap();
        }
        let directory = Directory::take(parent.path()).unwrap();
        assert_eq!(directory.snapshots().unwrap(), ["snap.1"]);
        assert!(parent.path().join("other.generating").exists());
    }

    #[test]
    fn no_room_is_said_in_numbers() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory::take(parent.path()).unwrap();
        assert_eq!(directory.room(1, 1), Ok(()));
        assert_eq!(directory.room(0, usize::MAX), Ok(()));
        let full = directory.room(u64::MAX, 1).unwrap_err();
        assert!(matches!(full, StorageError::Full(_)), "{full}");
        let full = directory.quota(8192, 4096, 1100).unwrap_err().to_string();
        assert!(full.contains("holds 4 KiB and may hold 8 KiB"), "{full}");
        assert_eq!(directory.quota(8192, 4096, 1024), Ok(()));
    }
}
