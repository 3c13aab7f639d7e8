//! Sessions, and the messages that travel in them.

use super::Diagram;
use crate::host::Host;
use crate::report::bundled::Flight;
use crate::report::recorder::place;
use crate::report::words;
use crate::time::VirtualTime;
use crate::trace::{Message, What};

impl Diagram {
    /// Whether it is about a message or a session.
    pub(super) fn travels(&mut self, at: VirtualTime, host: Host, what: &What) -> bool {
        match (what, host) {
            (
                What::Sent {
                    session,
                    message,
                    bytes,
                },
                _,
            ) => self.sent(at, host, *session, message, *bytes),
            (
                What::Received {
                    session, message, ..
                },
                _,
            ) => self.received(at, host, *session, message),
            (What::Connected { session }, Host::Device(device)) => {
                self.sessions.insert(*session, device);
                self.close_vain(at.0, place(host));
                let words = format!("talks with the relay (session {session})");
                self.open(at.0, place(host), "session", words);
            }
            (What::Disconnected { session }, Host::Device(_)) => {
                self.close(at.0, place(host), "session");
                self.under_way.retain(|(known, _), _| known != session);
            }
            (What::Connected { .. } | What::Disconnected { .. }, Host::Relay) => {}
            _ => return false,
        }
        true
    }

    fn sent(&mut self, at: VirtualTime, host: Host, session: u64, message: &Message, bytes: u32) {
        let (up, device) = match host {
            Host::Device(device) => (true, device),
            Host::Relay => {
                let Some(device) = self.sessions.get(&session) else {
                    return;
                };
                (false, *device)
            }
        };
        let flight = self.part.has(at).then(|| {
            let (name, words) = words::of_message(message);
            self.flights.push(Flight {
                device,
                up,
                sent: at.0,
                arrived: None,
                count: 1,
                bytes: u64::from(bytes),
                name,
                words,
            });
            self.flights.len() - 1
        });
        let queue = self.under_way.entry((session, up)).or_default();
        queue.push_back((message.clone(), flight));
    }

    fn received(&mut self, at: VirtualTime, host: Host, session: u64, message: &Message) {
        let up = host == Host::Relay;
        let queue = self.under_way.entry((session, up)).or_default();
        let found = queue.iter().position(|(known, _)| known == message);
        match found.and_then(|found| queue.remove(found)) {
            Some((_, Some(flight))) => self.flights[flight].arrived = Some(at.0),
            Some((_, None)) => {}
            None => {
                let (name, _) = words::of_message(message);
                let words = format!("a message came a second time ({name})");
                self.mark(at.0, place(host), "damaged", words);
            }
        }
    }

    pub(super) fn dialled_in_vain(&mut self, at: u64, place: usize) {
        self.vain.entry(place).or_insert((at, 0)).1 += 1;
    }

    pub(super) fn close_vain(&mut self, at: u64, place: usize) {
        if let Some((from, times)) = self.vain.remove(&place) {
            let words = format!("tries in vain to reach the relay ({times} times)");
            self.add_span(place, "no-dial", from, at, words);
        }
    }
}
