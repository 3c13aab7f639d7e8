//! Machines that services drive: what passes in and out of them is noted, goes
//! through the wiring, and may crash the host, as when the world drives them.

mod device;
mod face;
mod relay;

use super::motor::{Errand, Motor};
use super::{Host, Wake, World};
use crate::network::{LaneId, Place};
use crate::time::{MILLISECOND, VirtualTime};
use crate::trace::{Message, What};
use cairn_agent::Agent;
use cairn_model::{PublicKey, Timestamp};
use cairn_oplog::{Batch, Durability, StorageError};
use cairn_relay::Relay;
use face::{Held, Told};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the world keeps of machines that services drive.
pub(super) struct Driven {
    pub(super) motor: Box<dyn Motor>,
    pub(super) relay: Line<cairn_relay::Output>,
    pub(super) devices: BTreeMap<u32, Line<cairn_agent::Output>>,
    /// The relay's sessions by the service's numbers: the run's number.
    sessions: BTreeMap<u64, u64>,
    /// Sessions that one side has seen begin and the other has not yet, by the
    /// device's key.
    offered: BTreeMap<PublicKey, u64>,
    early: BTreeMap<PublicKey, u64>,
    /// Keys that somebody else is about to begin a session with.
    stolen: BTreeSet<PublicKey>,
    /// What a relay that is not honest holds back from devices.
    held: BTreeMap<u32, Held>,
    /// What it holds back no longer, and its service has not fetched.
    let_go: VecDeque<Told>,
}

/// What is under way between a machine and its service.
pub(super) struct Line<Output> {
    /// Requests that the service has not handed over yet, by their numbers.
    pub(super) asked: VecDeque<u64>,
    /// The service's numbers of requests: the run's.
    replies: BTreeMap<u64, u64>,
    /// What the machine wants done and the service has not fetched.
    outputs: VecDeque<Output>,
    /// The last message, when it has not been looked at what became of it.
    heard: Option<Message>,
}

impl<Output> Default for Line<Output> {
    fn default() -> Self {
        Line {
            asked: VecDeque::new(),
            replies: BTreeMap::new(),
            outputs: VecDeque::new(),
            heard: None,
        }
    }
}

impl Driven {
    pub(super) fn forget(&mut self, host: Host) {
        match host {
            Host::Relay => {
                self.relay = Line::default();
                self.held.clear();
                self.let_go.clear();
            }
            Host::Device(number) => drop(self.devices.remove(&number)),
        }
    }

    /// The next session that begins with this key may not be its device's.
    pub(super) fn expect_thief(&mut self, key: PublicKey) {
        self.stolen.insert(key);
    }

    fn device(&mut self, number: u32) -> &mut Line<cairn_agent::Output> {
        self.devices.entry(number).or_default()
    }
}

/// A machine that is no longer the world's, or still is.
enum Life {
    Now,
    Past,
}

impl World {
    /// Hands the machines over to services: they start anew over what is
    /// stored, on what the motor gives them.
    pub(crate) fn hand_over(&mut self, motor: Box<dyn Motor>) {
        self.driven = Some(Driven {
            motor,
            relay: Line::default(),
            devices: BTreeMap::new(),
            sessions: BTreeMap::new(),
            offered: BTreeMap::new(),
            early: BTreeMap::new(),
            stolen: BTreeSet::new(),
            held: BTreeMap::new(),
            let_go: VecDeque::new(),
        });
        self.heap.clear();
        self.relay.machine = None;
        self.start(Host::Relay);
        for number in 0..self.devices.len() as u32 {
            let device = self.device_mut(number);
            device.machine = None;
            device.tick_at = None;
            if device.enrolled {
                self.start(Host::Device(number));
            }
        }
    }

    /// When the next thing is due that the world does by itself.
    pub(crate) fn due(&self) -> Option<VirtualTime> {
        let entry = match self.chaos_over {
            true => None,
            false => self.schedule.entries.get(self.next_entry).map(|e| e.at),
        };
        let wake = self.heap.peek().map(|waiting| waiting.at);
        [entry, wake].into_iter().flatten().min()
    }

    /// Whether a host's machine is there.
    pub(crate) fn runs_now(&self, host: Host) -> bool {
        self.is_up(host)
    }

    /// The life a host is in.
    pub(crate) fn life(&self, host: Host) -> u32 {
        match host {
            Host::Relay => self.relay.body.life,
            Host::Device(number) => self.devices[number as usize].body.life,
        }
    }

    /// What a host's machine is told the time is.
    pub(crate) fn told_to(&mut self, host: Host) -> Timestamp {
        self.told(host)
    }

    /// Whether a host stands still, and until when.
    pub(crate) fn stands_still(&self, host: Host) -> Option<VirtualTime> {
        self.paused_until(host)
    }

    fn which(&self, host: Host, life: u32) -> Life {
        match self.life(host) == life {
            true => Life::Now,
            false => Life::Past,
        }
    }

    /// A service works on its device's machine, which may be one that has
    /// crashed and that nobody else sees any more.
    pub(crate) fn agent_of(&mut self, device: u32, life: u32) -> Option<&mut Agent> {
        match self.which(Host::Device(device), life) {
            Life::Now => self.device_mut(device).machine.as_mut(),
            Life::Past => self.corpses.agents.get_mut(&(device, life)),
        }
    }

    /// The same of the relay.
    pub(crate) fn relay_of(&mut self, life: u32) -> Option<&mut Relay> {
        match self.which(Host::Relay, life) {
            Life::Now => self.relay.machine.as_mut(),
            Life::Past => self.corpses.relays.get_mut(&life),
        }
    }

    /// A service has let go of its machine.
    pub(crate) fn let_go(&mut self, host: Host, life: u32) {
        match host {
            Host::Relay => drop(self.corpses.relays.remove(&life)),
            Host::Device(number) => drop(self.corpses.agents.remove(&(number, life))),
        }
    }

    /// A batch on its way to a host's storage.
    pub(crate) fn batch_leaves(
        &mut self,
        host: Host,
        batch: Batch,
        durability: Durability,
    ) -> (Batch, Durability) {
        self.wiring.commit(host, batch, durability)
    }

    /// What storage has answered; the host may crash before it hears of it.
    pub(crate) fn batch_came(
        &mut self,
        host: Host,
        life: u32,
        answer: Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let answer = self.wiring.committed(host, answer);
        self.counts.batches += u64::from(answer.is_ok());
        self.crashes_here(host, life);
        answer
    }

    /// How long storage takes for a batch of a host, in microseconds.
    pub(crate) fn batch_takes(&mut self, host: Host, durability: Durability) -> u64 {
        let body = match host {
            Host::Relay => &mut self.relay.body,
            Host::Device(number) => &mut self.devices[number as usize].body,
        };
        super::faults::disk_time(&self.plan.disk, &mut body.disk, durability)
    }

    fn count_message(&mut self) {
        self.counts.messages += 1;
        self.counts.settling_messages += u64::from(self.chaos_over);
    }

    fn note_sent(&mut self, host: Host, session: u64, message: Message, bytes: usize) {
        self.counts.bytes += bytes as u64;
        let what = What::Sent {
            session,
            message,
            bytes: bytes as u32,
        };
        self.note_at(host, what);
    }

    /// A host has stopped in order, as it was asked to in this life.
    pub(crate) fn has_stopped(&mut self, host: Host, life: u32, down: u64) {
        if self.life(host) == life && self.is_up(host) {
            self.put_away(host, down);
        }
    }

    /// Has a device enrolled over its own link.
    pub(super) fn ask_for_enrolment(&mut self, device: u32) -> Result<(), String> {
        if self.device_mut(device).enrolled {
            return Err("the device is enrolled already".to_owned());
        }
        if !self.is_up(Host::Relay) || self.paused_until(Host::Relay).is_some() {
            return Err("the relay is down".to_owned());
        }
        let request = self.fresh_number();
        let what = "ticket".to_owned();
        self.note_at(Host::Relay, What::AdminAsked { request, what });
        if let Some(driven) = &mut self.driven {
            driven.relay.asked.push_back(request);
            driven.motor.errand(Errand::Enrol(device));
        }
        Ok(())
    }

    /// A ticket for a device; `None` when it cannot be enrolled.
    pub(crate) fn ticket_for(&mut self, device: u32) -> Option<cairn_proto::Ticket> {
        if !self.is_up(Host::Relay) || self.device_mut(device).enrolled {
            return None;
        }
        Some(cairn_proto::Ticket {
            address: String::new(),
            relay: self.relay.secret.public(),
            organization: super::ORGANIZATION,
            secret: self.streams.stream(&format!("ticket/{device}")).array(),
            expires: self
                .wall(Host::Relay)
                .plus(crate::time::MINUTE / crate::time::MILLISECOND),
        })
    }

    /// Who a device belongs to, and its key.
    pub(crate) fn owner_of(&self, device: u32) -> (String, cairn_oplog::SecretKey) {
        let device = &self.devices[device as usize];
        (device.user.clone(), device.secret.clone())
    }

    /// A thief's talk is over, whether it came about or not.
    pub(crate) fn thief_is_gone(&mut self, device: u32) {
        let key = self.device_mut(device).secret.public();
        if let Some(driven) = &mut self.driven {
            driven.stolen.remove(&key);
        }
    }

    /// The relay's key.
    pub(crate) fn relay_key(&self) -> PublicKey {
        self.relay.secret.public()
    }

    /// The relay has enrolled a device.
    pub(crate) fn has_enrolled(&mut self, device: u32) {
        if !std::mem::replace(&mut self.device_mut(device).enrolled, true) {
            self.start(Host::Device(device));
        }
    }

    /// Whether the link ends a session behind a message; if so, it is cut when
    /// the message may have arrived.
    fn may_be_cut(&mut self, device: u32, lane: LaneId) {
        let link = &mut self.devices[device as usize].link;
        if link.cuts(&self.plan.link, lane) {
            let span = link.latency(&self.plan.link, lane);
            self.after(span.saturating_add(MILLISECOND), Wake::Cut(device));
        }
    }

    /// Asks for a device's session to be cut.
    pub(super) fn cut_service(&mut self, device: u32) {
        self.errand(Errand::Cut(device));
    }

    /// What this world is asked to ask its services.
    pub(super) fn errand(&mut self, errand: Errand) {
        if let Some(driven) = &mut self.driven {
            driven.motor.errand(errand);
        }
    }
}

impl<Output> Line<Output> {
    /// The service hands the oldest request over, under a number of its own.
    fn hands_over(&mut self, reply: u64) {
        if let Some(request) = self.asked.pop_front() {
            self.replies.insert(reply, request);
        }
    }
}

/// Machines that have crashed while a service still holds them.
#[derive(Default)]
pub(super) struct Corpses {
    pub(super) agents: BTreeMap<(u32, u32), Agent>,
    pub(super) relays: BTreeMap<u32, Relay>,
}

/// The links, as those ask who carry datagrams over them.
impl World {
    /// Carries a datagram over a device's link. A device that is not enrolled
    /// yet is enrolled at a desk, where nothing is lost.
    #[cfg(feature = "quic")]
    pub(crate) fn carry(
        &mut self,
        device: u32,
        upward: bool,
        bytes: usize,
        free: &mut VirtualTime,
    ) -> Option<crate::network::Carried> {
        let now = self.now;
        let box_ = self.devices.get_mut(device as usize)?;
        if !box_.enrolled {
            return Some(crate::network::Carried::unharmed(now));
        }
        box_.link.carry(&self.plan.link, now, upward, bytes, free)
    }

    /// Whether what is under way to or from a device still arrives.
    pub(crate) fn is_reached(&self, device: u32, upward: bool) -> bool {
        let Some(device) = self.devices.get(device as usize) else {
            return false;
        };
        let passes = match upward {
            true => device.link.passes_up(),
            false => device.link.passes_down(),
        };
        !device.enrolled || passes
    }

    /// The place a device is at.
    pub(crate) fn place_of(&self, device: u32) -> Option<Place> {
        let device = self.devices.get(device as usize)?;
        Some(device.link.place)
    }

    /// The largest packet that a device's path carries, where that is told.
    pub(crate) fn packet_of(&self, device: u32) -> Option<u32> {
        let device = self.devices.get(device as usize)?;
        device.link.mtu.or(self.plan.link.mtu)
    }
}
