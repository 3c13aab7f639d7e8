//! A folder that results are kept in.

use cairn_lab::compare::Shelf;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

/// A folder as a shelf. What is written is there whole, or not at all.
pub(super) struct Folder(pub(super) PathBuf);

impl Shelf for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // Its name says whose draft it is: several shards may share a folder.
        let draft = self.0.join(format!("{name}.{}", std::process::id()));
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
        let shelf = Folder(folder.path().join("new"));
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
}
