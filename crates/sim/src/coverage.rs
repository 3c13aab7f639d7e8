//! What a campaign has met: situations that it must have met, shapes of
//! divergence it has seen, and how likely the next seed is to show something
//! new.

mod shape;
mod situation;

pub use situation::{SITUATIONS, Situation};

use crate::check::{Checker, Violation};
use crate::trace::Event;
use crate::world::View;
use serde::{Deserialize, Serialize};
use situation::Met;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What one run has met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Situations, by name.
    pub situations: BTreeSet<String>,
    /// Shapes of divergence and of contests.
    pub shapes: BTreeSet<String>,
}

/// Watches a run like a checker, and finds nothing wrong.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
}

impl Watch {
    /// A watch, and where to read what it has seen when the run is over.
    pub fn new() -> (Watch, Arc<Mutex<Seen>>) {
        let watch = Watch::default();
        let seen = Arc::clone(&watch.seen);
        (watch, seen)
    }

    fn note(&mut self, met: impl Fn(&Situation) -> bool, shapes: Vec<String>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for situation in SITUATIONS {
            if !seen.situations.contains(situation.name) && met(situation) {
                seen.situations.insert(situation.name.to_owned());
            }
        }
        seen.shapes.extend(shapes);
    }
}

impl Checker for Watch {
    fn name(&self) -> &'static str {
        "coverage"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        let shapes = shape::of_divergence(event, view).into_iter().collect();
        self.note(
            |situation| matches!(situation.met, Met::When(when) if when(event, view)),
            shapes,
        );
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let shapes = shape::of_contests(view);
        self.note(
            |situation| matches!(situation.met, Met::AtTheEnd(met) if met(view)),
            shapes,
        );
        Ok(())
    }
}

/// What a campaign has met.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Runs.
    pub seeds: u64,
    /// Runs that met each situation.
    pub situations: BTreeMap<String, u64>,
    /// Runs that showed each shape.
    pub shapes: BTreeMap<String, u64>,
    /// Which run it was, of those so far, for each shape that only one showed.
    pub only: BTreeMap<String, u64>,
    /// How many shapes were known after how many runs: at powers of two, and
    /// then after each part that was added.
    pub curve: Vec<(u64, u64)>,
}

impl Coverage {
    /// Adds a run.
    pub fn add(&mut self, seen: &Seen) {
        self.seeds += 1;
        for situation in &seen.situations {
            *self.situations.entry(situation.clone()).or_default() += 1;
        }
        for shape in &seen.shapes {
            let runs = self.shapes.entry(shape.clone()).or_default();
            *runs += 1;
            match *runs {
                1 => drop(self.only.insert(shape.clone(), self.seeds)),
                _ => drop(self.only.remove(shape)),
            }
        }
        if self.seeds.is_power_of_two() {
            self.curve.push((self.seeds, self.shapes.len() as u64));
        }
    }

    /// Adds what another part of the campaign has met: the curve goes on with
    /// what is known then.
    pub fn merge(&mut self, other: &Coverage) {
        if self.seeds == 0 {
            return self.clone_from(other);
        }
        for (shape, run) in &other.only {
            self.only.insert(shape.clone(), self.seeds + run);
        }
        self.seeds += other.seeds;
        for (situation, runs) in &other.situations {
            *self.situations.entry(situation.clone()).or_default() += runs;
        }
        for (shape, runs) in &other.shapes {
            *self.shapes.entry(shape.clone()).or_default() += runs;
        }
        let shapes = &self.shapes;
        self.only.retain(|shape, _| shapes.get(shape) == Some(&1));
        self.curve.push((self.seeds, self.shapes.len() as u64));
    }

    /// Situations that were never met.
    pub fn unmet(&self) -> Vec<&'static str> {
        let names = SITUATIONS.iter().map(|situation| situation.name);
        names
            .filter(|name| !self.situations.contains_key(*name))
            .collect()
    }

    fn seen_in(&self, runs: u64) -> u64 {
        self.shapes.values().filter(|count| **count == runs).count() as u64
    }

    /// Good and Turing's estimate of the chance that the next run shows
    /// something new: the share of runs without which something would not have
    /// been seen.
    pub fn chance_of_news(&self) -> f64 {
        let runs: BTreeSet<u64> = self.only.values().copied().collect();
        match self.seeds {
            0 => 1.0,
            seeds => runs.len() as f64 / seeds as f64,
        }
    }

    /// Their estimate of how many shapes the next run shows that are new: the
    /// number of shapes seen in one run only, for each run.
    pub fn new_in_the_next(&self) -> f64 {
        match self.seeds {
            0 => 1.0,
            seeds => self.seen_in(1) as f64 / seeds as f64,
        }
    }

    /// Chao's estimate of how many shapes there are in all, at least.
    pub fn shapes_in_all(&self) -> f64 {
        let (once, twice) = (self.seen_in(1) as f64, self.seen_in(2) as f64);
        self.shapes.len() as f64 + once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(shapes: &[&str]) -> Seen {
        Seen {
            situations: BTreeSet::new(),
            shapes: shapes.iter().map(|shape| (*shape).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_seen_once_says_how_much_is_unseen() {
        let mut coverage = Coverage::default();
        for run in [&["a", "b"][..], &["a"], &["a", "b"], &["a", "c"]] {
            coverage.add(&seen(run));
        }
        assert_eq!(coverage.curve, [(1, 2), (2, 2), (4, 3)]);
        assert_eq!(coverage.new_in_the_next(), 0.25);
        assert_eq!(coverage.chance_of_news(), 0.25);
        assert_eq!(coverage.shapes_in_all(), 3.0);
        coverage.add(&seen(&["d", "e"]));
        assert_eq!(coverage.new_in_the_next(), 0.6);
        assert_eq!(coverage.chance_of_news(), 0.4);
        assert_eq!(coverage.shapes_in_all(), 6.5);
    }

    #[test]
    fn shards_add_up() {
        let mut one = Coverage::default();
        one.add(&seen(&["a"]));
        let mut other = Coverage::default();
        other.add(&seen(&["a", "b"]));
        other.situations.insert(SITUATIONS[0].name.to_owned(), 1);
        let mut both = Coverage::default();
        both.merge(&one);
        assert_eq!(both, one);
        both.merge(&other);
        assert_eq!((both.seeds, both.shapes["a"], both.shapes["b"]), (2, 2, 1));
        assert_eq!(both.curve, [(1, 1), (2, 2)]);
        assert_eq!(both.only, [("b".to_owned(), 2)].into());
        let unmet = SITUATIONS[1..].iter().map(|situation| situation.name);
        assert_eq!(both.unmet(), unmet.collect::<Vec<_>>());
    }

    #[test]
    fn situations_have_names_of_their_own() {
        let mut names: Vec<&str> = SITUATIONS.iter().map(|s| s.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SITUATIONS.len());
    }
}
