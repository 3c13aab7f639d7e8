//! A folder that results are kept in.

use cairn_lab::compare::Shelf;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Folders within that results are put into.
const WITHIN: [&str; 3] = ["", "units", "figures"];

/// A folder as a shelf. What is written is there whole, or not at all.
pub(crate) struct Folder {
    path: PathBuf,
    draft: String,
}

impl Folder {
    /// A folder, and the part of a run that writes into it. Several shards may
    /// share a folder, and be on several machines; what one of them was writing
    /// when it was stopped goes when it is begun again.
    pub(crate) fn of_shard(path: &Path, shard: &str) -> Folder {
        let folder = Folder {
            path: path.to_owned(),
            draft: format!("draft-{shard}-"),
        };
        folder.sweep();
        folder
    }

    fn sweep(&self) {
        let files = WITHIN.iter().filter_map(|within| {
            let listed = fs::read_dir(self.path.join(within)).ok()?;
            Some(listed.filter_map(Result::ok))
        });
        for file in files.flatten() {
            let name = file.file_name();
            let ending = Path::new(&name).extension().and_then(|e| e.to_str());
            if ending.is_some_and(|ending| ending.starts_with(&self.draft)) {
                fs::remove_file(file.path()).ok();
            }
        }
    }
}

impl Shelf for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let process = std::process::id();
        let draft = self.path.join(format!("{name}.{}{process}", self.draft));
        let mut file = fs::File::create(&draft)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written
            .and_then(|()| fs::rename(&draft, &path))
            .inspect_err(|_| {
                fs::remove_file(&draft).ok();
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Folder::of_shard(&folder.path().join("new"), "0-1");
        assert_eq!(shelf.read("units/a.json").unwrap(), None);
        shelf.write("units/a.json", b"one").unwrap();
        shelf.write("units/a.json", b"two").unwrap();
        assert_eq!(shelf.read("units/a.json").unwrap().unwrap(), b"two");
        let names = fs::read_dir(folder.path().join("new/units")).unwrap();
        assert_eq!(names.count(), 1);
        fs::create_dir(folder.path().join("new/taken")).unwrap();
        assert!(shelf.write("taken", b"three").is_err());
        let left = fs::read_dir(folder.path().join("new")).unwrap();
        assert_eq!(left.count(), 2, "no draft is left behind");
    }

    #[test]
    fn what_was_being_written_goes_when_the_shard_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let listed = fs::read_dir(folder.path().join("units")).unwrap();
            let names = listed.map(|file| file.unwrap().file_name().into_string().unwrap());
            names.collect::<std::collections::BTreeSet<String>>()
        };
        let shelf = Folder::of_shard(folder.path(), "1-16");
        shelf.write("units/a.json", b"whole").unwrap();
        let (own, others) = ("units/b.json.draft-1-16-77", "units/b.json.draft-11-16-77");
        fs::write(folder.path().join(own), b"ha").unwrap();
        fs::write(folder.path().join(others), b"ha").unwrap();
        Folder::of_shard(folder.path(), "1-16");
        assert_eq!(
            names(),
            ["a.json", "b.json.draft-11-16-77"]
                .map(str::to_owned)
                .into()
        );
    }
}
