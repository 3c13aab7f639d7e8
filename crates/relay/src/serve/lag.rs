//! Types whose changes come in intervals: what of them is withheld, and until
//! when. A mutation carries the base of its own record, so what a device has
//! not been told is exact, record by record.

use super::Held;
use crate::machine::{Relay, SessionId};
use cairn_model::{AuthorId, LogId, Mutation, Timestamp, TypeId, Version};
use cairn_oplog::bundle::{Slot, Verified, decode_operation};
use cairn_oplog::ledger_log;
use cairn_projection::{Issue, Record, State};
use cairn_proto::{Hello, Lag, Refusal, Wish};
use cairn_scope::Engine;
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};

const MINUTE_MS: u64 = 60_000;

/// Own operations that a device does not show yet and that are looked through
/// when it comes back; with more of them it is sent everything instead.
const OWN_OPERATIONS_MAX: u64 = 4_096;

/// What is withheld from a device.
#[derive(Debug, Default)]
pub(crate) struct Lags {
    /// Minutes between updates, by type; what comes live is not here.
    intervals: BTreeMap<TypeId, u32>,
    /// How far the device has come, where it is not as far as with the rest.
    marks: BTreeMap<TypeId, Mark>,
    /// Types among those whose withheld changes are on their way.
    due: BTreeSet<TypeId>,
    /// Records whose withheld changes are on their way.
    overdue: RoaringBitmap,
    /// Records of the device's own work and of its user's issues: they come
    /// whatever the interval.
    wanted: RoaringBitmap,
    /// Records that enter when their type is due.
    waiting: RoaringBitmap,
    /// Whether everything shall come now.
    everything: bool,
    /// Whether the device does not know of the marks.
    untold: bool,
    /// When the relay looks again.
    armed: Option<Timestamp>,
}

/// How far a device has come with a type.
#[derive(Debug, Clone, Copy)]
struct Mark {
    through: Version,
    at: Timestamp,
}

/// What is looked at to find what is withheld.
pub(super) struct Look<'a> {
    pub(super) state: &'a State,
    pub(super) scopes: &'a Engine,
    pub(super) user: &'a str,
    pub(super) held: &'a RoaringBitmap,
    /// Every change up to here was sent or withheld.
    pub(super) changes: Version,
    pub(super) now: Timestamp,
}

impl Lags {
    /// As the device says that it stands. What cannot be true would mislead
    /// nobody but the device.
    pub(crate) fn said(hello: &Hello, now: Timestamp) -> Lags {
        let known = hello.lags.iter().filter(|_| hello.cursor > Version(0));
        let marks = known.map(|lag| {
            let through = lag.through.min(hello.cursor);
            let at = lag.at.min(now);
            (lag.record_type, Mark { through, at })
        });
        Lags {
            marks: marks.collect(),
            everything: hello.wish == Wish::Everything,
            ..Lags::default()
        }
    }

    /// Whether changes of a type do not come now.
    pub(super) fn withholds(&self, record_type: TypeId) -> bool {
        self.marks.contains_key(&record_type) && !self.due.contains(&record_type)
    }

    /// Up to which version a device has every change of a type's records,
    /// which has them up to `changes` of those that come live.
    pub(super) fn since(&self, record_type: TypeId, changes: Version) -> Version {
        let mark = self.marks.get(&record_type);
        mark.map_or(changes, |mark| mark.through.min(changes))
    }

    /// Whether something withheld is on its way.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty() || !self.overdue.is_empty()
    }

    /// Whether nothing is on its way but what comes live.
    pub(crate) fn is_settled(&self) -> bool {
        !self.is_due() && self.wanted.is_empty()
    }

    /// Has records come whatever their interval.
    pub(super) fn want(&mut self, records: &RoaringBitmap) {
        if !self.marks.is_empty() || !self.intervals.is_empty() {
            self.wanted |= records;
        }
    }

    /// Finds what is due, and takes out of `entering` what waits until it is.
    pub(super) fn look(&mut self, look: &Look<'_>, entering: &mut RoaringBitmap) {
        let types = look.state.definition().types.keys();
        let terms = types.map(|of| (*of, look.scopes.terms(look.user, *of).interval));
        self.intervals = terms.filter(|(_, interval)| *interval > 0).collect();
        let everything = std::mem::take(&mut self.everything);
        let is_over = |of: &TypeId| self.over(*of).is_none_or(|over| over <= look.now);
        let closed = self.marks.keys().filter(|of| !self.due.contains(of));
        let over: BTreeSet<TypeId> = closed
            .filter(|of| everything || is_over(of))
            .copied()
            .collect();
        self.fall_due(look, &over, entering);
        self.waiting.clear();
        let mut followed = None;
        for of in self.marks.keys().filter(|of| !self.due.contains(of)) {
            let mut waiting = &*entering & look.scopes.records_of(*of);
            if !waiting.is_empty() {
                waiting -= &*followed.get_or_insert_with(|| look.followed());
                self.waiting |= waiting;
            }
        }
        self.waiting -= &self.wanted;
        *entering -= &self.waiting;
    }

    /// When the interval of a type is over; `None` when it has none.
    fn over(&self, of: TypeId) -> Option<Timestamp> {
        let interval = u64::from(*self.intervals.get(&of)?);
        Some(self.marks.get(&of)?.at.plus(interval * MINUTE_MS))
    }

    /// What was withheld of types comes now. If nothing was, the interval
    /// begins anew without a word: nobody is woken for nothing.
    fn fall_due(&mut self, look: &Look<'_>, over: &BTreeSet<TypeId>, entering: &RoaringBitmap) {
        let marks = &self.marks;
        let through = |of: &TypeId| marks.get(of).map(|mark| mark.through);
        let Some(since) = over.iter().filter_map(through).min() else {
            return;
        };
        let of_type = |of: &&TypeId| !entering.is_disjoint(look.scopes.records_of(**of));
        let mut due: BTreeSet<TypeId> = over.iter().filter(of_type).copied().collect();
        let withheld = |record: &&Record| {
            over.contains(&record.record_type)
                && through(&record.record_type).is_some_and(|through| record.version > through)
        };
        for record in look.state.changed_since(since).filter(withheld) {
            let ordinal = look.scopes.ordinal(record.id);
            let Some(ordinal) = ordinal.filter(|ordinal| look.held.contains(*ordinal)) else {
                continue;
            };
            due.insert(record.record_type);
            if record.version <= look.changes {
                self.overdue.insert(ordinal);
            }
        }
        for of in over.difference(&due) {
            if !self.intervals.contains_key(of) {
                self.marks.remove(of);
                self.untold = true;
            } else if let Some(mark) = self.marks.get_mut(of) {
                mark.through = mark.through.max(look.changes);
                mark.at = look.now;
            }
        }
        self.due.append(&mut due);
    }

    /// Records that a device shall have, of types that are withheld or were:
    /// those that are overdue and those that come whatever their interval.
    pub(super) fn urgent(
        &self,
        state: &State,
        scopes: &Engine,
        held: &RoaringBitmap,
    ) -> RoaringBitmap {
        let lags = |ordinal: &u32| {
            let record = state.record(scopes.record(*ordinal));
            record.is_some_and(|record| self.marks.contains_key(&record.record_type))
        };
        let wanted: RoaringBitmap = self.wanted.iter().filter(lags).collect();
        (wanted | &self.overdue) & held
    }

    /// Notes what was sent; whether that was all of it.
    pub(super) fn sent(&mut self, urgent: &RoaringBitmap, all: bool) {
        self.overdue -= urgent;
        self.wanted -= urgent;
        if all {
            self.overdue.clear();
            self.wanted.clear();
        }
    }

    /// Lets the wanted ones of those enter that would have to wait.
    pub(super) fn let_in(&mut self, entering: &mut RoaringBitmap) {
        let wanted = &self.waiting & &self.wanted;
        self.waiting -= &wanted;
        *entering |= wanted;
    }

    /// The device has everything: from here on it comes in intervals.
    pub(super) fn close(&mut self, through: Version, now: Timestamp) {
        for of in std::mem::take(&mut self.due) {
            self.marks.remove(&of);
            self.untold = true;
        }
        for of in self.intervals.keys() {
            if !self.marks.contains_key(of) {
                self.marks.insert(*of, Mark { through, at: now });
                self.untold = true;
            }
        }
    }

    /// What the device has to be told of the marks.
    pub(super) fn tell(&mut self) -> Option<Vec<Lag>> {
        let lags = self.marks.iter().map(|(of, mark)| Lag {
            record_type: *of,
            through: mark.through,
            at: mark.at,
        });
        std::mem::take(&mut self.untold).then(|| lags.collect())
    }
}

impl Look<'_> {
    /// What the user follows comes at once.
    fn followed(&self) -> RoaringBitmap {
        let records = self.state.follows(self.user);
        records.filter_map(|id| self.scopes.ordinal(id)).collect()
    }
}

impl Relay {
    /// Has the records of a bundle come to the other sessions of its author,
    /// and to the one it came in unless the device makes the images itself.
    pub(crate) fn want_own(&mut self, bundle: &Verified, incorporated_in: Option<SessionId>) {
        let Some(author) = self.state.author(&bundle.log().device) else {
            return;
        };
        let mut touched = None;
        for (id, session) in &mut self.sessions {
            if session.author == Some(author) && incorporated_in != Some(*id) {
                let scopes = &self.scopes;
                let records = touched.get_or_insert_with(|| touched_by(bundle, scopes));
                session.served.lags.want(records);
            }
        }
    }

    /// Has the records come of own operations that the device does not show
    /// yet. Where that cannot be told, everything comes.
    pub(super) fn want_unshown(
        &mut self,
        id: SessionId,
        author: AuthorId,
        hello: &Hello,
    ) -> Result<(), Refusal> {
        if hello.lags.is_empty() {
            return Ok(());
        }
        let unshown = self.unshown(author, hello)?;
        if let Some(session) = self.sessions.get_mut(&id) {
            let lags = &mut session.served.lags;
            match unshown {
                Some(records) => lags.want(&records),
                None => lags.everything = true,
            }
        }
        Ok(())
    }

    fn unshown(&self, author: AuthorId, hello: &Hello) -> Result<Option<RoaringBitmap>, Refusal> {
        let device = self.state.device(author);
        let Some(device) = device.filter(|device| {
            let end = device.head.sequence;
            device.generation == hello.generation
                && device.quarantined.is_none()
                && (hello.incorporated..=hello.incorporated.saturating_add(OWN_OPERATIONS_MAX))
                    .contains(&end)
        }) else {
            return Ok(None);
        };
        let log = LogId {
            device: device.key.device(),
            generation: device.generation,
        };
        let (first, last) = (hello.incorporated + 1, device.head.sequence);
        if first > last {
            return Ok(Some(RoaringBitmap::new()));
        }
        let bundles = ledger_log::bundles_over(&log, first, last, &*self.storage)
            .map_err(|_| Refusal::RelayFailed)?;
        let touched = bundles
            .iter()
            .map(|bundle| touched_by(bundle, &self.scopes));
        Ok(Some(
            touched.fold(RoaringBitmap::new(), |all, some| all | some),
        ))
    }

    /// Has the records of issues come that their user is told of.
    pub(super) fn want_issues(&mut self, id: SessionId, issues: &[Issue]) {
        let records = issues.iter().flat_map(Issue::records);
        let records = records.filter_map(|record| self.scopes.ordinal(record));
        let records = records.collect();
        if let Some(session) = self.sessions.get_mut(&id) {
            let served = &mut session.served;
            served.lags.want(&records);
            served.lags.let_in(&mut served.entering);
        }
    }

    /// Notes when the intervals of a session are to be looked at again.
    pub(super) fn arm(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let lags = &mut session.served.lags;
        let closed = lags.marks.keys().filter(|of| !lags.due.contains(of));
        let next = closed.filter_map(|of| lags.over(*of)).min();
        if let Some(before) = std::mem::replace(&mut lags.armed, next) {
            self.dues.remove(&(before, id));
        }
        self.dues.extend(next.map(|next| (next, id)));
    }

    /// Forgets a session.
    pub(crate) fn end_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        if let Some(armed) = session.served.lags.armed {
            self.dues.remove(&(armed, id));
        }
        if let (Some(author), Held::Known(holding)) = (session.author, session.served.held) {
            self.holdings.insert(author, holding);
        }
    }

    /// Looks at the intervals that are over.
    pub(crate) fn serve_due(&mut self) {
        while let Some((at, id)) = self.dues.first().copied()
            && at <= self.now
        {
            self.dues.pop_first();
            if let Some(session) = self.sessions.get_mut(&id) {
                session.served.lags.armed = None;
                session.served.stale = true;
                self.serve(id);
            }
        }
    }
}

/// The records that a bundle's operations are about.
fn touched_by(bundle: &Verified, scopes: &Engine) -> RoaringBitmap {
    let whole = bundle.slots().iter().filter_map(|slot| match slot {
        Slot::Whole(bytes) => decode_operation(bytes).ok(),
        _ => None,
    });
    let records = whole.flat_map(|operation| {
        let mutations = operation.mutations().iter();
        let records = mutations.map(|mutation: &Mutation| mutation.record);
        records.collect::<Vec<_>>()
    });
    records.filter_map(|id| scopes.ordinal(id)).collect()
}
