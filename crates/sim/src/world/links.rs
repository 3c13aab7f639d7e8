//! Sessions over links: dialling, sending, arriving, ending.

use super::{Host, Wake, World};
use crate::network::{DIAL, Flight, LaneId, Parcel, SILENCE, Session};
use crate::time::{MILLISECOND, VirtualTime};
use crate::trace::{Message, What};
use cairn_proto::{ClientMessage, ServerMessage};
use cairn_relay::SessionId;

/// How soon a device without any network learns that a dial fails.
const NO_NETWORK: u64 = 20 * MILLISECOND;
/// How soon a lane is tried again whose receiver had too much to do.
const BUSY: u64 = MILLISECOND;

impl World {
    pub(super) fn dial(&mut self, device: u32) {
        let session = self.fresh_number();
        let relay_up = self.is_up(Host::Relay);
        let box_ = &mut self.devices[device as usize];
        box_.dialling = Some(session);
        let hope = box_.link.passes() && relay_up;
        let span = if hope {
            let there = box_.link.latency(&self.plan.link, LaneId::Up);
            let back = box_.link.latency(&self.plan.link, LaneId::Control);
            there.saturating_add(back).saturating_mul(3) / 2
        } else if box_.link.in_reach {
            DIAL
        } else {
            NO_NETWORK
        };
        let life = box_.body.life;
        let (span, hope) = match span > DIAL {
            true => (DIAL, false),
            false => (span, hope),
        };
        self.after(
            span,
            Wake::Dialled {
                device,
                life,
                session,
                hope,
            },
        );
    }

    pub(super) fn dialled(&mut self, device: u32, life: u32, session: u64, hope: bool) {
        let relay_runs = self.is_up(Host::Relay) && self.paused_until(Host::Relay).is_none();
        let box_ = self.device_mut(device);
        if box_.body.life != life || box_.dialling != Some(session) {
            return;
        }
        box_.dialling = None;
        let host = Host::Device(device);
        let meets = hope && box_.link.passes() && relay_runs;
        if !(meets && self.speaks_with_the_relay(device)) {
            self.note_at(host, What::DialFailed);
            return self.device_input(device, cairn_agent::Input::DialFailed);
        }
        self.counts.sessions += 1;
        self.device_mut(device).session = Some(session);
        self.sessions.insert(session, Session::new(device));
        self.note_at(Host::Relay, What::Connected { session });
        let key = self.device_mut(device).secret.public();
        self.relay_input(cairn_relay::Input::Connected {
            session: SessionId(session),
            key,
        });
        self.note_at(host, What::Connected { session });
        self.device_input(device, cairn_agent::Input::Connected);
    }

    /// The device's side of a session ends here and now; the relay hears of it
    /// if the link passes, and else when it has been silent for long.
    pub(super) fn leave_session(&mut self, device: u32) {
        let silence = self.silence_over();
        let now = self.now;
        let instant = self.instant;
        let box_ = &mut self.devices[device as usize];
        let Some(session) = box_.session.take() else {
            return;
        };
        let at = match box_.link.passes_up() {
            true if instant => now,
            true => now.plus(box_.link.latency(&self.plan.link, LaneId::Up)),
            false => silence,
        };
        if let Some(known) = self.sessions.get_mut(&session) {
            known.device_side = false;
        }
        self.note_at(Host::Device(device), What::Disconnected { session });
        let relay = true;
        self.at(at, Wake::Ends { session, relay });
        self.forget_if_over(session);
    }

    /// One side learns that a session is over.
    pub(super) fn session_ends(&mut self, session: u64, relay: bool) {
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        let device = known.device;
        if relay {
            if std::mem::replace(&mut known.relay_side, false) {
                self.note_at(Host::Relay, What::Disconnected { session });
                self.relay_input(cairn_relay::Input::Disconnected {
                    session: SessionId(session),
                });
            }
        } else if std::mem::replace(&mut known.device_side, false) {
            self.note_at(Host::Device(device), What::Disconnected { session });
            if self.device_mut(device).session == Some(session) {
                self.device_mut(device).session = None;
                self.device_input(device, cairn_agent::Input::Disconnected);
            }
        }
        self.forget_if_over(session);
    }

    fn forget_if_over(&mut self, session: u64) {
        let over = self
            .sessions
            .get(&session)
            .is_some_and(|known| !known.device_side && !known.relay_side);
        if over {
            self.sessions.remove(&session);
        }
    }

    /// The relay ends a session after what it sent before.
    pub(super) fn relay_closes(&mut self, session: u64) {
        if self.talk_is_closed(session) {
            return;
        }
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        known.relay_side = false;
        known.closing = true;
        self.note_at(Host::Relay, What::Disconnected { session });
        self.end_if_drained(session);
    }

    fn end_if_drained(&mut self, session: u64) {
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        let drained = LaneId::DOWN.iter().all(|id| known.lane(*id).is_empty());
        if known.closing && drained {
            let relay = false;
            self.after(MILLISECOND, Wake::Ends { session, relay });
        }
        self.forget_if_over(session);
    }

    /// Both sides learn at once that a session is over; what was under way is
    /// gone.
    pub(super) fn cut(&mut self, session: u64) {
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        for id in LaneId::ALL {
            known.lane(id).flights.clear();
            known.lane(id).backlog.clear();
        }
        for relay in [true, false] {
            self.after(MILLISECOND, Wake::Ends { session, relay });
        }
    }

    pub(super) fn send_up(&mut self, device: u32, message: ClientMessage) {
        let Some(session) = self.device_mut(device).session else {
            return;
        };
        let Some(message) = self.wiring.to_relay(device, message) else {
            return;
        };
        let summary = Message::of_client(&message);
        self.post(session, LaneId::Up, message.encode(), summary);
        self.launch(session, LaneId::Up);
    }

    /// Puts a message behind those that wait.
    pub(super) fn post(&mut self, session: u64, id: LaneId, bytes: Vec<u8>, message: Message) {
        let Some(known) = self.sessions.get(&session) else {
            return;
        };
        let host = match id {
            LaneId::Up => Host::Device(known.device),
            LaneId::Control | LaneId::Download => Host::Relay,
        };
        self.counts.bytes += bytes.len() as u64;
        let what = What::Sent {
            session,
            message: message.clone(),
            bytes: bytes.len() as u32,
        };
        self.note_at(host, what);
        if let Some(known) = self.sessions.get_mut(&session) {
            known.lane(id).backlog.push_back(Parcel { bytes, message });
        }
    }

    /// Sends what waits, as far as the window allows.
    pub(super) fn launch(&mut self, session: u64, id: LaneId) {
        let now = self.now;
        let window = match id {
            LaneId::Download => (self.plan.link.window / 8).max(1),
            _ => self.plan.link.window.max(1),
        } as usize;
        loop {
            let Some(known) = self.sessions.get_mut(&session) else {
                return;
            };
            let device = known.device;
            let lane = known.lane(id);
            if lane.flights.len() >= window {
                return;
            }
            let Some(parcel) = lane.backlog.pop_front() else {
                return;
            };
            let link = &mut self.devices[device as usize].link;
            let travel = match self.instant {
                true => None,
                false => Some(link.send(&self.plan.link, now, id, lane, &parcel)),
            };
            let (at, corrupt, twice, cut) = match travel {
                None => (now, false, false, false),
                Some(Some(travel)) => (travel.at, travel.corrupt, travel.twice, travel.cut),
                // Lost again and again: it never arrives, and the session dies of it.
                Some(None) => (now.plus(SILENCE), true, false, true),
            };
            lane.flights.push_back(Flight {
                at,
                parcel,
                corrupt,
            });
            let wakes = !std::mem::replace(&mut lane.waking, true);
            if wakes {
                let first = lane.flights[0].at;
                self.at(first, Wake::Lane(session, id));
            }
            if cut || twice {
                // It arrives, if it does, before the session ends.
                let at = at.plus(MILLISECOND);
                for relay in [true, false] {
                    self.at(at, Wake::Ends { session, relay });
                }
            }
            if id != LaneId::Up {
                self.relay_has_sent(session);
            }
        }
    }

    /// The first message of a lane may have arrived.
    pub(super) fn lane_wakes(&mut self, session: u64, id: LaneId) {
        let now = self.now;
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        let device = known.device;
        let moves = self.devices[device as usize].link.moves(id);
        let lane = known.lane(id);
        lane.waking = false;
        if !moves {
            return;
        }
        if self.receiver_is_busy(device, id) {
            return self.wake_lane(session, id, now.plus(BUSY));
        }
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        let lane = known.lane(id);
        if lane.flights.front().is_some_and(|first| first.at <= now)
            && let Some(flight) = lane.flights.pop_front()
        {
            self.arrives(session, device, id, flight);
        }
        self.launch(session, id);
        if id != LaneId::Up {
            // The machine may have made more, now that there is room.
            self.relay_goes_on();
        }
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        if let Some(next) = known.lane(id).flights.front().map(|flight| flight.at) {
            self.wake_lane(session, id, next.max(now));
        }
        self.end_if_drained(session);
    }

    fn wake_lane(&mut self, session: u64, id: LaneId, at: VirtualTime) {
        if let Some(known) = self.sessions.get_mut(&session)
            && !std::mem::replace(&mut known.lane(id).waking, true)
        {
            self.at(at, Wake::Lane(session, id));
        }
    }

    fn receiver_is_busy(&self, device: u32, id: LaneId) -> bool {
        match id {
            LaneId::Up => {
                let relay = self.relay.machine.as_ref();
                relay.is_some_and(cairn_relay::Relay::is_busy)
            }
            LaneId::Control | LaneId::Download => {
                let machine = self.devices[device as usize].machine.as_ref();
                machine.is_some_and(cairn_agent::Agent::is_busy)
            }
        }
    }

    fn arrives(&mut self, session: u64, device: u32, id: LaneId, flight: Flight) {
        let Some(known) = self.sessions.get(&session) else {
            return;
        };
        let host = match id {
            LaneId::Up => Host::Relay,
            LaneId::Control | LaneId::Download => Host::Device(device),
        };
        let attached = match host {
            Host::Relay => known.relay_side,
            Host::Device(_) => {
                known.device_side && self.devices[device as usize].session == Some(session)
            }
        };
        if !attached || !self.is_up(host) {
            return;
        }
        if flight.corrupt {
            return self.arrives_corrupt(session, host, flight.parcel.bytes);
        }
        self.counts.messages += 1;
        self.counts.settling_messages += u64::from(self.chaos_over);
        let Parcel { bytes, message } = flight.parcel;
        let size = bytes.len() as u32;
        match host {
            Host::Relay => match ClientMessage::decode(&bytes) {
                Ok(decoded) => {
                    self.note_received(host, session, message, size);
                    self.relay_input(cairn_relay::Input::Received {
                        session: SessionId(session),
                        message: decoded,
                    });
                }
                Err(_) => self.arrives_corrupt(session, host, bytes),
            },
            Host::Device(_) => match ServerMessage::decode(&bytes) {
                Ok(decoded) if !self.can_read(device, &decoded) => self.cut(session),
                Ok(decoded) => {
                    self.note_received(host, session, message.clone(), size);
                    self.device_input(device, cairn_agent::Input::Received(decoded));
                    self.look_whether_caught_up(device, &message);
                }
                Err(_) => self.arrives_corrupt(session, host, bytes),
            },
        }
    }

    fn note_received(&mut self, host: Host, session: u64, message: Message, bytes: u32) {
        let what = What::Received {
            session,
            message,
            bytes,
        };
        self.note_at(host, what);
    }

    /// What is no message ends the session, as in the shells; the other side
    /// hears of it. The decoder sees the bytes and must bear them.
    fn arrives_corrupt(&mut self, session: u64, host: Host, mut bytes: Vec<u8>) {
        if let Some(middle) = bytes.len().checked_div(2) {
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 0x55;
            }
            let _ = (ClientMessage::decode(&bytes), ServerMessage::decode(&bytes));
        }
        self.note_at(host, What::Corrupted { session });
        self.cut(session);
    }

    /// A link passes something else than before.
    pub(super) fn link_changed(&mut self, device: u32) {
        let box_ = &mut self.devices[device as usize];
        box_.link.epoch += 1;
        let (up, down, epoch) = (
            box_.link.passes_up(),
            box_.link.passes_down(),
            box_.link.epoch,
        );
        self.note_at(Host::Device(device), What::Link { up, down });
        if up && down {
            self.kick_lanes(device);
        } else {
            self.counts.partitions += 1;
            self.after(SILENCE, Wake::Silence { device, epoch });
            self.kick_lanes(device);
        }
    }

    /// What was held up on a device's lanes travels on.
    pub(super) fn kick_lanes(&mut self, device: u32) {
        let mut kicked = Vec::new();
        for (number, session) in &mut self.sessions {
            if session.device == device {
                for id in LaneId::ALL {
                    let lane = session.lane(id);
                    if !lane.waking && !lane.flights.is_empty() {
                        kicked.push((*number, id));
                    }
                }
            }
        }
        for (session, id) in kicked {
            let box_ = &mut self.devices[device as usize];
            if box_.link.moves(id) {
                let span = box_.link.latency(&self.plan.link, id);
                self.wake_lane(session, id, self.now.plus(span));
            }
        }
    }

    /// A link has not passed anything for as long as sessions bear.
    pub(super) fn silence(&mut self, device: u32, epoch: u64) {
        let link = &self.devices[device as usize].link;
        if link.epoch != epoch || link.passes() {
            return;
        }
        for session in self.sessions_of(device) {
            for relay in [true, false] {
                self.after(0, Wake::Ends { session, relay });
            }
        }
    }

    pub(super) fn sessions_of(&self, device: u32) -> Vec<u64> {
        let of = self.sessions.iter();
        of.filter(|(_, session)| session.device == device)
            .map(|(number, _)| *number)
            .collect()
    }
}
