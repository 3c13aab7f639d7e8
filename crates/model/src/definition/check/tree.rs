//! Trees of named things: units, positions, users by manager.

use std::collections::BTreeMap;

/// The cycles in a forest of `parents`, each from its first member on.
pub(super) fn cycles<'a>(parents: &BTreeMap<&'a str, &'a str>) -> Vec<Vec<&'a str>> {
    let mut walks: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (walk, start) in parents.keys().enumerate() {
        let mut at = Some(*start);
        while let Some(name) = at {
            match walks.insert(name, walk) {
                Some(before) if before == walk => {
                    found.push(cycle_of(name, parents));
                    break;
                }
                Some(before) => {
                    walks.insert(name, before);
                    break;
                }
                None => at = parents.get(name).copied(),
            }
        }
    }
    found
}

fn cycle_of<'a>(member: &'a str, parents: &BTreeMap<&'a str, &'a str>) -> Vec<&'a str> {
    let mut cycle = vec![member];
    let mut at = parents[member];
    while at != member {
        cycle.push(at);
        at = parents[at];
    }
    let first = (0..cycle.len()).min_by_key(|index| cycle[*index]);
    cycle.rotate_left(first.unwrap_or_default());
    cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cycle_is_found_once() {
        let parents = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "d"), ("e", "f")];
        let found = cycles(&parents.into());
        assert_eq!(found, [vec!["b", "c"], vec!["d"]]);
    }
}
