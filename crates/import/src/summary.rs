//! What an import took, and what it left out.

use serde::Serialize;
use std::collections::BTreeMap;

/// How many examples of what was left out are told.
const EXAMPLES_MAX: usize = 5;

/// What an import took, and what it left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Commits of the repository.
    pub commits_seen: u64,
    /// Commits that changed a record: those of the history.
    pub commits: u64,
    /// People.
    pub authors: u64,
    /// Records.
    pub records: u64,
    /// Changes of one record in one commit.
    pub steps: u64,
    /// Commits with several parents.
    pub merges_seen: u64,
    /// Merges of two sides of which each had something the other had not.
    pub merges_diverged: u64,
    /// Merges in which a record was changed differently on both sides: those of
    /// the history.
    pub merges: u64,
    /// Records that were, counted once for each merge.
    pub merged_records: u64,
    /// Records that both sides had changed alike.
    pub records_alike: u64,
    /// What became of fields, and of deleted records, by kind.
    pub outcomes: BTreeMap<String, u64>,
    /// Fields that both sides changed to different values …
    pub conflicts: u64,
    /// … of which one side had held the other's value before …
    pub conflicts_sequel: u64,
    /// … and those of the others for which a person had to look at the file.
    pub conflicts_by_hand: u64,
    /// What people left the true conflicts at.
    pub resolved: BTreeMap<String, u64>,
    /// What was left out.
    pub left_out: LeftOut,
    /// Examples of what was left out, in sentences.
    #[serde(skip)]
    pub examples: Vec<String>,
}

/// What was left out, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Merges of more than two sides: their changes are in the history, what
    /// met in them is not.
    pub merges_of_many: u64,
    /// Merges of histories that have no commit in common.
    pub merges_of_strangers: u64,
    /// Merges whose sides go back to where a shallow clone ends.
    pub merges_cut: u64,
    /// Merges that repeat an earlier one, tree for tree.
    pub merges_repeated: u64,
    /// Merged records on whose state the several last common commits of both
    /// sides do not agree.
    pub records_without_base: u64,
    /// Merged records of which a version could not be read.
    pub records_unreadable: u64,
    /// Versions of files that could not be read. Their records stay as they were.
    pub files_unreadable: u64,
    /// Versions of files that are too large, counted among those.
    pub files_too_large: u64,
    /// Files of which the name does not tell how they are written.
    pub files_of_no_format: u64,
    /// Paths that are no UTF-8.
    pub paths_no_utf8: u64,
    /// Records, or members of one map, whose key a later one has, in every
    /// version of a file.
    pub keys_doubled: u64,
    /// Records whose key a record of another file has.
    pub keys_taken: u64,
    /// Records without a key, in every version of each file.
    pub records_nameless: u64,
}

impl Summary {
    /// Tells an example, unless there are enough of its sort.
    pub(crate) fn example(&mut self, counted: u64, sentence: impl FnOnce() -> String) {
        if counted <= EXAMPLES_MAX as u64 {
            self.examples.push(sentence());
        }
    }
}

impl LeftOut {
    /// Each sort of what was left out, in words for any number of them.
    pub fn told(&self) -> Vec<(u64, &'static str)> {
        let all = [
            (self.merges_of_many, "merges of more than two sides"),
            (
                self.merges_of_strangers,
                "merges of histories without a common commit",
            ),
            (
                self.merges_cut,
                "merges that go back to where the shallow clone ends",
            ),
            (self.merges_repeated, "merges that repeat an earlier one"),
            (
                self.records_without_base,
                "merged records whose several merge bases disagree",
            ),
            (
                self.records_unreadable,
                "merged records of which a version cannot be read",
            ),
            (
                self.files_unreadable,
                "versions of files that cannot be read (their records stay as they were)",
            ),
            (self.files_too_large, "of these, too large"),
            (
                self.files_of_no_format,
                "files whose names do not tell how they are written (--format)",
            ),
            (self.paths_no_utf8, "paths that are no UTF-8"),
            (
                self.keys_doubled,
                "records and members with the key of a later one in their file",
            ),
            (
                self.keys_taken,
                "records with the key of one in another file",
            ),
            (self.records_nameless, "records without a key"),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).collect()
    }
}
