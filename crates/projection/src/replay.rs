//! One record's operations folded once more, to see what each of them changed.
//!
//! The same code as the fold's own, with two simplifications: verdicts are
//! given rather than found, and the definition is the one in force now.

use crate::apply::{Admitted, Documents};
use crate::document;
use crate::fold::Incoming;
use crate::record::{FieldState, Origin, Record};
use crate::rules::Rules;
use crate::state::{Device, State};
use cairn_model::{
    Change, Definition, FieldId, Kind, LogId, Mutation, OnDelete, OperationId, OrganizationId,
    PublicKey, RecordId, Value, Version, Write,
};
use cairn_oplog::LogHead;
use std::sync::Arc;

/// A record on its way through its history.
#[derive(Debug)]
pub struct Replay {
    state: State,
    record: RecordId,
}

impl Replay {
    /// A record before its first operation. `devices` are keys and users by
    /// author number, the relay's first.
    pub fn new(
        organization: OrganizationId,
        definition: Definition,
        devices: impl IntoIterator<Item = (PublicKey, String)>,
        record: RecordId,
    ) -> Replay {
        let devices: Vec<Device> = devices
            .into_iter()
            .map(|(key, user)| Device {
                id: key.device(),
                key,
                name: user.clone(),
                user,
                enrolled: Version(0),
                revoked: None,
                generation: 0,
                head: LogHead::genesis(
                    &organization,
                    &LogId {
                        device: key.device(),
                        generation: 0,
                    },
                ),
                quarantined: None,
            })
            .collect();
        let relay = devices
            .first()
            .map_or(PublicKey([0; 32]), |device| device.key);
        let mut state = State::new(organization, relay);
        state.devices = devices;
        state.rules = Arc::new(Rules::of(definition, None));
        Replay { state, record }
    }

    /// The record as of the last operation.
    pub fn record(&self) -> Option<&Record> {
        self.state.record(self.record)
    }

    /// Does what an admitted edit does to the record: its mutations of it, and
    /// what the deletion of a record it points at brings about.
    ///
    /// # Panics
    /// If the origin's author is not among the devices.
    pub fn edit(&mut self, mutations: &[Mutation], origin: &Origin) {
        let definition = Arc::clone(self.state.definition());
        let mut own: Vec<Mutation> = mutations
            .iter()
            .filter(|m| m.record == self.record)
            .cloned()
            .collect();
        if own.is_empty() {
            own.extend(self.after_deletion(mutations, origin, &definition));
        }
        for mutation in own {
            let documents = self.documents(&mutation, &definition);
            let place = self.state.records.place(self.record);
            let admitted = Admitted {
                mutations: vec![mutation],
                places: vec![place],
                documents,
            };
            self.state.apply(admitted, &self.incoming(origin));
        }
    }

    /// Does what a publication does to the record of a user or team.
    pub fn publish(&mut self, origin: &Origin) {
        let definition = Arc::clone(self.state.definition());
        self.state.version = origin.version;
        self.state
            .mirror_people(&Definition::default(), &definition, &self.incoming(origin));
    }

    fn incoming(&self, origin: &Origin) -> Incoming<'static> {
        let device = self.state.devices[origin.author.0 as usize].id;
        Incoming {
            origin: *origin,
            id: OperationId {
                log: LogId {
                    device,
                    generation: origin.generation,
                },
                sequence: origin.sequence,
            },
            bytes: &[],
            definition: self.state.definition().number,
            may_edit: true,
            who: None,
        }
    }

    /// The documents that a mutation leaves.
    fn documents(&self, mutation: &Mutation, definition: &Definition) -> Documents {
        let mut documents = Documents::new();
        for (id, write) in mutation.change.writes() {
            let kind = definition
                .types
                .get(&mutation.record_type)
                .and_then(|t| t.fields.get(id))
                .map(|field| &field.kind);
            let (Some(kind), Write::Merge(changes)) = (kind, write) else {
                continue;
            };
            let saved: &[u8] = match self.record().and_then(|record| record.field(*id)) {
                Some(FieldState::Document(saved)) => saved,
                _ => &[],
            };
            if let Ok(merged) = document::merge(kind, saved, changes) {
                documents.insert((mutation.record, *id), merged);
            }
        }
        documents
    }

    /// The mutation that the deletion of other records comes to here. Where
    /// the record points at none of them, it went along with one in between.
    fn after_deletion(
        &self,
        mutations: &[Mutation],
        origin: &Origin,
        definition: &Definition,
    ) -> Option<Mutation> {
        let record = self.record()?;
        let record_type = definition.types.get(&record.record_type)?;
        let deletes = |change: &Change| match change {
            Change::Delete
            | Change::Resolve {
                keep: Some(false), ..
            } => true,
            Change::Create(_)
            | Change::Update(_)
            | Change::Restore
            | Change::Resolve { .. }
            | Change::Follow
            | Change::Unfollow => false,
        };
        let deletion = mutations
            .iter()
            .find(|mutation| deletes(&mutation.change))?;
        let lookups: Vec<(FieldId, RecordId, OnDelete)> = record
            .fields
            .iter()
            .filter_map(|slot| {
                let field = record_type.fields.get(&slot.id)?;
                match (&field.kind, &slot.state) {
                    (Kind::Lookup { on_delete, .. }, FieldState::Register(register)) => {
                        match register.value()? {
                            Value::Lookup(target) => Some((slot.id, *target, *on_delete)),
                            _ => None,
                        }
                    }
                    _ => None,
                }
            })
            .collect();
        let deleted = |target: RecordId| {
            mutations
                .iter()
                .any(|m| m.record == target && deletes(&m.change))
        };
        let direct = lookups
            .iter()
            .find(|(_, target, on_delete)| deleted(*target) && *on_delete != OnDelete::Restrict);
        let (base, change) = match direct {
            Some((field, _, OnDelete::Clear)) => {
                (origin.version, Change::Update(vec![(*field, Write::Clear)]))
            }
            Some(_) => (deletion.base, Change::Delete),
            None => {
                lookups
                    .iter()
                    .find(|(_, _, on_delete)| *on_delete == OnDelete::Cascade)?;
                (deletion.base, Change::Delete)
            }
        };
        Some(Mutation {
            record: self.record,
            record_type: record.record_type,
            base,
            change,
        })
    }
}
