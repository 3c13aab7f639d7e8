//! What a device is told while it is told that it has everything: what its user
//! may see then, and what it shall hold.

use crate::host::Host;
use crate::reference::scope::Eyes;
use crate::trace::{Event, Message, What};
use crate::world::{DeviceView, View};
use cairn_model::{FieldId, RecordId, TypeId, Version};
use cairn_projection::State;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How far a clock that was set back is waited for, in milliseconds: until then
/// either time may be the one that counts.
const CLOCK_BACK: u64 = 60_000;

/// What the relay knows, as a user may see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    through: Version,
    /// Records there are, and which of them are deleted.
    pub(super) known: BTreeSet<RecordId>,
    pub(super) dead: BTreeSet<RecordId>,
    /// Records that the user may read, deleted ones too.
    pub(super) readable: BTreeSet<RecordId>,
    /// Fields that the user may not see.
    pub(super) secret: BTreeSet<(TypeId, FieldId)>,
    /// Records that must be held, and those that may be: between the two the
    /// clock decides.
    pub(super) must: BTreeSet<RecordId>,
    pub(super) may: BTreeSet<RecordId>,
}

impl Sight {
    /// Of a device's user, now.
    pub(super) fn now(view: &View<'_>, state: &State, device: &DeviceView<'_>) -> Sight {
        let eyes = Eyes::of(state, view.relay().wall(), device.user());
        let ids = |records: Vec<&cairn_projection::Record>| -> BTreeSet<RecordId> {
            records.into_iter().map(|record| record.id).collect()
        };
        let scope = eyes.scope();
        let later = eyes.at(view.relay().wall().plus(CLOCK_BACK)).scope();
        let types = state.definition().types.values();
        let fields = types.flat_map(|of| of.fields.keys().map(|field| (of.id, *field)));
        Sight {
            through: state.version(),
            known: ids(state.records().collect()),
            dead: ids(state
                .records()
                .filter(|record| !record.is_alive())
                .collect()),
            readable: ids(state
                .records()
                .filter(|record| eyes.may_read(record))
                .collect()),
            secret: fields
                .filter(|(of, field)| !eyes.may_see(*of, *field))
                .collect(),
            must: scope.intersection(&later).copied().collect(),
            may: scope.union(&later).copied().collect(),
        }
    }
}

/// Follows the words that a device has everything, from the relay to it.
#[derive(Debug, Default)]
pub(super) struct Words {
    devices: BTreeMap<u64, u32>,
    under_way: BTreeMap<u64, VecDeque<Sight>>,
}

impl Words {
    /// The device at the other end of a session.
    pub(super) fn device(&self, session: u64) -> Option<u32> {
        self.devices.get(&session).copied()
    }

    /// Sees an event. When a device hears that it has everything, gives which
    /// one and what its user could see when that was said.
    pub(super) fn follow(&mut self, event: &Event, view: &View<'_>) -> Option<(u32, Sight)> {
        match (&event.what, event.host) {
            (What::Connected { session }, Some(Host::Device(device))) => {
                self.devices.insert(*session, device);
                None
            }
            (What::Disconnected { session }, Some(Host::Device(_))) => {
                self.under_way.remove(session);
                None
            }
            (
                What::Sent {
                    session,
                    message: Message::Changes { last: true, .. },
                    ..
                },
                Some(Host::Relay),
            ) => {
                let device = view.device(self.device(*session)?)?;
                let state = view.relay().machine()?.state();
                let sight = Sight::now(view, state, &device);
                self.under_way.entry(*session).or_default().push_back(sight);
                None
            }
            (
                What::Received {
                    session,
                    message:
                        Message::Changes {
                            last: true,
                            through,
                            ..
                        },
                    ..
                },
                Some(Host::Device(device)),
            ) => {
                let sights = self.under_way.get_mut(session)?;
                let sight = sights.pop_front()?;
                (sight.through == *through).then_some((device, sight))
            }
            _ => None,
        }
    }
}
