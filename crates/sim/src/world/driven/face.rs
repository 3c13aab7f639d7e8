//! A relay that is not honest, where services drive: what its machine says to
//! a device is held back between the two.

use super::super::{Host, Wake, World};
use crate::network::LaneId;
use crate::schedule::Face;
use crate::time::{SECOND, VirtualTime};
use cairn_model::Version;
use cairn_proto::ServerMessage;
use cairn_relay::SessionId;
use std::collections::VecDeque;

/// How long a relay that sends changes out of order holds one back at most.
const REORDER: u64 = 20 * SECOND;

/// Messages for a device that are held back, in order.
#[derive(Default)]
pub(in crate::world) struct Held(VecDeque<Message>);

struct Message {
    /// When it leaves; `None` is when the relay is honest again.
    due: Option<VirtualTime>,
    told: Told,
}

/// What the relay's machine says in a session.
pub(in crate::world) struct Told {
    pub(super) session: SessionId,
    pub(super) message: ServerMessage,
}

impl Held {
    /// The last message of a lane, if one is held back.
    fn last(&self, lane: LaneId) -> Option<&Message> {
        let mut messages = self.0.iter().rev();
        messages.find(|held| LaneId::of(&held.told.message) == lane)
    }
}

impl World {
    /// What of a message to a device leaves the relay now: all of it, unless
    /// the relay shows the device another face.
    pub(super) fn behind_a_face(&mut self, device: u32, told: Told) -> Option<Told> {
        let lane = LaneId::of(&told.message);
        let face = self.device_mut(device).link.face;
        let now = self.now;
        let held = self.driven.as_ref()?.held.get(&device);
        let before = held.and_then(|held| held.last(lane)).map(|last| last.due);
        let due = match (face, lane, before) {
            (Some(Face::Withhold), LaneId::Download, _)
            | (Some(Face::Silent), LaneId::Control, _) => None,
            (Some(Face::Reorder), LaneId::Download, before) => {
                let at = now.plus(self.device_mut(device).link.lag(REORDER));
                before.unwrap_or(Some(at)).map(|before| at.max(before))
            }
            // Nothing passes what is held back on its lane.
            (_, _, Some(before)) => before,
            _ => return Some(told),
        };
        if let Some(at) = due {
            self.at(at, Wake::LetGo(device));
        }
        let held = self.driven.as_mut()?.held.entry(device).or_default();
        held.0.push_back(Message { due, told });
        None
    }

    /// A relay that claims to have forgotten says so in its greeting.
    pub(super) fn rewound(&self, device: u32, message: &mut ServerMessage) {
        if self.devices[device as usize].link.face == Some(Face::Rewind)
            && let ServerMessage::Welcome(welcome) = message
        {
            welcome.version = Version(welcome.version.0 / 2);
        }
    }

    /// What was held back from a device and is due leaves; all of it when the
    /// relay is honest. Its service fetches it with what comes next.
    pub(in crate::world) fn let_go_of(&mut self, device: u32, all: bool) {
        let now = self.now;
        if !self.is_up(Host::Relay) {
            return;
        }
        let Some(driven) = &mut self.driven else {
            return;
        };
        let Some(held) = driven.held.get_mut(&device) else {
            return;
        };
        let is_due = |held: &mut Message| all || held.due.is_some_and(|due| due <= now);
        while let Some(first) = held.0.pop_front_if(is_due) {
            driven.let_go.push_back(first.told);
        }
    }
}
