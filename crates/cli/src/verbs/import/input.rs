//! Standard input as a file: rows are read twice, once to see that they fit,
//! and where the directory is held.

use super::{ImportAnswer, STANDARD_INPUT};
use crate::context::Context;
use crate::exit::Failure;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What messages call it.
const NAME: &str = "standard input";

/// What came on standard input, in a file that is removed when dropped.
pub(super) struct Input {
    path: PathBuf,
}

impl Input {
    /// Reads standard input to its end, if `file` says so.
    pub(super) fn of(file: Option<&Path>, context: &Context) -> Result<Option<Input>, Failure> {
        if file != Some(Path::new(STANDARD_INPUT)) {
            return Ok(None);
        }
        let directory = &context.directory;
        directory.owner().ok_or_else(|| directory.nothing_here())?;
        let name = format!("import-{}.tmp", std::process::id());
        let unwritable = |error: io::Error| {
            Failure::storage(format!(
                "{NAME} cannot be kept in {}: {error}",
                directory.path.display()
            ))
        };
        let path = std::path::absolute(directory.path.join(name)).map_err(unwritable)?;
        let file = private(&path).map_err(unwritable)?;
        let input = Input { path };
        io::copy(&mut io::stdin().lock(), &mut &file).map_err(unwritable)?;
        Ok(Some(input))
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The answer as a person who typed `-` reads it.
    pub(super) fn named(
        &self,
        answer: Result<ImportAnswer, Failure>,
    ) -> Result<ImportAnswer, Failure> {
        let path = self.path.display().to_string();
        match answer {
            Ok(mut answer) => {
                for table in &mut answer.report.tables {
                    table.file = table.file.replace(&path, NAME);
                }
                Ok(answer)
            }
            Err(mut failure) => {
                failure.message = failure.message.replace(&path, NAME);
                Err(failure)
            }
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

/// A new file that only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}
