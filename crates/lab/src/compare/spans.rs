//! Blocks of a history that was lived once and has no merges: spans of time.
//!
//! A device that comes back after days brings conflicts to many records at
//! once. Records taken one by one would count such a return many times over; so
//! a block is what first met within a span of time, whatever the record.

use super::BLOCKS_MIN;
use crate::door::Truth;
use crate::trace::Trace;
use cairn_model::{RecordId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Spans, the longest first: in words, in milliseconds, and how many characters
/// of a time tell one from the next.
const SPANS: [(&str, u64, usize); 4] = [
    ("week", 7 * 24 * 3_600_000, 10),
    ("day", 24 * 3_600_000, 10),
    ("hour", 3_600_000, 13),
    ("minute", 60_000, 16),
];
/// Spans with conflicts from which on they are long enough: more would be
/// shorter, and less independent.
pub const SPANS_MIN: usize = 20;

impl Truth {
    /// Takes the longest spans of time for blocks of which at least
    /// [`SPANS_MIN`] have a conflict, or else minutes, if [`BLOCKS_MIN`] have. A
    /// record is of the span in which its first conflict set was whole; without
    /// one, of that in which its oldest standing write arrived. Where there are
    /// too few even of minutes, the history stays one block.
    pub fn divide(&mut self, trace: &Trace) {
        let mut met: BTreeMap<RecordId, Timestamp> = BTreeMap::new();
        for (key, sets, _) in trace.conflicts() {
            let first = sets.iter().map(|set| set.gathered).min();
            let known = met.entry(key.record).or_insert(Timestamp(u64::MAX));
            *known = first.map_or(*known, |first| first.min(*known));
        }
        let count = |span: u64| {
            let spans: BTreeSet<u64> = met.values().map(|time| time.0 / span).collect();
            spans.len()
        };
        let long = SPANS.iter().find(|(_, span, _)| count(*span) >= SPANS_MIN);
        let [.., short] = &SPANS;
        let short = Some(short).filter(|(_, span, _)| count(*span) >= BLOCKS_MIN);
        let Some(&(word, span, digits)) = long.or(short) else {
            return;
        };
        let mut times = met;
        for (key, standing) in trace.standing() {
            let oldest = standing.iter().map(|write| write.version).min();
            if let Some(received) = oldest.and_then(|version| trace.received(version)) {
                times.entry(key.record).or_insert(received);
            }
        }
        let mut numbers: BTreeMap<u64, u32> = times.values().map(|t| (t.0 / span, 0)).collect();
        for (number, (begin, place)) in (0..).zip(&mut numbers) {
            *place = number;
            let from: String = Timestamp(begin * span).to_string();
            self.blocks.push(from.chars().take(digits).collect());
        }
        let numbered = times.into_iter();
        self.block_of = numbered
            .map(|(record, time)| (record, numbers[&(time.0 / span)]))
            .collect();
        self.span = Some(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::synthetic::{Workload, generate};

    fn divided(records: usize, edits: usize) -> (Truth, Trace) {
        let workload = Workload {
            records,
            edits,
            zipf: 0.0,
            ..Workload::default()
        };
        let ledger = generate(&workload, 1).ledger;
        let mut trace = Trace::default();
        ledger
            .each(&mut |entry| trace.observe(entry))
            .expect("it is whole");
        let mut truth = Truth::default();
        truth.divide(&trace);
        (truth, trace)
    }

    #[test]
    fn the_longest_span_of_which_there_are_enough_is_a_block() {
        // A day of edits a minute apart, brought every half hour; so many
        // records that some meet their first conflict late.
        let (long, trace) = divided(3_000, 1_500);
        assert_eq!(long.span, Some("hour"));
        assert!(long.blocks.len() >= SPANS_MIN, "{:?}", long.blocks);
        assert!(
            long.blocks[0].starts_with("2027-01-15T"),
            "{:?}",
            long.blocks
        );
        assert_eq!(long.blocks[0].len(), "2027-01-15T08".len());
        assert!(long.blocks.windows(2).all(|pair| pair[0] < pair[1]));
        let written = trace.standing().map(|(key, _)| key.record);
        assert!(
            written
                .into_iter()
                .all(|record| long.block_of.contains_key(&record))
        );
    }

    #[test]
    fn what_was_over_at_once_is_one_block() {
        let (short, _) = divided(40, 3);
        assert_eq!((short.span, short.blocks.len()), (None, 0));
    }
}
