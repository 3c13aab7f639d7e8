//! Histories into their files: the lines that [`super::read`] reads, and what
//! else the public histories say in them. Streams: nothing is kept.

use super::read::LINE_BYTES_MAX;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Why a history's files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFault {
    /// The operating system says no.
    #[error("{file}: cannot be written after line {line}: {source}")]
    Io {
        /// Which file.
        file: &'static str,
        /// The last line that was written.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// What would be one line is longer than a reader takes.
    #[error(
        "{file}: what is to be said of record `{record}` takes {bytes} bytes, and a line has at most {LINE_BYTES_MAX}; leave this record out"
    )]
    LongLine {
        /// Which file.
        file: &'static str,
        /// The record.
        record: String,
        /// How long it would be.
        bytes: usize,
    },
}

/// Who wrote a step: somebody who changed something, or who brought together
/// what others had changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A change.
    Edit,
    /// What was made of concurrent changes.
    Merge,
}

/// A line of `ops.jsonl`: a change of one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepLine {
    /// Unique in the history.
    pub id: String,
    /// The commit it belongs to.
    pub commit: String,
    /// Who did it.
    pub author: String,
    /// When, by the author's clock, in seconds since 1970.
    pub time: i64,
    /// The record's key.
    pub rec: String,
    /// The steps on the record that it directly follows.
    pub parents: Vec<String>,
    /// Whether it brings concurrent changes together.
    pub kind: StepKind,
    /// Whether the record comes into being.
    #[serde(skip_serializing_if = "no")]
    pub new: bool,
    /// Whether the record goes.
    #[serde(skip_serializing_if = "no")]
    pub gone: bool,
    /// Fields that hold something else than after the first parent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Json>,
    /// Fields that held something after the first parent, and hold nothing now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub del: Vec<String>,
}

/// A line of `commits.jsonl`: what was done at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitLine {
    /// Unique in the history.
    pub id: String,
    /// The commits of the history that it directly follows.
    pub parents: Vec<String>,
    /// Who did it.
    pub author: String,
    /// When, by the author's clock, in seconds since 1970.
    pub time: i64,
    /// When it was recorded.
    pub ctime: i64,
    /// Whether it brings concurrent changes together.
    pub kind: StepKind,
    /// Whether the author says to be a robot.
    #[serde(skip_serializing_if = "no")]
    pub bot: bool,
}

/// Which side others had already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// The first parent.
    Left,
    /// The second.
    Right,
    /// Nobody knows.
    Unknown,
}

/// A line of `merges.jsonl`: two sides that met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergeLine {
    /// Unique in the history.
    pub id: String,
    /// The commit that brings them together.
    pub commit: String,
    /// The commits of the first side that it directly follows.
    pub left: Vec<String>,
    /// Those of the second side.
    pub right: Vec<String>,
    /// Who brought them together.
    pub author: String,
    /// When, by the author's clock, in seconds since 1970.
    pub time: i64,
    /// Which side others had already.
    pub server: Server,
    /// How many commits of the history are on the first side only.
    pub left_commits: u64,
    /// … and on the second.
    pub right_commits: u64,
    /// When the sides diverged.
    pub base_time: i64,
    /// How many records both sides changed, differently.
    pub records: u64,
    /// Files with such records that could not be merged line by line.
    pub git_conflict_files: u64,
    /// Files with such records.
    pub git_files: u64,
    /// Outcomes of each kind.
    pub counts: BTreeMap<String, u64>,
}

/// A line of `outcomes.jsonl`: what became of a field that a side had changed,
/// or of a record that one side had deleted.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct OutcomeLine {
    /// The merge.
    pub merge: String,
    /// The record's key.
    pub rec: String,
    /// The field's path; a deletion has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// `conflict`, `same`, `clean_left`, `clean_right`, the same four after
    /// `add_`, or `delete_edit`.
    pub kind: String,
    /// What the field held when the sides diverged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Json>,
    /// What it held on the first side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Json>,
    /// What it held on the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Json>,
    /// What it was left at. Of a deletion: `deleted`, `kept_edited` or `kept_other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Json>,
    /// Which of them that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<&'static str>,
    /// Whether lines of the file met: `conflict` or `clean`.
    pub git: &'static str,
    /// The step that wrote the first side's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lop: Option<String>,
    /// When, by its author's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lt: Option<i64>,
    /// The step that wrote the second side's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rop: Option<String>,
    /// When, by its author's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rt: Option<i64>,
    /// Which side had held the other's value before: `left_after_right`,
    /// `right_after_left` or `both`. No true conflict then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<&'static str>,
    /// Whether both sides' values are lists.
    #[serde(skip_serializing_if = "no")]
    pub list: bool,
    /// Whether a path above or below this one changed too.
    #[serde(skip_serializing_if = "no")]
    pub shape: bool,
    /// Which side deleted the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<&'static str>,
    /// The fields that the other side changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edited: Vec<String>,
}

fn no(yes: &bool) -> bool {
    !yes
}

/// The four files of a history.
pub struct Writer<W> {
    steps: Lines<W>,
    commits: Lines<W>,
    merges: Lines<W>,
    outcomes: Lines<W>,
}

/// The files of a history by their names, in the order [`Writer::new`] asks for them.
pub const FILES: [&str; 4] = [
    "ops.jsonl",
    "commits.jsonl",
    "merges.jsonl",
    "outcomes.jsonl",
];

impl<W: Write> Writer<W> {
    /// Writes to these, in the order of [`FILES`].
    pub fn new(outs: [W; 4]) -> Writer<W> {
        let [steps, commits, merges, outcomes] = outs;
        Writer {
            steps: Lines::new(FILES[0], steps),
            commits: Lines::new(FILES[1], commits),
            merges: Lines::new(FILES[2], merges),
            outcomes: Lines::new(FILES[3], outcomes),
        }
    }

    /// Writes a step. It must follow its parents.
    pub fn step(&mut self, line: &StepLine) -> Result<(), WriteFault> {
        self.steps.write(line, &line.rec)
    }

    /// Writes a commit.
    pub fn commit(&mut self, line: &CommitLine) -> Result<(), WriteFault> {
        self.commits.write(line, "")
    }

    /// Writes a merge.
    pub fn merge(&mut self, line: &MergeLine) -> Result<(), WriteFault> {
        self.merges.write(line, "")
    }

    /// Writes an outcome.
    pub fn outcome(&mut self, line: &OutcomeLine) -> Result<(), WriteFault> {
        self.outcomes.write(line, &line.rec)
    }

    /// What was written to, all of it on its way.
    pub fn finish(self) -> Result<[W; 4], WriteFault> {
        Ok([
            self.steps.finish()?,
            self.commits.finish()?,
            self.merges.finish()?,
            self.outcomes.finish()?,
        ])
    }
}

/// One file.
struct Lines<W> {
    file: &'static str,
    line: u64,
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> Lines<W> {
    fn new(file: &'static str, out: W) -> Lines<W> {
        Lines {
            file,
            line: 0,
            out,
            buffer: Vec::new(),
        }
    }

    fn write(&mut self, line: &impl Serialize, record: &str) -> Result<(), WriteFault> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line).map_err(|error| self.fault(error.into()))?;
        self.buffer.push(b'\n');
        if self.buffer.len() > LINE_BYTES_MAX {
            return Err(WriteFault::LongLine {
                file: self.file,
                record: record.to_owned(),
                bytes: self.buffer.len(),
            });
        }
        let written = self.out.write_all(&self.buffer);
        written.map_err(|source| self.fault(source))?;
        self.line += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<W, WriteFault> {
        let flushed = self.out.flush();
        flushed.map_err(|source| self.fault(source))?;
        Ok(self.out)
    }

    fn fault(&self, source: io::Error) -> WriteFault {
        WriteFault::Io {
            file: self.file,
            line: self.line,
            source,
        }
    }
}

#[cfg(test)]
mod tests;
