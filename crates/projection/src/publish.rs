//! Publishing a definition: the next one takes effect, and what it changes in
//! the records is done.

use crate::admit::Rejection;
use crate::apply::Admitted;
use crate::fold::Incoming;
use crate::index::Indexes;
use crate::issue::Code;
use crate::record::{FieldSlot, FieldState};
use crate::records::{Held, Place};
use crate::rules::Rules;
use crate::state::State;
use cairn_model::definition::PublishError;
use cairn_model::{
    Change, Definition, DefinitionChange, FieldId, Kind, Mutation, RecordId, RecordType, TypeId,
    Value, Version, Write,
};
use std::sync::Arc;

impl State {
    pub(crate) fn publish(
        &mut self,
        base: u32,
        changes: Vec<DefinitionChange>,
        more: bool,
        incoming: &Incoming<'_>,
    ) -> Result<(), Rejection> {
        let refused = |what: String| Rejection::new(Code::PublishRefused, what);
        let current = self.definition().number;
        if base != current {
            self.draft.clear();
            return Err(refused(PublishError::Stale { base, current }.to_string()));
        }
        self.draft.extend(changes);
        if more {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.draft);
        let next = self
            .definition()
            .changed(&changes)
            .map_err(|error| refused(error.to_string()))?;
        if let Some(policy) = unknown_policy(&next) {
            return Err(refused(format!("There is no conflict policy `{policy}`.")));
        }
        self.take_effect(next, incoming);
        Ok(())
    }

    fn take_effect(&mut self, next: Definition, incoming: &Incoming<'_>) {
        let last = Arc::clone(self.definition());
        self.definition_changed = self.version;
        self.rules = Arc::new(Rules::of(next, self.trial.as_ref()));
        let next = Arc::clone(self.definition());
        self.note_required(&last, &next);
        if last.types != next.types {
            self.widen_records(&last, &next);
            self.indexes = Indexes::of(&self.records, &next);
        }
        self.mirror_people(&last, &next, incoming);
    }

    /// Notes which fields are required from now on: operations made before are
    /// not refused for what their authors could not know.
    fn note_required(&mut self, last: &Definition, next: &Definition) {
        let is_required = |definition: &Definition, (record_type, field): (TypeId, FieldId)| {
            let record_type = definition.types.get(&record_type);
            let field = record_type.and_then(|record_type| record_type.fields.get(&field));
            field.is_some_and(|field| field.required && field.default.is_none())
        };
        for record_type in next.types.values() {
            for field in record_type.fields.keys() {
                let key = (record_type.id, *field);
                if !is_required(next, key) {
                    self.required_since.remove(&key);
                } else if !is_required(last, key) {
                    self.required_since.insert(key, next.number);
                }
            }
        }
    }

    /// Turns values of widened fields into values of their new kinds.
    fn widen_records(&mut self, last: &Definition, next: &Definition) {
        let version = self.version;
        let mut widened: Vec<RecordId> = Vec::new();
        for held in self.records.iter_mut() {
            let id = held.record.record_type;
            if let (Some(last), Some(next)) = (last.types.get(&id), next.types.get(&id))
                && widen_record(held, last, next, version)
            {
                widened.push(held.record.id);
            }
        }
        widened.sort_unstable();
        let places: Vec<Place> = widened
            .into_iter()
            .filter_map(|id| self.records.place(id))
            .collect();
        for place in places {
            self.note_change(place, version);
        }
    }

    /// Keeps the records that stand for users and teams as the definition has
    /// them, so that lookups can point at people.
    pub(crate) fn mirror_people(
        &mut self,
        last: &Definition,
        next: &Definition,
        incoming: &Incoming<'_>,
    ) {
        let types_changed = last.types != next.types;
        if let Some(record_type) = next.type_named("user") {
            for (login, user) in &next.users {
                if types_changed || last.users.get(login) != Some(user) {
                    let email = user.email.as_ref();
                    let values = [
                        ("login", Some(login)),
                        ("name", Some(&user.name)),
                        ("email", email),
                    ];
                    self.mirror(
                        Definition::user_record(login),
                        record_type,
                        &values,
                        incoming,
                    );
                }
            }
        }
        if let Some(record_type) = next.type_named("team") {
            for (name, team) in &next.teams {
                if types_changed || last.teams.get(name) != Some(team) {
                    let values = [("login", Some(name)), ("name", Some(&team.name))];
                    self.mirror(
                        Definition::team_record(name),
                        record_type,
                        &values,
                        incoming,
                    );
                }
            }
        }
    }

    /// Makes a record read as the definition says, as an edit of the relay's
    /// that has seen everything.
    fn mirror(
        &mut self,
        record: RecordId,
        record_type: &RecordType,
        values: &[(&str, Option<&String>)],
        incoming: &Incoming<'_>,
    ) {
        let held = self.record(record).filter(|record| record.is_alive());
        let writes: Vec<(FieldId, Write)> = values
            .iter()
            .filter_map(|(name, value)| {
                let field = record_type.field_named(name);
                let field = field.filter(|field| matches!(field.kind, Kind::Text { .. }))?;
                let value = value.map(|value| Value::Text(value.clone()));
                let same = held.and_then(|record| record.value(field.id)) == value.as_ref();
                let write = value.map_or(Write::Clear, Write::Set);
                (!same).then_some((field.id, write))
            })
            .collect();
        if held.is_some() && writes.is_empty() {
            return;
        }
        let change = match self.record(record) {
            Some(_) => Change::Update(writes),
            None => Change::Create(writes),
        };
        let record_type = record_type.id;
        let mutation = Mutation {
            record,
            record_type,
            base: self.version,
            change,
        };
        let places = vec![self.records.place(record)];
        self.apply(
            Admitted {
                mutations: vec![mutation],
                places,
                ..Admitted::default()
            },
            incoming,
        );
    }
}

/// Widens a record's values; whether any changed.
fn widen_record(held: &mut Held, last: &RecordType, next: &RecordType, version: Version) -> bool {
    let mut changed = false;
    for slot in &mut held.record.fields {
        let (Some(last), Some(next)) = (last.fields.get(&slot.id), next.fields.get(&slot.id))
        else {
            continue;
        };
        if last.kind.name() != next.kind.name()
            && let FieldSlot {
                state: FieldState::Register(register),
                changed: at,
                ..
            } = slot
        {
            register.writes.map_values(|value| next.kind.widened(value));
            *at = version;
            changed = true;
        }
    }
    if changed {
        held.record.version = version;
        held.weight = held.record.weight();
    }
    changed
}

fn unknown_policy(definition: &Definition) -> Option<&str> {
    let types = definition.types.values();
    let fields = types
        .clone()
        .flat_map(|t| t.fields.values())
        .filter_map(|field| field.policy.as_deref());
    std::iter::once(definition.policy.as_str())
        .chain(types.filter_map(|t| t.policy.as_deref()))
        .chain(fields)
        .find(|policy| cairn_policy::named(policy).is_none())
}
