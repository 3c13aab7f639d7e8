//! Publishing a definition: the next one takes effect, and what it changes in
//! the records is done.

use crate::admit::Rejection;
use crate::issue::Code;
use crate::record::{FieldState, Origin, Record};
use crate::register::{Register, RegisterWrite};
use crate::state::{Held, State};
use cairn_model::{Definition, DefinitionChange, FieldId, Kind, RecordId, RecordType, Value, Version};
use std::sync::Arc;

impl State {
    pub(crate) fn publish(
        &mut self,
        base: u32,
        changes: Vec<DefinitionChange>,
        more: bool,
        origin: &Origin,
    ) -> Result<(), Rejection> {
        let refused = |what: String| Rejection::new(Code::PublishRefused, what);
        if base != self.definition.number {
            self.draft.clear();
            let current = self.definition.number;
            return Err(refused(cairn_model::definition::PublishError::Stale { base, current }.to_string()));
        }
        self.draft.extend(changes);
        if more {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.draft);
        let next = self.definition.changed(&changes).map_err(|error| refused(error.to_string()))?;
        if let Some(policy) = unknown_policy(&next) {
            return Err(refused(format!("There is no conflict policy `{policy}`.")));
        }
        self.definition = Arc::new(next);
        self.definition_changed = origin.version;
        self.widen_records(origin.version);
        self.mirror_people(origin);
        self.rebuild_indexes();
        Ok(())
    }

    /// Turns values of widened fields into values of their new kinds.
    fn widen_records(&mut self, version: Version) {
        let definition = Arc::clone(&self.definition);
        let mut widened = Vec::new();
        for held in self.records.values_mut() {
            let record = &mut held.record;
            let Some(record_type) = definition.types.get(&record.record_type) else { continue };
            let mut changed = false;
            for slot in &mut record.fields {
                if let Some(field) = record_type.fields.get(&slot.id)
                    && let FieldState::Register(register) = &mut slot.state
                    && widen(register, &field.kind)
                {
                    slot.changed = version;
                    changed = true;
                }
            }
            if changed {
                record.version = version;
                widened.push(record.id);
            }
        }
        for id in widened {
            self.note_change(id, version);
        }
    }

    /// Keeps the records that stand for users and teams as the definition has
    /// them, so that lookups can point at people.
    pub(crate) fn mirror_people(&mut self, origin: &Origin) {
        let definition = Arc::clone(&self.definition);
        if let Some(record_type) = definition.type_named("user") {
            for (login, user) in &definition.users {
                let values = [("login", Some(login)), ("name", Some(&user.name)), ("email", user.email.as_ref())];
                self.mirror(Definition::user_record(login), record_type, &values, origin);
            }
        }
        if let Some(record_type) = definition.type_named("team") {
            for (name, team) in &definition.teams {
                let values = [("login", Some(name)), ("name", Some(&team.name))];
                self.mirror(Definition::team_record(name), record_type, &values, origin);
            }
        }
    }

    fn mirror(&mut self, id: RecordId, record_type: &RecordType, values: &[(&str, Option<&String>)], origin: &Origin) {
        let wanted: Vec<(FieldId, Value)> = values
            .iter()
            .filter_map(|(name, value)| Some((record_type.field_named(name)?.id, Value::Text((*value)?.clone()))))
            .collect();
        let held = self.records.get(&id);
        let same = |(field, value): &(FieldId, Value)| held.and_then(|h| h.record.value(*field)) == Some(value);
        if held.is_some_and(|held| held.record.is_alive()) && wanted.iter().all(same) {
            return;
        }
        let held = self.records.entry(id).or_insert_with(|| Held {
            record: Record::new(id, record_type.id, *origin),
            history: Default::default(),
        });
        let record = &mut held.record;
        record.add_origin(*origin);
        record.life.replace(RegisterWrite { version: origin.version, value: Some(Value::Boolean(true)) });
        record.life_changed = origin.version;
        for (field, value) in wanted {
            let slot = record.slot_mut(&record_type.fields[&field], origin.version);
            slot.changed = origin.version;
            if let FieldState::Register(register) = &mut slot.state {
                register.replace(RegisterWrite { version: origin.version, value: Some(value) });
            }
        }
        record.prune_origins();
        held.history.touch(origin.version);
        self.note_change(id, origin.version);
    }
}

/// Widens a register's values; whether any changed.
fn widen(register: &mut Register, kind: &Kind) -> bool {
    let mut changed = false;
    for write in &mut register.writes {
        let widened = write.value.clone().map(|value| kind.widened(value));
        changed |= widened != write.value;
        write.value = widened;
    }
    changed
}

fn unknown_policy(definition: &Definition) -> Option<&str> {
    let types = definition.types.values();
    let fields = types.clone().flat_map(|t| t.fields.values()).filter_map(|field| field.policy.as_deref());
    std::iter::once(definition.policy.as_str())
        .chain(types.filter_map(|t| t.policy.as_deref()))
        .chain(fields)
        .find(|policy| cairn_policy::named(policy).is_none())
}
