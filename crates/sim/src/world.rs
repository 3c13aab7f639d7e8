//! The world: hosts, links, storage and clocks, moved by one heap of events in
//! virtual time. It drives the machines as the shells do: outputs in order,
//! storage answers later, frames wait for room.

mod acts;
mod device;
#[cfg_attr(
    not(feature = "quic"),
    expect(dead_code, reason = "only tier quic drives so")
)]
mod driven;
mod faults;
mod heal;
mod hostile;
mod links;
pub mod motor;
mod program;
mod relay;
mod scoped;
mod setup;
mod view;

pub use heal::Unrest;
pub use scoped::{digest_for, image, is_scoped};
pub use view::{DeviceView, RelayView, View};

use crate::clocks::HostClock;
use crate::disk::{Backup, SimStore};
use crate::host::Host;
use crate::network::{LaneId, Link, Session};
use crate::scenario::Plan;
use crate::schedule::{Direction, Program, Schedule};
use crate::streams::{Stream, Streams};
use crate::time::VirtualTime;
use crate::trace::{Event, Trace, What};
use crate::wiring::Wiring;
use cairn_agent::Agent;
use cairn_model::{Hash, OrganizationId, RecordId, Timestamp, Version};
use cairn_oplog::{Batch, Durability, SecretKey, StorageError};
use cairn_relay::Relay;
use driven::{Corpses, Driven};
use hostile::Talk;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

/// The organization of every run.
pub const ORGANIZATION: OrganizationId = OrganizationId([0x0c; 16]);

/// Record numbers from here on are get-or-create children: two devices that
/// create one create the same record.
pub const DERIVED_FROM: u32 = 1 << 30;

/// The id of a record, by its number in the run.
pub fn record_id(number: u32) -> RecordId {
    if number >= DERIVED_FROM {
        return RecordId::derive(b"cairn sim", &number.to_string());
    }
    let mut random = [0; 10];
    random[4..8].copy_from_slice(&number.to_be_bytes());
    RecordId::mint(1_700_000_000_000, random)
}

/// What happened how often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages handed to machines.
    pub messages: u64,
    /// Bytes of messages sent.
    pub bytes: u64,
    /// Edits that people asked for.
    pub edits: u64,
    /// Edits they were told are safe.
    pub acknowledged: u64,
    /// Edits that were declined, with a reason.
    pub declined: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Crashes.
    pub crashes: u64,
    /// Times something stopped passing on a link.
    pub partitions: u64,
    /// Batches stored.
    pub batches: u64,
    /// Faults of all kinds.
    pub faults: u64,
    /// Messages while the healed world came to agree, and after.
    pub settling_messages: u64,
}

/// The simulated world.
pub struct World {
    plan: Plan,
    schedule: Schedule,
    next_entry: usize,
    now: VirtualTime,
    heap: BinaryHeap<Waiting>,
    order: u64,
    relay: RelayHost,
    devices: Vec<DeviceHost>,
    sessions: BTreeMap<u64, Session>,
    talks: BTreeMap<u64, Talk>,
    next_number: u64,
    trace: Trace,
    /// Events that nobody has looked at yet.
    fresh: Vec<Event>,
    counts: Counts,
    wiring: Box<dyn Wiring>,
    streams: Streams,
    /// Nothing takes time: the world is being set up.
    instant: bool,
    chaos_over: bool,
    /// Steps that no comparison has used up yet: a comparison reads every
    /// record, and looking must not cost more than living.
    credit: u64,
    spare: Spare,
    /// What drives the machines, when it is not the world.
    driven: Option<Driven>,
    corpses: Corpses,
}

/// Lists that are filled and emptied at every step, kept for the next.
#[derive(Default)]
struct Spare {
    device_inputs: Vec<cairn_agent::Input>,
    device_outputs: Vec<cairn_agent::Output>,
    relay_inputs: Vec<cairn_relay::Input>,
    relay_outputs: Vec<cairn_relay::Output>,
}

/// A host's storage and what is wrong with it.
struct HostDisk {
    store: Arc<SimStore>,
    backup: Option<(VirtualTime, Backup)>,
    stream: Stream,
    factor: u32,
}

impl HostDisk {
    fn new(streams: &Streams, name: &str) -> HostDisk {
        HostDisk {
            store: SimStore::new(),
            backup: None,
            stream: streams.stream(&format!("disk/{name}")),
            factor: 1,
        }
    }
}

/// What every host has besides its machine.
struct Body {
    disk: HostDisk,
    clock: HostClock,
    /// Counts starts, so that what was meant for an earlier life is not taken
    /// for this one.
    life: u32,
    paused_until: VirtualTime,
    crash_after: Option<(u32, u64)>,
    /// Why the machine does not start, or has given up.
    failed: Option<StorageError>,
}

/// The relay and what it runs on.
pub(crate) struct RelayHost {
    machine: Option<Relay>,
    body: Body,
    secret: SecretKey,
    unwritten: VecDeque<(cairn_relay::PersistId, Batch, Durability)>,
    answers: BTreeMap<u64, cairn_relay::AdminReply>,
    folded: Version,
    /// What it held at a version, once that was compared.
    digest: Option<(Version, Hash)>,
    quiet_due: bool,
    moved: bool,
    /// When its deadline comes.
    due_at: Option<VirtualTime>,
}

/// A device and what it runs on.
pub(crate) struct DeviceHost {
    machine: Option<Agent>,
    body: Body,
    secret: SecretKey,
    user: String,
    enrolled: bool,
    copy_of: Option<u32>,
    /// Whether it shall be online when it runs.
    wanted: bool,
    link: Link,
    /// The dial whose outcome the machine waits for.
    dialling: Option<u64>,
    session: Option<u64>,
    unwritten: VecDeque<(cairn_agent::PersistId, Batch, Durability)>,
    tick_at: Option<VirtualTime>,
    ids: Stream,
    /// Its program, where that is another than the relay's.
    program: Option<Program>,
    caught_up: Option<Version>,
    compared: Option<Version>,
}

/// What the world will do at a time.
#[derive(Debug)]
enum Wake {
    /// A message arrives.
    Lane(u64, LaneId),
    /// A dial has its outcome.
    Dialled {
        device: u32,
        life: u32,
        session: u64,
        hope: bool,
    },
    /// Storage is done with the oldest batch.
    Stored(Host, u32),
    /// A deadline of a device.
    Tick(u32, u32),
    /// A deadline of the relay.
    Due(u32),
    /// One side of a session learns that it is over.
    Ends { session: u64, relay: bool },
    /// A link has been silent for as long as sessions bear.
    Silence { device: u32, epoch: u64 },
    /// A host starts.
    Start(Host, u32),
    /// A host runs on.
    Resume(Host),
    /// A block is lifted.
    Free(u32, Direction),
    /// Messages take their usual time again.
    Unslow(u32),
    /// A path carries its usual packets again.
    Unnarrow(u32),
    /// There is room on a disk again.
    Room(Host),
    /// Storage takes its usual time again.
    DiskUnslow(Host),
    /// A clock runs on.
    Thaw(Host),
    /// The relay is honest with a device again.
    Honest(u32),
    /// Something that the relay held back from a device leaves.
    LetGo(u32),
    /// The session of a device is cut.
    Cut(u32),
    /// A device's program is updated.
    Updated(u32),
    /// A device that has ended its talk goes out of reach.
    OutOfReach(u32),
    /// The relay's pause for checkpoints.
    Quiet(u32),
    /// A hostile talk goes on, or ends.
    Talk { session: u64, ends: bool },
}

struct Waiting {
    at: VirtualTime,
    order: u64,
    wake: Wake,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    /// The heap gives the greatest: the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl World {
    /// The world to look at.
    pub fn view(&self) -> View<'_> {
        View::of(self)
    }

    /// The time.
    pub fn now(&self) -> VirtualTime {
        self.now
    }

    /// What happened how often.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The trace so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Gives the events since the last call in place of what `events` held.
    pub fn take_fresh(&mut self, events: &mut Vec<Event>) {
        events.clear();
        std::mem::swap(&mut self.fresh, events);
    }

    /// Does the next thing that is due until `limit`; `false` when there is
    /// none.
    pub fn step(&mut self, limit: VirtualTime) -> bool {
        let entry = match self.chaos_over {
            true => None,
            false => self.schedule.entries.get(self.next_entry).map(|e| e.at),
        };
        let wake = self.heap.peek().map(|waiting| waiting.at);
        let due = match (entry, wake) {
            (Some(entry), Some(wake)) => entry.min(wake),
            (Some(at), None) | (None, Some(at)) => at,
            (None, None) => return false,
        };
        if due > limit {
            return false;
        }
        self.now = self.now.max(due);
        self.credit += 1;
        if entry == Some(due) {
            let number = self.next_entry;
            self.next_entry += 1;
            self.act(number);
        } else if let Some(waiting) = self.heap.pop() {
            self.wake(waiting.wake);
        }
        true
    }

    /// Lets time pass until `limit`.
    pub fn pass(&mut self, limit: VirtualTime) {
        self.now = self.now.max(limit);
    }

    fn after(&mut self, span: u64, wake: Wake) {
        let span = if self.instant { 0 } else { span };
        self.at(self.now.plus(span), wake);
    }

    fn at(&mut self, at: VirtualTime, wake: Wake) {
        self.order += 1;
        let order = self.order;
        self.heap.push(Waiting { at, order, wake });
    }

    fn fresh_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn note(&mut self, host: Option<Host>, what: What) {
        let event = Event {
            at: self.now,
            host,
            what,
        };
        self.trace.note(&event);
        self.fresh.push(event);
    }

    fn note_at(&mut self, host: Host, what: What) {
        self.note(Some(host), what);
    }

    fn body(&mut self, host: Host) -> &mut Body {
        match host {
            Host::Relay => &mut self.relay.body,
            Host::Device(number) => &mut self.devices[number as usize].body,
        }
    }

    fn device_mut(&mut self, number: u32) -> &mut DeviceHost {
        &mut self.devices[number as usize]
    }

    fn is_up(&self, host: Host) -> bool {
        match host {
            Host::Relay => self.relay.machine.is_some(),
            Host::Device(number) => self.devices[number as usize].machine.is_some(),
        }
    }

    fn paused_until(&self, host: Host) -> Option<VirtualTime> {
        let until = match host {
            Host::Relay => self.relay.body.paused_until,
            Host::Device(number) => self.devices[number as usize].body.paused_until,
        };
        (until > self.now).then_some(until)
    }

    /// What a host's clock shows, before anybody meddles with it.
    fn wall(&self, host: Host) -> Timestamp {
        let clock = match host {
            Host::Relay => &self.relay.body.clock,
            Host::Device(number) => &self.devices[number as usize].body.clock,
        };
        clock.reads(self.now)
    }

    /// What the host's machine is told.
    fn told(&mut self, host: Host) -> Timestamp {
        let wall = self.wall(host);
        self.wiring.time(host, wall)
    }

    /// The host that a wake is for, if it must be running for it.
    fn runs(&self, wake: &Wake) -> Option<Host> {
        match wake {
            Wake::Lane(session, lane) => {
                let device = self.sessions.get(session)?.device;
                Some(match lane {
                    LaneId::Up => Host::Relay,
                    LaneId::Control | LaneId::Download => Host::Device(device),
                })
            }
            Wake::Dialled { device, .. } | Wake::Tick(device, _) => Some(Host::Device(*device)),
            Wake::Stored(host, _) => Some(*host),
            Wake::Ends { session, relay } => Some(match relay {
                true => Host::Relay,
                false => Host::Device(self.sessions.get(session)?.device),
            }),
            Wake::Quiet(_) | Wake::Due(_) | Wake::Talk { .. } => Some(Host::Relay),
            _ => None,
        }
    }

    fn wake(&mut self, wake: Wake) {
        if let Some(until) = self.runs(&wake).and_then(|host| self.paused_until(host)) {
            return self.at(until, wake);
        }
        match wake {
            Wake::Lane(session, lane) => self.lane_wakes(session, lane),
            Wake::Dialled {
                device,
                life,
                session,
                hope,
            } => self.dialled(device, life, session, hope),
            Wake::Stored(Host::Relay, life) => self.relay_stored(life),
            Wake::Stored(Host::Device(device), life) => self.device_stored(device, life),
            Wake::Tick(device, life) => self.device_tick(device, life),
            Wake::Due(life) => self.relay_due(life),
            Wake::Ends { session, relay } => self.session_ends(session, relay),
            Wake::Silence { device, epoch } => self.silence(device, epoch),
            Wake::Start(host, life) => self.start_again(host, life),
            Wake::Resume(host) => self.resume(host),
            Wake::Free(device, direction) => self.free(device, direction),
            Wake::Unslow(device) => self.device_mut(device).link.factor = 1,
            Wake::Unnarrow(device) => self.unnarrow(device),
            Wake::Room(host) => self.room(host),
            Wake::DiskUnslow(host) => self.body(host).disk.factor = 1,
            Wake::Thaw(host) => self.thaw(host),
            Wake::Honest(device) => self.honest(device),
            Wake::LetGo(device) => self.let_go_of(device, false),
            Wake::Cut(device) => self.cut_service(device),
            Wake::Updated(device) => self.update_program(device),
            Wake::OutOfReach(device) => self.leaves(device),
            Wake::Quiet(life) => self.relay_quiet(life),
            Wake::Talk { session, ends } => self.talk_goes_on(session, ends),
        }
    }
}
