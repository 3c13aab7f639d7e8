//! What tells devices of records, where people see different parts.

use super::World;
use crate::host::Host;
use crate::organization::CREW;
use crate::reference::bytes::Bundle;
use crate::reference::scope::Eyes;
use crate::scenario::Plan;
use crate::trace::{Disclosed, What};
use cairn_agent::Agent;
use cairn_model::{Action, FieldId, Hash, Mutation, Operation, Timestamp, codec};
use cairn_projection::digest::Digest;
use cairn_projection::{Image, State};
use cairn_proto::ServerMessage;

/// Whether people see different parts in the runs of a plan.
pub fn is_scoped(plan: &Plan) -> bool {
    plan.organization.template == CREW
}

impl World {
    /// Notes what a message tells of records.
    pub(super) fn note_disclosed(&mut self, session: u64, message: &ServerMessage) {
        if !is_scoped(&self.plan) {
            return;
        }
        let (history, records) = match message {
            ServerMessage::Page { page, .. } => {
                let images = page.unpack().unwrap_or_default();
                (false, images.iter().filter_map(|i| image(i)).collect())
            }
            ServerMessage::Changes { images, .. } => {
                (false, images.iter().filter_map(|i| image(&i.0)).collect())
            }
            ServerMessage::History { entries, .. } => {
                let told = entries.iter().flat_map(|entry| operations(&entry.bundle));
                (true, told.collect::<Vec<_>>())
            }
            _ => return,
        };
        let what = What::Disclosed {
            session,
            history,
            records,
        };
        self.note_at(Host::Relay, what);
    }
}

/// What an image tells.
pub fn image(bytes: &[u8]) -> Option<Disclosed> {
    let image = Image::read(bytes).ok()?;
    Some(Disclosed {
        record: image.id(),
        record_type: image.record_type(),
        fields: image.fields().collect(),
    })
}

fn operations(bundle: &[u8]) -> Vec<Disclosed> {
    let operations = Bundle::read(bundle).map(|bundle| bundle.operations);
    let whole = operations.into_iter().flatten().flatten();
    let read = whole.filter_map(|bytes| codec::decode::<Operation>("operation", &bytes).ok());
    read.flat_map(|operation| of_operation(&operation))
        .collect()
}

/// What an operation tells of records.
fn of_operation(operation: &Operation) -> Vec<Disclosed> {
    let Action::Edit(mutations) = &operation.action else {
        return Vec::new();
    };
    let of = |mutation: &Mutation| Disclosed {
        record: mutation.record,
        record_type: mutation.record_type,
        fields: (mutation.change.writes().iter())
            .map(|(field, _)| *field)
            .collect::<Vec<FieldId>>(),
    };
    mutations.iter().map(of).collect()
}

/// The digest that a device's images should have: of the records it counts
/// on, as the relay has them and as far as its user gets their fields.
pub fn digest_for(state: &State, machine: &Agent, user: &str) -> Hash {
    let eyes = Eyes::of(state, Timestamp(0), user);
    let mut digest = Digest::default();
    for record in state.records() {
        let kept = machine.left(record.id).is_some_and(|left| left.kept);
        let is_held = matches!(machine.image(record.id), Ok(Some(_))) && !kept;
        let of = state.definition().types.get(&record.record_type);
        if let Some(of) = of.filter(|_| is_held) {
            digest.add(&record.without(&eyes.hidden(of)), state.definition());
        }
    }
    digest.finish()
}
