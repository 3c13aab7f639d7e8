//! The tree of business units, numbered so that a unit and all below it are a
//! range of numbers.

use crate::definition::BusinessUnit;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A unit, by its number.
pub(super) type Unit = u32;

/// Every unit.
#[derive(Debug, Clone, Default)]
pub(super) struct Units {
    /// By number: a unit, then those below it.
    names: Vec<String>,
    /// By number: where those below it end.
    ends: Vec<Unit>,
    numbers: BTreeMap<String, Unit>,
}

impl Units {
    pub(super) fn of(units: &BTreeMap<String, BusinessUnit>) -> Units {
        let mut below: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for (name, unit) in units {
            let parent = unit.parent.as_deref();
            below.entry(parent).or_default().push(name);
        }
        let mut numbered = Units::default();
        let mut open: Vec<Step<'_>> = Vec::new();
        let tops = below.remove(&None).unwrap_or_default();
        open.extend(tops.into_iter().map(Step::Enter));
        while let Some(step) = open.pop() {
            match step {
                Step::Enter(name) => {
                    let number = numbered.names.len() as Unit;
                    numbered.names.push(name.to_owned());
                    numbered.ends.push(number);
                    numbered.numbers.insert(name.to_owned(), number);
                    open.push(Step::Leave(number));
                    let inner = below.remove(&Some(name)).unwrap_or_default();
                    open.extend(inner.into_iter().map(Step::Enter));
                }
                Step::Leave(number) => {
                    numbered.ends[number as usize] = numbered.names.len() as Unit;
                }
            }
        }
        numbered
    }

    /// The unit of a name.
    pub(super) fn named(&self, name: Option<&str>) -> Option<Unit> {
        self.numbers.get(name?).copied()
    }

    /// The name of a unit.
    pub(super) fn name(&self, unit: Unit) -> &str {
        &self.names[unit as usize]
    }

    /// A unit and those below it.
    pub(super) fn with_below(&self, unit: Unit) -> Range<Unit> {
        unit..self.ends[unit as usize]
    }

    /// The names of a range of units.
    pub(super) fn within(&self, span: &Range<Unit>) -> impl Iterator<Item = &str> {
        let names = &self.names[span.start as usize..span.end as usize];
        names.iter().map(String::as_str)
    }

    /// The least set of ranges that covers the same units.
    pub(super) fn merged(spans: BTreeSet<(Unit, Unit)>) -> Vec<Range<Unit>> {
        let mut merged: Vec<Range<Unit>> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => merged.push(start..end),
            }
        }
        merged
    }
}

enum Step<'a> {
    Enter(&'a str),
    Leave(Unit),
}
