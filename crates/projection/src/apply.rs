//! Carrying out an admitted edit. Nothing here can fail: all checks are done.

mod change;
mod contest;

use crate::fold::Incoming;
use crate::history::History;
use crate::index::Entries;
use crate::issue::{Code, Issue};
use crate::record::Record;
use crate::records::{Held, Place, Uses};
use crate::rules::Rules;
use crate::state::State;
use cairn_model::{Change, FieldId, Mutation, OnDelete, RecordId, RecordType, TypeId, Version};
use change::{Deed, RecordChange};
use contest::{Arrival, Contests};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The documents an edit leaves, as admission worked them out.
pub(crate) type Documents = BTreeMap<(RecordId, FieldId), Vec<u8>>;

/// An edit that may stand.
#[derive(Default)]
pub(crate) struct Admitted {
    /// Its changes.
    pub(crate) mutations: Vec<Mutation>,
    /// The place of each one's record, if it is held.
    pub(crate) places: Vec<Option<Place>>,
    pub(crate) documents: Documents,
}

/// A write that a policy set aside: where, and in words.
type SetAside = (RecordId, Option<FieldId>, String);

/// An admitted edit at work.
struct Work<'a> {
    incoming: &'a Incoming<'a>,
    rules: &'a Rules,
    documents: Documents,
    set_aside: Vec<SetAside>,
}

/// What is done to one record.
struct Task {
    place: Place,
    base: Version,
    resolves: bool,
    deed: Deed,
}

impl State {
    /// Applies every mutation of an admitted edit.
    pub(crate) fn apply(&mut self, admitted: Admitted, incoming: &Incoming<'_>) {
        let rules = Arc::clone(&self.rules);
        let Admitted {
            mutations,
            places,
            documents,
        } = admitted;
        let mut work = Work {
            incoming,
            rules: &rules,
            documents,
            set_aside: Vec::new(),
        };
        for (place, mutation) in places.into_iter().zip(mutations) {
            match mutation.change {
                Change::Follow | Change::Unfollow => self.follow(mutation, incoming),
                _ => self.change_records(place, mutation, &mut work),
            }
        }
        self.tell_author(work.set_aside, incoming);
    }

    fn follow(&mut self, mutation: Mutation, incoming: &Incoming<'_>) {
        let user = self.devices[incoming.origin.author.0 as usize].user.clone();
        match mutation.change {
            Change::Follow => self.follows.insert((user, mutation.record)),
            _ => self.follows.remove(&(user, mutation.record)),
        };
        self.follows_changed = self.version;
    }

    fn tell_author(&mut self, set_aside: Vec<SetAside>, incoming: &Incoming<'_>) {
        let Some((record, field, _)) = set_aside.first() else {
            return;
        };
        let parts: Vec<&str> = set_aside
            .iter()
            .map(|(_, _, words)| words.as_str())
            .collect();
        let parts = parts.join(" ");
        self.raise(Issue {
            record: Some(*record),
            field: *field,
            ..self.issue(
                incoming.id,
                Code::Superseded,
                format!("Somebody else's change arrived first and stands. {parts}"),
                incoming.bytes,
            )
        });
    }

    /// Changes a record, and the records that its deletion takes along.
    fn change_records(&mut self, place: Option<Place>, mutation: Mutation, work: &mut Work<'_>) {
        let Mutation {
            record,
            record_type,
            base,
            change,
        } = mutation;
        let place = place.unwrap_or_else(|| self.place_for(record, record_type, work));
        let resolves = matches!(change, Change::Resolve { .. });
        let mut tasks = Vec::new();
        let task = Task {
            place,
            base,
            resolves,
            deed: Deed::Change(change),
        };
        if self.change_record(task, work) {
            self.let_go(place, base, work, &mut tasks);
        }
        while let Some(task) = tasks.pop() {
            let place = task.place;
            let is_alive = self.records.at(place).record.is_alive();
            if is_alive && self.change_record(task, work) {
                self.let_go(place, base, work, &mut tasks);
            }
        }
    }

    /// The place of a record that an earlier change of the operation, or this
    /// one, brings into being.
    fn place_for(&mut self, id: RecordId, record_type: TypeId, work: &Work<'_>) -> Place {
        self.records.place(id).unwrap_or_else(|| {
            let record = Record::new(id, record_type, work.incoming.origin);
            self.records.insert(Held::new(record, History::default()))
        })
    }

    /// What a deletion asks of the records that point at the deleted one.
    fn let_go(&self, place: Place, base: Version, work: &Work<'_>, tasks: &mut Vec<Task>) {
        let id = self.records.at(place).record.id;
        for (by, field, on_delete) in self.referrers_of(id, work.rules) {
            let Some(place) = self.records.place(by) else {
                continue;
            };
            let (base, deed) = match on_delete {
                OnDelete::Cascade => (base, Deed::Change(Change::Delete)),
                OnDelete::Clear => (work.incoming.origin.version, Deed::ClearLookup(field)),
                OnDelete::Restrict => continue,
            };
            tasks.push(Task {
                place,
                base,
                resolves: false,
                deed,
            });
        }
    }

    /// Changes one record. Gives whether it was deleted by that.
    fn change_record(&mut self, task: Task, work: &mut Work<'_>) -> bool {
        let Task {
            place,
            base,
            resolves,
            deed,
        } = task;
        let origin = &work.incoming.origin;
        let held = self.records.at_mut(place);
        let Some((record_type, rules)) = work.rules.get(held.record.record_type) else {
            return false;
        };
        let was_alive = held.record.is_alive();
        let moves = rules.has_indexes
            && (rules.by_record || deed.fields().any(|field| rules.is_indexed(field)));
        let before = (was_alive && moves).then(|| Entries::of(&held.record, record_type));
        let is_first = held.record.version < origin.version || held.record.life.writes.is_empty();
        held.history.touch(origin.version);
        held.record.add_origin(*origin);
        held.uses.add(origin.version);
        RecordChange {
            held,
            record_type,
            rules,
            arrival: Arrival {
                origin,
                base,
                resolves,
            },
            contests: Contests {
                journal: &mut self.journal,
                devices: &self.devices,
                dirty: &mut self.dirty,
            },
            documents: &mut work.documents,
            set_aside: &mut work.set_aside,
        }
        .carry_out(deed);
        held.prune_origins();
        debug_assert_eq!(held.weight, held.record.weight());
        debug_assert_eq!(held.uses, Uses::of(&held.record));
        let is_alive = held.record.is_alive();
        if is_first {
            self.note_change(place, origin.version);
        }
        if moves || was_alive != is_alive {
            self.reindex(place, record_type, was_alive, before);
        }
        was_alive && !is_alive
    }

    fn reindex(
        &mut self,
        place: Place,
        record_type: &RecordType,
        was_alive: bool,
        before: Option<Entries>,
    ) {
        let record = &self.records.at(place).record;
        let now = || Entries::of(record, record_type);
        if was_alive {
            self.indexes.remove(record.id, before.unwrap_or_else(now));
        }
        if record.is_alive() {
            self.indexes.add(record.id, now());
        }
    }

    pub(crate) fn note_change(&mut self, place: Place, version: Version) {
        self.records.mark_dirty(place);
        self.changes.note(version, place, &self.records);
    }
}
