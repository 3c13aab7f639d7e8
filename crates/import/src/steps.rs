//! Changes of records, and what each followed.

use crate::ImportFault;
use crate::graph::Sides;
use crate::sources::{Sources, State};
use serde_json::Value as Json;
use std::collections::{BTreeSet, HashMap};

/// A change of one record in one commit.
pub(crate) struct Step {
    pub(crate) commit: u32,
    /// What the record holds afterwards; nothing once it is deleted.
    pub(crate) state: Option<State>,
    /// The steps it directly follows.
    pub(crate) parents: Box<[u32]>,
    /// The fields in which it differs from what was after the first parent, by
    /// their numbers, in order.
    pub(crate) touched: Box<[u32]>,
}

/// Numbers for texts.
#[derive(Default)]
pub(crate) struct Names {
    numbers: HashMap<String, u32>,
    all: Vec<String>,
}

impl Names {
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        &self.all[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

/// All steps, by numbers.
#[derive(Default)]
pub(crate) struct Steps {
    pub(crate) all: Vec<Step>,
    pub(crate) fields: Names,
}

impl Steps {
    pub(crate) fn state(&self, step: u32) -> Option<State> {
        self.all[step as usize].state
    }

    fn touches(&self, step: u32, field: u32) -> bool {
        self.all[step as usize]
            .touched
            .binary_search(&field)
            .is_ok()
    }

    /// What a field holds after a step.
    fn value(
        &self,
        sources: &mut Sources<'_>,
        step: u32,
        field: u32,
    ) -> Result<Option<Json>, ImportFault> {
        let Some(state) = self.state(step) else {
            return Ok(None);
        };
        let held = sources.held(state)?;
        Ok(held.fields().get(self.fields.name(field)).cloned())
    }

    /// The step of one side that wrote what a field holds after the last of
    /// them: the one that did not find it there. Where the value is older than
    /// the side, it is the merge by which the side came back to it.
    pub(crate) fn writer(
        &self,
        sources: &mut Sources<'_>,
        heads: &[u32],
        on_side: impl Fn(u32) -> bool,
        field: u32,
        value: Option<&Json>,
    ) -> Result<Option<u32>, ImportFault> {
        let Some(mut step) = heads.first().copied() else {
            return Ok(None);
        };
        let mut merge = None;
        loop {
            let Some(before) = self.found_at(sources, step, field, value)? else {
                return Ok(Some(step));
            };
            if self.all[step as usize].parents.len() > 1 {
                merge = Some(step);
            }
            if !on_side(self.all[before as usize].commit) {
                return Ok(Some(merge.unwrap_or(step)));
            }
            step = before;
        }
    }

    /// The step from which a step has the value of a field, if it did not write it.
    fn found_at(
        &self,
        sources: &mut Sources<'_>,
        step: u32,
        field: u32,
        value: Option<&Json>,
    ) -> Result<Option<u32>, ImportFault> {
        let Some((first, others)) = self.all[step as usize].parents.split_first() else {
            return Ok(None);
        };
        if !self.touches(step, field) {
            return Ok(Some(*first));
        }
        for other in others {
            if self.value(sources, *other, field)?.as_ref() == value {
                return Ok(Some(*other));
            }
        }
        Ok(None)
    }

    /// Whether a field held a value after a step of one side, up to these.
    pub(crate) fn held_before(
        &self,
        sources: &mut Sources<'_>,
        heads: &[u32],
        on_side: impl Fn(u32) -> bool,
        field: u32,
        value: Option<&Json>,
    ) -> Result<bool, ImportFault> {
        let mut seen: BTreeSet<u32> = heads.iter().copied().collect();
        let mut waiting = heads.to_vec();
        while let Some(number) = waiting.pop() {
            let step = &self.all[number as usize];
            if !on_side(step.commit) {
                continue;
            }
            let wrote = self.touches(number, field);
            if wrote && self.value(sources, number, field)?.as_ref() == value {
                return Ok(true);
            }
            waiting.extend(step.parents.iter().filter(|parent| seen.insert(**parent)));
        }
        Ok(false)
    }

    /// The last steps of two sides together: without those that the other side
    /// has followed already. The first side's stand first.
    pub(crate) fn joined(&self, sides: &Sides, left: &[u32], right: &[u32]) -> Vec<u32> {
        let commit = |step: &u32| self.all[*step as usize].commit;
        let own = left
            .iter()
            .filter(|step| right.contains(step) || sides.is_left(commit(step)));
        let others = right
            .iter()
            .filter(|step| !left.contains(step) && sides.is_right(commit(step)));
        own.chain(others).copied().collect()
    }
}
