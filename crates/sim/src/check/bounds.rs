//! What a run may cost.

use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::schedule::Action;
use crate::time::{MILLISECOND, VirtualTime};
use crate::trace::{Event, Message, What};
use crate::world::View;
use std::collections::BTreeMap;

/// Bytes of one message.
const MESSAGE_BYTES_MAX: u32 = 1024 * 1024;
/// Bundles of one device without an acknowledgement.
const IN_FLIGHT_MAX: usize = 64;
/// Messages a device may send in one session for each that it was sent and
/// each operation it has: a talk that feeds itself exceeds any such share.
const MESSAGES_PER_CAUSE: u64 = 3;
/// Messages that a session needs whatever happens in it.
const MESSAGES_OF_A_SESSION: u64 = 8;
/// Bytes for each operation and device that may see it, headers, images and
/// acknowledgements included.
const BYTES_PER_SIGHT: u64 = 64 * 1024;
/// Bytes that a session may cost beside that.
const BYTES_OF_A_SESSION: u64 = 256 * 1024;

/// The shortest time between a session that brought nothing and the next. It
/// doubles with each such session in a row, up to the longest.
const WAIT_MIN: u64 = 125 * MILLISECOND;
const WAIT_MAX: u64 = 120 * WAIT_MIN;

/// No message exceeds a frame, no device has more under way than it may, a
/// run's messages and bytes stay within what its operations and sessions
/// account for, and sessions that bring nothing come ever more seldom.
#[derive(Debug, Default)]
pub struct Bounds {
    in_flight: BTreeMap<u64, usize>,
    uploads: u64,
    messages: u64,
    bytes: u64,
    sessions: u64,
    fruitless: BTreeMap<u32, Fruitless>,
}

/// A device's sessions in a row that brought nothing.
#[derive(Debug)]
struct Fruitless {
    /// When the first began.
    since: VirtualTime,
    /// How many there were before this one.
    sessions: u32,
    /// How long they must have taken together.
    waits: u64,
}

impl Bounds {
    /// Notes a session; says what is wrong if it came too soon.
    fn began(&mut self, device: u32, now: VirtualTime) -> Option<String> {
        let known = self.fruitless.entry(device).or_insert(Fruitless {
            since: now,
            sessions: 0,
            waits: 0,
        });
        let (sessions, took) = (known.sessions, now.since(known.since));
        let too_soon = took < known.waits;
        known.sessions += 1;
        known.waits += (WAIT_MIN << sessions.min(16)).min(WAIT_MAX);
        too_soon.then(|| {
            let seconds = took / (1_000 * MILLISECOND);
            format!(
                "it began {sessions} sessions within {seconds} s that brought nothing, and the next"
            )
        })
    }

    /// Forgets a device's sessions where they brought something, or where
    /// something else than its own patience made it dial.
    fn excuse(&mut self, event: &Event, view: &View<'_>) {
        let device = match (&event.what, event.host) {
            (What::Scheduled { entry }, _) => {
                let entry = view.schedule().entries.get(*entry as usize);
                match entry.map(|entry| &entry.action) {
                    Some(Action::Online { device }) => *device,
                    _ => return,
                }
            }
            (
                What::Received {
                    message: Message::Ack { .. } | Message::Changes { .. } | Message::Page { .. },
                    ..
                }
                | What::Started
                | What::StartedOver
                | What::Link { .. }
                | What::Clock { .. },
                Some(Host::Device(device)),
            ) => device,
            _ => return,
        };
        self.fruitless.remove(&device);
    }
}

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.excuse(event, view);
        match (&event.what, event.host) {
            (
                What::Sent {
                    session,
                    message,
                    bytes,
                },
                host,
            ) => {
                self.messages += 1;
                self.bytes += u64::from(*bytes);
                if *bytes > MESSAGE_BYTES_MAX {
                    let words = format!("a message has {bytes} bytes, more than a frame may");
                    return violation(self, view, host, words);
                }
                let is_bundle = matches!(message, Message::Upload { .. } | Message::UploadNext);
                if is_bundle && host != Some(Host::Relay) {
                    self.uploads += 1;
                    let under_way = self.in_flight.entry(*session).or_default();
                    *under_way += 1;
                    if *under_way > IN_FLIGHT_MAX {
                        let words = format!("{under_way} bundles are under way at once");
                        return violation(self, view, host, words);
                    }
                }
            }
            (
                What::Received {
                    session,
                    message: Message::Ack { .. },
                    ..
                },
                Some(Host::Device(_)),
            ) => {
                if let Some(under_way) = self.in_flight.get_mut(session) {
                    *under_way = under_way.saturating_sub(1);
                }
            }
            (What::Connected { .. }, Some(Host::Device(device))) => {
                self.sessions += 1;
                if let Some(words) = self.began(device, event.at) {
                    return violation(self, view, event.host, words);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let Some(relay) = view.relay().machine() else {
            return Ok(());
        };
        let devices = view.devices().count() as u64;
        let sights = relay.state().version().0 * (devices + 1);
        let messages_max = MESSAGES_PER_CAUSE * (sights + self.uploads)
            + MESSAGES_OF_A_SESSION * (self.sessions + devices);
        if self.messages > messages_max {
            let words = format!(
                "{} messages were sent; {messages_max} would do",
                self.messages
            );
            return violation(self, view, None, words);
        }
        let bytes_max = BYTES_PER_SIGHT * sights + BYTES_OF_A_SESSION * (self.sessions + devices);
        if self.bytes > bytes_max {
            let words = format!("{} bytes were sent; {bytes_max} would do", self.bytes);
            return violation(self, view, None, words);
        }
        Ok(())
    }
}
