//! Which commit follows which.

use crate::repository::{Repository, Tips};
use crate::{ImportFault, Progress};
use gix_hash::ObjectId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Commits of a repository.
const COMMITS_MAX: usize = 4_000_000;
/// How often is told how far it has come.
const TOLD_EVERY: usize = 1_024;

/// A commit. Commits are named by their places in the graph.
pub(crate) struct Commit {
    pub(crate) id: ObjectId,
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<u32>,
    pub(crate) author: u32,
    pub(crate) bot: bool,
    pub(crate) time: i64,
    pub(crate) recorded: i64,
    /// Whether what it follows was left behind.
    pub(crate) cut: bool,
}

/// The commits of a repository, each after those it follows.
pub(crate) struct Graph {
    pub(crate) commits: Vec<Commit>,
    /// Pseudonyms.
    pub(crate) authors: Vec<String>,
    /// Whether a commit is one that the repository's own branch went through.
    mainline: Vec<bool>,
}

impl Graph {
    /// Reads the commits behind these tips.
    pub(crate) fn read(
        repository: &mut Repository,
        tips: &Tips,
        tell: &dyn Fn(Progress),
    ) -> Result<Graph, ImportFault> {
        let mut places: HashMap<ObjectId, u32> = HashMap::new();
        let mut read = Vec::new();
        let mut parents: Vec<Vec<ObjectId>> = Vec::new();
        let mut emails: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut waiting = tips.all.clone();
        while let Some(id) = waiting.pop() {
            if places.contains_key(&id) {
                continue;
            }
            if read.len() == COMMITS_MAX {
                return Err(ImportFault::TooManyCommits { most: COMMITS_MAX });
            }
            let stored = repository.commit(id)?;
            places.insert(id, read.len() as u32);
            waiting.extend(stored.parents.iter().filter(|id| !places.contains_key(*id)));
            let next = emails.len() as u32;
            read.push(Commit {
                id,
                tree: stored.tree,
                parents: Vec::new(),
                author: *emails.entry(stored.author).or_insert(next),
                bot: stored.bot,
                time: stored.time,
                recorded: stored.recorded,
                cut: stored.cut,
            });
            parents.push(stored.parents);
            if read.len().is_multiple_of(TOLD_EVERY) {
                tell(Progress::Reading {
                    commits: read.len(),
                });
            }
        }
        for (commit, parents) in read.iter_mut().zip(parents) {
            for id in parents {
                let place = places[&id];
                if !commit.parents.contains(&place) {
                    commit.parents.push(place);
                }
            }
        }
        let commits = ordered(read)?;
        let mainline = mainline(&commits, tips.head);
        let first = mainline.iter().position(|on| *on).unwrap_or(0);
        let salt = commits.get(first).map(|commit| commit.id);
        let mut authors = vec![String::new(); emails.len()];
        for (email, author) in emails {
            authors[author as usize] = pseudonym(salt, &email);
        }
        Ok(Graph {
            commits,
            authors,
            mainline,
        })
    }

    pub(crate) fn is_mainline(&self, commit: u32) -> bool {
        self.mainline[commit as usize]
    }
}

/// Stands for an author in one repository: the same on every run, and another
/// in every other repository. Who has the repository can tell who it is.
fn pseudonym(salt: Option<ObjectId>, email: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("cairn lab import-git, author, 1");
    hasher.update(salt.as_ref().map_or(&[][..], ObjectId::as_slice));
    hasher.update(email);
    let hex = hasher.finalize().to_hex();
    format!("a{}", &hex[..10])
}

/// Parents first; of those that could be next, the one that was recorded first.
fn ordered(commits: Vec<Commit>) -> Result<Vec<Commit>, ImportFault> {
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); commits.len()];
    let mut missing: Vec<usize> = Vec::with_capacity(commits.len());
    for (place, commit) in commits.iter().enumerate() {
        missing.push(commit.parents.len());
        for parent in &commit.parents {
            children[*parent as usize].push(place as u32);
        }
    }
    let entry = |place: u32| {
        let commit = &commits[place as usize];
        Reverse((commit.recorded, commit.id, place))
    };
    let roots = (0..commits.len() as u32).filter(|place| missing[*place as usize] == 0);
    let mut ready: BinaryHeap<_> = roots.map(entry).collect();
    let mut new_places = vec![0; commits.len()];
    let mut order = Vec::with_capacity(commits.len());
    while let Some(Reverse((_, _, place))) = ready.pop() {
        new_places[place as usize] = order.len() as u32;
        order.push(place);
        for child in &children[place as usize] {
            missing[*child as usize] -= 1;
            if missing[*child as usize] == 0 {
                ready.push(entry(*child));
            }
        }
    }
    // Only a hash that names what contains it could do that.
    if order.len() < commits.len() {
        return Err(ImportFault::Circle);
    }
    let mut commits: Vec<Option<Commit>> = commits.into_iter().map(Some).collect();
    let taken = order
        .into_iter()
        .filter_map(|place| commits[place as usize].take());
    let mut ordered: Vec<Commit> = taken.collect();
    for commit in &mut ordered {
        for parent in &mut commit.parents {
            *parent = new_places[*parent as usize];
        }
    }
    Ok(ordered)
}

/// The commits that the branch itself went through: first parents.
fn mainline(commits: &[Commit], head: Option<ObjectId>) -> Vec<bool> {
    let mut on = vec![false; commits.len()];
    let mut next = commits.iter().position(|commit| Some(commit.id) == head);
    while let Some(place) = next {
        on[place] = true;
        next = commits[place]
            .parents
            .first()
            .map(|parent| *parent as usize);
    }
    on
}

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const BOTH: u8 = LEFT | RIGHT;
/// It, or something that follows it, is known to be on both sides.
const OLDER: u8 = 4;

/// Tells two sides of a graph apart. Keeps its memory from one use to the next.
pub(crate) struct Sides {
    marks: Vec<u8>,
    marked: Vec<u32>,
    /// The last commits that both sides follow.
    pub(crate) bases: Vec<u32>,
    /// The commits that only the first side has.
    pub(crate) left: Vec<u32>,
    /// … and the second.
    pub(crate) right: Vec<u32>,
}

impl Sides {
    pub(crate) fn new(graph: &Graph) -> Sides {
        Sides {
            marks: vec![0; graph.commits.len()],
            marked: Vec::new(),
            bases: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
        }
    }

    /// Whether only the first side has it.
    pub(crate) fn is_left(&self, commit: u32) -> bool {
        self.marks[commit as usize] == LEFT
    }

    /// Whether only the second side has it.
    pub(crate) fn is_right(&self, commit: u32) -> bool {
        self.marks[commit as usize] == RIGHT
    }

    /// Looks at what `left` have that `right` has not, and the other way round.
    /// Newest first, so that each commit is seen once, after all that follow it.
    pub(crate) fn tell_apart(&mut self, graph: &Graph, left: &[u32], right: u32) {
        for commit in self.marked.drain(..) {
            self.marks[commit as usize] = 0;
        }
        self.bases.clear();
        self.left.clear();
        self.right.clear();
        let mut waiting = BinaryHeap::new();
        // How many of those that wait may still tell something.
        let mut telling = 0_usize;
        let sides = left.iter().map(|commit| (*commit, LEFT));
        for (commit, mark) in sides.chain([(right, RIGHT)]) {
            self.mark(commit, mark, &mut waiting, &mut telling);
        }
        while telling > 0 {
            let Some(commit) = waiting.pop() else {
                break;
            };
            let mut mark = self.marks[commit as usize];
            telling -= usize::from(mark & OLDER == 0);
            match mark {
                LEFT => self.left.push(commit),
                RIGHT => self.right.push(commit),
                BOTH => {
                    self.bases.push(commit);
                    mark |= OLDER;
                }
                _ => {}
            }
            for parent in &graph.commits[commit as usize].parents {
                self.mark(*parent, mark, &mut waiting, &mut telling);
            }
        }
    }

    fn mark(&mut self, commit: u32, mark: u8, waiting: &mut BinaryHeap<u32>, telling: &mut usize) {
        let marks = &mut self.marks[commit as usize];
        let before = *marks;
        *marks |= mark;
        if before == 0 {
            self.marked.push(commit);
            waiting.push(commit);
            *telling += usize::from(mark & OLDER == 0);
        } else if before & OLDER == 0 && mark & OLDER != 0 {
            *telling -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
