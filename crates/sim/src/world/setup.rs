//! Before a run begins: the relay, its definition, the devices and the records
//! that everybody has.

use super::driven::Corpses;
use super::motor::Errand;
use super::{
    Body, Counts, DeviceHost, Host, HostDisk, ORGANIZATION, RelayHost, Spare, World, record_id,
};
use crate::clocks::HostClock;
use crate::network::Link;
use crate::organization::{definition, login};
use crate::run::Case;
use crate::streams::Streams;
use crate::time::{MINUTE, VirtualTime};
use crate::trace::Trace;
use crate::wiring::{Secrets, Wiring};
use crate::workload;
use cairn_agent::{Agent, Config};
use cairn_model::{Change, Mutation, Version};
use cairn_oplog::{SecretKey, Storage, StorageError};
use cairn_proto::{ClientMessage, Era};
use cairn_relay::{AdminReply, AdminRequest, Relay, ReplyId, SessionId};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

/// Operations of one import.
const IMPORT_OPERATIONS: usize = 200;

impl Body {
    fn new(streams: &Streams, name: &str, start: u64) -> Body {
        Body {
            disk: HostDisk::new(streams, name),
            clock: HostClock::right(start),
            life: 0,
            paused_until: VirtualTime(0),
            crash_after: None,
            failed: None,
        }
    }
}

impl DeviceHost {
    fn new(streams: &Streams, number: u32, user: String, start: u64) -> DeviceHost {
        let name = format!("device/{number}");
        DeviceHost {
            machine: None,
            body: Body::new(streams, &name, start),
            secret: SecretKey::from_seed(&streams.bytes(&format!("key/{number}"))),
            user,
            enrolled: false,
            copy_of: None,
            wanted: false,
            link: Link::new(streams, number),
            dialling: None,
            session: None,
            unwritten: VecDeque::new(),
            tick_at: None,
            ids: streams.stream(&format!("ids/{number}")),
            program: None,
            caught_up: None,
            compared: None,
        }
    }
}

impl World {
    /// The world of a case, ready to run: the definition is published, the
    /// devices are enrolled, and everybody has the first records.
    ///
    /// # Errors
    /// In words, when the plan cannot be set up.
    pub fn new(case: &Case, wiring: Box<dyn Wiring>, keep: bool) -> Result<World, String> {
        let plan = case.plan.clone();
        let streams = Streams::of(plan.seed);
        let topology = &plan.topology;
        let count = topology.devices + topology.late + topology.hostile;
        let devices: Vec<DeviceHost> = (0..count)
            .map(|number| {
                let user = login(number % topology.users.max(1));
                DeviceHost::new(&streams, number, user, plan.start)
            })
            .collect();
        let relay = RelayHost {
            machine: None,
            body: Body::new(&streams, "relay", plan.start),
            secret: SecretKey::from_seed(&streams.bytes("key/relay")),
            unwritten: VecDeque::new(),
            answers: BTreeMap::new(),
            folded: Version(0),
            digest: None,
            quiet_due: false,
            moved: false,
            due_at: None,
        };
        let mut world = World {
            schedule: case.schedule.clone(),
            next_entry: 0,
            now: VirtualTime(0),
            heap: BinaryHeap::new(),
            order: 0,
            relay,
            devices,
            sessions: BTreeMap::new(),
            talks: BTreeMap::new(),
            next_number: 0,
            trace: Trace::new(keep),
            fresh: Vec::new(),
            spare: Spare::default(),
            counts: Counts::default(),
            wiring,
            streams,
            instant: true,
            chaos_over: false,
            credit: 0,
            driven: None,
            corpses: Corpses::default(),
            plan,
        };
        world.begin()?;
        world.instant = false;
        world.counts = Counts::default();
        Ok(world)
    }

    fn begin(&mut self) -> Result<(), String> {
        self.wiring.begin(&Secrets {
            organization: ORGANIZATION,
            relay: self.relay.secret.clone(),
            devices: self.devices.iter().map(|d| d.secret.clone()).collect(),
        });
        self.start(Host::Relay);
        let target = definition(&self.plan.organization, self.plan.topology.users.max(1))?;
        self.ask_now(AdminRequest::Publish(Box::new(target)))?;
        let topology = self.plan.topology.clone();
        let late = topology.devices..topology.devices + topology.late;
        for device in 0..self.devices.len() as u32 {
            if !late.contains(&device) {
                self.enrol(device)?;
            }
        }
        self.import_first_records()?;
        for device in 0..topology.devices {
            self.online(device);
        }
        self.rest();
        for device in 0..topology.devices {
            self.hang_up(device);
        }
        self.rest();
        Ok(())
    }

    /// Lets everything happen that takes no time.
    fn rest(&mut self) {
        while self.heap.peek().is_some_and(|next| next.at <= self.now) {
            if let Some(waiting) = self.heap.pop() {
                self.wake(waiting.wake);
            }
        }
    }

    fn import_first_records(&mut self) -> Result<(), String> {
        let mut stream = self.streams.stream("records");
        let Some(relay) = &self.relay.machine else {
            return Err("the relay does not run".to_owned());
        };
        let definition = relay.state().definition().clone();
        let operations: Vec<Vec<Mutation>> = (0..self.plan.organization.records)
            .filter_map(|number| {
                let edit = workload::create(&definition, &self.plan, &mut stream, number)?;
                let record_type = definition.type_named(&edit.record_type)?;
                let writes = edit.fields.iter().filter_map(|(name, write)| {
                    let field = record_type.field_named(name)?;
                    Some((field.id, workload::plain_write(field, write)?))
                });
                Some(vec![Mutation {
                    record: record_id(number),
                    record_type: record_type.id,
                    base: Version(0),
                    change: Change::Create(writes.collect()),
                }])
            })
            .collect();
        for chunk in operations.chunks(IMPORT_OPERATIONS) {
            self.ask_now(AdminRequest::Edit(chunk.to_vec()))?;
        }
        Ok(())
    }

    /// Has an administrator's request done while nothing takes time.
    fn ask_now(&mut self, request: AdminRequest) -> Result<(), String> {
        let number = self.ask_relay("set-up", request);
        self.rest();
        let answer: Option<AdminReply> = self.relay.answers.remove(&number);
        match answer {
            Some(Ok(verdicts)) => match verdicts.iter().find_map(|verdict| verdict.rejected) {
                Some(code) => Err(format!("the relay rejected its set-up: {code:?}")),
                None => Ok(()),
            },
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the relay did not answer".to_owned()),
        }
    }

    /// Enrols a device with a ticket, over a wire without faults, and opens its
    /// machine.
    pub(super) fn enrol(&mut self, device: u32) -> Result<(), String> {
        if self.driven.is_some() {
            return self.ask_for_enrolment(device);
        }
        let instant = std::mem::replace(&mut self.instant, true);
        let answer = self.enrol_now(device);
        self.instant = instant;
        answer
    }

    fn enrol_now(&mut self, device: u32) -> Result<(), String> {
        if self.device_mut(device).enrolled {
            return Err("the device is enrolled already".to_owned());
        }
        if !self.is_up(Host::Relay) || self.paused_until(Host::Relay).is_some() {
            return Err("the relay is down".to_owned());
        }
        let secret: [u8; 16] = self.streams.stream(&format!("ticket/{device}")).array();
        let user = self.device_mut(device).user.clone();
        let expires = self.wall(Host::Relay).plus(MINUTE / 1_000);
        self.ask_relay(
            "ticket",
            AdminRequest::Ticket {
                user,
                secret,
                expires,
            },
        );
        self.finish_persisting();
        let session = SessionId(self.fresh_number());
        let key = self.device_mut(device).secret.public();
        self.relay_input(cairn_relay::Input::Connected { session, key });
        let message = ClientMessage::Enrol {
            secret,
            name: format!("device {device}"),
        };
        self.relay_input(cairn_relay::Input::Received { session, message });
        self.finish_persisting();
        self.relay_input(cairn_relay::Input::Disconnected { session });
        let relay = self.relay.machine.as_ref();
        let known = relay.is_some_and(|relay| relay.state().author(&key.device()).is_some());
        if !known {
            return Err("the relay did not enrol the device".to_owned());
        }
        self.device_mut(device).enrolled = true;
        self.start(Host::Device(device));
        Ok(())
    }

    /// Lets the relay's storage do what it was asked at once.
    fn finish_persisting(&mut self) {
        while !self.relay.unwritten.is_empty() && self.is_up(Host::Relay) {
            self.relay_stored(self.relay.body.life);
        }
    }

    /// Opens a host's machine over its store.
    pub(super) fn start(&mut self, host: Host) {
        let now = self.now;
        let body = self.body(host);
        body.life += 1;
        body.clock.power_on(now);
        let (store, life) = (body.disk.store.clone(), body.life);
        let storage = match &mut self.driven {
            Some(driven) => driven.motor.storage(host, life, &store),
            None => Ok(self.wiring.start(host, &store)),
        };
        let opened = storage.and_then(|storage| self.open(host, storage));
        self.started(host, opened);
    }

    fn open(&mut self, host: Host, storage: Arc<dyn Storage>) -> Result<(), StorageError> {
        match host {
            Host::Relay => {
                let life = self.relay.body.life;
                let era = Era(self.streams.stream(&format!("era/{life}")).array());
                Relay::open(self.relay.secret.clone(), ORGANIZATION, storage, era).map(|machine| {
                    self.relay.machine = Some(machine);
                    self.relay.digest = None;
                })
            }
            Host::Device(number) => {
                let seed = self.device_mut(number).ids.word();
                let config = Config {
                    organization: ORGANIZATION,
                    relay: self.relay.secret.public(),
                    secret: self.device_mut(number).secret.clone(),
                    seed,
                };
                Agent::open(config, storage)
                    .map(|machine| self.device_mut(number).machine = Some(machine))
            }
        }
    }

    fn started(&mut self, host: Host, opened: Result<(), StorageError>) {
        if let Err(error) = opened {
            let words = error.to_string();
            self.body(host).failed = Some(error);
            return self.note_at(host, crate::trace::What::NotStarted { words });
        }
        self.body(host).failed = None;
        self.note_at(host, crate::trace::What::Started);
        self.errand(Errand::Serve(host));
        match host {
            Host::Relay => {
                if let Some(relay) = &self.relay.machine {
                    self.relay.folded = relay.state().version();
                }
                self.relay.due_at = None;
            }
            Host::Device(number) => {
                let device = self.device_mut(number);
                device.caught_up = None;
                if device.wanted {
                    self.device_input(number, cairn_agent::Input::GoOnline);
                }
            }
        }
    }

    /// Hands an administrator's request to the relay; gives its number.
    pub(super) fn ask_relay(&mut self, what: &str, request: AdminRequest) -> u64 {
        let number = self.fresh_number();
        let what = what.to_owned();
        let asked = crate::trace::What::AdminAsked {
            request: number,
            what,
        };
        self.note_at(Host::Relay, asked);
        let reply = ReplyId(number);
        self.relay_input(cairn_relay::Input::Admin { reply, request });
        number
    }

    /// A copy of a device: its key, and what it has stored.
    pub(super) fn copy_device(&mut self, device: u32) -> u32 {
        let number = self.devices.len() as u32;
        let start = self.plan.start;
        let user = self.device_mut(device).user.clone();
        let mut copy = DeviceHost::new(&self.streams, number, user, start);
        let original = self.device_mut(device);
        copy.secret = original.secret.clone();
        copy.enrolled = true;
        copy.copy_of = Some(original.copy_of.unwrap_or(device));
        copy.body.disk.store =
            crate::disk::SimStore::from_backup(&original.body.disk.store.backup());
        copy.wanted = original.wanted;
        copy.program = original.program;
        copy.link.in_reach = original.link.in_reach;
        self.devices.push(copy);
        number
    }
}
