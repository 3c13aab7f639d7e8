//! Carrying out an admitted edit. Nothing here can fail: all checks are done.

mod contest;

use crate::issue::{Code, Issue};
use crate::record::{FieldState, Origin, Record, written};
use crate::register::RegisterWrite;
use crate::state::{Held, KeyEntry, State};
use cairn_model::{
    Change, Definition, FieldId, Granularity, Kind, LogId, Mutation, OnDelete, OperationId,
    RecordId, RecordType, Value, Version, Write,
};
use contest::{Arrival, Contests, Met};

impl State {
    /// Applies every mutation of an admitted edit.
    pub(crate) fn apply(
        &mut self,
        mutations: &[Mutation],
        origin: &Origin,
        definition: &Definition,
        bytes: &[u8],
    ) {
        let mut set_aside = Vec::new();
        for mutation in mutations {
            match &mutation.change {
                Change::Follow => {
                    let user = self.devices[origin.author.0 as usize].user.clone();
                    self.follows.insert((user, mutation.record));
                }
                Change::Unfollow => {
                    let user = self.devices[origin.author.0 as usize].user.clone();
                    self.follows.remove(&(user, mutation.record));
                }
                _ => self.change_record(mutation, origin, definition, &mut set_aside),
            }
        }
        if let Some((record, field, _)) = set_aside.first() {
            let (record, field) = (*record, *field);
            let parts: Vec<&str> = set_aside
                .iter()
                .map(|(_, _, words)| words.as_str())
                .collect();
            self.raise(Issue {
                number: 0,
                version: origin.version,
                operation: self.operation_id(origin),
                author: Some(origin.author),
                user: self.devices[origin.author.0 as usize].user.clone(),
                code: Code::Superseded,
                record: Some(record),
                field,
                what: format!(
                    "Somebody else's change arrived first and stands. {}",
                    parts.join(" ")
                ),
                payload: bytes.to_vec(),
                dependents: Vec::new(),
                settled: None,
                changed: origin.version,
            });
        }
    }

    fn operation_id(&self, origin: &Origin) -> OperationId {
        let device = self.devices[origin.author.0 as usize].key.device();
        OperationId {
            log: LogId {
                device,
                generation: origin.generation,
            },
            sequence: origin.sequence,
        }
    }

    fn change_record(
        &mut self,
        mutation: &Mutation,
        origin: &Origin,
        definition: &Definition,
        set_aside: &mut Vec<SetAside>,
    ) {
        let Some(record_type) = definition.types.get(&mutation.record_type) else {
            return;
        };
        let was_alive = self.record(mutation.record).is_some_and(Record::is_alive);
        let base = match mutation.change {
            Change::Create(_) => Version(0),
            _ => mutation.base,
        };
        let indexed = needs_index(mutation, record_type, was_alive)
            || definition.granularity_of(record_type) == Granularity::Record;
        let before = if indexed {
            self.index_of(mutation.record, record_type)
        } else {
            Index::default()
        };
        let operation = self.operation_id(origin);
        let held = self.records.entry(mutation.record).or_insert_with(|| Held {
            record: Record::new(mutation.record, mutation.record_type, *origin),
            history: Default::default(),
        });
        held.history.touch(origin.version);
        held.record.add_origin(*origin);
        let mut change = RecordChange {
            held,
            definition,
            record_type,
            arrival: Arrival {
                origin,
                operation,
                base,
                resolves: matches!(mutation.change, Change::Resolve { .. }),
            },
            contests: Contests {
                journal: &mut self.journal,
                devices: &self.devices,
                dirty: &mut self.dirty,
            },
            set_aside,
        };
        change.carry_out(&mutation.change);
        held.record.prune_origins();
        self.note_change(mutation.record, origin.version);
        if indexed {
            let after = self.index_of(mutation.record, record_type);
            self.reindex(mutation.record, before, after);
        }
        let is_alive = self.record(mutation.record).is_some_and(Record::is_alive);
        if was_alive && !is_alive {
            self.after_deletion(mutation, origin, definition, set_aside);
        }
    }

    /// What a deletion does to the records that point at the deleted one.
    fn after_deletion(
        &mut self,
        mutation: &Mutation,
        origin: &Origin,
        definition: &Definition,
        set_aside: &mut Vec<SetAside>,
    ) {
        let referrers: Vec<(RecordId, FieldId)> = self.referrers_of(mutation.record).collect();
        for (by, field) in referrers {
            let Some(record_type) = self
                .record(by)
                .filter(|r| r.is_alive())
                .map(|r| r.record_type)
            else {
                continue;
            };
            let change = match self.on_delete(by, field, definition) {
                Some(OnDelete::Cascade) => Change::Delete,
                Some(OnDelete::Clear) => Change::Update(vec![(field, Write::Clear)]),
                Some(OnDelete::Restrict) | None => continue,
            };
            let base = match change {
                Change::Delete => mutation.base,
                _ => origin.version,
            };
            let follow_up = Mutation {
                record: by,
                record_type,
                base,
                change,
            };
            self.change_record(&follow_up, origin, definition, set_aside);
        }
    }

    /// Alternate keys and lookups of a record that is there to be seen.
    fn index_of(&self, id: RecordId, record_type: &RecordType) -> Index {
        let mut index = Index::default();
        let Some(record) = self.record(id).filter(|record| record.is_alive()) else {
            return index;
        };
        for key in &record_type.keys {
            if let Some(values) = record.key_values(&key.fields) {
                index.keys.push((record_type.id, key.id, values));
            }
        }
        for slot in &record.fields {
            if let FieldState::Register(register) = &slot.state
                && let Some(Value::Lookup(target)) = register.value()
            {
                index.lookups.push((*target, slot.id));
            }
        }
        index
    }

    fn reindex(&mut self, record: RecordId, before: Index, after: Index) {
        for entry in before
            .keys
            .iter()
            .filter(|entry| !after.keys.contains(entry))
        {
            if self.keys.get(entry) == Some(&record) {
                self.keys.remove(entry);
            }
        }
        for entry in after.keys {
            self.keys.entry(entry).or_insert(record);
        }
        for (target, field) in before
            .lookups
            .iter()
            .filter(|lookup| !after.lookups.contains(lookup))
        {
            if let Some(referrers) = self.referrers.get_mut(target) {
                referrers.remove(&(record, *field));
                if referrers.is_empty() {
                    self.referrers.remove(target);
                }
            }
        }
        for (target, field) in after.lookups {
            self.referrers
                .entry(target)
                .or_default()
                .insert((record, field));
        }
    }

    /// Builds the indexes anew, after a load or a change of definition.
    pub(crate) fn rebuild_indexes(&mut self) {
        self.keys.clear();
        self.referrers.clear();
        let definition = std::sync::Arc::clone(&self.definition);
        let ids: Vec<RecordId> = self.records.keys().copied().collect();
        for id in ids {
            let record_type = self
                .record(id)
                .and_then(|record| definition.types.get(&record.record_type));
            if let Some(record_type) = record_type {
                let after = self.index_of(id, record_type);
                self.reindex(id, Index::default(), after);
            }
        }
    }
}

/// A write that a policy set aside: where, and in words.
type SetAside = (RecordId, Option<FieldId>, String);

#[derive(Default)]
struct Index {
    keys: Vec<KeyEntry>,
    lookups: Vec<(RecordId, FieldId)>,
}

fn needs_index(mutation: &Mutation, record_type: &RecordType, was_alive: bool) -> bool {
    let moves_key = |field: &FieldId| {
        record_type
            .keys
            .iter()
            .any(|key| key.fields.contains(field))
    };
    let is_lookup = |field: &FieldId| {
        record_type
            .fields
            .get(field)
            .is_some_and(|f| matches!(f.kind, Kind::Lookup { .. }))
    };
    match &mutation.change {
        Change::Update(writes) => {
            !was_alive
                || writes
                    .iter()
                    .any(|(field, _)| moves_key(field) || is_lookup(field))
        }
        _ => true,
    }
}

/// One mutation at work on one record.
struct RecordChange<'a> {
    held: &'a mut Held,
    definition: &'a Definition,
    record_type: &'a RecordType,
    arrival: Arrival<'a>,
    contests: Contests<'a>,
    set_aside: &'a mut Vec<SetAside>,
}

impl RecordChange<'_> {
    fn carry_out(&mut self, change: &Change) {
        let alive = match change {
            Change::Delete
            | Change::Resolve {
                keep: Some(false), ..
            } => false,
            _ => true,
        };
        let fields_apply = self.live(alive);
        if !fields_apply {
            return;
        }
        if let Change::Create(writes) = change {
            self.defaults(writes);
        }
        let writes = change.writes();
        let whole_record = matches!(change, Change::Update(_) | Change::Create(_))
            && self.definition.granularity_of(self.record_type) == Granularity::Record;
        if whole_record && self.contest_record(writes) {
            return;
        }
        for (id, write) in writes {
            self.write(*id, write);
        }
    }

    /// Notes the record's life. Gives whether the field writes that come with
    /// it apply.
    fn live(&mut self, alive: bool) -> bool {
        let policy = contest::policy(self.definition.policy_of(self.record_type, None));
        let value = Some(Value::Boolean(alive));
        let record = &mut self.held.record;
        let was = record.life.newest();
        let base_value = Some(Some(Value::Boolean(true)));
        let met = self.contests.meet(
            contest::Site {
                record: record.id,
                record_type: record.record_type,
                field: None,
            },
            &mut record.life,
            &record.origins,
            value,
            base_value,
            &self.arrival,
            policy,
        );
        if record.life.newest() != was || met == Met::Stands {
            record.life_changed = self.arrival.origin.version;
        }
        if met == Met::SetAsideAndTold {
            let words = if alive {
                "The record was deleted meanwhile; your change of it is kept here."
            } else {
                "The record was changed meanwhile, so it was not deleted."
            };
            self.set_aside.push((record.id, None, words.to_owned()));
        }
        met != Met::SetAside && met != Met::SetAsideAndTold
    }

    fn defaults(&mut self, writes: &[(FieldId, Write)]) {
        for field in self.record_type.live_fields() {
            let written = writes.iter().any(|(id, _)| *id == field.id);
            if let Some(default) = field.default.as_ref().filter(|_| !written)
                && self.held.record.field(field.id).is_none()
            {
                self.write(field.id, &Write::Set(default.clone()));
            }
        }
    }

    fn write(&mut self, id: FieldId, write: &Write) {
        let Some(field) = self.record_type.fields.get(&id) else {
            return;
        };
        if field.retired {
            return;
        }
        let origin = self.arrival.origin;
        let Some(value) = written(write) else {
            let Held { record, .. } = &mut *self.held;
            let origins = std::mem::take(&mut record.origins);
            let slot = record.slot_mut(field, origin.version);
            slot.changed = origin.version;
            let author_of = |version| contest::author_of(&origins, version);
            slot.state
                .apply_merging(&field.kind, write, origin, self.arrival.base, author_of);
            record.origins = origins;
            return;
        };
        let value = value.map(|value| field.kind.widened(value));
        let policy = contest::policy(self.definition.policy_of(self.record_type, Some(field)));
        let Held { record, history } = &mut *self.held;
        let site = contest::Site {
            record: record.id,
            record_type: record.record_type,
            field: Some(id),
        };
        let shown = record.value(id).cloned();
        let base_value = history.shown_at(id, self.arrival.base, shown.as_ref());
        let existed = record.slot(id).is_some();
        let origins = std::mem::take(&mut record.origins);
        let slot = record.slot_mut(field, origin.version);
        let FieldState::Register(register) = &mut slot.state else {
            record.origins = origins;
            return;
        };
        let wanted = value.clone();
        let met = self.contests.meet(
            site,
            register,
            &origins,
            value,
            base_value,
            &self.arrival,
            policy,
        );
        if met != Met::SetAside && met != Met::SetAsideAndTold {
            slot.changed = origin.version;
        }
        let now = register.value().cloned();
        record.origins = origins;
        if now != shown && existed {
            history.ended(id, origin.version, shown.clone());
        } else if now != shown && record.created < origin.version {
            history.ended(id, origin.version, None);
        }
        if met == Met::SetAsideAndTold {
            let words = format!(
                "{}: {} stands, yours was {}.",
                field.label,
                spoken(&shown),
                spoken(&wanted)
            );
            self.set_aside.push((record.id, Some(id), words));
        }
    }

    /// Decides a whole-record contest, where there is one. Gives whether the
    /// writes are dealt with.
    fn contest_record(&mut self, writes: &[(FieldId, Write)]) -> bool {
        let policy = contest::policy(self.definition.policy_of(self.record_type, None));
        if policy.compares_values() {
            return false;
        }
        let concurrent = self.concurrent_writes(writes);
        let writes_registers = writes.iter().any(|(_, write)| written(write).is_some());
        if concurrent.is_empty() || !writes_registers {
            return false;
        }
        let versions: Vec<Version> = concurrent.iter().map(|(_, write)| write.version).collect();
        let decision = self.contests.decide_record(
            &self.held.record.origins,
            &versions,
            &self.arrival,
            policy,
        );
        match decision {
            contest::RecordDecision::Arriving => self.take_whole(writes, &concurrent),
            contest::RecordDecision::Standing { told } => self.set_aside_whole(writes, told),
            contest::RecordDecision::Flagged => self.flag_whole(writes),
        }
        for (id, write) in writes.iter().filter(|(_, write)| written(write).is_none()) {
            self.write(*id, write);
        }
        true
    }

    /// The register writes on the record that the arriving one had not seen,
    /// except those it agrees with.
    fn concurrent_writes(&self, writes: &[(FieldId, Write)]) -> Vec<(FieldId, RegisterWrite)> {
        let Arrival { origin, base, .. } = self.arrival;
        let record = &self.held.record;
        let mut concurrent = Vec::new();
        for slot in &record.fields {
            let FieldState::Register(register) = &slot.state else {
                continue;
            };
            let own = writes
                .iter()
                .find(|(id, _)| *id == slot.id)
                .and_then(|(_, write)| written(write));
            for write in &register.writes {
                let unseen = write.version > base
                    && write.version != origin.version
                    && contest::author_of(&record.origins, write.version) != origin.author;
                if unseen && own.as_ref() != Some(&write.value) {
                    concurrent.push((slot.id, write.clone()));
                }
            }
        }
        concurrent
    }

    /// The arriving row replaces the whole row: what it did not write goes
    /// back to what its author saw.
    fn take_whole(&mut self, writes: &[(FieldId, Write)], concurrent: &[(FieldId, RegisterWrite)]) {
        for (id, write) in writes {
            if let Some(value) = written(write) {
                self.force(*id, value);
            }
        }
        for (id, _) in concurrent
            .iter()
            .filter(|(id, _)| !writes.iter().any(|(own, _)| own == id))
        {
            let shown = self.held.record.value(*id).cloned();
            if let Some(value) = self
                .held
                .history
                .shown_at(*id, self.arrival.base, shown.as_ref())
                && value != shown
            {
                self.force(*id, value);
            }
        }
    }

    /// A write that wins over all others, with a journal entry for what it beat.
    fn force(&mut self, id: FieldId, value: Option<Value>) {
        self.write_under(id, value, &contest::ARRIVING_WINS);
    }

    fn set_aside_whole(&mut self, writes: &[(FieldId, Write)], told: bool) {
        let policy: &dyn cairn_policy::Policy = if told {
            &contest::STANDING_WINS_TOLD
        } else {
            &contest::STANDING_WINS
        };
        for (id, write) in writes {
            if let Some(value) = written(write) {
                self.write_under(*id, value, policy);
            }
        }
    }

    fn flag_whole(&mut self, writes: &[(FieldId, Write)]) {
        for (id, write) in writes {
            if let Some(value) = written(write) {
                self.write_under(*id, value, &contest::FLAG_ALWAYS);
            }
        }
    }

    /// A write of one field as part of a whole-record contest: it meets what
    /// stands even where its author had seen that.
    fn write_under(
        &mut self,
        id: FieldId,
        value: Option<Value>,
        policy: &dyn cairn_policy::Policy,
    ) {
        let Some(field) = self
            .record_type
            .fields
            .get(&id)
            .filter(|field| !field.retired)
        else {
            return;
        };
        let named = self.definition.policy_of(self.record_type, None);
        let origin = self.arrival.origin;
        let value = value.map(|value| field.kind.widened(value));
        let Held { record, history } = &mut *self.held;
        let site = contest::Site {
            record: record.id,
            record_type: record.record_type,
            field: Some(id),
        };
        let shown = record.value(id).cloned();
        let base_value = history.shown_at(id, self.arrival.base, shown.as_ref());
        let origins = std::mem::take(&mut record.origins);
        let created = record.created;
        let slot = record.slot_mut(field, origin.version);
        let FieldState::Register(register) = &mut slot.state else {
            record.origins = origins;
            return;
        };
        if register.writes.is_empty() {
            register.writes.push(RegisterWrite {
                version: created,
                value: None,
            });
        }
        let wanted = value.clone();
        let met = self.contests.meet_standing(
            site,
            register,
            &origins,
            value,
            base_value,
            &self.arrival,
            policy,
            named,
        );
        if met != Met::SetAside && met != Met::SetAsideAndTold {
            slot.changed = origin.version;
        }
        let now = register.value().cloned();
        record.origins = origins;
        if now != shown {
            history.ended(id, origin.version, shown.clone());
        }
        if met == Met::SetAsideAndTold {
            let words = format!(
                "{}: {} stands, yours was {}.",
                field.label,
                spoken(&shown),
                spoken(&wanted)
            );
            self.set_aside.push((record.id, Some(id), words));
        }
    }
}

fn spoken(value: &Option<Value>) -> String {
    match value {
        Some(value) => format!("“{value}”"),
        None => "nothing".to_owned(),
    }
}
