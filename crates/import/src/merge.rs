//! What became of what met: merges of two sides, against what people made of them.

mod outcome;

use crate::ImportFault;
use crate::follow::{After, Entry, Follower, is_same, step_id};
use crate::graph::Graph;
use crate::lines;
use crate::records::Fields;
use crate::repository::Blob;
use crate::sources::State;
use cairn_lab::history::write::{MergeLine, OutcomeLine, Server};
use gix_hash::ObjectId;
use outcome::{Sort, how, is_list, sort};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::rc::Rc;

/// Bytes of a file whose lines are compared.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A record that both sides changed, differently.
struct Met {
    record: u32,
    /// When the sides diverged, on both sides, and what it was left at.
    versions: [Option<Rc<Entry>>; 4],
}

const BASE: usize = 0;
const LEFT: usize = 1;
const RIGHT: usize = 2;
const RESULT: usize = 3;

impl Met {
    fn state(&self, version: usize) -> Option<State> {
        self.versions[version]
            .as_ref()
            .and_then(|entry| entry.state)
    }

    /// The file it is in; where it is in none, the one it would be in.
    fn path(&self, version: usize) -> u32 {
        let entry = |version: usize| self.versions[version].as_ref();
        let there = |version: &usize| self.state(*version).is_some();
        let order = [version, BASE, LEFT, RIGHT];
        let version = order.into_iter().find(there).unwrap_or(LEFT);
        entry(version).map_or(0, |entry| entry.path)
    }
}

/// A merge that is looked at.
struct Meeting<'m> {
    id: String,
    /// The trees of the base, of both sides and of what was made of them.
    trees: [ObjectId; 4],
    /// Of the files in which records met, whether their lines did.
    files: BTreeMap<[u32; 3], bool>,
    graph: &'m Graph,
}

impl<W: Write> Follower<'_, W> {
    /// Tells what became of what met in a merge. `sides` are told apart already.
    pub(crate) fn merged(
        &mut self,
        place: u32,
        left: &After,
        right: &After,
        bases: &[After],
        result: &After,
    ) -> Result<(), ImportFault> {
        let graph = self.graph;
        if self.sides.left.is_empty() || self.sides.right.is_empty() {
            return Ok(());
        }
        self.summary.merges_diverged += 1;
        let is_cut = |place: &u32| graph.commits[*place as usize].cut;
        if self.sides.left.iter().chain(&self.sides.right).any(is_cut) {
            self.summary.left_out.merges_cut += 1;
            return Ok(());
        }
        if bases.is_empty() {
            self.summary.left_out.merges_of_strangers += 1;
            return Ok(());
        }
        let met = self.met(left, right, bases, result);
        if met.is_empty() {
            return Ok(());
        }
        let commit = &graph.commits[place as usize];
        let tree = |place: &u32| graph.commits[*place as usize].tree;
        let mut base_trees: Vec<ObjectId> = self.sides.bases.iter().map(tree).collect();
        base_trees.sort();
        let base = base_trees[0];
        let trees = [
            base,
            tree(&commit.parents[0]),
            tree(&commit.parents[1]),
            commit.tree,
        ];
        base_trees.extend(&trees[LEFT..]);
        if !self.told.insert(base_trees) {
            self.summary.left_out.merges_repeated += 1;
            return Ok(());
        }
        let mut meeting = Meeting {
            id: format!("m{:04}", self.summary.merges),
            trees,
            files: BTreeMap::new(),
            graph,
        };
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for met in &met {
            for line in self.outcomes(&mut meeting, met)? {
                *counts.entry(line.kind.clone()).or_default() += 1;
                self.count(&line);
                self.writer.outcome(&line)?;
            }
        }
        let told = |places: &[u32]| places.iter().filter(|p| self.is_told(**p)).count() as u64;
        let base_times = self
            .sides
            .bases
            .iter()
            .map(|p| graph.commits[*p as usize].time);
        let line = MergeLine {
            id: meeting.id,
            commit: self.commit_ids(&[place]).concat(),
            left: self.commit_ids(&left.heads),
            right: self.commit_ids(&right.heads),
            author: graph.authors[commit.author as usize].clone(),
            time: commit.time,
            server: server(graph, &commit.parents),
            left_commits: told(&self.sides.left),
            right_commits: told(&self.sides.right),
            base_time: base_times.max().unwrap_or_default(),
            records: met.len() as u64,
            git_conflict_files: meeting.files.values().filter(|met| **met).count() as u64,
            git_files: meeting.files.len() as u64,
            counts,
        };
        self.writer.merge(&line)?;
        self.summary.merges += 1;
        self.summary.merged_records += met.len() as u64;
        Ok(())
    }

    /// The records that both sides changed, differently, by their keys.
    fn met(&mut self, left: &After, right: &After, bases: &[After], result: &After) -> Vec<Met> {
        let mut met = Vec::new();
        let summary = &mut self.summary;
        left.records
            .differences(&right.records, &mut |record, left_entry, right_entry| {
                let state = |entry: Option<&Rc<Entry>>| entry.and_then(|entry| entry.state);
                let (left_state, right_state) = (state(left_entry), state(right_entry));
                let mut base_entries = bases.iter().map(|base| base.records.get(record));
                let base_entry = base_entries.next().flatten();
                let base_state = state(base_entry);
                let moved = |side| !is_same(side, base_state);
                if !moved(left_state) && !moved(right_state) {
                    return;
                }
                if !base_entries.all(|entry| is_same(state(entry), base_state)) {
                    summary.left_out.records_without_base += 1;
                    return;
                }
                if !moved(left_state) || !moved(right_state) {
                    return;
                }
                if is_same(left_state, right_state) {
                    summary.records_alike += 1;
                    return;
                }
                let result_entry = result.records.get(record);
                let versions = [base_entry, left_entry, right_entry, result_entry];
                let one = Met {
                    record,
                    versions: versions.map(|entry| entry.cloned()),
                };
                let afters = [&bases[0], left, right, result];
                let unreadable =
                    |(version, after): (usize, &&After)| after.is_unreadable(one.path(version));
                match afters.iter().enumerate().any(unreadable) {
                    true => summary.left_out.records_unreadable += 1,
                    false => met.push(one),
                }
            });
        met.sort_by(|a, b| self.records.name(a.record).cmp(self.records.name(b.record)));
        met
    }

    fn count(&mut self, line: &OutcomeLine) {
        let summary = &mut self.summary;
        *summary.outcomes.entry(line.kind.clone()).or_default() += 1;
        if !line.kind.ends_with("conflict") {
            return;
        }
        summary.conflicts += 1;
        if line.seq.is_some() {
            summary.conflicts_sequel += 1;
            return;
        }
        summary.conflicts_by_hand += u64::from(line.git == CONFLICT);
        let how = line.how.unwrap_or_default().to_owned();
        *summary.resolved.entry(how).or_default() += 1;
    }

    fn outcomes(
        &mut self,
        meeting: &mut Meeting<'_>,
        met: &Met,
    ) -> Result<Vec<OutcomeLine>, ImportFault> {
        let blank = OutcomeLine {
            merge: meeting.id.clone(),
            rec: self.records.name(met.record).to_owned(),
            git: if self.lines_met(meeting, met)? {
                CONFLICT
            } else {
                "clean"
            },
            ..OutcomeLine::default()
        };
        let mut held = Vec::new();
        for version in [BASE, LEFT, RIGHT, RESULT] {
            let state = met.state(version);
            held.push(state.map(|state| self.sources.held(state)).transpose()?);
        }
        let none = Fields::new();
        let fields = |version: usize| held[version].as_ref().map_or(&none, |held| held.fields());
        let [base, left, right, result] = [BASE, LEFT, RIGHT, RESULT].map(fields);
        if met.state(LEFT).is_none() || met.state(RIGHT).is_none() {
            return Ok(vec![deletion(met, blank, base, left, right)]);
        }
        let existed = met.state(BASE).is_some();
        let paths: BTreeSet<&String> = [base, left, right]
            .into_iter()
            .flat_map(|f| f.keys())
            .collect();
        let sorted = |path: &&String| sort(base.get(*path), left.get(*path), right.get(*path));
        let changed: BTreeMap<&String, Sort> = paths
            .iter()
            .filter_map(|path| Some((*path, sorted(path)?)))
            .collect();
        let mut lines = Vec::new();
        for (path, sort) in &changed {
            let [base, left, right, resolved] = [base, left, right, result].map(|f| f.get(*path));
            let mut line = OutcomeLine {
                field: Some((*path).clone()),
                kind: format!("{}{}", if existed { "" } else { "add_" }, sort.name()),
                base: base.cloned(),
                left: left.cloned(),
                right: right.cloned(),
                resolved: resolved.cloned(),
                how: Some(match met.state(RESULT) {
                    Some(_) => how(*sort, base, left, right, resolved),
                    None => "record_gone",
                }),
                ..blank.clone()
            };
            if *sort == Sort::Conflict {
                line.list = is_list(left) && is_list(right);
                line.shape = changed
                    .keys()
                    .any(|other| is_above(path, other) || is_above(other, path));
            }
            self.attribute(meeting.graph, met, *sort, path, &mut line)?;
            lines.push(line);
        }
        Ok(lines)
    }

    /// Who wrote what both sides hold, and whether one had the other's value before.
    fn attribute(
        &mut self,
        graph: &Graph,
        met: &Met,
        sort: Sort,
        path: &str,
        line: &mut OutcomeLine,
    ) -> Result<(), ImportFault> {
        let field = self.steps.fields.number(path);
        let heads = |version: usize| met.versions[version].as_ref().map_or(&[][..], |e| &e.heads);
        let (left, right) = (heads(LEFT), heads(RIGHT));
        let (steps, sources, sides) = (&self.steps, &mut self.sources, &self.sides);
        let on_left = |commit| sides.is_left(commit);
        let on_right = |commit| sides.is_right(commit);
        let time = |step: u32| graph.commits[steps.all[step as usize].commit as usize].time;
        let (own, other) = (line.left.as_ref(), line.right.as_ref());
        if sort == Sort::Conflict {
            let left_had = steps.held_before(sources, left, on_left, field, other)?;
            let right_had = steps.held_before(sources, right, on_right, field, own)?;
            line.seq = match (left_had, right_had) {
                (true, true) => Some("both"),
                (true, false) => Some("left_after_right"),
                (false, true) => Some("right_after_left"),
                (false, false) => None,
            };
        }
        if sort != Sort::CleanRight {
            let step = steps.writer(sources, left, on_left, field, line.left.as_ref())?;
            (line.lop, line.lt) = (step.map(step_id), step.map(time));
        }
        if sort != Sort::CleanLeft {
            let step = steps.writer(sources, right, on_right, field, line.right.as_ref())?;
            (line.rop, line.rt) = (step.map(step_id), step.map(time));
        }
        Ok(())
    }

    /// Whether git could not merge the file of a record line by line.
    fn lines_met(&mut self, meeting: &mut Meeting<'_>, met: &Met) -> Result<bool, ImportFault> {
        let paths = [BASE, LEFT, RIGHT].map(|version| met.path(version));
        if let Some(met) = meeting.files.get(&paths) {
            return Ok(*met);
        }
        let mut versions = Vec::new();
        for (path, tree) in paths.iter().zip(meeting.trees) {
            let path = self.paths.name(*path);
            versions.push(self.sources.files.at(tree, path)?);
        }
        let meets = match versions[..] {
            [_, left, right] if left == right => false,
            [base, left, right] if base == left || base == right => false,
            [base, Some(left), Some(right)] => {
                let base = base.map_or(Ok(Vec::new()), |base| self.bytes(base))?;
                lines::meet(&base, &self.bytes(left)?, &self.bytes(right)?)
            }
            // Deleted, and changed.
            _ => true,
        };
        meeting.files.insert(paths, meets);
        Ok(meets)
    }

    fn bytes(&mut self, blob: ObjectId) -> Result<Vec<u8>, ImportFault> {
        match self.sources.files.repository.blob(blob, FILE_BYTES_MAX)? {
            Blob::Bytes(bytes) => Ok(bytes),
            Blob::TooLarge(size) => Err(ImportFault::Broken {
                id: blob,
                reason: format!("it has {size} bytes, more than when it was read"),
            }),
        }
    }
}

const CONFLICT: &str = "conflict";

/// Which side others had: the one that the repository's own branch went through.
fn server(graph: &Graph, parents: &[u32]) -> Server {
    match [graph.is_mainline(parents[0]), graph.is_mainline(parents[1])] {
        [true, false] => Server::Left,
        [false, true] => Server::Right,
        _ => Server::Unknown,
    }
}

fn is_above(path: &str, other: &str) -> bool {
    let below = other.strip_prefix(path);
    below.is_some_and(|below| below.starts_with('/'))
}

/// A record that one side deleted and the other changed.
fn deletion(
    met: &Met,
    blank: OutcomeLine,
    base: &Fields,
    left: &Fields,
    right: &Fields,
) -> OutcomeLine {
    let (by, other, fields) = match met.state(LEFT) {
        None => ("left", RIGHT, right),
        Some(_) => ("right", LEFT, left),
    };
    let paths: BTreeSet<&String> = base.keys().chain(fields.keys()).collect();
    let edited = paths
        .into_iter()
        .filter(|path| base.get(*path) != fields.get(*path));
    let resolved = match met.state(RESULT) {
        None => "deleted",
        state if is_same(state, met.state(other)) => "kept_edited",
        Some(_) => "kept_other",
    };
    OutcomeLine {
        kind: "delete_edit".to_owned(),
        deleted_by: Some(by),
        edited: edited.cloned().collect(),
        resolved: Some(resolved.into()),
        ..blank
    }
}
