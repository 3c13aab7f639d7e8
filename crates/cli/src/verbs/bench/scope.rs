//! Who holds what in a large organization: how long the relay takes to index
//! it, to find what one user holds, and whom a change concerns.

use super::floor::milliseconds;
use super::idle::resident_kilobytes;
use super::measure::{Measure, percentile};
use crate::args::bench::ScopeSize;
use crate::exit::Failure;
use crate::key_file::random;
use crate::verbs::org::read_definition;
use crate::verbs::sample::creation;
use cairn_model::definition::{Depth, Filter, Right, Role};
use cairn_model::{
    Change, Definition, Mutation, OrganizationId, RecordId, Timestamp, Value, Version, Write,
    sample, text,
};
use cairn_oplog::SecretKey;
use cairn_oplog::Storage;
use cairn_oplog::memory::MemoryStorage;
use cairn_projection::State;
use cairn_proto::{ClientMessage, Era, HeldDigest, Hello, ServerMessage};
use cairn_relay::{AdminRequest, Input, Output, Relay, ReplyId, SessionId};
use cairn_scope::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// The default profile is of this template.
const TEMPLATE: &str = "field-service";
const SEED: u64 = 7;
/// The sample's first working day is 2026-06-01; it is the eleventh, at nine.
const NOW: Timestamp = Timestamp(1_780_272_000_000 + 10 * 86_400_000 + 9 * 3_600_000);
/// Records in one portion of the sample.
const PORTION: u32 = 80;
/// Records created by one operation.
const TOGETHER: usize = 100;
/// Changes of each kind that are followed.
const CHANGES: usize = 200;
/// The budgets.
const FAN_OUT_TARGET_MS: f64 = 1.0;
const ASKED_TARGET_S: f64 = 1.0;
/// Records of the organization that a pull is compared with.
const SMALL: u32 = 1_000;

/// Measures it.
pub(super) fn run(size: &ScopeSize) -> Result<Vec<Measure>, Failure> {
    // With as many records for each user, so that a user holds as many.
    let few = size.users as u64 * u64::from(SMALL) / u64::from(size.records);
    let small = ScopeSize {
        records: SMALL,
        users: few.max(1) as u32,
        ..size.clone()
    };
    let small = pull_without_change(&mut Organization::of(&small)?)?;
    let mut organization = Organization::of(size)?;
    let mut measures = Vec::new();
    let pull = pull_without_change(&mut organization)?;
    let state = organization.relay.state();
    let records = state.records().count();
    let users: Vec<String> = state.definition().users.keys().cloned().collect();
    let named = |what: &str| {
        let roles = if size.roles { ", with roles" } else { "" };
        format!("{what}; {records} records, {} users{roles}", users.len())
    };
    let lower =
        |what: &str, value: f64, unit: &str| Measure::lower("scope", named(what), value, unit);

    let walk = seconds(|| {
        state
            .records()
            .map(|record| record.fields.len())
            .sum::<usize>()
    });
    let start = Instant::now();
    let mut engine = Engine::of(state, NOW);
    let built = milliseconds(start) / 1000.0;
    measures.push(lower("indexes built", built, "s").floor(walk));
    let mut cold = Vec::new();
    for user in &users {
        let start = Instant::now();
        black_box(engine.scope(state, user));
        cold.push(milliseconds(start));
    }
    measures.push(lower(
        "one user's scope, cold, p50",
        part(&mut cold, 0.5),
        "ms",
    ));
    measures.push(lower(
        "one user's scope, cold, p99",
        part(&mut cold, 0.99),
        "ms",
    ));
    let start = Instant::now();
    for user in &users {
        black_box(engine.scope(state, user));
    }
    let warm = milliseconds(start) / users.len() as f64;
    measures.push(lower("one user's scope, warm", warm, "ms"));
    let (of_record, of_user) = memory(state, &users)?;
    measures.push(lower(
        "memory of a record in the indexes",
        of_record,
        "bytes",
    ));
    measures.push(lower("memory of a user", of_user, "bytes"));
    measures.extend(asked(&engine, state, &users, &lower)?);

    for (kind, mut took) in fan_out(&mut organization, &mut engine)? {
        let what = format!("{kind}: everybody it concerns");
        measures.push(lower(&format!("{what}, p50"), part(&mut took, 0.5), "ms"));
        let worst = lower(&format!("{what}, p99"), part(&mut took, 0.99), "ms");
        measures.push(worst.target(FAN_OUT_TARGET_MS));
    }
    // Twice as long is within what two runs differ by at so few microseconds.
    let pulled = lower("a pull when nothing changed", pull, "ms");
    measures.push(pulled.floor(small).target(small * 2.0));
    Ok(measures)
}

/// Bytes of memory that a record takes in the indexes, and a user whose scope
/// is known. The first engines fill what was free before; then it is counted.
fn memory(state: &State, users: &[String]) -> Result<(f64, f64), Failure> {
    /// Engines that are counted.
    const COUNTED: usize = 3;
    let mut engines: Vec<Engine> = (0..2).map(|_| Engine::of(state, NOW)).collect();
    let before = resident_kilobytes()?;
    engines.extend((0..COUNTED).map(|_| Engine::of(state, NOW)));
    let indexed = resident_kilobytes()?;
    let watch = |engines: &mut [Engine]| {
        for engine in engines {
            users
                .iter()
                .for_each(|user| drop(engine.scope(state, user)));
        }
    };
    watch(&mut engines[..2]);
    let some = resident_kilobytes()?;
    watch(&mut engines[2..]);
    let watched = resident_kilobytes()?;
    let each = |kilobytes: f64, of: usize| kilobytes * 1024.0 / (COUNTED * of) as f64;
    let records = state.records().count();
    Ok((
        each(indexed - before, records),
        each(watched - some, users.len()),
    ))
}

/// What an administrator asks.
fn asked(
    engine: &Engine,
    state: &State,
    users: &[String],
    lower: &impl Fn(&str, f64, &str) -> Measure,
) -> Result<Vec<Measure>, Failure> {
    let orders = records_of(state, "work_order");
    let pairs = users.iter().zip(&orders).take(CHANGES);
    let asked = pairs.len().max(1) as f64;
    let explained = seconds(|| {
        for (user, record) in pairs {
            black_box(engine.explain(state, user, *record));
        }
    });
    let mut draft = Definition::clone(state.definition());
    let booking = named_type(&draft, "booking")?;
    for profile in draft.profiles.values_mut() {
        if let Some(rule) = profile.types.get_mut(&booking)
            && let Filter::Where(filter) = &mut rule.filter
        {
            *filter = filter.replace("days(8)", "days(15)");
        }
    }
    let some = &users[..users.len().min(10)];
    let previewed = seconds(|| engine.preview(state, &draft, some));
    Ok(vec![
        lower("`profile explain`", explained / asked, "s").target(ASKED_TARGET_S),
        lower("`profile preview` of 10 users", previewed, "s").target(ASKED_TARGET_S),
    ])
}

/// A kind of change: what it is called, of which type and field, and the value
/// that the field takes by a number.
type Kind<'a> = (&'static str, &'a str, &'a str, &'a dyn Fn(usize) -> Value);

/// Changes records one at a time; for each kind of change, how long it took to
/// find everybody whose devices have to be told, in milliseconds.
fn fan_out(
    organization: &mut Organization,
    engine: &mut Engine,
) -> Result<Vec<(&'static str, Vec<f64>)>, Failure> {
    let definition = Arc::clone(organization.relay.state().definition());
    let users: Vec<RecordId> = (definition.users.keys())
        .map(|login| Definition::user_record(login))
        .collect();
    let accounts = records_of(organization.relay.state(), "account");
    let person = |n: usize| Value::Lookup(users[n * 37 % users.len()]);
    let hours = |n: usize| NOW.plus((n as u64 % 20) * 12 * 3_600_000);
    let kinds: [Kind<'_>; 5] = [
        ("a remark", "work_order", "internal_remarks", &|n| {
            Value::Text(format!("Remark {n}"))
        }),
        ("a booking moved", "booking", "starts_at", &|n| {
            Value::Timestamp(hours(n))
        }),
        (
            "a booking of somebody else",
            "booking",
            "technician",
            &person,
        ),
        (
            "a work order for another account",
            "work_order",
            "account",
            &|n| Value::Lookup(accounts[n % accounts.len()]),
        ),
        ("an account of somebody else", "account", "owner", &person),
    ];
    let mut measured = Vec::new();
    for (kind, of, field, value) in kinds {
        let record_type = named_type(&definition, of)?;
        let field = definition.types[&record_type].field_named(field);
        let field = field.ok_or_else(|| unfit(of))?.id;
        let records = records_of(organization.relay.state(), of);
        let mut took = Vec::new();
        for n in 0..CHANGES {
            organization.edit(vec![vec![Mutation {
                record: records[n * 7_919 % records.len()],
                record_type,
                base: organization.relay.state().version(),
                change: Change::Update(vec![(field, Write::Set(value(n)))]),
            }]])?;
            let state = organization.relay.state();
            let start = Instant::now();
            let touched = engine.fold(state, NOW);
            black_box(engine.holders(&touched.records));
            took.push(milliseconds(start));
            for user in &touched.users {
                engine.scope(state, user);
            }
        }
        measured.push((kind, took));
    }
    Ok(measured)
}

/// A relay without a network, whose storage is memory: what is measured is
/// what it decides.
struct Organization {
    relay: Relay,
    storage: Arc<MemoryStorage>,
    id: OrganizationId,
    next: u64,
}

impl Organization {
    fn of(size: &ScopeSize) -> Result<Organization, Failure> {
        let storage = Arc::new(MemoryStorage::new());
        let id = OrganizationId(random()?);
        let secret = SecretKey::from_seed(&random()?);
        let relay = Relay::open(secret, id, storage.clone(), Era(random()?))?;
        let mut organization = Organization {
            relay,
            storage,
            id,
            next: 0,
        };
        let definition = definition(size)?;
        organization.ask(AdminRequest::Publish(Box::new(definition)))?;
        let definition = Arc::clone(organization.relay.state().definition());
        for portion in sample::portions(&definition, size.records.div_ceil(PORTION), SEED) {
            let creations = portion.into_iter();
            let creations = creations.map(|record| creation(&definition, record));
            let creations = creations.collect::<Result<Vec<Mutation>, Failure>>()?;
            organization.edit(creations.chunks(TOGETHER).map(<[_]>::to_vec).collect())?;
        }
        Ok(organization)
    }

    fn edit(&mut self, operations: Vec<Vec<Mutation>>) -> Result<(), Failure> {
        self.ask(AdminRequest::Edit(operations)).map(drop)
    }

    fn ask(&mut self, request: AdminRequest) -> Result<Vec<ServerMessage>, Failure> {
        self.next += 1;
        let reply = ReplyId(self.next);
        self.hand(Input::Admin { reply, request })
    }

    /// Hands the relay an input and carries out what it wants done.
    fn hand(&mut self, input: Input) -> Result<Vec<ServerMessage>, Failure> {
        self.relay.handle(NOW, input);
        let mut said = Vec::new();
        while let Some(output) = self.relay.poll_output() {
            match output {
                Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    self.storage.commit(batch, durability)?;
                    self.relay.handle(NOW, Input::Persisted(id));
                }
                Output::Send { session, message } => {
                    said.push(message);
                    self.relay.handle(NOW, Input::Sent { session });
                }
                Output::Close { refusal, .. } => return Err(Failure::relay(refusal.words())),
                Output::Reply { answer, .. } => {
                    let verdicts = answer?;
                    if let Some(code) = verdicts.iter().find_map(|verdict| verdict.rejected) {
                        let words =
                            format!("an edit to measure with was rejected: {}", code.code());
                        return Err(Failure::storage(words));
                    }
                }
            }
        }
        Ok(said)
    }
}

/// The template, with many users who have its profile.
fn definition(size: &ScopeSize) -> Result<Definition, Failure> {
    let files = text::template(TEMPLATE).ok_or_else(|| unfit(TEMPLATE))?;
    let mut definition = read_definition(&files, &Definition::default())?;
    sample::crowd(&mut definition, size.users);
    if size.roles {
        let all = |depth| Right::ALL.iter().map(|right| (*right, depth)).collect();
        let unowned = definition.types.values().filter(|of| of.owner.is_none());
        let types: BTreeMap<_, _> = unowned
            .map(|of| (of.id, all(Depth::Organization)))
            .collect();
        let role = Role {
            label: "Colleague".to_owned(),
            others: all(Depth::BusinessUnit),
            types,
        };
        definition.roles.insert("colleague".to_owned(), role);
        for user in definition.users.values_mut() {
            user.roles.insert("colleague".to_owned());
        }
    }
    Ok(definition)
}

/// How long a relay takes to tell a device that there is nothing new for it, in
/// milliseconds: the middle of many times.
fn pull_without_change(organization: &mut Organization) -> Result<f64, Failure> {
    let state = organization.relay.state();
    let login = state.definition().users.keys().next_back().cloned();
    let secret = SecretKey::from_seed(&random()?);
    let ticket: [u8; 16] = random()?;
    organization.ask(AdminRequest::Ticket {
        user: login.unwrap_or_default(),
        secret: ticket,
        expires: NOW.plus(1_000),
    })?;
    let key = secret.public();
    let name = "a phone".to_owned();
    let enrol = ClientMessage::Enrol {
        secret: ticket,
        name,
    };
    let mut session = SessionId(0);
    let mut talk = |organization: &mut Organization, message| {
        session = SessionId(session.0 + 1);
        organization.hand(Input::Connected { session, key })?;
        let said = organization.hand(Input::Received { session, message })?;
        organization.hand(Input::Disconnected { session })?;
        Ok::<_, Failure>(said)
    };
    talk(organization, enrol)?;
    let id = organization.id;
    let hello = |held: HeldDigest, version: Version| {
        ClientMessage::Hello(Hello {
            organization: id,
            cursor: version,
            held,
            views: Vec::new(),
            directory: version,
            issues: version,
            era: None,
            told: version,
            lags: Vec::new(),
            generation: 0,
            incorporated: 0,
            wish: cairn_proto::Wish::Due,
        })
    };
    let first = talk(organization, hello(HeldDigest::default(), Version(0)))?;
    let mut held = BTreeSet::new();
    for message in first {
        match message {
            ServerMessage::Page { page, .. } => held.extend(page.index.iter().map(|(id, _)| *id)),
            ServerMessage::Changes { images, .. } => {
                let read = images
                    .iter()
                    .map(|image| cairn_projection::Image::read(&image.0).map(|image| image.id()));
                held.extend(
                    read.collect::<Result<Vec<_>, _>>()
                        .map_err(Failure::relay)?,
                );
            }
            _ => {}
        }
    }
    let digest: HeldDigest = held.into_iter().collect();
    let mut took = Vec::new();
    for _ in 0..CHANGES {
        let version = organization.relay.state().version();
        let hello = hello(digest, version);
        let start = Instant::now();
        let said = talk(organization, hello)?;
        took.push(milliseconds(start));
        let quiet = said.iter().all(|message| match message {
            ServerMessage::TellHeld | ServerMessage::Page { .. } => false,
            ServerMessage::Changes { images, last, .. } => images.is_empty() && *last,
            _ => true,
        });
        if !quiet {
            return Err(Failure::storage("the relay had something to tell"));
        }
    }
    Ok(part(&mut took, 0.5))
}

fn records_of(state: &State, name: &str) -> Vec<RecordId> {
    let of = state.definition().type_named(name).map(|of| of.id);
    let records = state
        .records()
        .filter(|record| Some(record.record_type) == of);
    records.map(|record| record.id).collect()
}

fn named_type(definition: &Definition, name: &str) -> Result<cairn_model::TypeId, Failure> {
    let found = definition.type_named(name).map(|of| of.id);
    found.ok_or_else(|| unfit(name))
}

fn unfit(name: &str) -> Failure {
    Failure::usage(format!("the template to measure with has no `{name}`"))
}

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    milliseconds(start) / 1000.0
}

/// The value that `share` of all are not above.
fn part(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    percentile(values, share)
}
