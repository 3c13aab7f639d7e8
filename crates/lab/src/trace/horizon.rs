//! What of a ledger can still be met, so that a trace forgets the rest.
//!
//! A write is met by a later one whose author had not seen it: whose base is
//! older. Where every later base in a record is at least as new as a write,
//! nothing can meet that write any more. Those bases are known only at the end
//! of the ledger, and there is one for each operation; so the ledger is gone
//! through once before, and of each part of it the smallest base is kept.
//! Records share buckets and versions share windows: what is kept has a fixed
//! size, and the answer is at worst too careful.

use super::Walk;
use crate::ledger::{Ledger, LedgerFault};
use cairn_model::{Action, Change, DeviceId, Mutation, RecordId, Version};
use std::collections::BTreeMap;

/// Windows of versions. With [`BUCKETS`], 32 MiB.
const WINDOWS: usize = 128;
/// Buckets of records: as many as two bytes of an id tell apart, halved.
const BUCKETS: usize = 1 << 15;
/// Versions in a window at first; twice as many each time the windows run out.
const SPAN: u64 = 1024;
/// Nothing is met.
const NEVER: Version = Version(u64::MAX);

/// Up to which version a record's writes can be met no more.
#[derive(Debug)]
pub struct Horizon {
    span: u64,
    buckets: usize,
    /// By window and bucket, the smallest base there or later.
    bases: Vec<Version>,
    /// The last version that was looked at.
    end: Version,
}

/// Who wrote to a record last.
#[derive(Clone, Copy)]
struct Latest {
    author: DeviceId,
    version: Version,
    /// The last version of anybody else.
    others: Version,
}

impl Horizon {
    /// Goes through a ledger. Until that is done, it holds some 60 bytes for
    /// each record.
    pub fn of(ledger: &dyn Ledger) -> Result<Horizon, LedgerFault> {
        Horizon::measured(ledger, SPAN, BUCKETS)
    }

    /// … with windows and buckets of another size.
    pub(super) fn measured(
        ledger: &dyn Ledger,
        span: u64,
        buckets: usize,
    ) -> Result<Horizon, LedgerFault> {
        let mut horizon = Horizon {
            span,
            buckets,
            bases: Vec::new(),
            end: Version(0),
        };
        let mut walk = Walk::default();
        let mut records = BTreeMap::new();
        ledger.each(&mut |entry| {
            let author = entry.bundle.log().device;
            walk.entry(entry, |version, operation| {
                let Action::Edit(mutations) = operation.action else {
                    return;
                };
                for mutation in mutations.iter().filter(|m| writes(m)) {
                    let base = mutation.base.min(Version(version.0 - 1));
                    if base < unseen(&mut records, mutation.record, author, version) {
                        horizon.note(version, mutation.record, base);
                    }
                }
            });
            horizon.end = walk.version();
        })?;
        horizon.look_back();
        Ok(horizon)
    }

    fn note(&mut self, version: Version, record: RecordId, base: Version) {
        while version.0 / self.span >= WINDOWS as u64 {
            self.widen();
        }
        let bucket = self.bucket(record);
        let window = (version.0 / self.span) as usize;
        let size = (window + 1) * self.buckets;
        if self.bases.len() < size {
            self.bases.resize(size, NEVER);
        }
        let known = &mut self.bases[window * self.buckets + bucket];
        *known = base.min(*known);
    }

    /// Makes one window of two.
    fn widen(&mut self) {
        self.span *= 2;
        let pairs = self.bases.chunks(2 * self.buckets);
        let joined = pairs.map(|pair| {
            let (first, second) = pair.split_at(self.buckets);
            let second = second.iter().chain(std::iter::repeat(&NEVER));
            first.iter().zip(second).map(|(a, b)| *a.min(b))
        });
        self.bases = joined.flatten().collect();
    }

    /// Carries each window's smallest bases to those before it.
    fn look_back(&mut self) {
        for at in (self.buckets..self.bases.len()).rev() {
            let earlier = &mut self.bases[at - self.buckets..=at];
            earlier[0] = earlier[0].min(earlier[self.buckets]);
        }
    }

    fn bucket(&self, record: RecordId) -> usize {
        let [.., high, low] = record.0;
        usize::from(u16::from_be_bytes([high, low])) % self.buckets
    }

    /// The newest version up to which nothing that is written to a record
    /// `now` or later can meet what was.
    pub(super) fn of_record(&self, record: RecordId, now: Version) -> Version {
        if now > self.end {
            return Version(0);
        }
        let window = (now.0 / self.span) as usize;
        let at = window * self.buckets + self.bucket(record);
        self.bases.get(at).copied().unwrap_or(NEVER)
    }
}

fn writes(mutation: &Mutation) -> bool {
    !matches!(mutation.change, Change::Follow | Change::Unfollow)
}

/// The last version of a record that somebody else than `author` wrote. Takes
/// note of theirs.
fn unseen(
    records: &mut BTreeMap<RecordId, Latest>,
    record: RecordId,
    author: DeviceId,
    version: Version,
) -> Version {
    let latest = records.entry(record).or_insert(Latest {
        author,
        version,
        others: Version(0),
    });
    if latest.author != author {
        *latest = Latest {
            author,
            version,
            others: latest.version,
        };
    }
    latest.version = version;
    latest.others
}
