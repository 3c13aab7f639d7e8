//! From commit to commit: what each holds, and the steps between them.

mod files;

use crate::files::Files;
use crate::graph::{Graph, Sides};
use crate::repository::Repository;
use crate::sources::{Sources, State};
use crate::steps::{Names, Step, Steps};
use crate::versions::Versions;
use crate::{ImportFault, Plan, Progress, Summary};
use cairn_lab::history::STEPS_MAX;
use cairn_lab::history::write::{CommitLine, StepKind, StepLine, Writer};
use gix_hash::ObjectId;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Write;
use std::rc::Rc;

/// How often is told how far it has come.
const TOLD_EVERY: usize = 256;

/// A record after a commit.
pub(crate) struct Entry {
    /// What it holds; nothing once it is deleted.
    pub(crate) state: Option<State>,
    /// The file it is in.
    pub(crate) path: u32,
    /// The last steps on it.
    pub(crate) heads: Box<[u32]>,
}

/// A file of which the newest version cannot be read.
#[derive(Clone)]
struct Standing {
    unreadable: ObjectId,
    /// The version that stands for it.
    instead: Option<u32>,
}

/// What is after a commit.
#[derive(Clone, Default)]
pub(crate) struct After {
    pub(crate) records: Versions<Entry>,
    /// The last commits that changed a record.
    pub(crate) heads: Rc<[u32]>,
    standing: Rc<BTreeMap<u32, Standing>>,
}

impl After {
    /// Whether the newest version of a file cannot be read.
    pub(crate) fn is_unreadable(&self, path: u32) -> bool {
        self.standing.contains_key(&path)
    }
}

/// A record as the files of a commit have it: what it holds, and where.
type Found = (State, u32);

/// Follows the commits of a repository, and writes their history.
pub(crate) struct Follower<'a, W> {
    pub(crate) graph: &'a Graph,
    plan: &'a Plan,
    pub(crate) sources: Sources<'a>,
    pub(crate) steps: Steps,
    pub(crate) sides: Sides,
    pub(crate) summary: Summary,
    pub(crate) writer: Writer<W>,
    pub(crate) records: Names,
    pub(crate) paths: Names,
    /// The commits that changed a record, by their numbers in the history.
    lines: HashMap<u32, u32>,
    /// The trees of merges that were told.
    pub(crate) told: HashSet<Vec<ObjectId>>,
    formless: BTreeSet<u32>,
    seen_file: bool,
}

/// The number of a commit in the history.
fn commit_id(number: u32) -> String {
    format!("c{number:05}")
}

/// The number of a step in the history.
pub(crate) fn step_id(number: u32) -> String {
    format!("o{number:06}")
}

impl<'a, W: Write> Follower<'a, W> {
    pub(crate) fn new(
        repository: &'a mut Repository,
        graph: &'a Graph,
        plan: &'a Plan,
        writer: Writer<W>,
    ) -> Follower<'a, W> {
        Follower {
            graph,
            plan,
            sources: Sources::new(Files::new(repository, &plan.paths), plan),
            steps: Steps::default(),
            sides: Sides::new(graph),
            summary: Summary::default(),
            writer,
            records: Names::default(),
            paths: Names::default(),
            lines: HashMap::new(),
            told: HashSet::new(),
            formless: BTreeSet::new(),
            seen_file: false,
        }
    }

    /// Follows all of them. What is after a commit is forgotten once nothing
    /// asks for it any more.
    pub(crate) fn follow(mut self, tell: &dyn Fn(Progress)) -> Result<Summary, ImportFault> {
        let of = self.graph.commits.len();
        let bases = self.bases();
        let mut asked = vec![0_u32; of];
        for commit in &self.graph.commits {
            commit.parents.iter().for_each(|p| asked[*p as usize] += 1);
        }
        for base in bases.values().flatten() {
            asked[*base as usize] += 1;
        }
        let mut after: HashMap<u32, After> = HashMap::new();
        for place in 0..of as u32 {
            if (place as usize).is_multiple_of(TOLD_EVERY) {
                let done = place as usize;
                tell(Progress::Following { done, of });
            }
            let parents = &self.graph.commits[place as usize].parents;
            let before: Vec<After> = parents.iter().map(|p| after[p].clone()).collect();
            let now = self.commit(place, &before)?;
            let bases = bases.get(&place).map_or(&[][..], |bases| bases);
            if let [left, right] = &before[..] {
                let bases: Vec<After> = bases.iter().map(|base| after[base].clone()).collect();
                self.merged(place, left, right, &bases, &now)?;
            }
            if asked[place as usize] > 0 {
                after.insert(place, now);
            }
            for place in parents.iter().chain(bases) {
                let asked = &mut asked[*place as usize];
                *asked -= 1;
                if *asked == 0 {
                    after.remove(place);
                }
            }
        }
        self.finish()
    }

    /// The last common commits of both sides, for merges of two.
    fn bases(&mut self) -> HashMap<u32, Vec<u32>> {
        let mut bases = HashMap::new();
        for (place, commit) in (0..).zip(&self.graph.commits) {
            if let [left, right] = commit.parents[..] {
                self.sides.tell_apart(self.graph, &[left], right);
                bases.insert(place, self.sides.bases.clone());
            }
        }
        bases
    }

    fn finish(self) -> Result<Summary, ImportFault> {
        let mut summary = self.summary;
        if !self.seen_file {
            return Err(ImportFault::NothingFits {
                commits: self.graph.commits.len(),
            });
        }
        if self.steps.all.is_empty() {
            let first = summary.examples.into_iter().next();
            return Err(ImportFault::NoRecords {
                first: first.unwrap_or_else(|| "it holds none".to_owned()),
            });
        }
        let authors: BTreeSet<u32> = self
            .lines
            .keys()
            .map(|place| self.graph.commits[*place as usize].author)
            .collect();
        summary.commits_seen = self.graph.commits.len() as u64;
        summary.commits = self.lines.len() as u64;
        summary.authors = authors.len() as u64;
        summary.records = self.records.len() as u64;
        summary.steps = self.steps.all.len() as u64;
        summary.left_out.paths_no_utf8 = self.sources.files.unreadable.len() as u64;
        for path in self.sources.files.unreadable.iter().take(1) {
            let path = String::from_utf8_lossy(path);
            summary.example(1, || format!("{path}: the path is no UTF-8"));
        }
        self.writer.finish()?;
        Ok(summary)
    }

    /// What is after a commit, given what is after those it follows.
    fn commit(&mut self, place: u32, before: &[After]) -> Result<After, ImportFault> {
        let commit = &self.graph.commits[place as usize];
        let mut after = before.first().cloned().unwrap_or_default();
        let found = self.found(place, &mut after, before)?;
        let mut touched: BTreeSet<u32> = found.keys().copied().collect();
        for (number, other) in before.iter().enumerate().skip(1) {
            let (others, right) = (&commit.parents[..number], commit.parents[number]);
            self.sides.tell_apart(self.graph, others, right);
            self.join(&mut after, other, &mut touched);
        }
        let before = self.steps.all.len();
        for record in touched {
            self.record(place, record, found.get(&record), &mut after.records)?;
        }
        self.summary.merges_seen += u64::from(commit.parents.len() > 1);
        self.summary.left_out.merges_of_many += u64::from(commit.parents.len() > 2);
        if self.steps.all.len() > before {
            let line = CommitLine {
                id: commit_id(self.line(place)),
                parents: self.commit_ids(&after.heads),
                author: self.graph.authors[commit.author as usize].clone(),
                time: commit.time,
                ctime: commit.recorded,
                kind: self.kind(place),
                bot: commit.bot,
            };
            self.writer.commit(&line)?;
            after.heads = Rc::new([place]);
        }
        Ok(after)
    }

    fn kind(&self, place: u32) -> StepKind {
        match self.graph.commits[place as usize].parents.len() {
            0 | 1 => StepKind::Edit,
            _ => StepKind::Merge,
        }
    }

    /// The number of a commit in the history; it gets one when it changes a record.
    fn line(&mut self, place: u32) -> u32 {
        let next = self.lines.len() as u32;
        *self.lines.entry(place).or_insert(next)
    }

    /// Whether a commit changed a record.
    pub(crate) fn is_told(&self, place: u32) -> bool {
        self.lines.contains_key(&place)
    }

    pub(crate) fn commit_ids(&self, places: &[u32]) -> Vec<String> {
        places
            .iter()
            .map(|place| commit_id(self.lines[place]))
            .collect()
    }

    /// Brings the last steps of another side in.
    fn join(&mut self, after: &mut After, other: &After, touched: &mut BTreeSet<u32>) {
        let mut joined = Vec::new();
        after
            .records
            .differences(&other.records, &mut |record, own, other| {
                let left = own.map_or(&[][..], |entry| &entry.heads);
                let right = other.map_or(&[][..], |entry| &entry.heads);
                let heads = self.steps.joined(&self.sides, left, right);
                if heads != left {
                    let path = own.or(other).map_or(0, |entry| entry.path);
                    let state = own.and_then(|entry| entry.state);
                    let heads = heads.into();
                    joined.push((record, Rc::new(Entry { state, path, heads })));
                }
            });
        for (record, entry) in joined {
            after.records.set(record, entry);
            touched.insert(record);
        }
        let (left, right) = (&after.heads, &other.heads);
        let own = left
            .iter()
            .filter(|place| right.contains(place) || self.sides.is_left(**place));
        let others = right
            .iter()
            .filter(|place| !left.contains(place) && self.sides.is_right(**place));
        after.heads = own.chain(others).copied().collect();
    }

    /// Takes a record as the files of a commit have it: a step, if that is not
    /// what it was after the last ones.
    fn record(
        &mut self,
        place: u32,
        record: u32,
        found: Option<&Option<Found>>,
        records: &mut Versions<Entry>,
    ) -> Result<(), ImportFault> {
        let entry = records.get(record);
        let before = entry.map(|entry| entry.path).unwrap_or_default();
        let (state, path) = match found {
            Some(Some((state, path))) => (Some(*state), *path),
            Some(None) => (None, before),
            None => (entry.and_then(|entry| entry.state), before),
        };
        let mut heads = entry.map_or_else(Vec::new, |entry| entry.heads.to_vec());
        let stays = |step: &u32| is_same(self.steps.state(*step), state);
        let is_step = match heads.is_empty() {
            true => state.is_some(),
            false => !heads.iter().all(stays),
        };
        if is_step {
            // What is told of a step starts from a state, if there is one.
            heads.sort_by_key(|step| self.steps.state(*step).is_none());
            heads = vec![self.step(place, record, state, heads)?];
        }
        let heads = heads.into();
        records.set(record, Rc::new(Entry { state, path, heads }));
        Ok(())
    }

    fn step(
        &mut self,
        place: u32,
        record: u32,
        state: Option<State>,
        parents: Vec<u32>,
    ) -> Result<u32, ImportFault> {
        if self.steps.all.len() == STEPS_MAX {
            return Err(ImportFault::TooManySteps { most: STEPS_MAX });
        }
        let before = parents.first().and_then(|step| self.steps.state(*step));
        let held = |state: Option<State>, sources: &mut Sources<'_>| match state {
            Some(state) => sources.held(state).map(Some),
            None => Ok(None),
        };
        let old = held(before, &mut self.sources)?;
        let new = held(state, &mut self.sources)?;
        let none = BTreeMap::new();
        let old = old.as_ref().map_or(&none, |held| held.fields());
        let new = new.as_ref().map_or(&none, |held| held.fields());
        let changed = new
            .iter()
            .filter(|(path, value)| old.get(*path) != Some(*value));
        let set: BTreeMap<_, _> = changed.map(|(p, v)| (p.clone(), v.clone())).collect();
        let emptied = old.keys().filter(|path| !new.contains_key(*path));
        let del: Vec<String> = emptied.cloned().collect();
        let names = set.keys().chain(&del);
        let mut touched: Vec<u32> = names.map(|path| self.steps.fields.number(path)).collect();
        touched.sort_unstable();
        let number = self.steps.all.len() as u32;
        let commit = &self.graph.commits[place as usize];
        let line = StepLine {
            id: step_id(number),
            commit: commit_id(self.line(place)),
            author: self.graph.authors[commit.author as usize].clone(),
            time: commit.time,
            rec: self.records.name(record).to_owned(),
            parents: parents.iter().map(|step| step_id(*step)).collect(),
            kind: self.kind(place),
            new: before.is_none() && state.is_some(),
            gone: state.is_none(),
            set,
            // A deletion says that alone.
            del: if state.is_some() { del } else { Vec::new() },
        };
        self.writer.step(&line)?;
        self.steps.all.push(Step {
            commit: place,
            state,
            parents: parents.into(),
            touched: touched.into(),
        });
        Ok(number)
    }
}

/// Whether two states hold the same.
pub(crate) fn is_same(one: Option<State>, other: Option<State>) -> bool {
    one.map(|state| state.digest) == other.map(|state| state.digest)
}
