//! Histories from their files: JSON Lines, compressed with zstd or not, as the
//! public histories have them. Streams: one line is held at a time.

use super::{
    Deed, Deletion, HistoryFault, Merge, MergedField, MergedRecord, Side, SideWrite, Step,
};
use cairn_model::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of one line. A record's whole content is one line.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The largest window a compressed file may ask for, as a power of two.
const WINDOW_LOG_MAX: u32 = 26;
/// What zstd files begin with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a history's files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The operating system says no.
    #[error("{file}: cannot be read after line {line}: {source}")]
    Io {
        /// Which file.
        file: String,
        /// The last line that was read.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line is too long.
    #[error(
        "{file}, line {line}: is longer than {LINE_BYTES_MAX} bytes; this is no history, or one record is too large"
    )]
    LongLine {
        /// Which file.
        file: String,
        /// Which line.
        line: u64,
    },
    /// A line is no JSON of the form that is expected here.
    #[error(
        "{file}, line {line}: {reason}; expected one JSON object a line, as the README of the history says"
    )]
    Line {
        /// Which file.
        file: String,
        /// Which line.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// An outcome names a merge that is not in the other file.
    #[error("{file}, line {line}: merge `{merge}` is not among the merges")]
    UnknownMerge {
        /// Which file.
        file: String,
        /// Which line.
        line: u64,
        /// The merge.
        merge: String,
    },
    /// The lines do not make a history.
    #[error(transparent)]
    History(#[from] HistoryFault),
}

/// A file by its name, for messages, and its bytes.
pub struct File<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What is in it.
    pub bytes: Box<dyn Read + 'a>,
}

#[derive(Deserialize)]
struct StepLine {
    id: String,
    commit: String,
    author: String,
    time: i64,
    rec: String,
    parents: Vec<String>,
    #[serde(default)]
    new: bool,
    #[serde(default)]
    gone: bool,
    #[serde(default)]
    set: serde_json::Map<String, Json>,
    #[serde(default)]
    del: Vec<String>,
}

#[derive(Deserialize)]
struct MergeLine {
    id: String,
    time: i64,
    base_time: i64,
    server: String,
}

#[derive(Deserialize)]
struct OutcomeLine {
    merge: String,
    rec: String,
    field: Option<String>,
    kind: String,
    #[serde(default, deserialize_with = "present")]
    base: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    left: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    right: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    resolved: Option<Json>,
    #[serde(default)]
    git: String,
    #[serde(default)]
    seq: Option<Json>,
    lop: Option<String>,
    lt: Option<i64>,
    rop: Option<String>,
    rt: Option<i64>,
    deleted_by: Option<String>,
    #[serde(default)]
    edited: Vec<String>,
}

/// An absent key is an absent field; a null is a value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Seconds since 1970 as milliseconds; times before 1970 are 1970.
fn time(seconds: i64) -> Timestamp {
    Timestamp(u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000))
}

/// Reads the steps of a history.
pub fn steps(file: File<'_>) -> Result<Vec<Step>, ReadFault> {
    let (mut steps, mut parents) = (Vec::new(), Vec::new());
    let mut lines = Lines::new(file)?;
    while let Some(line) = lines.next::<StepLine>()? {
        if steps.len() == super::STEPS_MAX {
            return Err(HistoryFault::TooLong.into());
        }
        let removed = line.del.into_iter().map(|path| (path, None));
        let set = line
            .set
            .into_iter()
            .map(|(path, value)| (path, Some(value)));
        let writes = removed.chain(set).collect();
        parents.push(line.parents);
        steps.push(Step {
            id: line.id,
            transaction: line.commit,
            author: line.author,
            time: time(line.time),
            received: None,
            record: line.rec,
            parents: Vec::new(),
            deed: match (line.new, line.gone) {
                (_, true) => Deed::Delete,
                (true, _) => Deed::Create(writes),
                _ => Deed::Change(writes),
            },
        });
    }
    Ok(super::in_order(steps, &parents)?)
}

/// Reads merges with what became of them, in the order of the merges.
pub fn merges(merges: File<'_>, outcomes: File<'_>) -> Result<Vec<Merge>, ReadFault> {
    let mut read = Vec::new();
    let mut places = BTreeMap::new();
    let mut lines = Lines::new(merges)?;
    while let Some(line) = lines.next::<MergeLine>()? {
        places.insert(line.id.clone(), read.len());
        read.push(Merge {
            id: line.id,
            time: time(line.time),
            base_time: time(line.base_time),
            server: side(&line.server),
            records: Vec::new(),
        });
    }
    let mut lines = Lines::new(outcomes)?;
    while let Some(line) = lines.next::<OutcomeLine>()? {
        let Some(place) = places.get(&line.merge) else {
            return Err(ReadFault::UnknownMerge {
                file: lines.file,
                line: lines.line,
                merge: line.merge,
            });
        };
        take_outcome(&mut read[*place], line).map_err(|reason| lines.wrong(reason))?;
    }
    Ok(read)
}

fn side(name: &str) -> Option<Side> {
    match name {
        "left" => Some(Side::Left),
        "right" => Some(Side::Right),
        _ => None,
    }
}

fn take_outcome(merge: &mut Merge, line: OutcomeLine) -> Result<(), String> {
    let known = merge.records.iter().rposition(|r| r.record == line.rec);
    let place = known.unwrap_or_else(|| {
        merge.records.push(MergedRecord {
            record: line.rec.clone(),
            existed: true,
            fields: Vec::new(),
            deletion: None,
        });
        merge.records.len() - 1
    });
    let record = &mut merge.records[place];
    let kind = match line.kind.strip_prefix("add_") {
        Some(kind) => {
            record.existed = false;
            kind
        }
        None => &line.kind,
    };
    if kind == "delete_edit" {
        let by = line.deleted_by.as_deref().and_then(side);
        record.deletion = Some(Deletion {
            by: by.ok_or("it does not say which side deleted the record")?,
            edited: line.edited,
            deleted: line.resolved == Some(Json::from("deleted")),
        });
        return Ok(());
    }
    let written = |value, step: Option<String>, at: Option<i64>| {
        Ok::<_, &str>(SideWrite {
            value,
            step: step.ok_or("it does not say which step wrote the value")?,
            time: time(at.ok_or("it does not say when the value was written")?),
        })
    };
    let (left, right) = match kind {
        "clean_left" => (true, false),
        "clean_right" => (false, true),
        "same" | "conflict" => (true, true),
        other => return Err(format!("there is no outcome of kind `{other}`")),
    };
    record.fields.push(MergedField {
        path: line.field.ok_or("it names no field")?,
        base: line.base,
        left: left
            .then(|| written(line.left, line.lop, line.lt))
            .transpose()?,
        right: right
            .then(|| written(line.right, line.rop, line.rt))
            .transpose()?,
        resolved: line.resolved,
        by_hand: line.git == "conflict",
        sequel: line.seq.is_some(),
    });
    Ok(())
}

/// The lines of a file, each read as one JSON value.
struct Lines<'a> {
    file: String,
    line: u64,
    input: Box<dyn BufRead + 'a>,
    buffer: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(file: File<'a>) -> Result<Lines<'a>, ReadFault> {
        let name = file.name.to_owned();
        let fault = |source| ReadFault::Io {
            file: name.clone(),
            line: 0,
            source,
        };
        let mut input = BufReader::new(file.bytes);
        let begins = input.fill_buf().map_err(fault)?;
        let input: Box<dyn BufRead + 'a> = if begins.starts_with(&ZSTD_MAGIC) {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(fault)?;
            decoder.window_log_max(WINDOW_LOG_MAX).map_err(fault)?;
            Box::new(BufReader::new(decoder))
        } else {
            Box::new(input)
        };
        Ok(Lines {
            file: name,
            line: 0,
            input,
            buffer: Vec::new(),
        })
    }

    fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ReadFault> {
        self.buffer.clear();
        let mut limited = (&mut self.input).take(LINE_BYTES_MAX as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|source| ReadFault::Io {
            file: self.file.clone(),
            line: self.line,
            source,
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if read > LINE_BYTES_MAX {
            return Err(ReadFault::LongLine {
                file: self.file.clone(),
                line: self.line,
            });
        }
        serde_json::from_slice(&self.buffer)
            .map(Some)
            .map_err(|error| self.wrong(error.to_string()))
    }

    fn wrong(&self, reason: String) -> ReadFault {
        ReadFault::Line {
            file: self.file.clone(),
            line: self.line,
            reason,
        }
    }
}
