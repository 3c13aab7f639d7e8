//! Steps put into an order in which none comes before what it had seen.

use super::{HistoryFault, STEPS_MAX, Step};
use std::collections::{BTreeMap, BTreeSet};

/// Puts steps in order and resolves what they follow. `parents` are ids, one
/// list for each step. Steps that are in such an order already keep it.
pub fn in_order(mut steps: Vec<Step>, parents: &[Vec<String>]) -> Result<Vec<Step>, HistoryFault> {
    if steps.len() > STEPS_MAX {
        return Err(HistoryFault::TooLong);
    }
    let resolved = resolve(&steps, parents)?;
    let order = order(&steps, &resolved)?;
    let mut place = vec![0; steps.len()];
    for (at, step) in order.iter().enumerate() {
        place[*step] = at;
    }
    for (step, parents) in steps.iter_mut().zip(resolved) {
        step.parents = parents.into_iter().map(|parent| place[parent]).collect();
    }
    let mut placed: Vec<(usize, Step)> = place.into_iter().zip(steps).collect();
    placed.sort_by_key(|(at, _)| *at);
    Ok(placed.into_iter().map(|(_, step)| step).collect())
}

/// Parents by their places among the steps as given.
fn resolve(steps: &[Step], parents: &[Vec<String>]) -> Result<Vec<Vec<usize>>, HistoryFault> {
    let mut by_id = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        if by_id.insert(step.id.as_str(), at).is_some() {
            let id = step.id.clone();
            return Err(HistoryFault::Twice { id });
        }
    }
    let find = |step: &Step, parent: &String| {
        let at = *by_id
            .get(parent.as_str())
            .ok_or_else(|| HistoryFault::MissingParent {
                id: step.id.clone(),
                parent: parent.clone(),
            })?;
        if steps[at].record != step.record {
            return Err(HistoryFault::OtherRecord {
                id: step.id.clone(),
                record: step.record.clone(),
                parent: parent.clone(),
                other: steps[at].record.clone(),
            });
        }
        Ok(at)
    };
    steps
        .iter()
        .zip(parents)
        .map(|(step, parents)| parents.iter().map(|parent| find(step, parent)).collect())
        .collect()
}

/// Kahn's algorithm; of the steps that may come next, the first as given does.
fn order(steps: &[Step], parents: &[Vec<usize>]) -> Result<Vec<usize>, HistoryFault> {
    let mut children = vec![Vec::new(); steps.len()];
    let mut waits: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (step, parents) in parents.iter().enumerate() {
        parents
            .iter()
            .for_each(|parent| children[*parent].push(step));
    }
    let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|step| waits[*step] == 0).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(step) = ready.pop_first() {
        order.push(step);
        for child in &children[step] {
            waits[*child] -= 1;
            if waits[*child] == 0 {
                ready.insert(*child);
            }
        }
    }
    match waits.iter().position(|waits| *waits > 0) {
        None => Ok(order),
        Some(stuck) => Err(HistoryFault::Circle {
            id: steps[on_circle(stuck, parents, &waits)].id.clone(),
            count: steps.len() - order.len(),
        }),
    }
}

/// A step on a circle: from one that waits, back along what it waits for.
fn on_circle(from: usize, parents: &[Vec<usize>], waits: &[usize]) -> usize {
    let mut at = from;
    for _ in 0..waits.len() {
        let waiting = parents[at].iter().find(|parent| waits[**parent] > 0);
        at = *waiting.unwrap_or(&at);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Deed;
    use cairn_model::Timestamp;

    fn ordered(steps: &[(&str, &str, &[&str])]) -> Result<Vec<String>, HistoryFault> {
        let step = |(id, record, _): &(&str, &str, &[&str])| Step {
            id: (*id).to_owned(),
            transaction: (*id).to_owned(),
            author: "ann".to_owned(),
            time: Timestamp(0),
            received: None,
            record: (*record).to_owned(),
            parents: Vec::new(),
            deed: Deed::Delete,
        };
        let parents: Vec<Vec<String>> = steps
            .iter()
            .map(|(_, _, parents)| parents.iter().map(|p| (*p).to_owned()).collect())
            .collect();
        let steps = in_order(steps.iter().map(step).collect(), &parents)?;
        let words = steps
            .iter()
            .map(|step| format!("{}{:?}", step.id, step.parents));
        Ok(words.collect())
    }

    #[test]
    fn steps_come_after_what_they_had_seen() {
        let found = ordered(&[("c", "r", &["a", "b"]), ("b", "r", &["a"]), ("a", "r", &[])]);
        assert_eq!(found.unwrap(), ["a[]", "b[0]", "c[0, 1]"]);
    }

    #[test]
    fn broken_graphs_are_refused_by_name() {
        let words = |steps| ordered(steps).unwrap_err().to_string();
        assert_eq!(
            words(&[("a", "r", &[]), ("a", "r", &[])]),
            "step `a` is there twice; ids must be unique"
        );
        assert_eq!(
            words(&[("a", "r", &["z"])]),
            "step `a` follows `z`, which is not in the history; export it whole"
        );
        assert_eq!(
            words(&[("a", "r", &[]), ("b", "s", &["a"])]),
            "step `b` of record `s` follows `a`, which is of record `r`"
        );
        let circle = ordered(&[("d", "r", &["c"]), ("b", "r", &["c"]), ("c", "r", &["b"])]);
        let Err(HistoryFault::Circle { id, count }) = circle else {
            panic!("{circle:?}");
        };
        assert!(id == "b" || id == "c", "{id} is on the circle");
        assert_eq!(count, 3);
    }
}
