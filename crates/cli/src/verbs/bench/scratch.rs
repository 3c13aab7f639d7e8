//! A folder for one measurement, removed with what was made in it.

use crate::exit::Failure;
use crate::key_file::random;
use crate::settings::{make_private_directory, unusable};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes of a block as `stat` counts them.
const BLOCK_BYTES: u64 = 512;

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one inside `parent`, or where the system keeps temporary files.
    pub(crate) fn new(parent: Option<&Path>) -> Result<Scratch, Failure> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let name = data_encoding::HEXLOWER.encode(&random::<6>()?);
        let path = parent.join(format!("cairn-{name}"));
        make_private_directory(&path)?;
        Ok(Scratch { path })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A place in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "what was made for the measurement is still there");
        }
    }
}

/// Bytes that everything in a folder takes on the disk.
pub(crate) fn bytes_on_disk(folder: &Path) -> Result<u64, Failure> {
    blocks(folder)
        .map(|blocks| blocks * BLOCK_BYTES)
        .map_err(|error| unusable(folder, "read", &error))
}

fn blocks(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() {
            blocks(&entry.path())?
        } else {
            about.blocks()
        };
    }
    Ok(sum)
}
