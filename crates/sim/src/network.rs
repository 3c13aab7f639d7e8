//! Links between devices and the relay, and the sessions over them: messages as
//! real bytes, in order on each lane, late, lost and sent again, held up, cut,
//! corrupted, and never more under way than a window.

#[cfg(feature = "quic")]
mod datagram;
#[cfg(feature = "quic")]
pub(crate) use datagram::Carried;

use crate::scenario::LinkPlan;
use crate::schedule::{Direction, Face};
use crate::streams::{Stream, Streams};
use crate::time::{MILLISECOND, SECOND, VirtualTime};
use crate::trace::Message;
use cairn_proto::ServerMessage;
use std::collections::VecDeque;

/// Silence after which a session is over, as in the transport.
pub const SILENCE: u64 = 60 * SECOND;
/// Time for a dial to be given up, as in the transport.
pub const DIAL: u64 = 10 * SECOND;
/// The transport's first wait before it sends a lost message again.
const RESEND: u64 = 200 * MILLISECOND;
/// Losses of one message after which its session is over.
const LOSSES_MAX: u32 = 8;

/// Where a message travels. What is downloaded goes on its own, so that it
/// never delays an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneId {
    Up,
    Control,
    Download,
}

impl LaneId {
    pub(crate) const DOWN: [LaneId; 2] = [LaneId::Control, LaneId::Download];
    pub(crate) const ALL: [LaneId; 3] = [LaneId::Up, LaneId::Control, LaneId::Download];

    pub(crate) fn of(message: &ServerMessage) -> LaneId {
        match message {
            ServerMessage::Directory(_)
            | ServerMessage::Page { .. }
            | ServerMessage::Changes { .. } => LaneId::Download,
            _ => LaneId::Control,
        }
    }
}

/// A message that waits for room.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) bytes: Vec<u8>,
    pub(crate) message: Message,
}

/// A message under way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) at: VirtualTime,
    pub(crate) parcel: Parcel,
    pub(crate) corrupt: bool,
}

/// Messages one way, in order.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) backlog: VecDeque<Parcel>,
    pub(crate) flights: VecDeque<Flight>,
    /// When the last message sent arrives.
    last: VirtualTime,
    /// When the line is free for the next.
    free: VirtualTime,
    /// Whether the world will come back for the first of them.
    pub(crate) waking: bool,
}

impl Lane {
    pub(crate) fn is_empty(&self) -> bool {
        self.backlog.is_empty() && self.flights.is_empty()
    }
}

/// A connection between a device and the relay. Each side may believe in it
/// when the other no longer does.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) device: u32,
    pub(crate) device_side: bool,
    pub(crate) relay_side: bool,
    /// Whether it ends for the device once what was sent has arrived.
    pub(crate) closing: bool,
    lanes: [Lane; 3],
}

impl Session {
    pub(crate) fn new(device: u32) -> Session {
        Session {
            device,
            device_side: true,
            relay_side: true,
            closing: false,
            lanes: Default::default(),
        }
    }

    pub(crate) fn lane(&mut self, id: LaneId) -> &mut Lane {
        &mut self.lanes[id as usize]
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.lanes.iter().all(Lane::is_empty)
    }
}

/// How one way of a link is just now.
#[derive(Debug)]
struct Way {
    stream: Stream,
    blocks: u32,
    is_bad: bool,
    corrupt_next: bool,
}

impl Way {
    fn of(streams: &Streams, device: u32, way: &str) -> Way {
        Way {
            stream: streams.stream(&format!("link/{device}/{way}")),
            blocks: 0,
            is_bad: false,
            corrupt_next: false,
        }
    }
}

/// How a message travels.
pub(crate) struct Travel {
    pub(crate) at: VirtualTime,
    pub(crate) corrupt: bool,
    /// Whether the session ends before it is answered, so that it comes again.
    pub(crate) twice: bool,
    /// Whether the session ends behind it.
    pub(crate) cut: bool,
}

/// Where a device is seen: each place has another address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counts its networks: each gives it another address.
    pub(crate) network: u32,
    /// Counts the times a router forgot it: each gives it other ports.
    pub(crate) mapping: u32,
}

impl Place {
    /// The device is in another network.
    pub(crate) fn leave(&mut self) {
        self.network += 1;
    }
}

/// The line between a device and the relay, whatever session is on it.
#[derive(Debug)]
pub(crate) struct Link {
    up: Way,
    down: Way,
    pub(crate) in_reach: bool,
    /// Where the device is seen.
    pub(crate) place: Place,
    /// The largest packet, in bytes, while it is not the usual one.
    pub(crate) mtu: Option<u32>,
    /// Counts changes of what passes.
    pub(crate) epoch: u64,
    pub(crate) factor: u32,
    pub(crate) duplicate_next: bool,
    pub(crate) face: Option<Face>,
}

impl Link {
    pub(crate) fn new(streams: &Streams, device: u32) -> Link {
        Link {
            up: Way::of(streams, device, "up"),
            down: Way::of(streams, device, "down"),
            in_reach: false,
            place: Place::default(),
            mtu: None,
            epoch: 0,
            factor: 1,
            duplicate_next: false,
            face: None,
        }
    }

    pub(crate) fn passes_up(&self) -> bool {
        self.in_reach && self.up.blocks == 0
    }

    pub(crate) fn passes_down(&self) -> bool {
        self.in_reach && self.down.blocks == 0
    }

    pub(crate) fn passes(&self) -> bool {
        self.passes_up() && self.passes_down()
    }

    /// Whether the lane moves just now.
    pub(crate) fn moves(&self, lane: LaneId) -> bool {
        match lane {
            LaneId::Up => self.passes_up(),
            LaneId::Control => self.passes_down() && self.face != Some(Face::Silent),
            LaneId::Download => self.passes_down() && self.face != Some(Face::Withhold),
        }
    }

    pub(crate) fn block(&mut self, direction: Direction) {
        self.epoch += 1;
        self.ways(direction, |way| way.blocks += 1);
    }

    pub(crate) fn free(&mut self, direction: Direction) {
        self.epoch += 1;
        self.ways(direction, |way| way.blocks = way.blocks.saturating_sub(1));
    }

    pub(crate) fn corrupt_next(&mut self, direction: Direction) {
        self.ways(direction, |way| way.corrupt_next = true);
    }

    fn ways(&mut self, direction: Direction, mut with: impl FnMut(&mut Way)) {
        if direction != Direction::Down {
            with(&mut self.up);
        }
        if direction != Direction::Up {
            with(&mut self.down);
        }
    }

    /// Whether a message is its session's last.
    pub(crate) fn cuts(&mut self, plan: &LinkPlan, lane: LaneId) -> bool {
        let way = match lane {
            LaneId::Up => &mut self.up,
            LaneId::Control | LaneId::Download => &mut self.down,
        };
        plan.cut > 0 && way.stream.chance(plan.cut)
    }

    /// How long something towards the device is held back, up to `most`.
    pub(crate) fn lag(&mut self, most: u64) -> u64 {
        self.down.stream.below(most)
    }

    /// Everything is as it should be, and in reach.
    pub(crate) fn heal(&mut self) {
        self.epoch += 1;
        self.in_reach = true;
        self.factor = 1;
        self.mtu = None;
        self.face = None;
        self.duplicate_next = false;
        self.ways(Direction::Both, |way| {
            way.blocks = 0;
            way.is_bad = false;
            way.corrupt_next = false;
        });
    }

    /// The time a message takes one way, without losses.
    pub(crate) fn latency(&mut self, plan: &LinkPlan, lane: LaneId) -> u64 {
        let factor = u64::from(self.factor);
        let (law, way) = match lane {
            LaneId::Up => (&plan.up, &mut self.up),
            _ => (&plan.down, &mut self.down),
        };
        let mut span = law.sample(&mut way.stream).saturating_mul(factor);
        if lane == LaneId::Download && self.face == Some(Face::Reorder) {
            span += way.stream.below(20 * SECOND);
        }
        span
    }

    /// Sends a message of so many bytes: when it arrives, and what happens to
    /// it. `None` when it is lost so often that the session is over.
    pub(crate) fn send(
        &mut self,
        plan: &LinkPlan,
        now: VirtualTime,
        id: LaneId,
        lane: &mut Lane,
        parcel: &Parcel,
    ) -> Option<Travel> {
        let mut span = self.latency(plan, id);
        let way = match id {
            LaneId::Up => &mut self.up,
            _ => &mut self.down,
        };
        span = span.saturating_add(resends(plan, way, span)?);
        let mut leaves = now;
        if let Some(took) = (parcel.bytes.len() as u64 * SECOND).checked_div(plan.bandwidth) {
            leaves = leaves.max(lane.free).plus(took);
            lane.free = leaves;
        }
        let at = leaves.plus(span).max(lane.last);
        lane.last = at;
        let draw = |stream: &mut Stream, million| million > 0 && stream.chance(million);
        let corrupt = std::mem::take(&mut way.corrupt_next) || draw(&mut way.stream, plan.corrupt);
        let cut = draw(&mut way.stream, plan.cut);
        let is_upload = matches!(parcel.message, Message::Upload { .. } | Message::UploadNext);
        let twice = is_upload
            && (std::mem::take(&mut self.duplicate_next) || draw(&mut way.stream, plan.duplicate));
        Some(Travel {
            at,
            corrupt,
            twice,
            cut,
        })
    }
}

/// What losses cost a message that takes `span`; `None` when it never arrives.
fn resends(plan: &LinkPlan, way: &mut Way, span: u64) -> Option<u64> {
    let loss = &plan.loss;
    if loss.good == 0 && loss.to_bad == 0 {
        return Some(0);
    }
    let turns = match way.is_bad {
        true => loss.to_good,
        false => loss.to_bad,
    };
    if way.stream.chance(turns) {
        way.is_bad = !way.is_bad;
    }
    let rate = match way.is_bad {
        true => loss.bad,
        false => loss.good,
    };
    let mut costs = 0;
    let mut wait = RESEND.max(2 * span);
    for _ in 0..LOSSES_MAX {
        if !way.stream.chance(rate) {
            return Some(costs);
        }
        costs += wait;
        wait = wait.saturating_mul(2);
        if costs > SILENCE {
            return None;
        }
    }
    None
}
