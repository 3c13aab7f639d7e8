//! Drives the relay machine the way its shell does.

use super::motor::Errand;
use super::scoped::is_scoped;
use super::{Host, Wake, World};
use crate::network::LaneId;
use crate::schedule::Face;
use crate::time::{MILLISECOND, SECOND};
use crate::trace::{Message, What};
use cairn_model::Version;
use cairn_oplog::{Batch, Durability, Storage};
use cairn_proto::ServerMessage;
use cairn_relay::{Input, Output, SessionId};

/// Quiet time after which the relay may write a checkpoint, as in its shell.
const QUIET: u64 = 5 * SECOND;

impl World {
    /// Hands an input to the relay's machine and carries out what it wants.
    pub(super) fn relay_input(&mut self, input: Input) {
        if self.driven.is_some() {
            return self.ask_relay_service(input);
        }
        self.feed_relay(input);
        self.pump_relay();
        self.look_at_relay();
    }

    /// What an administrator wants goes to the relay's service.
    fn ask_relay_service(&mut self, input: Input) {
        if let (Some(driven), Input::Admin { reply, request }) = (&mut self.driven, input) {
            driven.relay.asked.push_back(reply.0);
            driven.motor.errand(Errand::Admin(request));
        }
    }

    fn feed_relay(&mut self, input: Input) {
        let mut on = std::mem::take(&mut self.spare.relay_inputs);
        self.wiring.relay_input(input, &mut on);
        for input in on.drain(..) {
            let now = self.told(Host::Relay);
            if let Some(machine) = &mut self.relay.machine {
                machine.handle(now, input);
            }
        }
        self.spare.relay_inputs = on;
    }

    fn pump_relay(&mut self) {
        let life = self.relay.body.life;
        let mut on = std::mem::take(&mut self.spare.relay_outputs);
        while let Some(output) = self.relay.machine.as_mut().and_then(|m| m.poll_output()) {
            self.wiring.relay_output(output, &mut on);
            for output in on.drain(..) {
                self.carry_out_relay(output);
                if self.crashes_here(Host::Relay, life) {
                    return;
                }
            }
        }
        self.spare.relay_outputs = on;
    }

    fn carry_out_relay(&mut self, output: Output) {
        match output {
            Output::Persist {
                id,
                batch,
                durability,
            } => {
                self.note_persisting(Host::Relay, id.0, &batch, durability);
                let body = &mut self.relay.body;
                let span = super::faults::disk_time(&self.plan.disk, &mut body.disk, durability);
                let life = body.life;
                self.relay.unwritten.push_back((id, batch, durability));
                self.after(span, Wake::Stored(Host::Relay, life));
            }
            Output::Send { session, message } => self.relay_sends(session, message),
            Output::Close { session, .. } => self.relay_closes(session.0),
            Output::Reply { reply, answer } => {
                let told = match &answer {
                    Ok(verdicts) => Ok(verdicts.len() as u32),
                    Err(error) => Err(error.to_string()),
                };
                let what = What::AdminAnswered {
                    request: reply.0,
                    answer: told,
                };
                self.note_at(Host::Relay, what);
                if self.instant {
                    self.relay.answers.insert(reply.0, answer);
                }
            }
        }
    }

    fn relay_sends(&mut self, session: SessionId, message: ServerMessage) {
        if self.talks.contains_key(&session.0) {
            return self.talk_hears(session.0, message);
        }
        let Some(device) = self.sessions.get(&session.0).map(|known| known.device) else {
            return;
        };
        let Some(mut message) = self.wiring.to_device(device, message) else {
            return;
        };
        if self.devices[device as usize].link.face == Some(Face::Rewind)
            && let ServerMessage::Welcome(welcome) = &mut message
        {
            welcome.version = Version(welcome.version.0 / 2);
        }
        self.note_disclosed(session.0, &message);
        let summary = Message::of_server(&message);
        let lane = LaneId::of(&message);
        self.post(session.0, lane, message.encode(), summary);
        self.launch(session.0, lane);
    }

    /// Carries out what the relay wants besides, once there was room.
    pub(super) fn relay_goes_on(&mut self) {
        self.pump_relay();
        self.look_at_relay();
    }

    /// A frame has left for the device: the machine may make another.
    pub(super) fn relay_has_sent(&mut self, session: u64) {
        let session = SessionId(session);
        self.feed_relay(Input::Sent { session });
    }

    /// Storage is done with the relay's oldest batch.
    pub(super) fn relay_stored(&mut self, life: u32) {
        if self.relay.body.life != life {
            return;
        }
        let Some((id, batch, durability)) = self.relay.unwritten.pop_front() else {
            return;
        };
        let (batch, durability) = self.wiring.commit(Host::Relay, batch, durability);
        let answer = self.relay.body.disk.store.commit(batch, durability);
        let input = match self.wiring.committed(Host::Relay, answer) {
            Ok(()) => {
                self.counts.batches += 1;
                self.note_at(Host::Relay, What::Persisted { batch: id.0 });
                Input::Persisted(id)
            }
            Err(error) => {
                let words = error.to_string();
                self.note_at(Host::Relay, What::PersistFailed { batch: id.0, words });
                Input::PersistFailed(id, error)
            }
        };
        if self.crashes_here(Host::Relay, life) {
            return;
        }
        self.relay_input(input);
    }

    pub(super) fn look_at_relay(&mut self) {
        let life = self.relay.body.life;
        let Some(machine) = &self.relay.machine else {
            return;
        };
        let version = machine.state().version();
        let failure = machine.failure().cloned();
        if version != self.relay.folded {
            self.relay.folded = version;
            self.note_at(Host::Relay, What::Folded { version });
        }
        self.relay.moved = true;
        let waits = self.instant || self.driven.is_some();
        if !waits && !std::mem::replace(&mut self.relay.quiet_due, true) {
            self.after(QUIET, Wake::Quiet(life));
        }
        self.set_relay_deadline();
        if self.relay.body.failed.is_none()
            && let Some(error) = failure
        {
            let words = error.to_string();
            self.relay.body.failed = Some(error);
            self.note_at(Host::Relay, What::Disk { words });
            self.after(60 * SECOND, Wake::Start(Host::Relay, life));
        }
    }

    /// Sets the next deadline, as a shell does that sleeps as long as the clock
    /// says.
    fn set_relay_deadline(&mut self) {
        let wall = self.wall(Host::Relay);
        let deadline = self.relay.machine.as_ref().and_then(|m| m.deadline());
        let waits = !self.instant && self.driven.is_none();
        let at = deadline.filter(|_| waits).map(|deadline| {
            let wait = deadline.since(wall).saturating_mul(MILLISECOND);
            self.now.plus(wait.max(MILLISECOND))
        });
        if at != self.relay.due_at {
            self.relay.due_at = at;
            if let Some(at) = at {
                self.at(at, Wake::Due(self.relay.body.life));
            }
        }
    }

    /// Its shell looks at the clock every few seconds, and so does the machine
    /// where time alone decides who holds what.
    pub(super) fn relay_looks_at_its_clock(&mut self) {
        let runs = self.is_up(Host::Relay) && self.paused_until(Host::Relay).is_none();
        if is_scoped(&self.plan) && self.driven.is_none() && runs {
            self.relay_input(Input::Due);
        }
    }

    pub(super) fn relay_due(&mut self, life: u32) {
        if self.relay.body.life == life && self.relay.due_at == Some(self.now) {
            self.relay.due_at = None;
            self.relay_input(Input::Due);
        }
    }

    /// A while has passed: if nothing came meanwhile, a checkpoint is written
    /// when one is due.
    pub(super) fn relay_quiet(&mut self, life: u32) {
        self.relay.quiet_due = false;
        if self.relay.body.life != life {
            return;
        }
        if std::mem::take(&mut self.relay.moved) {
            self.relay.quiet_due = true;
            return self.after(QUIET, Wake::Quiet(life));
        }
        self.feed_relay(Input::Tick);
        self.pump_relay();
    }

    pub(super) fn note_persisting(
        &mut self,
        host: Host,
        batch: u64,
        changes: &Batch,
        durability: Durability,
    ) {
        let what = What::Persisting {
            batch,
            changes: changes.changes.len() as u32,
            synced: durability == Durability::Synced,
        };
        self.note_at(host, what);
    }
}
