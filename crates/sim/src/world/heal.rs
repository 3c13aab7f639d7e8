//! The end of the chaos: a core is healed, the rest stays as it is, and
//! everybody in the core must come to agree and then be silent.

use super::{Host, World};
use crate::schedule::ClockFault;
use crate::time::{SECOND, VirtualTime};
use crate::trace::What;
use cairn_oplog::StorageError;
use cairn_proto::Refusal;
use std::fmt;

/// Somebody of the core who has not come to rest, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrest {
    /// Who.
    pub host: Host,
    /// Why, in words.
    pub why: String,
}

impl fmt::Display for Unrest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.why)
    }
}

impl World {
    /// Ends the chaos: the core can work, reach the relay and understand it,
    /// everybody else is out of reach for good. Gives the devices of the core.
    pub fn heal(&mut self) -> Vec<u32> {
        self.chaos_over = true;
        let core = self.choose_core();
        self.note(None, What::Healed { core: core.clone() });
        self.heal_host(Host::Relay);
        self.relay_looks_at_its_clock();
        for device in 0..self.devices.len() as u32 {
            if core.contains(&device) {
                self.heal_host(Host::Device(device));
                self.device_mut(device).link.heal();
                self.let_go_of(device, true);
                self.device_mut(device).program = None;
                self.link_changed(device);
                self.online(device);
            } else {
                self.hang_up(device);
            }
        }
        core
    }

    /// Everybody who is enrolled and honest, in three of ten runs without some.
    fn choose_core(&self) -> Vec<u32> {
        let mut stream = self.streams.stream("core");
        let everybody = stream.chance(700_000);
        let hostile = self.plan.topology.devices + self.plan.topology.late;
        let hostile = hostile..hostile + self.plan.topology.hostile;
        let mut core: Vec<u32> = Vec::new();
        for (number, device) in (0..).zip(&self.devices) {
            let drawn = everybody || stream.chance(600_000);
            if device.enrolled && !hostile.contains(&number) && drawn {
                core.push(number);
            }
        }
        core
    }

    /// A host is repaired as an operator can (one that stands still goes on by
    /// itself): power, clock, room on the disk; a
    /// store that does not open gives way to its backup; without one, a device's
    /// to nothing, and the relay's is put right from its mirror.
    fn heal_host(&mut self, host: Host) {
        let now = self.now;
        let body = self.body(host);
        body.crash_after = None;
        body.disk.factor = 1;
        body.disk.store.set_full(false);
        let is_rotten = body.disk.store.is_rotten();
        body.clock.strike(now, &ClockFault::Right);
        if matches!(body.failed, Some(StorageError::Corrupt { .. })) || is_rotten {
            return self.replace_store(host);
        }
        let failed = body.failed.is_some();
        if !self.is_up(host) {
            self.start(host);
        } else if failed {
            let life = self.body(host).life;
            self.start_again(host, life);
        }
        if matches!(self.body(host).failed, Some(StorageError::Corrupt { .. })) {
            self.replace_store(host);
        }
    }

    fn replace_store(&mut self, host: Host) {
        if self.restore(host).is_ok() {
            return;
        }
        match host {
            Host::Device(number) => self.wipe(number),
            Host::Relay => {
                self.body(host).disk.store.mend();
                if self.is_up(host) {
                    self.machine_is_gone(host);
                }
                self.start_later(host, SECOND);
            }
        }
    }

    /// Who of the core has not come to rest.
    pub fn unrest(&self, core: &[u32]) -> Vec<Unrest> {
        let mut unrest = Vec::new();
        let mut add = |host, why: String| unrest.push(Unrest { host, why });
        match &self.relay.machine {
            _ if self.paused_until(Host::Relay).is_some() => {
                add(Host::Relay, "it stands still".to_owned());
            }
            None => add(Host::Relay, "it does not run".to_owned()),
            Some(relay) if relay.is_persisting() => {
                add(Host::Relay, "it waits for its storage".to_owned());
            }
            Some(_) if self.relay.body.failed.is_some() => {
                add(Host::Relay, "it has given up".to_owned());
            }
            Some(_) => {}
        }
        for number in core {
            if let Some(why) = self.why_restless(*number) {
                add(Host::Device(*number), why);
            }
        }
        unrest
    }

    /// Whether a device's enrolment went with what the relay's backup lacks:
    /// nothing that heals brings it back.
    fn has_lost_enrolment(&self, number: u32) -> bool {
        let key = self.devices[number as usize].secret.public();
        let relay = self.relay.machine.as_ref();
        relay.is_some_and(|relay| relay.state().author(&key.device()).is_none())
    }

    fn why_restless(&self, number: u32) -> Option<String> {
        if self.paused_until(Host::Device(number)).is_some() {
            return Some("it stands still".to_owned());
        }
        let device = &self.devices[number as usize];
        let Some(machine) = &device.machine else {
            return Some(match &device.body.failed {
                Some(error) => format!("it does not start: {error}"),
                None => "it does not run".to_owned(),
            });
        };
        let status = machine.status();
        if let Some(error) = machine.failure() {
            return Some(format!("it has given up: {error}"));
        }
        if machine.is_persisting() || !device.unwritten.is_empty() {
            return Some("it waits for its storage".to_owned());
        }
        if status.refused == Some(Refusal::NotEnrolled) && self.has_lost_enrolment(number) {
            return None;
        }
        if !machine.is_synced() {
            return Some(format!(
                "it is not in agreement: connected {}, cursor {}, {} unsent, refused {:?}, clock {}",
                status.connected,
                status.cursor,
                status.unsent,
                status.refused,
                self.wall(Host::Device(number)),
            ));
        }
        if self.driven.is_some() {
            return (!status.connected).then(|| "it has no session".to_owned());
        }
        let session = device
            .session
            .and_then(|session| self.sessions.get(&session));
        match session {
            Some(session) if !session.relay_side => {
                Some("the relay does not know of its session".to_owned())
            }
            Some(session) if session.is_quiet() => None,
            Some(_) => Some("messages are under way".to_owned()),
            None => Some("it has no session".to_owned()),
        }
    }

    /// Compares every device of the core with the relay once more.
    pub fn compare_all(&mut self, core: &[u32]) {
        for device in core {
            self.compare(*device, true);
        }
        self.note(None, What::Ended);
    }

    /// Whether time alone changes until `limit` what some device shall hold.
    pub fn is_scope_due(&self, limit: VirtualTime) -> bool {
        self.relay.due_at.is_some_and(|at| at <= limit)
    }

    /// Whether anything is due until `limit`.
    pub fn is_due(&self, limit: VirtualTime) -> bool {
        self.heap.peek().is_some_and(|waiting| waiting.at <= limit)
    }
}
