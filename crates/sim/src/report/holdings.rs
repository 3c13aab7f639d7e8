//! How many operations hosts do not share, over time.
//!
//! A host holds the ledger up to its cursor, and its own operations. A ledger
//! that was set back and written on is another ledger from there on.

use super::recorder::place;
use crate::host::Host;
use crate::time::VirtualTime;
use crate::trace::What;
use crate::world::View;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// Moments that are kept at most; when there are twice as many, every other
/// one goes.
const MOMENTS: usize = 160;
/// Hosts that are compared, and numbers that are written for all moments, at
/// most.
const HOSTS: usize = 33;
const NUMBERS: usize = 120_000;

/// What a host holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Holding {
    /// Which ledger.
    ledger: usize,
    /// It has everything up to here.
    cursor: u64,
    /// Its operations that the relay has not acknowledged.
    unsent: u64,
    /// Its operations up to here may be lost to itself: it was wiped or set
    /// back then.
    lost: u64,
}

/// A ledger: where it left the one before, and who wrote what of it.
#[derive(Debug, Clone, Default)]
struct Ledger {
    fork: u64,
    by: BTreeMap<usize, Vec<u64>>,
}

impl Ledger {
    /// Versions an author wrote after one and up to another.
    fn written_by(&self, author: usize, after: u64, until: u64) -> u64 {
        // The relay has what is in its ledger and nothing besides.
        let Some(versions) = self.by.get(&author).filter(|_| author > 0) else {
            return 0;
        };
        let to = versions.partition_point(|version| *version <= until);
        let from = versions.partition_point(|version| *version <= after);
        to.saturating_sub(from) as u64
    }
}

/// What everybody holds at a moment.
#[derive(Debug, Clone, Default)]
struct Moment {
    at: u64,
    /// Where the ledger ends.
    end: u64,
    holdings: Vec<Holding>,
}

/// Everybody's, over time.
pub(super) struct Holdings {
    now: Vec<Holding>,
    ledgers: Vec<Ledger>,
    end: u64,
    step: u64,
    next: u64,
    moments: Vec<Moment>,
}

/// What is drawn: for every moment, row by row, how many operations the
/// column's host has and the row's lacks.
#[derive(Serialize)]
pub(super) struct Divergence {
    hosts: usize,
    omitted: usize,
    times: Vec<u64>,
    lacking: Vec<Vec<u64>>,
}

impl Holdings {
    pub(super) fn new(chaos: u64) -> Holdings {
        let step = (chaos / MOMENTS as u64).max(1);
        Holdings {
            now: Vec::new(),
            ledgers: vec![Ledger::default()],
            end: 0,
            step,
            next: step,
            moments: Vec::new(),
        }
    }

    /// Time passes until something happens.
    pub(super) fn pass(&mut self, at: VirtualTime, hosts: usize) {
        self.now
            .resize(hosts.max(self.now.len()), Holding::default());
        while self.next <= at.0 {
            self.keep(self.next);
            self.next += self.step;
            if self.moments.len() >= 2 * MOMENTS {
                let mut odd = false;
                self.moments.retain(|_| {
                    odd = !odd;
                    !odd
                });
                self.step *= 2;
                self.next = self.moments.last().map_or(0, |last| last.at) + self.step;
            }
        }
    }

    fn keep(&mut self, at: u64) {
        self.moments.push(Moment {
            at,
            end: self.end,
            holdings: self.now.clone(),
        });
    }

    /// The relay's ledger ends earlier than it did, and goes on otherwise.
    pub(super) fn fork(&mut self, version: u64) {
        let mut next = self.ledgers.last().cloned().unwrap_or_default();
        next.fork = version;
        for versions in next.by.values_mut() {
            versions.retain(|known| *known <= version);
        }
        self.ledgers.push(next);
    }

    /// Operations of an author stand in the ledger.
    pub(super) fn written(&mut self, author: usize, versions: Range<u64>) {
        if let Some(ledger) = self.ledgers.last_mut() {
            ledger.by.entry(author).or_default().extend(versions);
            let end = ledger.by.values().filter_map(|by| by.last()).max();
            self.end = end.copied().unwrap_or_default();
        }
    }

    /// Something happened at a host.
    pub(super) fn see(&mut self, host: Host, what: &What, view: &View<'_>) {
        let (ledger, end) = (self.ledgers.len() - 1, self.end);
        let Some(now) = self.now.get_mut(place(host)) else {
            return;
        };
        if matches!(
            what,
            What::Wiped | What::Restored { .. } | What::Cloned { .. }
        ) {
            now.lost = end;
        }
        match host {
            Host::Relay => {
                if let Some(relay) = view.relay().machine() {
                    now.cursor = relay.state().version().0;
                    now.ledger = ledger;
                }
            }
            Host::Device(number) => {
                let device = view.device(number);
                if let Some(machine) = device.and_then(|device| device.machine()) {
                    let status = machine.status();
                    if status.cursor.0 > now.cursor {
                        now.ledger = ledger;
                    }
                    now.cursor = status.cursor.0;
                    now.unsent = status.unsent as u64;
                }
            }
        }
    }

    /// Where the ledgers of two holdings are the same, at most.
    fn shared(&self, one: usize, other: usize) -> u64 {
        let between = one.min(other) + 1..one.max(other) + 1;
        let forks = self.ledgers.get(between).unwrap_or_default();
        forks
            .iter()
            .map(|ledger| ledger.fork)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Operations that `other` has and `one` lacks.
    fn lacking(&self, moment: &Moment, one: usize, other: usize) -> u64 {
        let (mine, theirs) = (moment.holdings[one], moment.holdings[other]);
        let both = self.shared(mine.ledger, theirs.ledger);
        let common = mine.cursor.min(theirs.cursor).min(both);
        let ledger = &self.ledgers[theirs.ledger];
        let written_by_me = ledger.written_by(one, common.max(mine.lost), theirs.cursor);
        let known = (theirs.cursor - common).saturating_sub(written_by_me);
        let seen = mine.cursor.min(both);
        let own_from = theirs.cursor.max(theirs.lost).max(seen);
        known + ledger.written_by(other, own_from, moment.end) + theirs.unsent
    }

    /// What is drawn of it.
    pub(super) fn finish(mut self, end: VirtualTime) -> Divergence {
        self.keep(end.0);
        let total = self.now.len();
        let hosts = total.min(HOSTS);
        let moments = (NUMBERS / (hosts * hosts).max(1)).max(2);
        let every = self.moments.len().div_ceil(moments).max(1);
        let last = self.moments.len() - 1;
        let mut times = Vec::new();
        let mut lacking = Vec::new();
        for (number, moment) in self.moments.iter().enumerate() {
            if number % every != 0 && number != last {
                continue;
            }
            let mut known = moment.clone();
            known.holdings.resize(total, Holding::default());
            times.push(known.at);
            let pairs = (0..hosts).flat_map(|one| (0..hosts).map(move |other| (one, other)));
            let cell = |(one, other)| match one == other {
                true => 0,
                false => self.lacking(&known, one, other),
            };
            lacking.push(pairs.map(cell).collect());
        }
        Divergence {
            hosts,
            omitted: total - hosts,
            times,
            lacking,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(ledger: usize, cursor: u64, unsent: u64) -> Holding {
        Holding {
            ledger,
            cursor,
            unsent,
            lost: 0,
        }
    }

    fn moment(end: u64, holdings: &[Holding]) -> Moment {
        Moment {
            at: 0,
            end,
            holdings: holdings.to_vec(),
        }
    }

    #[test]
    fn a_host_lacks_what_the_other_has_and_it_did_not_write() {
        let mut holdings = Holdings::new(100);
        holdings.written(1, 1..4);
        holdings.written(2, 4..6);
        // The relay has all five; device 0 has four of them and two unsent;
        // device 1, who wrote the last two, has seen nothing.
        let now = moment(5, &[holding(0, 5, 0), holding(0, 4, 2), holding(0, 0, 0)]);
        assert_eq!(holdings.lacking(&now, 0, 1), 2);
        assert_eq!(holdings.lacking(&now, 1, 0), 1);
        assert_eq!(holdings.lacking(&now, 2, 0), 3);
        assert_eq!(holdings.lacking(&now, 0, 2), 0);
        assert_eq!(holdings.lacking(&now, 1, 2), 1);
        assert_eq!(holdings.lacking(&now, 2, 1), 3 + 2);
        // What is written later is nobody's yet.
        holdings.written(1, 6..40);
        assert_eq!(holdings.lacking(&now, 0, 1), 2);
    }

    #[test]
    fn a_ledger_that_was_set_back_shares_only_what_it_kept() {
        let mut holdings = Holdings::new(100);
        holdings.written(0, 1..11);
        holdings.fork(6);
        holdings.written(0, 7..10);
        let now = moment(9, &[holding(1, 9, 0), holding(0, 10, 0), holding(0, 5, 0)]);
        assert_eq!(holdings.lacking(&now, 0, 1), 4);
        assert_eq!(holdings.lacking(&now, 1, 0), 3);
        assert_eq!(holdings.lacking(&now, 2, 0), 4);
        assert_eq!(holdings.lacking(&now, 0, 2), 0);
    }

    #[test]
    fn moments_are_bounded_however_long_the_run() {
        let mut holdings = Holdings::new(1_000);
        holdings.pass(VirtualTime(10_000_000), 2);
        let drawn = holdings.finish(VirtualTime(10_000_001));
        assert!(
            drawn.times.len() <= 2 * MOMENTS + 1,
            "{}",
            drawn.times.len()
        );
        assert!(drawn.times.len() > MOMENTS / 2, "{}", drawn.times.len());
        assert!(drawn.times.is_sorted(), "{:?}", drawn.times);
    }
}
