//! The widest antichain of a key's writes: how many stood side by side.
//!
//! Dilworth's theorem: it is as wide as the fewest chains that cover all, which
//! are the writes less a largest matching of each to a later one.

use super::Past;

/// Contested writes up to which the width is exact. Beyond, those of the last
/// this many count.
const WRITES_MAX: usize = 256;

pub(super) fn of(past: &[Past]) -> usize {
    let contested: Vec<&Past> = past.iter().filter(|past| past.contested).collect();
    if contested.len() < 2 {
        return 1;
    }
    let writes = &contested[contested.len().saturating_sub(WRITES_MAX)..];
    let mut earlier: Vec<Option<usize>> = vec![None; writes.len()];
    let matched = (0..writes.len())
        .filter(|write| augment(*write, writes, &mut earlier, &mut vec![false; writes.len()]))
        .count();
    (writes.len() - matched).max(1)
}

/// Finds a later write for this one, moving others where that helps.
fn augment(
    write: usize,
    writes: &[&Past],
    earlier: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for later in write + 1..writes.len() {
        if tried[later] || !writes[write].precedes(writes[later]) {
            continue;
        }
        tried[later] = true;
        let is_free = match earlier[later] {
            None => true,
            Some(other) => augment(other, writes, earlier, tried),
        };
        if is_free {
            earlier[later] = Some(write);
            return true;
        }
    }
    false
}
