//! Where writes of one key meet.

use super::{Arriving, Counts, Effect, Past, StandingWrite, Track, claim, width};
use cairn_model::{Timestamp, Version};

/// Writes of one key that met and do not commute: each is concurrent with at
/// least one other, and between the first and the last nothing was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConflictSet {
    /// The first of them.
    pub first: Version,
    /// The last.
    pub last: Version,
    /// The time of the first, by its author's clock, at most a few minutes
    /// after its arrival.
    pub began: Timestamp,
    /// When the relay had all of them.
    pub gathered: Timestamp,
    /// Writes that the last had not seen: how far the sides had gone apart.
    pub depth: u32,
}

impl Past {
    pub(super) fn of(arriving: &Arriving, effect: &Effect) -> Past {
        Past {
            version: arriving.version,
            base: arriving.base,
            author: arriving.author,
            contested: false,
            disputed: false,
            claim: claim(effect),
            time: arriving.time,
        }
    }

    /// Whether the write came before another of its key.
    pub(super) fn precedes(&self, later: &Past) -> bool {
        self.version < later.version && (self.version <= later.base || self.author == later.author)
    }
}

impl Track {
    /// Takes in a write that may meet others; `disputed` where it has met a
    /// deletion already. Gives whether it met anything.
    pub(super) fn meet(&mut self, arriving: &Arriving, mut write: Past, disputed: bool) -> bool {
        write.contested = disputed;
        write.disputed = disputed;
        let mut first = None;
        let mut depth = 0;
        for past in self.unseen(arriving) {
            past.contested = true;
            write.contested = true;
            depth += 1;
            if past.claim != write.claim && past.claim != 0 && write.claim != 0 {
                past.disputed = true;
                write.disputed = true;
                first = Some((past.version, past.time));
            }
        }
        if self.past.is_empty() {
            self.past.reserve_exact(1);
        }
        self.past.push(write);
        if let Some((version, time)) = first {
            self.join(arriving, version, time);
            if let Some(set) = self.sets.last_mut() {
                set.depth = set.depth.max(depth);
            }
        }
        if write.contested {
            let versions = arriving.base;
            for standing in &mut self.standing {
                standing.contested |=
                    standing.version > versions && standing.author != arriving.author;
            }
        }
        write.contested
    }

    /// Marks what an arriving write had not seen of those that `is_met` names,
    /// without taking it in. Gives whether there is any.
    pub(super) fn meet_quietly(
        &mut self,
        arriving: &Arriving,
        is_met: impl Fn(&Past) -> bool,
    ) -> bool {
        let mut first = None;
        for past in self.unseen(arriving).filter(|past| is_met(past)) {
            past.contested = true;
            past.disputed = true;
            first = Some((past.version, past.time));
        }
        if let Some((version, time)) = first {
            self.join(arriving, version, time);
            for standing in &mut self.standing {
                standing.contested |= !arriving.sees(standing.version, standing.author);
            }
        }
        first.is_some()
    }

    /// A deletion meets every write of its record that it had not seen. Gives
    /// the first.
    pub(super) fn meet_deletion(&mut self, arriving: &Arriving) -> Option<(Version, Timestamp)> {
        let mut first = None;
        for past in self.unseen(arriving) {
            past.contested = true;
            past.disputed = true;
            first = Some((past.version, past.time));
        }
        for standing in &mut self.standing {
            standing.contested |= !arriving.sees(standing.version, standing.author);
        }
        first
    }

    /// What an arriving write had not seen, newest first.
    fn unseen(&mut self, arriving: &Arriving) -> impl Iterator<Item = &mut Past> {
        let (author, base) = (arriving.author, arriving.base);
        self.past
            .iter_mut()
            .rev()
            .take_while(move |past| past.version > base)
            .filter(move |past| past.author != author)
    }

    /// Puts an arriving write into the set of one it met.
    pub(super) fn join(&mut self, arriving: &Arriving, met: Version, time: Timestamp) {
        match self.sets.last_mut().filter(|set| set.last >= met) {
            Some(set) => {
                set.first = set.first.min(met);
                set.began = set.began.min(time).min(arriving.time);
                set.last = arriving.version;
                set.gathered = arriving.received;
            }
            None => self.sets.push(ConflictSet {
                first: met,
                last: arriving.version,
                began: time.min(arriving.time),
                gathered: arriving.received,
                depth: 1,
            }),
        }
    }

    /// Counts the writes that can be met no more, up to a version, and forgets
    /// them; not before they are half of all, so that each is counted with few
    /// others.
    pub(super) fn forget(&mut self, until: Version) {
        let forgotten = self.past.partition_point(|past| past.version <= until);
        if forgotten == 0 || 2 * forgotten < self.past.len() {
            return;
        }
        // What is forgotten precedes all that follows, so that no antichain
        // has one of each.
        self.width = self.width();
        self.forgotten = added(self.forgotten, &self.past[..forgotten]);
        match forgotten == self.past.len() {
            true => self.past = Vec::new(),
            false => drop(self.past.drain(..forgotten)),
        }
    }

    /// Its writes, counted.
    pub(super) fn counts(&self) -> Counts {
        added(self.forgotten, &self.past)
    }

    /// The widest antichain.
    pub(super) fn width(&self) -> u32 {
        self.width.max(width::of(&self.past) as u32)
    }

    /// Drops the standing writes that an arriving one had seen.
    pub(super) fn supersede(&mut self, arriving: &Arriving) {
        self.standing
            .retain(|write| !arriving.sees(write.version, write.author));
    }

    pub(super) fn stand(
        &mut self,
        arriving: &Arriving,
        effect: Effect,
        bytes: u32,
        contested: bool,
    ) {
        if self.standing.is_empty() {
            self.standing.reserve_exact(1);
        }
        self.standing.push(StandingWrite {
            version: arriving.version,
            author: arriving.author,
            effect,
            bytes,
            contested,
        });
    }
}

fn added([all, contested, disputed]: Counts, past: &[Past]) -> Counts {
    let count = |is: fn(&Past) -> bool| past.iter().filter(|past| is(past)).count() as u32;
    [
        all + past.len() as u32,
        contested + count(|past| past.contested),
        disputed + count(|past| past.disputed),
    ]
}
