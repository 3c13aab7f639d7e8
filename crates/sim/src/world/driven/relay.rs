//! What passes between the relay's machine and its service.

use super::super::{Host, World};
use super::Life;
use super::face::Told;
use crate::network::LaneId;
use crate::trace::{Message, What};
use cairn_model::{PublicKey, Timestamp};
use cairn_relay::{Input, Output};

impl World {
    fn relay_connects(&mut self, number: u64, key: PublicKey) -> u64 {
        let fresh = self.next_number + 1;
        let Some(driven) = &mut self.driven else {
            return fresh;
        };
        let session = match driven.stolen.remove(&key) {
            true => fresh,
            false => driven.early.remove(&key).unwrap_or_else(|| {
                driven.offered.insert(key, fresh);
                fresh
            }),
        };
        driven.sessions.insert(number, session);
        if session == fresh {
            self.next_number = fresh;
        }
        session
    }

    fn relay_session(&self, number: u64) -> u64 {
        let driven = self.driven.as_ref();
        let known = driven.and_then(|driven| driven.sessions.get(&number));
        known.copied().unwrap_or_default()
    }

    /// A service gives the relay's machine an input.
    pub(crate) fn relay_takes(&mut self, life: u32, now: Timestamp, input: Input) {
        if matches!(self.which(Host::Relay, life), Life::Past) {
            return;
        }
        self.note_relay_input(&input);
        let mut on = Vec::with_capacity(1);
        self.wiring.relay_input(input, &mut on);
        for input in on {
            if let Some(machine) = &mut self.relay.machine {
                machine.handle(now, input);
            }
        }
    }

    fn note_relay_input(&mut self, input: &Input) {
        let what = match input {
            Input::Connected { session, key } => {
                let session = self.relay_connects(session.0, *key);
                What::Connected { session }
            }
            Input::Disconnected { session } => {
                let driven = self.driven.as_mut();
                match driven.and_then(|driven| driven.sessions.remove(&session.0)) {
                    Some(session) => What::Disconnected { session },
                    None => return,
                }
            }
            Input::Received { session, message } => {
                self.count_message();
                What::Received {
                    session: self.relay_session(session.0),
                    message: Message::of_client(message),
                    bytes: message.encode().len() as u32,
                }
            }
            Input::Persisted(id) => What::Persisted { batch: id.0 },
            Input::PersistFailed(id, error) => What::PersistFailed {
                batch: id.0,
                words: error.to_string(),
            },
            Input::Admin { reply, .. } => {
                if let Some(driven) = &mut self.driven {
                    driven.relay.hands_over(reply.0);
                }
                return;
            }
            _ => return,
        };
        self.note_at(Host::Relay, what);
    }

    /// The next thing the relay's machine wants done by its service.
    pub(crate) fn relay_gives(&mut self, life: u32) -> Option<Output> {
        loop {
            if matches!(self.which(Host::Relay, life), Life::Past) {
                return None;
            }
            let driven = self.driven.as_mut()?;
            let told = driven.let_go.pop_front();
            let output = match told {
                Some(told) => Some(self.leaves_the_relay(told)),
                None => {
                    let output = driven.relay.outputs.pop_front();
                    output.map(|output| self.note_relay_output(output))
                }
            };
            if let Some(output) = output {
                if self.crashes_here(Host::Relay, life) {
                    return None;
                }
                match output {
                    Some(output) => return Some(output),
                    None => continue,
                }
            }
            let Some(output) = self.relay.machine.as_mut()?.poll_output() else {
                self.look_at_relay();
                return None;
            };
            let mut on = Vec::with_capacity(1);
            self.wiring.relay_output(output, &mut on);
            self.driven.as_mut()?.relay.outputs.extend(on);
        }
    }

    fn note_relay_output(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Send { session, message } => {
                let number = self.relay_session(session.0);
                let told = Told { session, message };
                let told = match self.device_in(number) {
                    Some(device) => self.behind_a_face(device, told)?,
                    None => told,
                };
                self.leaves_the_relay(told)
            }
            Output::Persist {
                id,
                batch,
                durability,
            } => {
                self.note_persisting(Host::Relay, id.0, &batch, durability);
                Some(Output::Persist {
                    id,
                    batch,
                    durability,
                })
            }
            Output::Close { session, refusal } => {
                let driven = self.driven.as_mut()?;
                if let Some(session) = driven.sessions.remove(&session.0) {
                    self.note_at(Host::Relay, What::Disconnected { session });
                }
                Some(Output::Close { session, refusal })
            }
            Output::Reply { reply, answer } => {
                if let Some(request) = self.driven.as_mut()?.relay.replies.remove(&reply.0) {
                    let told = match &answer {
                        Ok(verdicts) => Ok(verdicts.len() as u32),
                        Err(error) => Err(error.to_string()),
                    };
                    let answer = told;
                    self.note_at(Host::Relay, What::AdminAnswered { request, answer });
                }
                Some(Output::Reply { reply, answer })
            }
        }
    }

    /// The device at the other end of a session.
    fn device_in(&self, session: u64) -> Option<u32> {
        let mut devices = (0..).zip(&self.devices);
        let found = devices.find(|(_, device)| device.session == Some(session));
        found.map(|(number, _)| number)
    }

    /// What of a message leaves the relay, as the wiring lets it through.
    fn leaves_the_relay(&mut self, told: Told) -> Option<Output> {
        let Told {
            session,
            mut message,
        } = told;
        let number = self.relay_session(session.0);
        if let Some(device) = self.device_in(number) {
            message = self.wiring.to_device(device, message)?;
            self.rewound(device, &mut message);
            self.may_be_cut(device, LaneId::of(&message));
        }
        let summary = Message::of_server(&message);
        self.note_sent(Host::Relay, number, summary, message.encode().len());
        Some(Output::Send { session, message })
    }
}
