//! Git repositories of structured records as histories of the policy lab.
//!
//! Reads a repository, commit by commit, and writes what `cairn_lab` reads: who
//! changed which record when, having seen what; and, for every merge of two
//! sides that had changed a record differently, what each had made of it and
//! what a person left it at. It must not know what a policy is, and it runs
//! nothing that a repository names: see `repository`.
//!
//! Entry point: [`import`], by a [`Plan`]. Reading order: `repository` and
//! `graph` (commits), `patterns` and `files` (what changed in each), `format`,
//! `key` and `records` (what a file holds), `sources` (read once), `versions`
//! and `follow` (what each commit holds, and the steps from one to the next),
//! `merge` and `lines` (what became of what met), `summary`, `draft`.

mod cache;
mod draft;
mod fault;
mod files;
mod follow;
mod format;
mod graph;
mod key;
mod lines;
mod merge;
mod patterns;
mod records;
mod repository;
mod sources;
mod steps;
mod summary;
mod versions;

pub use fault::ImportFault;
pub use format::Format;
pub use key::{Key, Pointer, Rows};
pub use patterns::{PatternFault, Patterns};
pub use summary::{LeftOut, Summary};

use draft::Draft;
use follow::Follower;
use graph::Graph;
use repository::Repository;
use std::path::Path;

/// What is taken out of a repository, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The files that hold records.
    pub paths: Patterns,
    /// How records are told apart.
    pub key: Key,
    /// How the files are written; by how their names end, if not given.
    pub format: Option<Format>,
    /// Where in a file the record or the records are.
    pub place: Pointer,
    /// Lists in a record of which the rows have keys.
    pub rows: Vec<Rows>,
    /// Whether a file that cannot be read ends it all.
    pub strict: bool,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Commits are found.
    Reading {
        /// How many.
        commits: usize,
    },
    /// Commits are followed.
    Following {
        /// How many were.
        done: usize,
        /// How many there are.
        of: usize,
    },
}

/// Takes a repository's history into a new folder. It is there whole, or not
/// at all.
pub fn import(
    repository: &Path,
    plan: &Plan,
    folder: &Path,
    tell: &dyn Fn(Progress),
) -> Result<Summary, ImportFault> {
    let mut draft = Draft::new(folder)?;
    let mut repository = Repository::open(repository)?;
    let tips = repository.tips()?;
    let graph = Graph::read(&mut repository, &tips, tell)?;
    if graph.commits.is_empty() {
        return Err(ImportFault::Empty);
    }
    let follower = Follower::new(&mut repository, &graph, plan, draft.writer()?);
    let summary = follower.follow(tell)?;
    draft.keep(&summary)?;
    Ok(summary)
}
