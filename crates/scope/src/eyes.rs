//! How expressions read records of a state.

use cairn_model::definition::Definition;
use cairn_model::expression::{Look, Moment, Path};
use cairn_model::{FieldId, RecordId, Timestamp, TypeId, Value};
use cairn_projection::{FieldState, Record, State};
use std::borrow::Cow;

/// A state as expressions read it.
pub(crate) struct Eyes<'a> {
    state: &'a State,
    /// Read most, and so not looked up each time.
    at: Option<&'a Record>,
}

impl<'a> Eyes<'a> {
    pub(crate) fn on(state: &'a State, record: &'a Record) -> Eyes<'a> {
        Eyes {
            state,
            at: Some(record),
        }
    }

    pub(crate) fn of(state: &'a State) -> Eyes<'a> {
        Eyes { state, at: None }
    }

    fn record(&self, id: RecordId) -> Option<&'a Record> {
        let record = match self.at {
            Some(record) if record.id == id => Some(record),
            _ => self.state.record(id),
        };
        record.filter(|record| record.is_alive())
    }
}

impl Look for Eyes<'_> {
    fn record_type(&self, record: RecordId) -> Option<TypeId> {
        self.record(record).map(|record| record.record_type)
    }

    fn value(&self, record: RecordId, field: FieldId) -> Option<Cow<'_, Value>> {
        match self.record(record)?.field(field)? {
            FieldState::Register(register) => register.value().map(Cow::Borrowed),
            FieldState::Counter(total) => Some(Cow::Owned(Value::Integer(*total))),
            FieldState::Set(_) | FieldState::Document(_) => None,
        }
    }

    fn elements(&self, record: RecordId, field: FieldId) -> Vec<Value> {
        match self.record(record).and_then(|record| record.field(field)) {
            Some(FieldState::Set(set)) => set.elements().cloned().collect(),
            _ => Vec::new(),
        }
    }

    fn created(&self, record: RecordId) -> Option<Timestamp> {
        let record = self.record(record)?;
        Some(record.origin(record.created)?.received)
    }

    fn modified(&self, record: RecordId) -> Option<Timestamp> {
        // An operation of which nothing stands, such as taking an element out
        // of a set, is forgotten: then the latest one that is known counts.
        let received = |record: &Record| record.origins.last().map(|origin| origin.received);
        received(self.record(record)?)
    }
}

/// The moment that an organization's clock shows.
pub(crate) fn moment(definition: &Definition, now: Timestamp) -> Moment {
    Moment {
        now,
        utc_offset: definition.utc_offset,
    }
}

/// Every series of lookups that a path goes through, from its beginning on:
/// one for each way of choosing a type at each step.
pub(crate) fn routes(path: &Path) -> Vec<Vec<(TypeId, FieldId)>> {
    let mut routes = Vec::new();
    let mut open: Vec<Vec<(TypeId, FieldId)>> = vec![Vec::new()];
    for hop in path.hops() {
        open = open
            .iter()
            .flat_map(|route| {
                hop.iter().map(|link| {
                    let mut longer = route.clone();
                    longer.push(*link);
                    longer
                })
            })
            .collect();
        routes.extend(open.iter().cloned());
    }
    routes
}
