//! Histories, policies and seeds, all with all.
//!
//! [`Plan::run`] works through *units*, a history with a seed each: the ledger is
//! made once, and every policy folds it. What came of a unit is put on a
//! [`Shelf`] as soon as it is known, so that a run that was broken off goes on
//! where it was, and shards of a run are merged by putting their units on one
//! shelf. [`Plan::report`] makes the tables and the page of them.

mod field;
mod gap;
pub mod lines;
mod manifest;
mod page;
mod spans;
mod subject;
mod summary;
mod table;
mod unit;

#[cfg(test)]
pub(crate) use field::tests as field_tests;
pub use field::{
    BLOCKS_MIN, ByPolicy, FieldSummary, SETS_MIN, can_be_chosen, cheapest, level_of_each,
};
pub use gap::{Gap, GapOf, Turned};
pub use manifest::{Known, Manifest};
pub use spans::SPANS_MIN;
pub use summary::{Batched, Cost, Estimate, PolicySummary, Summary, Versus};
pub(crate) use unit::in_parallel;
pub use unit::{Outcome, Unit};

use crate::door::Truth;
use crate::ledger::{Ledger, LedgerFault};
use crate::policies::Contestant;
use cairn_projection::Trial;
use std::io;

/// The version of what is on a shelf.
pub const FORMAT: u32 = 1;
/// What a reader must know before believing the numbers; printed with them.
pub const THREATS: &[&str] = &[
    "Open loop: people reacted to what the policy of their time showed them. What they would have done about another outcome is not in the log, and every policy but theirs is judged on what it did not cause.",
    "Closed loop: agents react by a few simple rules, at rates that were chosen and not measured. What they show is what reactions can do, not what people will.",
    "Where a recorded log holds people's answers to questions, those are refused under a policy that never asked: they count as rejected operations.",
    "Intents are the writes themselves: that somebody wrote a value is taken for wanting it, and all writes weigh the same.",
    "The human result of a merge is what a person committed, mostly the one who had worked apart; it is not proof that it was right.",
    "Times are the authors' clocks. Where those are wrong, policies that go by time are judged on wrong clocks, as they would be in life.",
    "Blocks (seeds, merges, spans of time) are taken for independent. Merges of one repository, and days of one log, share authors and habits, so that intervals may be too narrow; where blocks that follow each other are alike, the report says so.",
    "Of a real history there is only what met in its merges: rates are of the writes of those, and say nothing of how often anything meets.",
    "Synthetic people write by laws that are simpler than people.",
];

/// A history as a comparison takes it.
pub struct Subject {
    /// What it is called in the tables.
    pub name: String,
    /// Where it is from: `recorded`, `real`, `synthetic` or `closed loop`.
    pub kind: &'static str,
    /// A hash over what it is made from: results of what has changed since are
    /// never mixed in.
    pub source: String,
    /// Its seeds. A history that was lived has one.
    pub seeds: Vec<u64>,
    /// Makes its ledger; the same one each time.
    pub make: Make,
}

/// How the ledger of a history is made.
pub enum Make {
    /// For a seed: one that every policy folds.
    Once(Box<dyn Fn(u64) -> Result<Prepared, CompareFault> + Sync>),
    /// For a seed and a policy, to which people react.
    Each(Box<dyn Fn(u64, Trial) -> Prepared + Sync>),
}

/// A ledger, with what is known besides.
pub struct Prepared {
    /// What is folded.
    pub ledger: Box<dyn Ledger>,
    /// What is known of it.
    pub truth: Truth,
}

/// A policy that is compared.
#[derive(Debug, Clone)]
pub enum Entrant {
    /// One that can be given to the fold as it is.
    Policy(Contestant),
    /// The null model, drawn anew for each seed.
    Random,
    /// The hindsight oracle, made for each ledger.
    Oracle,
}

impl Entrant {
    /// What it is called in the tables.
    pub fn name(&self) -> &str {
        match self {
            Entrant::Policy(contestant) => &contestant.name,
            Entrant::Random => "random-winner",
            Entrant::Oracle => "oracle",
        }
    }

    /// The entrant called this.
    pub fn named(name: &str) -> Option<Entrant> {
        match name {
            "random-winner" => Some(Entrant::Random),
            "oracle" => Some(Entrant::Oracle),
            name => Contestant::named(name).map(Entrant::Policy),
        }
    }
}

/// What is compared. The first policy is the one that others are held against.
pub struct Plan {
    /// The histories.
    pub subjects: Vec<Subject>,
    /// The policies.
    pub entrants: Vec<Entrant>,
    /// How much worse, on the primary metric, is no worse: declared before
    /// anything is known.
    pub margin: f64,
    /// Resamples of each interval; [`crate::stats::RESAMPLES`] for a paper.
    pub resamples: usize,
}

/// Where results are kept. A shell makes one of a folder.
pub trait Shelf: Sync {
    /// What is kept under a name.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Keeps bytes under a name: whole, or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A part of a run: every `of`-th unit, from `index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// The whole run.
    pub const WHOLE: Shard = Shard { index: 1, of: 1 };
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Units that are done.
    pub done: usize,
    /// Units of this shard.
    pub of: usize,
    /// Folds that are done: of a unit's ledger, one under each policy.
    pub folds: usize,
    /// Folds of this shard.
    pub folds_of: usize,
}

/// Why a comparison cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CompareFault {
    /// A history cannot be read.
    #[error("{subject}: {reason}")]
    Subject {
        /// Which.
        subject: String,
        /// Why.
        reason: String,
    },
    /// Its ledger cannot be.
    #[error("{subject}: {fault}")]
    Ledger {
        /// Which.
        subject: String,
        /// Why.
        fault: LedgerFault,
    },
    /// A policy did not decide.
    #[error(
        "policy `{policy}` failed on {subject}, seed {seed}: {mistake}. Nothing of that unit was kept; correct the policy, or leave it out"
    )]
    Policy {
        /// Which.
        policy: String,
        /// On which history.
        subject: String,
        /// On which seed.
        seed: u64,
        /// Why.
        mistake: String,
    },
    /// The results cannot be kept, or read.
    #[error("`{name}` cannot be kept or read: {source}")]
    Shelf {
        /// What.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Two histories or policies have one name.
    #[error("`{0}` is there twice; results could not be told apart")]
    Twice(String),
    /// There is nothing to compare.
    #[error("there is nothing to compare: name at least one history and one policy")]
    Nothing,
    /// A shard that does not exist.
    #[error("there is no shard {index}/{of}; shards count from 1")]
    Shard {
        /// Which.
        index: usize,
        /// Of how many.
        of: usize,
    },
    /// The shelf has results of something else.
    #[error(
        "`{0}` is of another comparison; name an empty folder, or give the same histories, policies and seeds"
    )]
    Other(String),
    /// A result cannot be read.
    #[error("`{name}` is damaged: {reason}; remove it, and the run makes it anew")]
    Damaged {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// Units are not there yet.
    #[error(
        "{missing} of {of} units are missing, the first is {first}; run them, or merge the other shards"
    )]
    Missing {
        /// How many.
        missing: usize,
        /// Of how many.
        of: usize,
        /// The first of them.
        first: String,
    },
    /// A thread of the run came to grief.
    #[error("a worker stopped unexpectedly; this is a bug of the lab")]
    Worker,
}

/// The files of a report.
#[derive(Debug)]
pub struct Report {
    /// What was compared.
    pub manifest: Manifest,
    /// The numbers and what they prove.
    pub summary: Summary,
}

/// The name of the manifest on a shelf.
pub const MANIFEST: &str = "manifest.json";
/// … of the long table.
pub const METRICS: &str = "metrics.csv";
/// … of the same table as Parquet.
#[cfg(feature = "parquet")]
pub const PARQUET: &str = "metrics.parquet";
/// … of the summary.
pub const SUMMARY: &str = "summary.json";
/// … of the page for people.
pub const PAGE: &str = "report.html";

impl Plan {
    /// What decides the results.
    pub fn manifest(&self) -> Manifest {
        Manifest::of(self)
    }

    /// Runs what is not on the shelf yet, on as many threads as `jobs` says.
    pub fn run(
        &self,
        shelf: &dyn Shelf,
        jobs: usize,
        shard: Shard,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), CompareFault> {
        self.check(shard)?;
        let manifest = self.manifest();
        manifest::claim(shelf, &manifest)?;
        let own: Vec<_> = unit::units(&manifest)
            .into_iter()
            .skip(shard.index - 1)
            .step_by(shard.of)
            .collect();
        unit::work_all(self, &manifest, own, shelf, jobs.max(1), tell)
    }

    /// Makes the tables and the page of all units, and keeps them beside.
    pub fn report(&self, shelf: &dyn Shelf) -> Result<Report, CompareFault> {
        self.manifest().report(shelf)
    }

    fn check(&self, shard: Shard) -> Result<(), CompareFault> {
        let Shard { index, of } = shard;
        if index == 0 || index > of {
            return Err(CompareFault::Shard { index, of });
        }
        if self.subjects.iter().all(|s| s.seeds.is_empty()) || self.entrants.is_empty() {
            return Err(CompareFault::Nothing);
        }
        let subjects = self.subjects.iter().map(|subject| subject.name.as_str());
        twice(subjects)?;
        twice(self.entrants.iter().map(Entrant::name))
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), CompareFault> {
    let mut known = std::collections::BTreeSet::new();
    for name in names {
        if !known.insert(name) {
            return Err(CompareFault::Twice(name.to_owned()));
        }
    }
    Ok(())
}

fn get(shelf: &dyn Shelf, name: &str) -> Result<Option<Vec<u8>>, CompareFault> {
    shelf.read(name).map_err(|source| CompareFault::Shelf {
        name: name.to_owned(),
        source,
    })
}

fn keep(shelf: &dyn Shelf, name: &str, bytes: &[u8]) -> Result<(), CompareFault> {
    shelf
        .write(name, bytes)
        .map_err(|source| CompareFault::Shelf {
            name: name.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests;
