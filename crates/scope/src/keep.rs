//! What a user holds whatever the filters say: what they follow, what waits for
//! their decision, what they have just created.

use crate::ordinals::Ordinals;
use cairn_model::{RecordId, Timestamp, Version};
use cairn_projection::state::RELAY;
use cairn_projection::{Issue, Record, State};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};

/// What the filters do not decide, for one user.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Kept {
    pub(crate) followed: RoaringBitmap,
    /// Records of issues that wait for the user.
    pub(crate) pinned: RoaringBitmap,
    /// Records that the user created within the grace.
    pub(crate) recent: RoaringBitmap,
    /// When the first of the recent ones is no longer.
    pub(crate) until: Option<Timestamp>,
}

impl Kept {
    pub(crate) fn all(&self) -> RoaringBitmap {
        &self.followed | &self.pinned | &self.recent
    }

    pub(crate) fn contains(&self, ordinal: u32) -> bool {
        self.followed.contains(ordinal)
            || self.pinned.contains(ordinal)
            || self.recent.contains(ordinal)
    }
}

/// Whose device created a record, and when the relay received it. The relay's
/// own creations are nobody's.
pub(crate) fn creator<'a>(state: &'a State, record: &Record) -> Option<(&'a str, Timestamp)> {
    let origin = record.origin(record.created)?;
    let device = state
        .device(origin.author)
        .filter(|_| origin.author != RELAY)?;
    Some((&device.user, origin.received))
}

/// What was created lately and what waits for its author, by user.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    created: BTreeMap<String, BTreeSet<(Timestamp, u32)>>,
    open: BTreeMap<String, BTreeMap<u64, BTreeSet<RecordId>>>,
    /// The same by record: an issue may be about one that is yet to be created.
    about: BTreeSet<(RecordId, String)>,
    /// The longest grace of any user, in milliseconds: nothing older is kept.
    grace_max: u64,
}

impl Work {
    pub(crate) fn of(state: &State, ordinals: &Ordinals, grace_max: u64, now: Timestamp) -> Work {
        let mut work = Work {
            grace_max,
            ..Work::default()
        };
        for record in state.records() {
            work.note_created(state, record, ordinals, now);
        }
        for issue in state.issues() {
            work.note_issue(issue);
        }
        work
    }

    pub(crate) fn grace_max(&self) -> u64 {
        self.grace_max
    }

    /// Takes in what changed after `since`. Gives the users it is about.
    pub(crate) fn fold(
        &mut self,
        state: &State,
        changed: &[&Record],
        ordinals: &Ordinals,
        since: Version,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let mut users = BTreeSet::new();
        for record in changed.iter().filter(|record| record.created > since) {
            users.extend(self.note_created(state, record, ordinals, now));
            let from = (record.id, String::new());
            let about = self.about.range(from..);
            let about = about.take_while(|(about, _)| *about == record.id);
            users.extend(about.map(|(_, user)| user.clone()));
        }
        for issue in state.issues_changed_since(since) {
            self.note_issue(issue);
            users.insert(issue.user.clone());
        }
        users
    }

    fn note_created(
        &mut self,
        state: &State,
        record: &Record,
        ordinals: &Ordinals,
        now: Timestamp,
    ) -> Option<String> {
        let (user, received) = creator(state, record)?;
        if received.plus(self.grace_max) <= now {
            return None;
        }
        let ordinal = ordinals.get(record.id)?;
        let created = self.created.entry(user.to_owned()).or_default();
        while let Some(oldest) = created.first()
            && oldest.0.plus(self.grace_max) <= now
        {
            created.pop_first();
        }
        created.insert((received, ordinal));
        Some(user.to_owned())
    }

    fn note_issue(&mut self, issue: &Issue) {
        let open = self.open.entry(issue.user.clone()).or_default();
        let records = match issue.is_open() {
            true => issue.records(),
            false => BTreeSet::new(),
        };
        let before = open.insert(issue.number, records.clone());
        if records.is_empty() {
            open.remove(&issue.number);
        }
        for record in before.unwrap_or_default().difference(&records) {
            let others = &mut open.values();
            if !others.any(|records| records.contains(record)) {
                self.about.remove(&(*record, issue.user.clone()));
            }
        }
        let about = records.into_iter();
        self.about
            .extend(about.map(|record| (record, issue.user.clone())));
    }

    /// What a user keeps whose creations stay for `grace` milliseconds.
    pub(crate) fn kept(
        &self,
        state: &State,
        ordinals: &Ordinals,
        user: &str,
        grace: u64,
        now: Timestamp,
    ) -> Kept {
        let open = self.open.get(user).into_iter().flat_map(BTreeMap::values);
        let from = (Timestamp((now.0 + 1).saturating_sub(grace)), 0);
        let created = self.created.get(user).map(|created| created.range(from..));
        let created: Vec<&(Timestamp, u32)> = created.into_iter().flatten().collect();
        Kept {
            followed: state
                .follows(user)
                .filter_map(|id| ordinals.get(id))
                .collect(),
            pinned: open.flatten().filter_map(|id| ordinals.get(*id)).collect(),
            recent: created.iter().map(|(_, ordinal)| *ordinal).collect(),
            until: created.first().map(|(received, _)| received.plus(grace)),
        }
    }
}
