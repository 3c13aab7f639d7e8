//! The records that the files of a commit hold.

use super::{After, Entry, Follower, Found, Standing, is_same};
use crate::ImportFault;
use crate::format::Format;
use crate::sources::{Read, State};
use crate::versions::{KEYS_MAX, Versions};
use gix_hash::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::rc::Rc;

impl<W: Write> Follower<'_, W> {
    /// The records that the files of a commit have otherwise than its first parent.
    pub(super) fn found(
        &mut self,
        place: u32,
        after: &mut After,
        before: &[After],
    ) -> Result<BTreeMap<u32, Option<Found>>, ImportFault> {
        let commit = &self.graph.commits[place as usize];
        let old = commit.parents.first();
        let old = old.map(|parent| self.graph.commits[*parent as usize].tree);
        let (mut gone, mut there) = (BTreeSet::new(), BTreeMap::new());
        for change in self.sources.files.changes(old, commit.tree)? {
            self.seen_file = true;
            let path = self.paths.number(&change.path);
            let Some(format) = self.format(path, &change.path)? else {
                continue;
            };
            let stood = after.standing.get(&path).map(|standing| standing.instead);
            let old = match (stood, change.old) {
                (Some(instead), _) => instead,
                (None, blob) => blob.map(|blob| self.sources.number(blob, format).0),
            };
            let new = match change.new {
                Some(blob) => self.readable(blob, format, path, commit.id, old, before)?,
                None => Ok(None),
            };
            let standing = Rc::make_mut(&mut after.standing);
            let new = match new {
                Ok(new) => {
                    standing.remove(&path);
                    new
                }
                Err(stands) => {
                    let instead = stands.instead;
                    standing.insert(path, stands);
                    instead
                }
            };
            if new == old {
                continue;
            }
            for (record, _) in self.records_of(old, path)? {
                let entry = after.records.get(record);
                if entry.is_some_and(|e| e.state.is_some() && e.path == path) {
                    gone.insert(record);
                }
            }
            for (record, state) in self.records_of(new, path)? {
                let taken = there.contains_key(&record);
                if taken {
                    self.taken(record, &change.path)?;
                } else {
                    there.insert(record, (state, path));
                }
            }
        }
        self.differing(&gone, there, &after.records)
    }

    /// Without records that stay, and without those whose key is in a file that
    /// did not change.
    fn differing(
        &mut self,
        gone: &BTreeSet<u32>,
        there: BTreeMap<u32, Found>,
        records: &Versions<Entry>,
    ) -> Result<BTreeMap<u32, Option<Found>>, ImportFault> {
        let lost = gone.iter().filter(|record| !there.contains_key(record));
        let mut found: BTreeMap<u32, Option<Found>> = lost.map(|record| (*record, None)).collect();
        for (record, (state, path)) in there {
            let entry = records.get(record).filter(|entry| entry.state.is_some());
            match entry {
                Some(entry) if entry.path != path && !gone.contains(&record) => {
                    let path = self.paths.name(path).to_owned();
                    self.taken(record, &path)?;
                }
                Some(entry) if entry.path == path && is_same(entry.state, Some(state)) => {}
                _ => {
                    found.insert(record, Some((state, path)));
                }
            }
        }
        Ok(found)
    }

    /// The version of a file that counts: its own, or, where that cannot be
    /// read, the one before.
    fn readable(
        &mut self,
        blob: ObjectId,
        format: Format,
        path: u32,
        commit: ObjectId,
        old: Option<u32>,
        before: &[After],
    ) -> Result<Result<Option<u32>, Standing>, ImportFault> {
        let (source, is_new) = self.sources.number(blob, format);
        let read = self.sources.read(source)?;
        if is_new {
            let path = self.paths.name(path);
            self.sources.judge(&read, path, commit, &mut self.summary)?;
        }
        if read.is_ok() {
            return Ok(Ok(Some(source)));
        }
        // A merge may take what another side could not read either.
        let elsewhere = before.iter().filter_map(|after| after.standing.get(&path));
        let mut same = elsewhere.filter(|standing| standing.unreadable == blob);
        let standing = same.next_back().cloned().unwrap_or(Standing {
            unreadable: blob,
            instead: old,
        });
        Ok(Err(standing))
    }

    fn format(&mut self, path: u32, name: &str) -> Result<Option<Format>, ImportFault> {
        let format = self.plan.format.or_else(|| Format::of(name));
        if format.is_some_and(Format::is_table) && self.plan.key.is_of_whole_files() {
            return Err(ImportFault::Table {
                path: name.to_owned(),
            });
        }
        if format.is_none() && self.formless.insert(path) {
            let left_out = &mut self.summary.left_out;
            left_out.files_of_no_format += 1;
            let counted = left_out.files_of_no_format;
            let sentence = || format!("{name}: its name does not tell how it is written");
            self.summary.example(counted, sentence);
        }
        Ok(format)
    }

    /// The records of a version of a file.
    fn records_of(
        &mut self,
        source: Option<u32>,
        path: u32,
    ) -> Result<Vec<(u32, State)>, ImportFault> {
        let Some(source) = source else {
            return Ok(Vec::new());
        };
        let read: Read = self.sources.read(source)?;
        let Ok(read) = read else {
            return Ok(Vec::new());
        };
        let mut found = Vec::with_capacity(read.all.len());
        for (place, record) in (0..).zip(&read.all) {
            let key = self.plan.key.whole(self.paths.name(path), &record.key);
            let number = self.records.number(&key);
            if self.records.len() > KEYS_MAX {
                return Err(ImportFault::TooManyRecords { most: KEYS_MAX });
            }
            let digest = record.digest;
            found.push((
                number,
                State {
                    digest,
                    source,
                    place,
                },
            ));
        }
        Ok(found)
    }

    /// Counts a record that another file has already.
    fn taken(&mut self, record: u32, path: &str) -> Result<(), ImportFault> {
        let key = self.records.name(record);
        let what =
            format!("{path}: the key `{key}` is that of a record in another file, which counts");
        if self.plan.strict {
            return Err(ImportFault::Strict { what });
        }
        self.summary.left_out.keys_taken += 1;
        self.summary
            .example(self.summary.left_out.keys_taken, || what);
        Ok(())
    }
}
