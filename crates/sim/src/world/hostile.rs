//! Somebody who has a device's key, or makes one up, talks to the relay by
//! hand. What they send is signed where their key allows it; the relay has to
//! bear all of it.

use super::motor::Errand;
use super::{Host, ORGANIZATION, Wake, World};
use crate::schedule::HostileAct;
use crate::time::{MILLISECOND, SECOND};
use crate::trace::What;
use cairn_model::{
    Action, Change, HybridTime, LogId, Mutation, Operation, RecordId, Timestamp, Version, Write,
    codec, limit,
};
use cairn_model::{FieldId, TypeId, Value};
use cairn_oplog::SecretKey;
use cairn_oplog::bundle::{BUNDLE_BYTES_MAX, LogHead, seal};
use cairn_proto::{ClientMessage, HeldDigest, Hello, ServerMessage, Welcome};
use cairn_relay::{Input, SessionId};

/// How long a hostile talk lasts after its last word.
const PATIENCE: u64 = 2 * SECOND;
/// Versions beyond any ledger of a run.
const FAR_VERSION: u64 = 1 << 40;
/// A year, in milliseconds.
const YEAR: u64 = 365 * 24 * 3_600_000;

/// A talk that somebody leads by hand.
#[derive(Debug)]
pub(super) struct Talk {
    device: u32,
    act: HostileAct,
    queue: Vec<ClientMessage>,
    open: bool,
}

impl World {
    /// Begins a hostile talk with a device's key.
    pub(super) fn talk(&mut self, device: u32, act: HostileAct) -> Result<(), String> {
        if !self.is_up(Host::Relay) || self.paused_until(Host::Relay).is_some() {
            return Err("the relay is down".to_owned());
        }
        let key = self.device_mut(device).secret.public();
        if let Some(driven) = &mut self.driven {
            driven.expect_thief(key);
            self.errand(Errand::Misuse(device, act));
            self.note_hostile(device, format!("begins: {act:?}"));
            return Ok(());
        }
        let session = self.fresh_number();
        self.talks.insert(
            session,
            Talk {
                device,
                act,
                queue: Vec::new(),
                open: true,
            },
        );
        self.note_hostile(device, format!("begins: {act:?}"));
        self.relay_input(Input::Connected {
            session: SessionId(session),
            key,
        });
        self.relay_input(Input::Received {
            session: SessionId(session),
            message: World::greeting(),
        });
        let ends = true;
        self.after(2 * PATIENCE, Wake::Talk { session, ends });
        Ok(())
    }

    pub(crate) fn note_hostile(&mut self, device: u32, words: String) {
        self.note_at(Host::Device(device), What::Hostile { words });
    }

    /// How a hostile talk begins: like any other.
    pub(crate) fn greeting() -> ClientMessage {
        ClientMessage::Hello(Hello {
            organization: ORGANIZATION,
            cursor: Version(0),
            held: HeldDigest::default(),
            views: Vec::new(),
            directory: Version(0),
            issues: Version(0),
            era: None,
            told: Version(0),
            lags: Vec::new(),
            generation: 0,
            incorporated: 0,
            wish: cairn_proto::Wish::Due,
        })
    }

    /// Notes what the relay answered to a hostile act.
    pub(crate) fn note_answer(&mut self, device: u32, act: HostileAct, message: &ServerMessage) {
        let words = match message {
            ServerMessage::Ack(ack) => {
                let (through, rejected) = (ack.through, ack.rejected.len());
                format!("{act:?}: taken through {through}, {rejected} rejected")
            }
            ServerMessage::Refused(refusal) => format!("{act:?}: refused, {refusal:?}"),
            _ => return,
        };
        self.note_hostile(device, words);
    }

    /// The relay says something in a hostile talk.
    pub(super) fn talk_hears(&mut self, session: u64, message: ServerMessage) {
        let Some(talk) = self.talks.get(&session) else {
            return;
        };
        let (device, act) = (talk.device, talk.act);
        match message {
            ServerMessage::Welcome(welcome) => {
                let queue = self.attack(device, act, &welcome);
                if let Some(talk) = self.talks.get_mut(&session) {
                    talk.queue = queue;
                }
                let ends = false;
                self.after(MILLISECOND, Wake::Talk { session, ends });
            }
            answer => self.note_answer(device, act, &answer),
        }
    }

    /// Whether the session is a hostile talk, which the relay has closed now.
    pub(super) fn talk_is_closed(&mut self, session: u64) -> bool {
        match self.talks.get_mut(&session) {
            Some(talk) => {
                talk.open = false;
                true
            }
            None => false,
        }
    }

    /// A hostile talk goes on, or ends.
    pub(super) fn talk_goes_on(&mut self, session: u64, ends: bool) {
        if ends {
            if self.talks.remove(&session).is_some_and(|talk| talk.open) {
                let session = SessionId(session);
                self.relay_input(Input::Disconnected { session });
            }
            return;
        }
        let Some(talk) = self.talks.get_mut(&session) else {
            return;
        };
        for message in std::mem::take(&mut talk.queue) {
            let open = self.talks.get(&session).is_some_and(|talk| talk.open);
            if open {
                self.relay_input(Input::Received {
                    session: SessionId(session),
                    message,
                });
            }
        }
    }

    /// What is sent in an act of this kind, given what the relay has of the log.
    pub(crate) fn attack(
        &mut self,
        device: u32,
        act: HostileAct,
        welcome: &Welcome,
    ) -> Vec<ClientMessage> {
        let secret = self.device_mut(device).secret.clone();
        let other = self.devices[(device as usize + 1) % self.devices.len()]
            .secret
            .public();
        let now = self.wall(Host::Relay);
        let mut log = LogId {
            device: secret.public().device(),
            generation: welcome.generation,
        };
        let head = welcome.head;
        let genesis = LogHead::genesis(&ORGANIZATION, &log);
        let edit = |time, base, text: &str| edit(self.target(), time, base, text);
        let plain = edit(now, welcome.version, "hostile");
        let bundle = |log, at: &LogHead, operations: Vec<Vec<u8>>, key: &SecretKey| {
            ClientMessage::Upload(
                seal(&ORGANIZATION, log, at, operations, key)
                    .bytes()
                    .to_vec(),
            )
        };
        match act {
            HostileAct::Forge => {
                let stranger = SecretKey::from_seed(&[0x66; 32]);
                vec![bundle(log, &head, vec![plain], &stranger)]
            }
            HostileAct::Impersonate => {
                log.device = other.device();
                vec![bundle(log, &head, vec![plain], &secret)]
            }
            HostileAct::Replay => {
                let first = bundle(log, &head, vec![plain], &secret);
                vec![first.clone(), first]
            }
            HostileAct::Equivocate => {
                let again = edit(now, welcome.version, "another");
                let first = bundle(log, &head, vec![plain], &secret);
                vec![first, bundle(log, &head, vec![again], &secret)]
            }
            HostileAct::Gap => {
                let mut at = head;
                at.sequence += 7;
                vec![bundle(log, &at, vec![plain], &secret)]
            }
            HostileAct::BackDate => {
                let old = Timestamp(now.0.saturating_sub(20 * YEAR));
                let old = edit(old, Version(0), "from long ago");
                vec![bundle(log, &head, vec![old], &secret)]
            }
            HostileAct::FutureDate => {
                let late = edit(now.plus(50 * YEAR), welcome.version, "from the future");
                vec![bundle(log, &head, vec![late], &secret)]
            }
            HostileAct::FutureBase => {
                let base = Version(FAR_VERSION);
                let late = edit(now, base, "on what nobody has seen");
                vec![bundle(log, &head, vec![late], &secret)]
            }
            HostileAct::Oversized => {
                let text = "x".repeat(limit::TEXT_BYTES_MAX + 1);
                let large = edit(now, welcome.version, &text);
                vec![
                    bundle(log, &head, vec![large], &secret),
                    ClientMessage::Upload(vec![0; BUNDLE_BYTES_MAX + 1]),
                ]
            }
            HostileAct::Usurp => {
                let device = other.device();
                let revoke = operation(now, Action::Revoke { device });
                vec![bundle(log, &head, vec![revoke], &secret)]
            }
            HostileAct::Garbage => {
                let garbage = vec![vec![0xff; 40], b"not an operation".to_vec(), Vec::new()];
                vec![bundle(log, &head, garbage, &secret)]
            }
            HostileAct::Noise => vec![
                ClientMessage::UploadNext(vec![0xee; 90]),
                bundle(log, &genesis, vec![plain], &secret),
            ],
        }
    }

    /// The record and field that hostile edits go for.
    fn target(&self) -> Option<(RecordId, TypeId, FieldId)> {
        let state = self.relay.machine.as_ref()?.state();
        let record = state.records().next()?;
        let record_type = state.definition().types.get(&record.record_type)?;
        let field = record_type.title?;
        Some((record.id, record_type.id, field))
    }
}

fn operation(now: Timestamp, action: Action) -> Vec<u8> {
    codec::encode(&Operation {
        time: HybridTime::new(now, 0),
        definition: 1,
        action,
    })
}

fn edit(
    target: Option<(RecordId, TypeId, FieldId)>,
    now: Timestamp,
    base: Version,
    text: &str,
) -> Vec<u8> {
    let mutations = target.map(|(record, record_type, field)| Mutation {
        record,
        record_type,
        base,
        change: Change::Update(vec![(field, Write::Set(Value::Text(text.to_owned())))]),
    });
    operation(now, Action::Edit(mutations.into_iter().collect()))
}
