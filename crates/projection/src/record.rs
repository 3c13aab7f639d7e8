//! A record as it stands: its life, its fields, and where each value came from.

use crate::register::{Register, RegisterWrite};
use crate::set::ElementSet;
use cairn_model::security::Ownership;
use cairn_model::{
    AuthorId, Definition, Field, FieldId, HybridTime, Kind, RecordId, RecordType, Timestamp,
    TypeId, Value, Version, Write,
};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The operation behind a version: who, when by their clock, when received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The operation's place in the ledger.
    pub version: Version,
    /// Its author's device.
    pub author: AuthorId,
    /// The generation of the author's log.
    pub generation: u32,
    /// Its place in the author's log.
    pub sequence: u64,
    /// The author's hybrid clock.
    pub time: HybridTime,
    /// When the relay received it.
    pub received: Timestamp,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldState {
    /// A value, or several undominated ones.
    Register(Register),
    /// A sum.
    Counter(i64),
    /// Elements.
    Set(ElementSet),
    /// A saved Automerge document.
    Document(Vec<u8>),
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSlot {
    /// Which field.
    pub id: FieldId,
    /// The newest version that changed the slot.
    pub changed: Version,
    /// What it holds.
    pub state: FieldState,
}

/// A record's state at a version: what a device is sent, and what the fold
/// works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// Its type.
    pub record_type: TypeId,
    /// The newest version that changed it.
    pub version: Version,
    /// The version that created it.
    pub created: Version,
    /// The operations its standing writes come from, by version.
    pub origins: Vec<Origin>,
    /// Whether it is: `true` alive, `false` deleted.
    pub life: Register,
    /// The newest version that changed its life.
    pub life_changed: Version,
    /// Fields that were ever written, by id.
    pub fields: Vec<FieldSlot>,
}

impl Record {
    /// A record that `origin` brings into being.
    pub fn new(id: RecordId, record_type: TypeId, origin: Origin) -> Record {
        Record {
            id,
            record_type,
            version: origin.version,
            created: origin.version,
            origins: vec![origin],
            life: Register::default(),
            life_changed: origin.version,
            fields: Vec::new(),
        }
    }

    /// Whether the record is there to be seen.
    pub fn is_alive(&self) -> bool {
        self.life.value() == Some(&Value::Boolean(true))
    }

    /// What the field holds, if it was ever written.
    pub fn field(&self, id: FieldId) -> Option<&FieldState> {
        self.slot(id).map(|slot| &slot.state)
    }

    /// The field's slot, if it was ever written.
    pub fn slot(&self, id: FieldId) -> Option<&FieldSlot> {
        let at = self.fields.binary_search_by_key(&id, |slot| slot.id).ok()?;
        Some(&self.fields[at])
    }

    /// The field's slot, made empty when it was never written.
    pub fn slot_mut(&mut self, field: &Field, version: Version) -> &mut FieldSlot {
        let at = slot_at(&mut self.fields, field, version);
        &mut self.fields[at]
    }

    /// The value a register field shows.
    pub fn value(&self, id: FieldId) -> Option<&Value> {
        match self.field(id)? {
            FieldState::Register(register) => register.value(),
            _ => None,
        }
    }

    /// The operation behind `version`, which must be that of a standing write.
    pub fn origin(&self, version: Version) -> Option<&Origin> {
        let at = self
            .origins
            .binary_search_by_key(&version, |origin| origin.version)
            .ok()?;
        Some(&self.origins[at])
    }

    /// Notes the operation behind new writes.
    pub fn add_origin(&mut self, origin: Origin) {
        if let Err(at) = self
            .origins
            .binary_search_by_key(&origin.version, |o| o.version)
        {
            self.origins.insert(at, origin);
        }
        self.version = self.version.max(origin.version);
    }

    /// The record as somebody sees it who may not see `hidden`: as if those
    /// fields had never been written. Not even that they changed can be told.
    pub fn without(&self, hidden: &BTreeSet<FieldId>) -> Cow<'_, Record> {
        if !self.fields.iter().any(|slot| hidden.contains(&slot.id)) {
            return Cow::Borrowed(self);
        }
        let mut seen = self.clone();
        seen.fields.retain(|slot| !hidden.contains(&slot.id));
        let changed = seen.fields.iter().map(|slot| slot.changed);
        seen.version = changed.fold(seen.life_changed.max(seen.created), Version::max);
        seen.prune_origins();
        Cow::Owned(seen)
    }

    /// Forgets operations that no standing write comes from, so that equal
    /// states have equal bytes.
    pub fn prune_origins(&mut self) {
        if self.origins.len() > 1 {
            let mut used: Vec<Version> = self.sources().collect();
            used.push(self.created);
            used.sort_unstable();
            self.origins
                .retain(|origin| used.binary_search(&origin.version).is_ok());
        }
    }

    /// The operations that its standing writes come from, one for each.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Version> {
        let fields = self.fields.iter().flat_map(FieldSlot::sources);
        self.life.sources().chain(fields)
    }

    /// … of one field, which are none where it was never written.
    pub(crate) fn sources_of(&self, field: &Field) -> impl Iterator<Item = Version> {
        self.slot(field.id).into_iter().flat_map(FieldSlot::sources)
    }

    /// Whether any part of it waits for a person to resolve a conflict.
    pub fn in_conflict(&self) -> bool {
        self.life.open.is_some()
            || self.fields.iter().any(|slot| {
                matches!(
                    &slot.state,
                    FieldState::Register(Register { open: Some(_), .. })
                )
            })
    }

    /// Whose the record is, and whom it is shared with.
    pub fn ownership(&self, record_type: &RecordType) -> Ownership {
        let looked_up = |value: &Value| match value {
            Value::Lookup(target) => Some(*target),
            _ => None,
        };
        let people = |id: Option<FieldId>| match id.and_then(|id| self.field(id)) {
            Some(FieldState::Set(set)) => set.elements().filter_map(looked_up).collect(),
            _ => Default::default(),
        };
        let owner = record_type.owner.and_then(|owner| self.value(owner));
        Ownership {
            owner: owner.and_then(looked_up),
            readers: people(record_type.readers),
            writers: people(record_type.writers),
        }
    }

    /// The text people know the record by: its title field, or its id.
    pub fn title(&self, record_type: &RecordType) -> String {
        record_type
            .title
            .and_then(|title| self.value(title))
            .map_or_else(|| self.id.to_string(), ToString::to_string)
    }

    /// The register values of an alternate key, or `None` when one is empty.
    pub fn key_values(&self, fields: &[FieldId]) -> Option<Vec<Value>> {
        fields
            .iter()
            .map(|field| self.value(*field).cloned())
            .collect()
    }

    /// The fields in use and what they read as in JSON, by definition order.
    /// Empty fields are left out.
    pub fn to_json(&self, definition: &Definition) -> serde_json::Map<String, serde_json::Value> {
        let mut object = serde_json::Map::new();
        if let Some(record_type) = definition.types.get(&self.record_type) {
            for field in record_type.live_fields() {
                if let Some(value) = self
                    .field(field.id)
                    .and_then(|state| state.to_json(&field.kind))
                {
                    object.insert(field.name.clone(), value);
                }
            }
        }
        object
    }

    /// Folds a device's own unacknowledged write on top: it dominates
    /// everything, so that people read what they wrote.
    pub fn apply_pending(&mut self, field: &Field, write: &Write, origin: &Origin) {
        let slot = self.slot_mut(field, origin.version);
        slot.changed = origin.version;
        match (&mut slot.state, written(write)) {
            (FieldState::Register(register), Some(value)) => {
                let version = origin.version;
                let value = value.map(|value| field.kind.widened(value));
                register.replace(RegisterWrite { version, value });
            }
            (state, _) => {
                let everything = Version(u64::MAX);
                state.apply_merging(&field.kind, write, origin, everything, |_| origin.author);
            }
        }
        self.add_origin(*origin);
    }
}

/// Where the field's slot is among a record's; it is made empty when the field
/// was never written.
pub(crate) fn slot_at(fields: &mut Vec<FieldSlot>, field: &Field, version: Version) -> usize {
    let at = fields.binary_search_by_key(&field.id, |slot| slot.id);
    at.unwrap_or_else(|at| {
        let state = FieldState::empty(&field.kind);
        fields.insert(
            at,
            FieldSlot {
                id: field.id,
                changed: version,
                state,
            },
        );
        at
    })
}

impl FieldSlot {
    /// The operations that what stands here comes from, one for each write or
    /// addition.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Version> {
        let (register, set, other) = match &self.state {
            FieldState::Register(register) => (Some(register), None, None),
            FieldState::Set(set) => (None, Some(set), None),
            FieldState::Counter(_) | FieldState::Document(_) => (None, None, Some(self.changed)),
        };
        let writes = register.into_iter().flat_map(Register::sources);
        let additions = set.into_iter().flat_map(|set| set.additions.values());
        writes.chain(additions.flatten().copied()).chain(other)
    }
}

/// The register value of a write, for writes of registers.
pub fn written(write: &Write) -> Option<Option<Value>> {
    match write {
        Write::Set(value) => Some(Some(value.clone())),
        Write::Clear => Some(None),
        Write::Add(_) | Write::Change { .. } | Write::Merge(_) => None,
    }
}

impl FieldState {
    /// An empty field of a kind.
    pub fn empty(kind: &Kind) -> FieldState {
        match kind {
            Kind::Counter => FieldState::Counter(0),
            Kind::Set { .. } => FieldState::Set(ElementSet::default()),
            Kind::RichText | Kind::Json => FieldState::Document(Vec::new()),
            _ => FieldState::Register(Register::default()),
        }
    }

    /// Applies a write of a kind that merges; writes of registers are the
    /// policy's, and left alone. The write was checked before.
    pub fn apply_merging(
        &mut self,
        kind: &Kind,
        write: &Write,
        origin: &Origin,
        base: Version,
        author_of: impl Fn(Version) -> AuthorId,
    ) {
        match (self, write) {
            (FieldState::Counter(total), Write::Add(change)) => {
                *total = total.saturating_add(*change)
            }
            (FieldState::Set(set), Write::Change { add, remove }) => {
                set.change(add, remove, origin.version, origin.author, base, author_of);
            }
            (FieldState::Document(saved), Write::Merge(changes)) => {
                if let Ok(merged) = crate::document::merge(kind, saved, changes) {
                    *saved = merged;
                }
            }
            _ => {}
        }
    }

    /// What the field reads as in JSON; `None` when empty.
    pub fn to_json(&self, kind: &Kind) -> Option<serde_json::Value> {
        match self {
            FieldState::Register(register) => register.value().map(Value::to_json),
            FieldState::Counter(total) => Some((*total).into()),
            FieldState::Set(set) => {
                let elements: Vec<_> = set.elements().map(Value::to_json).collect();
                (!elements.is_empty()).then(|| elements.into())
            }
            FieldState::Document(saved) if saved.is_empty() => None,
            FieldState::Document(saved) => crate::document::read(kind, saved).ok(),
        }
    }

    /// What the field reads as, in words.
    pub fn to_text(&self, kind: &Kind) -> String {
        match self {
            FieldState::Register(register) => register
                .value()
                .map(ToString::to_string)
                .unwrap_or_default(),
            FieldState::Counter(total) => total.to_string(),
            FieldState::Set(set) => {
                let elements: Vec<String> = set.elements().map(ToString::to_string).collect();
                elements.join(", ")
            }
            FieldState::Document(_) => match self.to_json(kind) {
                Some(serde_json::Value::String(text)) => text,
                Some(json) => json.to_string(),
                None => String::new(),
            },
        }
    }
}
