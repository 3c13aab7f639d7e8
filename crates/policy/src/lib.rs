//! Conflict policies: which of several concurrent writes shows.
//!
//! A policy is pure: the same contest gives the same decision on every
//! machine. It knows nothing of records, ledgers or devices beyond what a
//! [`Contest`] tells. New policies implement [`Policy`] and are found by
//! [`named`]; the fold does not change.

use cairn_model::{DeviceId, HybridTime, Timestamp, Value, Version};
use std::cmp::Reverse;

/// How far ahead of its arrival a write may date itself, in milliseconds. A
/// wrong clock cannot win for ever.
pub const CLOCK_AHEAD_MS_MAX: u64 = 5 * 60 * 1000;

/// One of several concurrent writes. `None` is an emptied field.
#[derive(Debug, Clone, Copy)]
pub struct Contender<'a> {
    /// Its operation's place in the ledger.
    pub version: Version,
    /// Its author's device.
    pub device: DeviceId,
    /// Its place in the author's log.
    pub sequence: u64,
    /// The author's hybrid clock.
    pub time: HybridTime,
    /// When the relay received it.
    pub received: Timestamp,
    /// What it wrote.
    pub value: Option<&'a Value>,
}

impl Contender<'_> {
    /// The time it competes with: its own, capped at arrival plus
    /// [`CLOCK_AHEAD_MS_MAX`].
    pub fn effective_time(&self) -> HybridTime {
        let cap = HybridTime::new(self.received.plus(CLOCK_AHEAD_MS_MAX), 0);
        self.time.min(cap)
    }

    fn by_time(&self) -> (HybridTime, DeviceId, u64) {
        (self.effective_time(), self.device, self.sequence)
    }

    fn by_lot(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn/1 random policy");
        hasher.update(&self.device.0);
        hasher.update(&self.sequence.to_be_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// Concurrent writes with unequal values, in ledger order; none of them
/// dominates another.
#[derive(Debug, Clone, Copy)]
pub struct Contest<'a> {
    /// All of them.
    pub contenders: &'a [Contender<'a>],
    /// The index of the one that shows so far.
    pub standing: usize,
    /// The index of the one that has just arrived.
    pub arriving: usize,
}

/// What a policy makes of a contest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The index of the contender that shows.
    pub shown: usize,
    /// What becomes of the others.
    pub others: Others,
}

/// What becomes of the contenders that do not show. All are in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They are done with.
    Settled,
    /// They are done with, and the author of the arriving one is told, who can
    /// resubmit or discard it.
    SettledAndTold,
    /// They stay candidates: a later write competes with all of them again.
    /// What shows then does not depend on the order of arrival.
    Candidates,
    /// They stay candidates, marked in conflict, until a person resolves it.
    Flagged,
}

/// A conflict policy.
pub trait Policy: Sync {
    /// Its stable id, as in organization definitions.
    fn id(&self) -> &str;

    /// Counts changes of its meaning.
    fn version(&self) -> u32 {
        1
    }

    /// Whether candidates and winner are the same for every ledger order that
    /// respects causality, with equal times of receipt.
    fn order_insensitive(&self) -> bool;

    /// Whether it compares values, and so has no meaning for a whole record:
    /// such a policy works field by field at either granularity.
    fn compares_values(&self) -> bool {
        false
    }

    /// Decides.
    fn decide(&self, contest: Contest<'_>) -> Decision;
}

fn best<'a, K: Ord>(contest: Contest<'a>, key: impl Fn(&Contender<'a>) -> K) -> Decision {
    let shown = (0..contest.contenders.len())
        .max_by_key(|&index| key(&contest.contenders[index]))
        .expect("a contest has contenders");
    Decision {
        shown,
        others: Others::Candidates,
    }
}

struct ClientWins;
struct ServerWins;
struct Flag;
struct LastWriterWins;
struct FirstWriterWins;
struct Max;
struct Min;
struct Random;

impl Policy for ClientWins {
    fn id(&self) -> &'static str {
        "client-wins"
    }
    fn order_insensitive(&self) -> bool {
        false
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        Decision {
            shown: contest.arriving,
            others: Others::Settled,
        }
    }
}

impl Policy for ServerWins {
    fn id(&self) -> &'static str {
        "server-wins"
    }
    fn order_insensitive(&self) -> bool {
        false
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        Decision {
            shown: contest.standing,
            others: Others::SettledAndTold,
        }
    }
}

impl Policy for Flag {
    fn id(&self) -> &'static str {
        "flag"
    }
    /// The candidates are; which of them shows meanwhile is what the ledger
    /// had first.
    fn order_insensitive(&self) -> bool {
        true
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        Decision {
            shown: contest.standing,
            others: Others::Flagged,
        }
    }
}

impl Policy for LastWriterWins {
    fn id(&self) -> &'static str {
        "last-writer-wins"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        best(contest, Contender::by_time)
    }
}

impl Policy for FirstWriterWins {
    fn id(&self) -> &'static str {
        "first-writer-wins"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        best(contest, |contender| Reverse(contender.by_time()))
    }
}

impl Policy for Max {
    fn id(&self) -> &'static str {
        "max"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    fn compares_values(&self) -> bool {
        true
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        best(contest, |contender| {
            (contender.value.cloned(), contender.by_time())
        })
    }
}

impl Policy for Min {
    fn id(&self) -> &'static str {
        "min"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    fn compares_values(&self) -> bool {
        true
    }
    /// An emptied field is not the smallest value: any value wins over none.
    fn decide(&self, contest: Contest<'_>) -> Decision {
        best(contest, |contender| {
            (
                contender.value.is_some(),
                Reverse(contender.value.cloned()),
                contender.by_time(),
            )
        })
    }
}

impl Policy for Random {
    fn id(&self) -> &'static str {
        "random"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    /// By lot, drawn from the hash of device and sequence: the null model that
    /// other policies are measured against.
    fn decide(&self, contest: Contest<'_>) -> Decision {
        best(contest, Contender::by_lot)
    }
}

static POLICIES: [&(dyn Policy + Sync); 8] = [
    &ClientWins,
    &ServerWins,
    &Flag,
    &LastWriterWins,
    &FirstWriterWins,
    &Max,
    &Min,
    &Random,
];

/// Every policy.
pub fn all() -> impl Iterator<Item = &'static dyn Policy> {
    POLICIES.iter().map(|policy| *policy as &dyn Policy)
}

/// Every policy's id.
pub fn ids() -> Vec<&'static str> {
    all().map(Policy::id).collect()
}

/// The policy with this id.
pub fn named(id: &str) -> Option<&'static dyn Policy> {
    all().find(|policy| policy.id() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(version: u64, wall: u64, value: Option<&Value>) -> Contender<'_> {
        Contender {
            version: Version(version),
            device: DeviceId([version as u8; 16]),
            sequence: 1,
            time: HybridTime::new(Timestamp(wall), 0),
            received: Timestamp(1_000),
            value,
        }
    }

    /// Three writes: (device time, value); the last has just arrived and the
    /// first stands. Gives the value each policy shows.
    fn shown(policy: &str, writes: [(u64, Option<i64>); 3]) -> Option<i64> {
        let values: Vec<Option<Value>> =
            writes.iter().map(|(_, v)| v.map(Value::Integer)).collect();
        let contenders: Vec<Contender<'_>> = (1..)
            .zip(writes.iter().zip(&values))
            .map(|(version, ((wall, _), value))| contender(version, *wall, value.as_ref()))
            .collect();
        let contest = Contest {
            contenders: &contenders,
            standing: 0,
            arriving: 2,
        };
        writes[named(policy).expect(policy).decide(contest).shown].1
    }

    #[test]
    fn each_policy_shows_what_its_name_says() {
        let writes = [(500, Some(5)), (900, Some(9)), (100, Some(7))];
        assert_eq!(shown("client-wins", writes), Some(7));
        assert_eq!(shown("server-wins", writes), Some(5));
        assert_eq!(shown("flag", writes), Some(5));
        assert_eq!(shown("last-writer-wins", writes), Some(9));
        assert_eq!(shown("first-writer-wins", writes), Some(7));
        assert_eq!(shown("max", writes), Some(9));
        assert_eq!(shown("min", writes), Some(5));
    }

    #[test]
    fn a_clock_far_ahead_competes_as_if_five_minutes_ahead() {
        let years_ahead = contender(1, u64::MAX / 2, None);
        assert_eq!(
            years_ahead.effective_time().wall(),
            Timestamp(1_000 + CLOCK_AHEAD_MS_MAX)
        );
        let honest = contender(2, 900, None);
        assert_eq!(honest.effective_time().wall(), Timestamp(900));
    }

    #[test]
    fn an_emptied_field_is_smaller_than_any_value_but_never_the_minimum() {
        let writes = [(1, None), (2, Some(4)), (3, Some(6))];
        assert_eq!(shown("max", writes), Some(6));
        assert_eq!(shown("min", writes), Some(4));
    }

    #[test]
    fn ids_are_unique() {
        let mut ids = ids();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), POLICIES.len());
    }
}
