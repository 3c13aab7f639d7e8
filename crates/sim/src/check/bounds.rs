//! What a run may cost.

use super::{Checker, Violation, violation};
use crate::host::Host;
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

/// No message exceeds a frame, no device has more under way than it may, and
/// a run's messages and bytes stay within what its operations and sessions
/// account for.
#[derive(Debug, Default)]
pub struct Bounds {
    in_flight: BTreeMap<u64, usize>,
    uploads: u64,
    messages: u64,
    bytes: u64,
    sessions: u64,
}

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
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
            (What::Connected { .. }, Some(Host::Device(_))) => self.sessions += 1,
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
