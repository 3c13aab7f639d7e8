//! One life of a scene: people act, sync, and in closed loop react to what the
//! policy on trial shows them.

use super::domain::{Deed, Desk, Draft, Put, Role};
use super::folded::Folded;
use super::laws::{Outages, burst};
use super::mind::{Answer, Mind};
use super::sight::{Arrived, Cell, Images, Seen, Sight};
use super::{BEGIN, Scene};
use crate::door::{Run, Study, Truth};
use crate::scribe::{Pen, Scribe};
use crate::stats::Stream;
use cairn_model::{
    Change, FieldId, HybridTime, Mutation, OperationId, RecordId, RecordType, SettleOutcome,
    Timestamp, TypeId, Version, Write,
};
use cairn_projection::{Trial, document};
use std::collections::{BTreeMap, BTreeSet};

/// A change of one record, before anybody knows on what base it arrives.
pub(super) type Altered = (RecordId, TypeId, Change);

/// What a person did and did not upload yet.
struct Pending {
    time: HybridTime,
    deed: Doing,
    piece: Option<String>,
}

enum Doing {
    Edit(Vec<Altered>),
    Settle(Version, SettleOutcome),
}

/// A person on their way through a history.
struct Person {
    role: Role,
    pen: Pen,
    /// How far the clock is off.
    offset: i64,
    base: Version,
    /// Operations that were done on the device.
    sequence: u64,
    /// What they did since the last sync.
    own: Images,
    pending: Vec<Pending>,
    acts: usize,
    done: bool,
    /// The end of the spell that the device is in reach for.
    until: u64,
    stream: Stream,
    /// What is on the device and what they make of it, where they look at it.
    mind: Option<(Images, Mind)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Act,
    React,
    Sync,
}

struct World<'a> {
    scene: &'a Scene,
    types: BTreeMap<TypeId, RecordType>,
    arrived: Arrived,
    agenda: BTreeSet<(u64, Turn, usize)>,
    people: Vec<Person>,
    sites: Vec<Outages>,
    scribe: Scribe,
    truth: Truth,
    folded: Option<Folded>,
}

/// Lives a scene once. Without a trial nobody reacts, and one seed is one
/// ledger; with one, what people do depends on what it shows them.
pub(super) fn live(scene: &Scene, seed: u64, trial: Option<Trial>) -> Study {
    let name = format!("{} {seed}", scene.name);
    let mut world = World::new(scene, &name, seed, trial);
    world.begin();
    for number in 0..world.people.len() {
        world.join(number, seed);
    }
    while let Some((time, turn, person)) = world.agenda.pop_first() {
        match turn {
            Turn::Act => world.act(time, person),
            Turn::React => world.react(time, person),
            Turn::Sync => world.sync(time, person),
        }
    }
    let World {
        mut truth,
        people,
        scribe,
        ..
    } = world;
    for person in &people {
        let device = scribe.log(person.pen).device;
        truth.offsets.insert(device, person.offset);
        truth.weights.insert(device, person.role.weight);
    }
    scene.domain.declare(&mut truth);
    Study {
        name,
        ledger: scribe.finish(),
        truth,
    }
}

impl World<'_> {
    fn new<'a>(scene: &'a Scene, name: &str, seed: u64, trial: Option<Trial>) -> World<'a> {
        let types = scene.domain.types();
        let mut scribe = Scribe::new(name, types.clone(), BEGIN);
        let person = |(number, role)| Person {
            pen: scribe.enrol(),
            role,
            offset: 0,
            base: Version(0),
            sequence: 0,
            own: Images::default(),
            pending: Vec::new(),
            acts: 0,
            done: false,
            until: BEGIN.0,
            stream: Stream::new(seed, &format!("person {number}")),
            mind: None,
        };
        let people = scene.domain.people().into_iter();
        let people = (0usize..).zip(people).map(person).collect();
        let sites = (0usize..).zip(scene.domain.sites());
        let sites = sites.map(|(number, law)| {
            let stream = Stream::new(seed, &format!("site {number}"));
            Outages::new(law, stream)
        });
        World {
            sites: sites.collect(),
            scene,
            types: types.into_iter().map(|t| (t.id, t)).collect(),
            arrived: Arrived::new(scene.domain.looks()),
            agenda: BTreeSet::new(),
            people,
            truth: Truth::default(),
            folded: trial.map(|trial| Folded::new(&scribe, trial)),
            scribe,
        }
    }

    /// What is there before anybody begins is done by the first person.
    fn begin(&mut self) {
        for draft in self.scene.domain.begin() {
            self.take_down(BEGIN.0, 0, draft);
        }
        self.upload(0);
    }

    fn join(&mut self, number: usize, seed: u64) {
        let version = self.scribe.version();
        let person = &mut self.people[number];
        let span = 2.0 * person.role.skew as f64;
        person.offset = (person.stream.share() * span) as i64 - person.role.skew as i64;
        person.base = version;
        if let Some(folded) = &self.folded {
            let mind = Mind::new(&self.scene.agents, seed, number);
            if mind.looks() {
                let mut images = Images::default();
                folded.state().records().for_each(|r| images.show(r));
                person.mind = Some((images, mind));
            }
        }
        self.next_act(BEGIN.0, number);
        self.next_sync(BEGIN.0, number);
    }

    fn next_act(&mut self, now: u64, number: usize) {
        let Person {
            role,
            stream,
            acts,
            done,
            ..
        } = &mut self.people[number];
        *done = *acts >= role.acts;
        if *done {
            return;
        }
        let span = role.pause.draw(stream);
        let time = match role.hours {
            Some(hours) => hours.after(now, span),
            None => now + span,
        };
        *done = time > BEGIN.0.saturating_add(role.until);
        if !*done {
            self.agenda.insert((time, Turn::Act, number));
        }
    }

    fn next_sync(&mut self, now: u64, number: usize) {
        let Person {
            role,
            stream,
            until,
            ..
        } = &mut self.people[number];
        let mut time = role.line.next(now, until, stream);
        if let Some(back) = role.site.and_then(|site| self.sites[site].end(time)) {
            self.truth.healed = self.truth.healed.max(Some(Timestamp(back)));
            time = burst(back, stream);
        }
        self.agenda.insert((time, Turn::Sync, number));
    }

    fn act(&mut self, now: u64, number: usize) {
        let person = &mut self.people[number];
        let seen = Seen {
            arrived: &self.arrived,
            base: person.base,
            images: person.mind.as_ref().map(|(images, _)| images),
            own: &person.own,
        };
        let desk = Desk {
            person: number,
            acts: person.acts,
            now: Timestamp(now),
            sight: &seen,
        };
        let draft = self.scene.domain.act(&desk, &mut person.stream);
        person.acts += 1;
        self.take_down(now, number, draft);
        self.next_act(now, number);
    }

    /// Makes an operation of what somebody means to do.
    fn take_down(&mut self, now: u64, number: usize, draft: Draft) {
        let person = &mut self.people[number];
        let operation = OperationId {
            log: self.scribe.log(person.pen),
            sequence: person.sequence + 1,
        };
        let mut altered = Vec::new();
        for edit in draft.edits {
            let Some(record_type) = self.types.get(&edit.record_type) else {
                continue;
            };
            let seen = Seen {
                arrived: &self.arrived,
                base: person.base,
                images: person.mind.as_ref().map(|(images, _)| images),
                own: &person.own,
            };
            let written = |puts: Vec<(FieldId, Put)>| {
                let put = |(field, put)| {
                    let write = written(record_type, field, put, &seen, edit.record, &operation);
                    Some((field, write?))
                };
                puts.into_iter().filter_map(put).collect::<Vec<_>>()
            };
            let change = match edit.deed {
                Deed::Create(puts) => Change::Create(written(puts)),
                Deed::Update(puts) => Change::Update(written(puts)),
                Deed::Delete => Change::Delete,
            };
            if matches!(&change, Change::Update(writes) if writes.is_empty()) {
                continue;
            }
            let cells = match self.scene.domain.looks() {
                true => cells(record_type, edit.record, &change, &seen),
                false => Vec::new(),
            };
            person.own.did(edit.record, record_type.id, &change, cells);
            altered.push((edit.record, edit.record_type, change));
        }
        if !altered.is_empty() {
            self.queue(now, number, Doing::Edit(altered), draft.piece);
        }
    }

    fn queue(&mut self, now: u64, number: usize, deed: Doing, piece: Option<String>) {
        let person = &mut self.people[number];
        let shown = now.saturating_add_signed(person.offset);
        person.sequence += 1;
        person.pending.push(Pending {
            time: HybridTime::new(Timestamp(shown), 0),
            deed,
            piece,
        });
    }

    fn sync(&mut self, now: u64, number: usize) {
        self.scribe.receive_at(Timestamp(now));
        self.upload(number);
        let version = self.scribe.version();
        let person = &mut self.people[number];
        let before = std::mem::replace(&mut person.base, version);
        if let (Some(folded), Some((images, mind))) = (&self.folded, &mut person.mind) {
            for record in folded.state().changed_since(before) {
                images.show(record);
            }
            let device = self.scribe.log(person.pen).device;
            for due in mind.reflect(folded, &device, number, before, now) {
                self.agenda.insert((due, Turn::React, number));
            }
        }
        if !self.people[number].done || !self.is_quiet() {
            self.next_sync(now, number);
        }
    }

    /// Whether nothing can happen any more that anybody would look at.
    fn is_quiet(&self) -> bool {
        let version = self.scribe.version();
        let rests = |person: &Person| {
            let plans = person.mind.as_ref().is_some_and(|(_, mind)| mind.plans());
            person.done && person.pending.is_empty() && person.base == version && !plans
        };
        self.folded.is_none() || self.people.iter().all(rests)
    }

    fn upload(&mut self, number: usize) {
        let person = &mut self.people[number];
        let mut run: Option<Run> = None;
        for Pending { time, deed, piece } in std::mem::take(&mut person.pending) {
            match deed {
                Doing::Edit(altered) => {
                    let mutation = |(record, record_type, change): &Altered| Mutation {
                        record: *record,
                        record_type: *record_type,
                        base: person.base,
                        change: change.clone(),
                    };
                    let mutations = altered.iter().map(mutation).collect();
                    let version = self.scribe.edit(person.pen, time, mutations);
                    let version = version.expect("an edit of a few fields fits");
                    for (record, record_type, change) in &altered {
                        let known = &self.types[record_type];
                        self.arrived.take(version, *record, known, change);
                        if let Some(folded) = &mut self.folded {
                            folded.note(version, person.base, number, *record, change);
                        }
                        if let Some((_, mind)) = &mut person.mind {
                            mind.hope(version, *record, *record_type, change);
                        }
                    }
                    if let (Some(piece), Some((record, _, change))) = (piece, altered.first())
                        && let [(field, _)] = change.writes()
                    {
                        let author = self.scribe.log(person.pen).device;
                        let at = (*record, *field);
                        let same = run.take_if(|run| (run.record, run.field) == at);
                        self.truth.runs.extend(run.take());
                        let mut long = same.unwrap_or(Run {
                            record: at.0,
                            field: at.1,
                            author,
                            first: version,
                            last: version,
                            base: person.base,
                            pieces: Vec::new(),
                        });
                        long.last = version;
                        long.pieces.insert(0, piece);
                        run = Some(long);
                    }
                }
                Doing::Settle(version, outcome) => {
                    self.scribe.settle(person.pen, time, version, outcome);
                }
            }
        }
        self.truth.runs.extend(run);
        person.own = Images::default();
        self.scribe.seal();
        if let Some(folded) = &mut self.folded {
            folded.fold(self.scribe.entries());
        }
    }

    fn react(&mut self, now: u64, number: usize) {
        let Some((_, mind)) = &mut self.people[number].mind else {
            return;
        };
        for answer in mind.due(now) {
            let Answer { altered, settles } = answer;
            if !altered.is_empty() {
                self.remember(number, &altered);
                self.queue(now, number, Doing::Edit(altered), None);
            }
            if let Some((version, outcome)) = settles {
                self.queue(now, number, Doing::Settle(version, outcome), None);
            }
        }
    }

    /// People read what they wrote.
    fn remember(&mut self, number: usize, altered: &[Altered]) {
        let person = &mut self.people[number];
        for (record, record_type, change) in altered {
            let seen = Seen {
                arrived: &self.arrived,
                base: person.base,
                images: person.mind.as_ref().map(|(images, _)| images),
                own: &person.own,
            };
            let cells = cells(&self.types[record_type], *record, change, &seen);
            person.own.did(*record, *record_type, change, cells);
        }
    }
}

/// The write that puts something into a field; `None` where nothing changes.
fn written(
    record_type: &RecordType,
    field: FieldId,
    put: Put,
    seen: &Seen<'_>,
    record: RecordId,
    operation: &OperationId,
) -> Option<Write> {
    match put {
        Put::Write(write) => Some(write),
        Put::Document(wanted) => {
            let kind = &record_type.fields.get(&field)?.kind;
            let saved = seen.saved(record, field);
            let changes = document::edit(kind, saved, &wanted, operation);
            changes.ok().flatten().map(Write::Merge)
        }
    }
}

/// What fields hold after a change.
fn cells(
    record_type: &RecordType,
    record: RecordId,
    change: &Change,
    seen: &Seen<'_>,
) -> Vec<(FieldId, Cell)> {
    let cell = |(field, write): &(FieldId, Write)| {
        let kind = &record_type.fields.get(field)?.kind;
        Some((*field, Cell::after(seen.cell(record, *field), kind, write)))
    };
    change.writes().iter().filter_map(cell).collect()
}
