//! The conflict policies, as the table of the design puts them.

use super::register::Made;
use cairn_model::{DeviceId, HybridTime};
use std::cmp::Reverse;

/// How far ahead of its arrival a write may date itself: five minutes.
const AHEAD_MS: u64 = 300_000;

/// What becomes of the writes that do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Into the journal, done with.
    Settled,
    /// The same, and the author of the arriving one is told.
    Told,
    /// They compete again with the next write.
    Compete,
    /// They wait for a person.
    Open,
}

/// Every policy there is.
pub(super) const POLICIES: [&str; 8] = [
    "client-wins",
    "server-wins",
    "flag",
    "last-writer-wins",
    "first-writer-wins",
    "max",
    "min",
    "random",
];

/// Whether a policy compares values, and so has no meaning for a whole record.
pub(super) fn compares_values(policy: &str) -> bool {
    policy == "max" || policy == "min"
}

fn effective(made: &Made) -> (HybridTime, DeviceId, u64) {
    let latest = HybridTime::new(made.by.received.plus(AHEAD_MS), 0);
    (made.by.time.min(latest), made.by.device, made.by.sequence)
}

fn lot(made: &Made) -> [u8; 32] {
    let mut text = b"cairn/1 random policy".to_vec();
    text.extend_from_slice(&made.by.device.0);
    text.extend_from_slice(&made.by.sequence.to_be_bytes());
    *blake3::hash(&text).as_bytes()
}

fn best<K: Ord>(contenders: &[&Made], key: impl Fn(&Made) -> K) -> usize {
    let mut best = 0;
    for at in 1..contenders.len() {
        if key(contenders[at]) >= key(contenders[best]) {
            best = at;
        }
    }
    best
}

/// Which of the contenders shows, and what becomes of the others.
pub(super) fn decide(
    policy: &str,
    contenders: &[&Made],
    standing: usize,
    arriving: usize,
) -> (usize, Others) {
    let competing = |shown| (shown, Others::Compete);
    match policy {
        "client-wins" => (arriving, Others::Settled),
        "server-wins" => (standing, Others::Told),
        "last-writer-wins" => competing(best(contenders, effective)),
        "first-writer-wins" => competing(best(contenders, |made| Reverse(effective(made)))),
        "max" => competing(best(contenders, |m| (m.value.clone(), effective(m)))),
        "min" => competing(best(contenders, |m| {
            (m.value.is_some(), Reverse(m.value.clone()), effective(m))
        })),
        "random" => competing(best(contenders, lot)),
        _ => (standing, Others::Open),
    }
}
