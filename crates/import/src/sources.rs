//! Versions of files, each read as often as memory asks for.

use crate::cache::Cache;
use crate::files::Files;
use crate::format::Format;
use crate::records::{Digest, Fields, Records};
use crate::repository::Blob;
use crate::{ImportFault, Plan, Summary, records};
use gix_hash::ObjectId;
use std::collections::HashMap;
use std::rc::Rc;

/// Bytes of a file.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes of what files hold, as far as it can be guessed.
const CACHE_BYTES: usize = 256 * 1024 * 1024;
/// What is read takes so much more room than its file.
const SPREAD: usize = 6;

/// What a record holds after a commit: in which version of a file, at which
/// place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// Equal where content is.
    pub(crate) digest: Digest,
    pub(crate) source: u32,
    pub(crate) place: u32,
}

/// The content of a record, as it is kept for a while.
#[derive(Clone)]
pub(crate) struct Held {
    records: Rc<Records>,
    place: u32,
}

impl Held {
    pub(crate) fn fields(&self) -> &Fields {
        &self.records.all[self.place as usize].fields
    }
}

/// What a version of a file holds, or why it cannot be read.
pub(crate) type Read = Result<Rc<Records>, Rc<str>>;

/// Versions of files, by numbers.
pub(crate) struct Sources<'a> {
    pub(crate) files: Files<'a>,
    plan: &'a Plan,
    numbers: HashMap<(ObjectId, Format), u32>,
    all: Vec<(ObjectId, Format)>,
    read: Cache<u32, Read>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(files: Files<'a>, plan: &'a Plan) -> Sources<'a> {
        Sources {
            files,
            plan,
            numbers: HashMap::new(),
            all: Vec::new(),
            read: Cache::new(CACHE_BYTES),
        }
    }

    /// The number of a version, and whether it is new.
    pub(crate) fn number(&mut self, blob: ObjectId, format: Format) -> (u32, bool) {
        let next = self.all.len() as u32;
        let number = *self.numbers.entry((blob, format)).or_insert(next);
        if number == next {
            self.all.push((blob, format));
        }
        (number, number == next)
    }

    /// What a version holds. Those that are new are counted where they cannot
    /// be read.
    pub(crate) fn read(&mut self, source: u32) -> Result<Read, ImportFault> {
        if let Some(read) = self.read.get(&source) {
            return Ok(read);
        }
        let (blob, format) = self.all[source as usize];
        let (read, weight): (Read, usize) =
            match self.files.repository.blob(blob, FILE_BYTES_MAX)? {
                Blob::TooLarge(size) => (Err(too_large(size).into()), 0),
                Blob::Bytes(bytes) => {
                    let read = records::read(&bytes, format, self.plan);
                    (read.map(Rc::new).map_err(Into::into), bytes.len())
                }
            };
        self.read.put(source, read.clone(), 256 + SPREAD * weight);
        Ok(read)
    }

    /// What a record holds.
    pub(crate) fn held(&mut self, state: State) -> Result<Held, ImportFault> {
        let records = self.read(state.source)?;
        let records = records.map_err(|reason| ImportFault::Broken {
            id: self.all[state.source as usize].0,
            reason: format!("it could be read before: {reason}"),
        })?;
        Ok(Held {
            records,
            place: state.place,
        })
    }

    /// Counts what is wrong with a version that is seen for the first time.
    pub(crate) fn judge(
        &self,
        read: &Read,
        path: &str,
        commit: ObjectId,
        summary: &mut Summary,
    ) -> Result<(), ImportFault> {
        let short = commit.to_hex_with_len(10);
        let mut wrongs = Vec::new();
        let left_out = &mut summary.left_out;
        match read {
            Err(reason) => {
                left_out.files_unreadable += 1;
                left_out.files_too_large += u64::from(reason.starts_with(TOO_LARGE));
                wrongs.push((
                    left_out.files_unreadable,
                    format!("{path} in commit {short}: {reason}"),
                ));
            }
            Ok(records) => {
                if let Some(key) = records.doubled.first() {
                    left_out.keys_doubled += records.doubled.len() as u64;
                    wrongs.push((
                        left_out.keys_doubled,
                        format!("{path} in commit {short}: the key `{key}` is there several times; the last counts"),
                    ));
                }
                if records.nameless > 0 {
                    left_out.records_nameless += records.nameless;
                    wrongs.push((
                        left_out.records_nameless,
                        format!("{path} in commit {short}: records without a key are left out"),
                    ));
                }
            }
        }
        for (counted, what) in wrongs {
            if self.plan.strict {
                return Err(ImportFault::Strict { what });
            }
            summary.example(counted, || what);
        }
        Ok(())
    }
}

const TOO_LARGE: &str = "it is too large";

fn too_large(size: u64) -> String {
    format!("{TOO_LARGE} ({size} bytes; at most {FILE_BYTES_MAX} are read)")
}
