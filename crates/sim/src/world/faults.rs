//! What goes wrong, and how it is set right.

use super::motor::Errand;
use super::{Host, HostDisk, Wake, World};
use crate::disk::SimStore;
use crate::network::SILENCE;
use crate::scenario::DiskPlan;
use crate::schedule::{AddressChange, ClockFault, Direction, DiskFault, Face, Fault};
use crate::time::{SECOND, VirtualTime};
use crate::trace::What;
use cairn_agent::Input;
use cairn_oplog::{Durability, Storage};

/// How long storage takes for a batch.
pub(super) fn disk_time(plan: &DiskPlan, disk: &mut HostDisk, durability: Durability) -> u64 {
    let law = match durability {
        Durability::Synced => &plan.synced,
        Durability::Behind => &plan.behind,
    };
    law.sample(&mut disk.stream)
        .saturating_mul(u64::from(disk.factor))
}

impl World {
    /// Lets a fault happen.
    pub(super) fn strike(&mut self, fault: Fault) -> Result<(), String> {
        self.known_host(&fault)?;
        self.counts.faults += 1;
        match fault {
            Fault::Crash {
                host,
                after_outputs,
                down,
            } => match after_outputs.filter(|count| *count > 0) {
                None => self.crash(host, down),
                Some(count) => self.body(host).crash_after = Some((count, down)),
            },
            Fault::Stop { host, down } => self.stop(host, down),
            Fault::Pause { host, lasts } => self.pause(host, lasts),
            Fault::Block {
                device,
                direction,
                lasts,
            } => {
                self.device_mut(device).link.block(direction);
                self.link_changed(device);
                self.after(lasts, Wake::Free(device, direction));
            }
            Fault::Cut { device } if self.driven.is_some() => self.cut_service(device),
            Fault::Cut { device } => {
                let sessions = self.sessions_of(device);
                sessions.into_iter().for_each(|session| self.cut(session));
            }
            Fault::Slow {
                device,
                factor,
                lasts,
            } => {
                self.device_mut(device).link.factor = factor.max(1);
                self.after(lasts, Wake::Unslow(device));
            }
            Fault::Corrupt { device, direction } => {
                self.device_mut(device).link.corrupt_next(direction);
            }
            Fault::Duplicate { device } => self.device_mut(device).link.duplicate_next = true,
            Fault::Mtu {
                device,
                bytes,
                lasts,
            } => self.narrow(device, bytes, lasts),
            Fault::Address { device, change } => self.change_address(device, change),
            Fault::Disk { host, disk } => self.disk_goes_wrong(host, &disk),
            Fault::Backup { host } => {
                let now = self.now;
                let disk = &mut self.body(host).disk;
                disk.backup = Some((now, disk.store.backup()));
            }
            Fault::Restore { host } => return self.restore(host),
            Fault::Wipe { device } => self.wipe(device),
            Fault::Clone { device } => self.clone_device(device),
            Fault::Clock { host, clock } => self.clock_goes_wrong(host, &clock),
            Fault::Program { .. } if self.driven.is_some() => {
                return Err("this tier has no hands in the talk of devices and relay".to_owned());
            }
            Fault::Program {
                device,
                program,
                lasts,
            } => self.run_program(device, program, lasts),
            Fault::Hostile { device, act } => return self.talk(device, act),
            Fault::Face {
                device,
                face,
                lasts,
            } => self.put_on(device, face, lasts),
        }
        Ok(())
    }

    fn known_host(&self, fault: &Fault) -> Result<(), String> {
        let host = match fault {
            Fault::Crash { host, .. }
            | Fault::Stop { host, .. }
            | Fault::Pause { host, .. }
            | Fault::Disk { host, .. }
            | Fault::Backup { host }
            | Fault::Restore { host }
            | Fault::Clock { host, .. } => *host,
            Fault::Block { device, .. }
            | Fault::Cut { device }
            | Fault::Slow { device, .. }
            | Fault::Corrupt { device, .. }
            | Fault::Duplicate { device }
            | Fault::Mtu { device, .. }
            | Fault::Address { device, .. }
            | Fault::Wipe { device }
            | Fault::Clone { device }
            | Fault::Hostile { device, .. }
            | Fault::Face { device, .. }
            | Fault::Program { device, .. } => Host::Device(*device),
        };
        match host {
            Host::Device(number) if number as usize >= self.devices.len() => {
                Err("there is no such device".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the host crashes at this boundary, or has crashed meanwhile.
    pub(super) fn crashes_here(&mut self, host: Host, life: u32) -> bool {
        let body = self.body(host);
        if body.life != life {
            return true;
        }
        let Some((left, down)) = body.crash_after else {
            return false;
        };
        if left > 1 {
            body.crash_after = Some((left - 1, down));
            return false;
        }
        self.crash(host, down);
        true
    }

    /// The power of a host goes; it comes back after a while.
    fn crash(&mut self, host: Host, down: u64) {
        if !self.is_up(host) {
            return;
        }
        self.counts.crashes += 1;
        self.crash_in_mid_write(host);
        let body = self.body(host);
        let disk = &mut body.disk;
        let (old, mut stream) = (disk.store.clone(), disk.stream.clone());
        let (store, lost) = match &mut self.driven {
            Some(driven) => driven.motor.stopped(host, &old, false, &mut stream),
            None => old.crash(&mut stream),
        };
        let disk = &mut self.body(host).disk;
        (disk.store, disk.stream) = (store, stream);
        self.machine_is_gone(host);
        self.note_at(host, What::Crashed { lost });
        self.start_later(host, down);
    }

    /// The batch on its way may or may not have reached the disk.
    fn crash_in_mid_write(&mut self, host: Host) {
        let batch = match host {
            Host::Relay => self.relay.unwritten.pop_front().map(|(_, batch, _)| batch),
            Host::Device(number) => {
                let unwritten = &mut self.device_mut(number).unwritten;
                unwritten.pop_front().map(|(_, batch, _)| batch)
            }
        };
        let Some(batch) = batch else { return };
        let (batch, _) = self.wiring.commit(host, batch, Durability::Behind);
        let disk = &mut self.body(host).disk;
        if disk.stream.chance(500_000) {
            // In doubt: the crash decides how much of what is behind stays.
            let _ = disk.store.commit(batch, Durability::Behind);
        }
    }

    /// Forgets the machine and everything that was meant for it.
    pub(super) fn machine_is_gone(&mut self, host: Host) {
        let body = self.body(host);
        body.life += 1;
        body.crash_after = None;
        body.failed = None;
        body.paused_until = VirtualTime(0);
        if self.driven.is_some() {
            return self.bury(host);
        }
        match host {
            Host::Relay => {
                self.relay.machine = None;
                self.relay.unwritten.clear();
                self.relay.quiet_due = false;
                self.relay.due_at = None;
                self.talks.clear();
                let mut stream = self
                    .streams
                    .stream(&format!("silence/{}", self.next_number));
                let sessions: Vec<u64> = self.sessions.keys().copied().collect();
                for session in sessions {
                    if let Some(known) = self.sessions.get_mut(&session) {
                        known.relay_side = false;
                    }
                    let span = stream.below(SILENCE);
                    let relay = false;
                    self.after(span, Wake::Ends { session, relay });
                }
            }
            Host::Device(number) => {
                let device = self.device_mut(number);
                device.machine = None;
                device.unwritten.clear();
                device.tick_at = None;
                let session = device.session.take();
                if let Some(session) = session {
                    if let Some(known) = self.sessions.get_mut(&session) {
                        known.device_side = false;
                    }
                    let relay = true;
                    self.after(SILENCE, Wake::Ends { session, relay });
                }
            }
        }
    }

    /// A service may still hold a machine that is gone.
    fn bury(&mut self, host: Host) {
        let life = self.body(host).life - 1;
        match host {
            Host::Relay => {
                let relay = self.relay.machine.take();
                self.corpses.relays.extend(relay.map(|relay| (life, relay)));
            }
            Host::Device(number) => {
                let device = self.device_mut(number);
                device.session = None;
                let agent = device.machine.take().map(|agent| ((number, life), agent));
                self.corpses.agents.extend(agent);
            }
        }
        if let Some(driven) = &mut self.driven {
            driven.forget(host);
            driven.motor.errand(Errand::Kill(host));
        }
    }

    pub(super) fn start_later(&mut self, host: Host, down: u64) {
        let life = self.body(host).life;
        self.after(down, Wake::Start(host, life));
    }

    /// An orderly stop, and a start after a while.
    pub(super) fn stop(&mut self, host: Host, down: u64) {
        if !self.is_up(host) {
            return;
        }
        if self.driven.is_some() {
            return self.errand(Errand::Stop(host, down));
        }
        let life = self.body(host).life;
        match host {
            Host::Device(number) => {
                self.device_input(number, Input::GoOffline);
                while !self.device_mut(number).unwritten.is_empty() {
                    self.device_stored(number, life);
                }
            }
            Host::Relay => {
                while !self.relay.unwritten.is_empty() {
                    self.relay_stored(life);
                }
                self.relay_input(cairn_relay::Input::Tick);
                while !self.relay.unwritten.is_empty() {
                    self.relay_stored(life);
                }
            }
        }
        if self.body(host).life == life {
            self.put_away(host, down);
        }
    }

    /// A host has stopped in order; it starts again after a while.
    pub(super) fn put_away(&mut self, host: Host, down: u64) {
        let disk = &mut self.body(host).disk;
        let (old, mut stream) = (disk.store.clone(), disk.stream.clone());
        let (store, _) = match &mut self.driven {
            Some(driven) => driven.motor.stopped(host, &old, true, &mut stream),
            None => old.stop(&mut stream),
        };
        let disk = &mut self.body(host).disk;
        (disk.store, disk.stream) = (store, stream);
        self.machine_is_gone(host);
        self.note_at(host, What::Stopped);
        self.start_later(host, down);
    }

    /// A host that was down, or whose machine had given up, starts.
    pub(super) fn start_again(&mut self, host: Host, life: u32) {
        let body = self.body(host);
        if body.life != life {
            return;
        }
        if self.is_up(host) {
            return self.stop(host, SECOND);
        }
        if let Host::Device(number) = host
            && !self.device_mut(number).enrolled
        {
            return;
        }
        self.start(host);
    }

    fn pause(&mut self, host: Host, lasts: u64) {
        let until = self.now.plus(lasts);
        let body = self.body(host);
        body.paused_until = body.paused_until.max(until);
        self.note_at(host, What::Paused);
        self.at(until, Wake::Resume(host));
        if lasts < SILENCE {
            return;
        }
        let sessions: Vec<u64> = match host {
            Host::Relay => self.sessions.keys().copied().collect(),
            Host::Device(number) => self.sessions_of(number),
        };
        for session in sessions {
            for relay in [true, false] {
                self.after(SILENCE, Wake::Ends { session, relay });
            }
        }
    }

    pub(super) fn resume(&mut self, host: Host) {
        if self.paused_until(host).is_none() {
            self.note_at(host, What::Resumed);
        }
    }

    pub(super) fn free(&mut self, device: u32, direction: Direction) {
        self.device_mut(device).link.free(direction);
        self.link_changed(device);
    }

    fn narrow(&mut self, device: u32, bytes: u32, lasts: u64) {
        self.device_mut(device).link.mtu = Some(bytes);
        let words = format!("carries packets of {bytes} bytes at most");
        self.note_at(Host::Device(device), What::Path { words });
        self.after(lasts, Wake::Unnarrow(device));
    }

    pub(super) fn unnarrow(&mut self, device: u32) {
        if self.device_mut(device).link.mtu.take().is_some() {
            let words = "is as wide as before".to_owned();
            self.note_at(Host::Device(device), What::Path { words });
        }
    }

    fn change_address(&mut self, device: u32, change: AddressChange) {
        let place = &mut self.device_mut(device).link.place;
        let words = match change {
            AddressChange::Port => {
                place.mapping += 1;
                "begins at another port"
            }
            AddressChange::Network => {
                place.leave();
                "begins at another address"
            }
        };
        let words = words.to_owned();
        self.note_at(Host::Device(device), What::Path { words });
    }

    fn disk_goes_wrong(&mut self, host: Host, fault: &DiskFault) {
        if let (DiskFault::Rot { pick }, Some(driven)) = (fault, &mut self.driven) {
            // What is in memory does not rot: the disk does, while it is closed.
            driven.motor.rot(host, *pick);
            let words = "a stored value is flipped before the next start".to_owned();
            return self.note_at(host, What::Disk { words });
        }
        let disk = &mut self.body(host).disk;
        let words = match fault {
            DiskFault::FailSync => {
                disk.store.fail_next_sync();
                "the next sync fails".to_owned()
            }
            DiskFault::Full { lasts } => {
                disk.store.set_full(true);
                self.after(*lasts, Wake::Room(host));
                "there is no room left".to_owned()
            }
            DiskFault::Rot { pick } => match disk.store.rot(*pick) {
                Some((table, _)) => format!("a value of the {table} table is flipped"),
                None => "there is nothing to flip".to_owned(),
            },
            DiskFault::Slow { factor, lasts } => {
                disk.factor = (*factor).max(1);
                self.after(*lasts, Wake::DiskUnslow(host));
                format!("storage takes {factor} times as long")
            }
        };
        self.note_at(host, What::Disk { words });
    }

    pub(super) fn room(&mut self, host: Host) {
        self.body(host).disk.store.set_full(false);
        let words = "there is room again".to_owned();
        self.note_at(host, What::Disk { words });
    }

    /// What was set aside takes the place of what is stored.
    pub(super) fn restore(&mut self, host: Host) -> Result<(), String> {
        let backup = self.body(host).disk.backup.clone();
        let (from, backup) = backup.ok_or("nothing was set aside")?;
        if self.is_up(host) {
            self.machine_is_gone(host);
        }
        self.body(host).disk.store = SimStore::from_backup(&backup);
        self.note_at(host, What::Restored { from });
        self.start_later(host, SECOND);
        Ok(())
    }

    pub(super) fn wipe(&mut self, device: u32) {
        let host = Host::Device(device);
        if self.is_up(host) {
            self.machine_is_gone(host);
        }
        self.body(host).disk.store = SimStore::new();
        self.note_at(host, What::Wiped);
        self.start_later(host, SECOND);
    }

    fn clone_device(&mut self, device: u32) {
        let copy = self.copy_device(device);
        self.note_at(Host::Device(copy), What::Cloned { of: device });
        self.start(Host::Device(copy));
    }

    fn clock_goes_wrong(&mut self, host: Host, fault: &ClockFault) {
        let now = self.now;
        self.body(host).clock.strike(now, fault);
        if let ClockFault::Freeze { lasts } = fault {
            self.after(*lasts, Wake::Thaw(host));
        }
        self.note_clock(host);
        if host == Host::Relay {
            self.relay_looks_at_its_clock();
        }
    }

    pub(super) fn thaw(&mut self, host: Host) {
        let now = self.now;
        self.body(host).clock.thaw(now);
        self.note_clock(host);
    }

    fn note_clock(&mut self, host: Host) {
        let now = self.now;
        let off = self.body(host).clock.off(now);
        self.note_at(host, What::Clock { off });
    }

    fn put_on(&mut self, device: u32, face: Face, lasts: u64) {
        self.device_mut(device).link.face = Some(face);
        let words = format!("{face:?}").to_lowercase();
        self.note_at(Host::Device(device), What::Face { words });
        self.after(lasts, Wake::Honest(device));
    }

    pub(super) fn honest(&mut self, device: u32) {
        if self.device_mut(device).link.face.take().is_some() {
            let words = "honest again".to_owned();
            self.note_at(Host::Device(device), What::Face { words });
            self.kick_lanes(device);
            self.let_go_of(device, true);
        }
    }
}
