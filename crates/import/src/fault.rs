//! Why a repository makes no history.

use cairn_lab::history::write::WriteFault;
use gix_hash::ObjectId;
use std::io;
use std::path::PathBuf;

/// Why a repository makes no history.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault {
    /// The repository cannot be used.
    #[error("{}: {reason}", path.display())]
    Repository {
        /// Where.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// An object is not there.
    #[error(
        "object {id} is not in the repository; if it is a partial clone, fetch the rest (`git fetch --refetch`), else see `git fsck`"
    )]
    Missing {
        /// Its name.
        id: ObjectId,
    },
    /// An object cannot be read.
    #[error("object {id} cannot be read: {reason}; see `git fsck`")]
    Broken {
        /// Its name.
        id: ObjectId,
        /// Why.
        reason: String,
    },
    /// Too many commits.
    #[error("the repository has more than {most} commits; clone fewer of its branches")]
    TooManyCommits {
        /// How many are possible.
        most: usize,
    },
    /// Commits follow each other in a circle.
    #[error("commits follow each other in a circle; see `git fsck`")]
    Circle,
    /// Folders lie too deep.
    #[error("folders lie more than {most} deep in each other; narrow --path")]
    TooDeep {
        /// How deep they may.
        most: usize,
    },
    /// There is no commit.
    #[error("the repository has no commit yet; there is nothing to import")]
    Empty,
    /// No file fits.
    #[error(
        "no file of any of {commits} commits fits --path; paths are from the root of the repository, like `data/*.json`"
    )]
    NothingFits {
        /// How many there are.
        commits: usize,
    },
    /// There are files, but no records.
    #[error("no record could be read; the first file: {first}")]
    NoRecords {
        /// What is wrong with the first file.
        first: String,
    },
    /// A table is no single record.
    #[error(
        "`{path}` is a table of many records; say which columns are their key, like --key [id]"
    )]
    Table {
        /// The file.
        path: String,
    },
    /// Something was left out that must not be.
    #[error("{what} (--strict)")]
    Strict {
        /// What, where, why.
        what: String,
    },
    /// Too many records.
    #[error("there are more than {most} records; narrow --path")]
    TooManyRecords {
        /// How many are possible.
        most: usize,
    },
    /// Too many steps.
    #[error("there are more than {most} changes of records; narrow --path")]
    TooManySteps {
        /// How many are possible.
        most: usize,
    },
    /// The history cannot be written.
    #[error(transparent)]
    Write(#[from] WriteFault),
    /// There is something where the history shall be.
    #[error("{} is there already and not empty; name a new folder", path.display())]
    NotEmpty {
        /// Where.
        path: PathBuf,
    },
    /// The folder cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
