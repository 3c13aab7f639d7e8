//! Drives a device machine the way its shell does.

use super::motor::Errand;
use super::scoped::{digest_for, is_scoped};
use super::{Host, Wake, World};
use crate::time::{MILLISECOND, MINUTE, SECOND, VirtualTime};
use crate::trace::{Message, What};
use cairn_agent::{Input, Output, Reply};
use cairn_model::Version;
use cairn_oplog::Storage;

/// How long a person takes to start a program again that has given up.
const RESTART: u64 = 5 * MINUTE;
/// Steps of the world that reading one record twice is worth.
const COMPARISON: u64 = 16;

impl World {
    /// Hands an input to a device's machine and carries out what it wants.
    pub(super) fn device_input(&mut self, device: u32, input: Input) {
        if self.driven.is_some() {
            return self.ask_service(device, input);
        }
        let mut on = std::mem::take(&mut self.spare.device_inputs);
        self.wiring.device_input(device, input, &mut on);
        for input in on.drain(..) {
            let now = self.told(Host::Device(device));
            let Some(machine) = &mut self.device_mut(device).machine else {
                return;
            };
            machine.handle(now, input);
            self.pump_device(device);
        }
        self.spare.device_inputs = on;
        self.look_at_device(device);
    }

    /// What a person wants goes to the device's service.
    fn ask_service(&mut self, device: u32, input: Input) {
        let errand = match input {
            Input::GoOnline => Errand::Online(device),
            Input::GoOffline => Errand::Offline(device),
            Input::Request { reply, request, .. } => {
                if let Some(driven) = &mut self.driven {
                    let line = driven.devices.entry(device).or_default();
                    line.asked.push_back(reply.0);
                }
                Errand::Ask(device, request)
            }
            _ => return,
        };
        self.errand(errand);
    }

    fn pump_device(&mut self, device: u32) {
        let life = self.device_mut(device).body.life;
        let mut on = std::mem::take(&mut self.spare.device_outputs);
        loop {
            let host = self.device_mut(device);
            let Some(output) = host.machine.as_mut().and_then(|m| m.poll_output()) else {
                self.spare.device_outputs = on;
                return;
            };
            self.wiring.device_output(device, output, &mut on);
            for output in on.drain(..) {
                self.carry_out_device(device, output);
                if self.crashes_here(Host::Device(device), life) {
                    return;
                }
            }
        }
    }

    fn carry_out_device(&mut self, device: u32, output: Output) {
        let host = Host::Device(device);
        match output {
            Output::Dial => self.dial(device),
            Output::HangUp => {
                self.device_mut(device).dialling = None;
                self.leave_session(device);
            }
            Output::Persist {
                id,
                batch,
                durability,
            } => {
                self.note_persisting(host, id.0, &batch, durability);
                let body = &mut self.devices[device as usize].body;
                let span = super::faults::disk_time(&self.plan.disk, &mut body.disk, durability);
                let life = body.life;
                let device = self.device_mut(device);
                device.unwritten.push_back((id, batch, durability));
                self.after(span, Wake::Stored(host, life));
            }
            Output::Send(message) => self.send_up(device, message),
            Output::Reply { reply, answer } => self.device_replies(device, reply.0, answer),
            Output::Changed => {}
        }
    }

    pub(super) fn device_replies(
        &mut self,
        device: u32,
        request: u64,
        answer: Result<Reply, cairn_agent::EditError>,
    ) {
        let what = match answer {
            Ok(Reply::Logged { log, sequence, .. }) => {
                self.counts.acknowledged += 1;
                What::Acknowledged {
                    request,
                    log,
                    sequence,
                }
            }
            Ok(Reply::History(_) | Reply::StartedOver | Reply::ModeSet) => return,
            Err(error) => {
                self.counts.declined += 1;
                What::Declined {
                    request,
                    words: error.to_string(),
                }
            }
        };
        self.note_at(Host::Device(device), what);
    }

    /// Storage is done with the oldest batch of a device.
    pub(super) fn device_stored(&mut self, device: u32, life: u32) {
        let host = Host::Device(device);
        if self.device_mut(device).body.life != life {
            return;
        }
        let Some((id, batch, durability)) = self.device_mut(device).unwritten.pop_front() else {
            return;
        };
        let (batch, durability) = self.wiring.commit(host, batch, durability);
        let answer = self
            .device_mut(device)
            .body
            .disk
            .store
            .commit(batch, durability);
        let input = match self.wiring.committed(host, answer) {
            Ok(()) => {
                self.counts.batches += 1;
                self.note_at(host, What::Persisted { batch: id.0 });
                Input::Persisted(id)
            }
            Err(error) => {
                let words = error.to_string();
                self.note_at(host, What::PersistFailed { batch: id.0, words });
                Input::PersistFailed(id, error)
            }
        };
        if self.crashes_here(host, life) {
            return;
        }
        self.device_input(device, input);
    }

    pub(super) fn device_tick(&mut self, device: u32, life: u32) {
        let now = self.now;
        let host = self.device_mut(device);
        if host.body.life == life && host.tick_at == Some(now) {
            host.tick_at = None;
            self.device_input(device, Input::Tick);
        }
    }

    /// Sets the next deadline, as a shell does that sleeps as long as the clock
    /// says; and sees what has become of the device.
    pub(super) fn look_at_device(&mut self, device: u32) {
        let host = Host::Device(device);
        let wall = self.wall(host);
        let now = self.now;
        let box_ = self.device_mut(device);
        let Some(machine) = &box_.machine else {
            return;
        };
        let deadline = machine.deadline().map(|deadline| {
            let wait = deadline.since(wall).saturating_mul(MILLISECOND);
            now.plus(wait.max(MILLISECOND))
        });
        let life = box_.body.life;
        if self.driven.is_none() && deadline != self.devices[device as usize].tick_at {
            let box_ = self.device_mut(device);
            box_.tick_at = deadline;
            if let Some(at) = deadline {
                self.at(at, Wake::Tick(device, life));
            }
        }
        let box_ = self.device_mut(device);
        if box_.body.failed.is_none()
            && let Some(error) = box_.machine.as_ref().and_then(|m| m.failure()).cloned()
        {
            let words = error.to_string();
            box_.body.failed = Some(error);
            self.note_at(host, What::Disk { words });
            self.after(RESTART, Wake::Start(host, life));
        }
    }

    /// After a message of the relay: whether the device has everything now.
    pub(super) fn look_whether_caught_up(&mut self, device: u32, message: &Message) {
        let through = match message {
            Message::Changes { last: true, .. } => true,
            Message::Ack { incorporated, .. } => *incorporated,
            _ => false,
        };
        if !through {
            return;
        }
        let box_ = self.device_mut(device);
        let Some(machine) = &box_.machine else { return };
        if !machine.is_synced() {
            return;
        }
        let cursor = machine.status().cursor;
        if box_.caught_up == Some(cursor) {
            return;
        }
        box_.caught_up = Some(cursor);
        self.note_at(Host::Device(device), What::CaughtUp { cursor });
        self.compare(device, false);
    }

    /// Notes both digests when a device and the relay stand at one version.
    pub(super) fn compare(&mut self, device: u32, again: bool) {
        let (Some(relay), Some(machine)) =
            (&self.relay.machine, &self.devices[device as usize].machine)
        else {
            return;
        };
        let version: Version = relay.state().version();
        let known = self.devices[device as usize].compared;
        let status = machine.status();
        let cost = COMPARISON * status.records as u64;
        if status.cursor != version || (!again && (known == Some(version) || cost > self.credit)) {
            return;
        }
        let scoped = is_scoped(&self.plan);
        if scoped && (!machine.is_synced() || status.revoked) {
            return;
        }
        let Ok(digest) = machine.digest() else { return };
        let held = match self.relay.digest.filter(|(at, _)| *at == version) {
            _ if scoped => digest_for(relay.state(), machine, &self.devices[device as usize].user),
            Some((_, known)) => known,
            None => relay.state().digest(),
        };
        if !scoped {
            self.relay.digest = Some((version, held));
        }
        let what = What::Compared {
            version,
            device: digest,
            relay: held,
        };
        self.credit = self.credit.saturating_sub(cost);
        self.device_mut(device).compared = Some(version);
        self.note_at(Host::Device(device), what);
    }

    /// The device comes within reach and wants to talk.
    pub(super) fn online(&mut self, device: u32) {
        let box_ = self.device_mut(device);
        box_.wanted = true;
        if !std::mem::replace(&mut box_.link.in_reach, true) {
            box_.link.place.leave();
            self.link_changed(device);
        }
        self.device_input(device, Input::GoOnline);
    }

    /// A person ends the talk, and the device is out of reach from then on.
    pub(super) fn hang_up(&mut self, device: u32) {
        self.device_mut(device).wanted = false;
        self.device_input(device, Input::GoOffline);
        match self.driven {
            // A service needs a moment for its goodbye.
            Some(_) => self.after(SECOND, Wake::OutOfReach(device)),
            None => self.out_of_reach(device),
        }
    }

    /// A device that has said goodbye is out of reach, unless it came back.
    pub(super) fn leaves(&mut self, device: u32) {
        if !self.device_mut(device).wanted {
            self.out_of_reach(device);
        }
    }

    /// Nothing passes any more, and nobody is told.
    pub(super) fn out_of_reach(&mut self, device: u32) {
        if std::mem::replace(&mut self.device_mut(device).link.in_reach, false) {
            self.link_changed(device);
        }
    }

    /// The moment by which a session on a silent link is over.
    pub(super) fn silence_over(&self) -> VirtualTime {
        self.now.plus(crate::network::SILENCE)
    }
}
