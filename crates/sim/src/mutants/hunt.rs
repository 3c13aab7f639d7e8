//! Looking for each mutant with seed after seed.

use super::Mutant;
use crate::check::{Violation, all};
use crate::run::{Case, run};
use crate::wiring::Straight;
use serde::Serialize;

/// What became of a mutant.
#[derive(Debug, Clone, Serialize)]
pub struct Hunt {
    /// Its name.
    pub mutant: &'static str,
    /// What it does wrong.
    pub wrong: &'static str,
    /// Seeds tried.
    pub seeds: u64,
    /// How it was found; `None` when no seed found it.
    pub kill: Option<Kill>,
}

/// How a mutant was found.
#[derive(Debug, Clone, Serialize)]
pub struct Kill {
    /// By which seed.
    pub seed: u64,
    /// What was found, and by which checker.
    pub violation: Violation,
}

/// Runs a mutant over seeds until a checker finds it.
pub fn hunt(
    mutant: &'static Mutant,
    seeds: impl IntoIterator<Item = u64>,
    case_of: impl Fn(u64) -> Case,
) -> Hunt {
    let mut tried = 0;
    let mut kill = None;
    for seed in seeds {
        tried += 1;
        let case = case_of(seed);
        let Some(violation) = found_in(mutant, &case) else {
            continue;
        };
        // What the product does too says nothing about the mutant.
        let (product, _) = run(&case, Box::new(Straight), &mut all(), false);
        let same = |own: &Violation| own.checker == violation.checker;
        if !product.violation.as_ref().is_some_and(same) {
            kill = Some(Kill { seed, violation });
            break;
        }
    }
    Hunt {
        mutant: mutant.name,
        wrong: mutant.wrong,
        seeds: tried,
        kill,
    }
}

/// What the checkers find in one run of a mutant, if they find nothing in the
/// product.
pub fn found_only_in(mutant: &Mutant, case: &Case) -> Option<Violation> {
    let violation = found_in(mutant, case)?;
    let (product, _) = run(case, Box::new(Straight), &mut all(), false);
    product.violation.is_none().then_some(violation)
}

/// What the checkers find in one run of a mutant.
pub fn found_in(mutant: &Mutant, case: &Case) -> Option<Violation> {
    let (outcome, _) = run(case, mutant.wiring(), &mut mutant.checkers(), false);
    outcome.violation
}
