//! The folder of a history, which is there whole or not at all.

use crate::{ImportFault, Summary};
use cairn_lab::history::write::{FILES, Writer};
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What an import counted, beside the history.
const SUMMARY: &str = "summary.json";

/// A folder beside the one that is wanted. It goes with its value, unless kept.
pub(crate) struct Draft {
    wanted: PathBuf,
    draft: PathBuf,
    kept: bool,
}

impl Draft {
    pub(crate) fn new(wanted: &Path) -> Result<Draft, ImportFault> {
        let fault = |source| ImportFault::Folder {
            path: wanted.to_owned(),
            source,
        };
        let is_taken = match fs::read_dir(wanted) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(fault(error)),
        };
        if is_taken {
            return Err(ImportFault::NotEmpty {
                path: wanted.to_owned(),
            });
        }
        let name = wanted
            .file_name()
            .ok_or_else(|| fault(io::Error::other("it has no name of its own")))?;
        // Its name says whose draft it is.
        let name = format!(".{}.{}", name.to_string_lossy(), std::process::id());
        let draft = wanted.with_file_name(name);
        if let Some(parent) = draft.parent() {
            fs::create_dir_all(parent).map_err(fault)?;
        }
        fs::create_dir(&draft).map_err(fault)?;
        Ok(Draft {
            wanted: wanted.to_owned(),
            draft,
            kept: false,
        })
    }

    /// The files of the history.
    pub(crate) fn writer(&self) -> Result<Writer<BufWriter<File>>, ImportFault> {
        let [steps, commits, merges, outcomes] = FILES;
        let open = |name: &str| {
            let path = self.draft.join(name);
            let file = File::create_new(&path);
            let file = file.map_err(|source| ImportFault::Folder { path, source });
            file.map(BufWriter::new)
        };
        Ok(Writer::new([
            open(steps)?,
            open(commits)?,
            open(merges)?,
            open(outcomes)?,
        ]))
    }

    /// Puts the folder where it is wanted.
    pub(crate) fn keep(&mut self, summary: &Summary) -> Result<(), ImportFault> {
        let kept = self.write(summary).and_then(|()| {
            for name in FILES {
                File::open(self.draft.join(name))?.sync_all()?;
            }
            // An empty folder gives way.
            fs::rename(&self.draft, &self.wanted)
        });
        kept.map_err(|source| ImportFault::Folder {
            path: self.wanted.clone(),
            source,
        })?;
        self.kept = true;
        Ok(())
    }

    fn write(&self, summary: &Summary) -> io::Result<()> {
        let mut file = File::create_new(self.draft.join(SUMMARY))?;
        serde_json::to_writer_pretty(&mut file, summary)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            fs::remove_dir_all(&self.draft).ok();
        }
    }
}
