//! What passes between a device's machine and its service.

use super::super::{Host, World};
use super::Life;
use crate::network::LaneId;
use crate::trace::{Message, What};
use cairn_agent::{Input, Output};
use cairn_model::Timestamp;

impl World {
    /// A service gives its device's machine an input.
    pub(crate) fn device_takes(&mut self, device: u32, life: u32, now: Timestamp, input: Input) {
        let host = Host::Device(device);
        if matches!(self.which(host, life), Life::Past) {
            return;
        }
        let input = self.note_device_input(device, input);
        let mut on = Vec::with_capacity(1);
        self.wiring.device_input(device, input, &mut on);
        for input in on {
            if let Some(machine) = &mut self.device_mut(device).machine {
                machine.handle(now, input);
            }
        }
    }

    fn note_device_input(&mut self, device: u32, input: Input) -> Input {
        let host = Host::Device(device);
        let what = match &input {
            Input::Connected => {
                let session = self.device_connects(device);
                What::Connected { session }
            }
            Input::DialFailed => What::DialFailed,
            Input::Disconnected => match self.device_mut(device).session.take() {
                Some(session) => What::Disconnected { session },
                None => return input,
            },
            Input::Received(message) => {
                let session = self.device_mut(device).session.unwrap_or_default();
                let (summary, bytes) = (Message::of_server(message), message.encode().len());
                if let Some(driven) = &mut self.driven {
                    driven.device(device).heard = Some(summary.clone());
                }
                self.count_message();
                What::Received {
                    session,
                    message: summary,
                    bytes: bytes as u32,
                }
            }
            Input::Persisted(id) => What::Persisted { batch: id.0 },
            Input::PersistFailed(id, error) => What::PersistFailed {
                batch: id.0,
                words: error.to_string(),
            },
            Input::Request { reply, .. } => {
                if let Some(driven) = &mut self.driven {
                    driven.device(device).hands_over(reply.0);
                }
                return input;
            }
            _ => return input,
        };
        self.note_at(host, what);
        input
    }

    /// The next thing a device's machine wants done by its service.
    pub(crate) fn device_gives(&mut self, device: u32, life: u32) -> Option<Output> {
        let host = Host::Device(device);
        loop {
            if matches!(self.which(host, life), Life::Past) {
                return None;
            }
            let output = self.driven.as_mut()?.device(device).outputs.pop_front();
            if let Some(output) = output {
                let output = self.note_device_output(device, output);
                if self.crashes_here(host, life) {
                    return None;
                }
                match output {
                    Some(output) => return Some(output),
                    None => continue,
                }
            }
            let machine = self.device_mut(device).machine.as_mut()?;
            let Some(output) = machine.poll_output() else {
                self.device_is_done(device);
                return None;
            };
            let mut on = Vec::with_capacity(1);
            self.wiring.device_output(device, output, &mut on);
            self.driven.as_mut()?.device(device).outputs.extend(on);
        }
    }

    fn note_device_output(&mut self, device: u32, output: Output) -> Option<Output> {
        let host = Host::Device(device);
        match output {
            Output::Send(message) => {
                let message = self.wiring.to_relay(device, message)?;
                let session = self.device_mut(device).session.unwrap_or_default();
                let summary = Message::of_client(&message);
                self.note_sent(host, session, summary, message.encode().len());
                self.may_be_cut(device, LaneId::Up);
                Some(Output::Send(message))
            }
            Output::Persist {
                id,
                batch,
                durability,
            } => {
                self.note_persisting(host, id.0, &batch, durability);
                Some(Output::Persist {
                    id,
                    batch,
                    durability,
                })
            }
            Output::Reply { reply, answer } => {
                let driven = self.driven.as_mut()?;
                if let Some(request) = driven.device(device).replies.remove(&reply.0) {
                    self.device_replies(device, request, answer.clone());
                }
                Some(Output::Reply { reply, answer })
            }
            Output::HangUp => {
                if let Some(session) = self.device_mut(device).session.take() {
                    self.note_at(host, What::Disconnected { session });
                }
                Some(Output::HangUp)
            }
            Output::Dial => Some(Output::Dial),
            Output::Changed => Some(Output::Changed),
        }
    }

    fn device_is_done(&mut self, device: u32) {
        self.look_at_device(device);
        let heard = self
            .driven
            .as_mut()
            .and_then(|driven| driven.device(device).heard.take());
        if let Some(message) = heard {
            self.look_whether_caught_up(device, &message);
        }
    }

    fn device_connects(&mut self, device: u32) -> u64 {
        let key = self.device_mut(device).secret.public();
        let fresh = self.next_number + 1;
        let session = match &mut self.driven {
            Some(driven) => driven.offered.remove(&key).unwrap_or_else(|| {
                driven.early.insert(key, fresh);
                fresh
            }),
            None => fresh,
        };
        if session == fresh {
            self.next_number = fresh;
        }
        self.counts.sessions += 1;
        self.device_mut(device).session = Some(session);
        session
    }
}
