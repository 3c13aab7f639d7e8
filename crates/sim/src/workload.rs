//! What people do: edits drawn from a definition, so that any organization can
//! be worked on.

use crate::laws::zipf;
use crate::organization::{TEAMS, login, party};
use crate::scenario::{Plan, WorkloadPlan};
use crate::schedule::{Action, Edit, EditKind, FieldWrite, Schedule};
use crate::streams::{Stream, Streams};
use crate::time::VirtualTime;
use crate::world::{DERIVED_FROM, record_id};
use cairn_agent::FieldEdit;
use cairn_model::{Definition, Field, Kind, RecordType, Value, Write};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Acts of people, by their names in a scenario's mix.
pub const ACTS: [&str; 12] = [
    "create",
    "update",
    "delete",
    "restore",
    "resolve",
    "settle",
    "follow",
    "child",
    "batch",
    "assign",
    "share",
    "look-back",
];

const WORDS: [&str; 16] = [
    "pump", "valve", "seal", "broken", "replaced", "tested", "leak", "cable", "panel", "north",
    "south", "ordered", "waiting", "done", "urgent", "Grüße",
];

/// Acts of one person that a schedule holds at most.
const ACTS_MAX: u64 = 20_000;

/// A field write as a person's program hands it over. `None` when the field
/// does not take it.
pub fn field_edit(field: &Field, write: &FieldWrite) -> Option<FieldEdit> {
    match write {
        FieldWrite::Document(wanted) => Some(FieldEdit::Document(wanted.clone())),
        other => plain_write(field, other).map(FieldEdit::Write),
    }
}

/// A field write as it stands in an operation. `None` when the field does not
/// take it, or for documents, whose writes depend on what stands.
pub fn plain_write(field: &Field, write: &FieldWrite) -> Option<Write> {
    match write {
        FieldWrite::Set(value) => Value::from_json(&field.kind, value).ok().map(Write::Set),
        FieldWrite::Point(number) => Some(Write::Set(Value::Lookup(record_id(*number)))),
        FieldWrite::Clear => Some(Write::Clear),
        FieldWrite::Add(amount) => Some(Write::Add(*amount)),
        FieldWrite::Change { add, remove } => {
            let texts = |texts: &[String]| texts.iter().cloned().map(Value::Text).collect();
            Some(Write::Change {
                add: texts(add),
                remove: texts(remove),
            })
        }
        FieldWrite::Party(name) => Some(Write::Set(Value::Lookup(party(name)))),
        FieldWrite::Share { add, remove } => {
            let parties = |names: &[String]| {
                let parties = names.iter().map(|name| Value::Lookup(party(name)));
                parties.collect()
            };
            Some(Write::Change {
                add: parties(add),
                remove: parties(remove),
            })
        }
        FieldWrite::Document(_) => None,
    }
}

/// The creation of one of the first records.
pub fn create(
    definition: &Definition,
    plan: &Plan,
    stream: &mut Stream,
    number: u32,
) -> Option<Edit> {
    let worker = Worker::of(definition, plan);
    let types = worker.types();
    let record_type = *types.get(number as usize % types.len().max(1))?;
    Some(worker.create(stream, record_type, number))
}

/// Draws what the people at all devices do into a schedule.
pub fn draw(plan: &Plan, definition: &Definition, streams: &Streams, schedule: &mut Schedule) {
    let worker = Worker::of(definition, plan);
    let people = plan.topology.devices + plan.topology.late;
    for device in 0..people {
        let mut stream = streams.stream(&format!("work/{device}"));
        let mut own: Vec<u32> = Vec::new();
        let mut at = 0;
        for _ in 0..ACTS_MAX {
            at += worker.plan.pause.sample(&mut stream).max(1);
            if at >= plan.chaos {
                break;
            }
            if let Some(action) = worker.act(&mut stream, device, &mut own) {
                schedule.push(VirtualTime(at), action);
            }
        }
    }
}

/// Somebody who works on an organization.
struct Worker<'a> {
    definition: &'a Definition,
    plan: &'a WorkloadPlan,
    /// Records that everybody has from the beginning.
    first: u32,
    /// The hot ones of them, and how hot each is.
    hot: Vec<(u32, u32)>,
}

impl<'a> Worker<'a> {
    fn of(definition: &'a Definition, plan: &'a Plan) -> Worker<'a> {
        let (workload, first) = (&plan.workload, plan.organization.records);
        Worker {
            definition,
            plan: workload,
            first,
            hot: zipf(workload.hot.min(first), workload.zipf),
        }
    }
}

impl Worker<'_> {
    /// Types that records can be created of without others existing first.
    fn types(&self) -> Vec<&RecordType> {
        let free = |field: &Field| {
            !field.required || field.default.is_some() || !matches!(field.kind, Kind::Lookup { .. })
        };
        let types = self.definition.types.values();
        // Where roles decide, users and teams are the administrator's.
        let is_work = |of: &RecordType| {
            self.definition.roles.is_empty() || !["user", "team"].contains(&&*of.name)
        };
        types
            .filter(|of| !of.retired && is_work(of) && of.live_fields().all(free))
            .collect()
    }

    /// The type of a record is a function of its number, so that everybody
    /// means the same by it.
    fn type_of(&self, number: u32) -> Option<&RecordType> {
        let types = self.types();
        types.get(number as usize % types.len().max(1)).copied()
    }

    fn act(&self, stream: &mut Stream, device: u32, own: &mut Vec<u32>) -> Option<Action> {
        let mix: Vec<(&str, u32)> = self
            .plan
            .mix
            .iter()
            .map(|(name, weight)| (name.as_str(), *weight))
            .collect();
        let act = *stream.weighted(&mix)?;
        match act {
            "resolve" => {
                return Some(Action::Resolve {
                    device,
                    pick: stream.below(64) as u32,
                    choose: stream.below(4) as u32,
                });
            }
            "settle" => {
                return Some(Action::Settle {
                    device,
                    pick: stream.below(64) as u32,
                    resubmit: stream.chance(500_000),
                });
            }
            "look-back" => {
                let record = self.record(stream, own)?;
                return Some(Action::LookBack { device, record });
            }
            _ => {}
        }
        let count = match act {
            "batch" => stream.between(1, u64::from(self.plan.batch.max(1))),
            _ => 1,
        };
        let mut edits = Vec::new();
        let mut touched = BTreeSet::new();
        for _ in 0..count {
            let edit = self.edit(stream, device, act, own)?;
            if touched.insert(edit.record) {
                edits.push(edit);
            }
        }
        Some(Action::Edit { device, edits })
    }

    fn edit(
        &self,
        stream: &mut Stream,
        device: u32,
        act: &str,
        own: &mut Vec<u32>,
    ) -> Option<Edit> {
        let kind = match act {
            "create" => {
                // Numbers of a device's own, so that nobody else creates them.
                let number = self.first + (device << 16) + own.len() as u32;
                own.push(number);
                return Some(self.create(stream, self.type_of(number)?, number));
            }
            "child" => {
                let number = DERIVED_FROM + stream.below(16) as u32;
                own.push(number);
                return Some(self.create(stream, self.type_of(number)?, number));
            }
            "delete" => EditKind::Delete,
            "restore" => EditKind::Restore,
            "follow" if stream.chance(500_000) => EditKind::Unfollow,
            "follow" => EditKind::Follow,
            _ => EditKind::Update,
        };
        let record = self.record(stream, own)?;
        let record_type = self.type_of(record)?;
        let fields = match act {
            "assign" => vec![("owner".to_owned(), FieldWrite::Party(self.party(stream)))],
            "share" => vec![self.sharing(stream)],
            _ if kind == EditKind::Update => self.changes(stream, record_type),
            _ => Vec::new(),
        };
        let stale = self.plan.stale_base;
        Some(Edit {
            record,
            record_type: record_type.name.clone(),
            kind,
            fields,
            behind: (stale > 0 && stream.chance(stale)).then(|| stream.between(1, 40)),
        })
    }

    /// A user or a team.
    fn party(&self, stream: &mut Stream) -> String {
        let teams = TEAMS.len() as u64;
        let users = self.definition.users.len() as u64;
        let drawn = stream.below(users + teams);
        match drawn.checked_sub(users) {
            Some(team) => TEAMS[team as usize].to_owned(),
            None => login(drawn as u32),
        }
    }

    fn sharing(&self, stream: &mut Stream) -> (String, FieldWrite) {
        let with = if stream.chance(500_000) {
            "readers"
        } else {
            "writers"
        };
        let party = vec![self.party(stream)];
        let (add, remove) = match stream.chance(600_000) {
            true => (party, Vec::new()),
            false => (Vec::new(), party),
        };
        (with.to_owned(), FieldWrite::Share { add, remove })
    }

    /// A record to work on: one of the hot ones, one of the first, or one's own.
    fn record(&self, stream: &mut Stream, own: &[u32]) -> Option<u32> {
        if !self.hot.is_empty() && stream.chance(self.plan.hot_share) {
            return stream.weighted(&self.hot).copied();
        }
        let total = u64::from(self.first) + own.len() as u64;
        if total == 0 {
            return None;
        }
        let at = stream.below(total);
        match at.checked_sub(u64::from(self.first)) {
            None => Some(at as u32),
            Some(at) => own.get(at as usize).copied(),
        }
    }

    fn create(&self, stream: &mut Stream, record_type: &RecordType, number: u32) -> Edit {
        let keyed: BTreeSet<_> = record_type
            .keys
            .iter()
            .flat_map(|key| &key.fields)
            .collect();
        let is_first = number < self.first;
        let mut fields = Vec::new();
        for field in record_type.live_fields() {
            let is_crew = TEAMS
                .iter()
                .all(|team| self.definition.teams.contains_key(*team));
            if is_first && is_crew && record_type.owner == Some(field.id) {
                let owner = FieldWrite::Party(self.party(stream));
                fields.push((field.name.clone(), owner));
                continue;
            }
            if is_first && matches!(field.kind, Kind::Lookup { .. }) {
                // What it would point at may not be there yet.
                continue;
            }
            let wanted = field.required || Some(field.id) == record_type.title;
            let write = if keyed.contains(&field.id) {
                // Mostly numbers of one's own; now and then one that others take too.
                let text = match !is_first && stream.chance(50_000) {
                    true => format!("n{}", stream.below(8)),
                    false => format!("n{number}"),
                };
                (wanted || stream.chance(700_000)).then(|| FieldWrite::Set(json!(text)))
            } else if wanted || stream.chance(400_000) {
                self.write(stream, field)
            } else {
                None
            };
            fields.extend(write.map(|write| (field.name.clone(), write)));
        }
        Edit {
            record: number,
            record_type: record_type.name.clone(),
            kind: EditKind::Create,
            fields,
            behind: None,
        }
    }

    fn changes(&self, stream: &mut Stream, record_type: &RecordType) -> Vec<(String, FieldWrite)> {
        let live: Vec<&Field> = record_type.live_fields().collect();
        let count = stream.between(1, 3);
        let mut changes: Vec<(String, FieldWrite)> = Vec::new();
        for _ in 0..count {
            let Some(field) = stream.pick(&live).copied() else {
                continue;
            };
            if changes.iter().any(|(name, _)| *name == field.name) {
                continue;
            }
            let clears = field.kind.is_register() && !field.required && stream.chance(60_000);
            let write = match clears {
                true => Some(FieldWrite::Clear),
                false => self.write(stream, field),
            };
            changes.extend(write.map(|write| (field.name.clone(), write)));
        }
        changes
    }

    fn text(&self, stream: &mut Stream, longest: usize) -> String {
        let mut text = String::new();
        let words = stream.between(1, 4);
        for _ in 0..words {
            let word = stream.pick(&WORDS).copied().unwrap_or_default();
            if text.chars().count() + word.chars().count() + 1 > longest {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        if stream.chance(30_000) {
            let room = longest.saturating_sub(text.chars().count());
            let long = (self.plan.text as usize).min(room);
            text.extend(std::iter::repeat_n('z', long));
        }
        text
    }

    fn write(&self, stream: &mut Stream, field: &Field) -> Option<FieldWrite> {
        let small = |stream: &mut Stream| stream.below(2_000) as i64 - 1_000;
        Some(match &field.kind {
            Kind::Text { length_max } => {
                let longest = length_max.map_or(usize::MAX, |most| most as usize);
                FieldWrite::Set(json!(self.text(stream, longest.min(10_000))))
            }
            Kind::Integer { min, max } => {
                let value = small(stream).max(min.unwrap_or(i64::MIN));
                FieldWrite::Set(json!(value.min(max.unwrap_or(i64::MAX))))
            }
            Kind::Decimal { .. } => {
                let value = stream.below(100_000);
                FieldWrite::Set(json!(format!("{}.{:02}", value / 100, value % 100)))
            }
            Kind::Money { currency, .. } => {
                let value = stream.below(100_000);
                let text = format!("{}.{:02} {currency}", value / 100, value % 100);
                FieldWrite::Set(json!(text))
            }
            Kind::Boolean => FieldWrite::Set(json!(stream.chance(500_000))),
            Kind::Date => {
                let day = stream.between(1, 28);
                let month = stream.between(1, 12);
                FieldWrite::Set(json!(format!("2026-{month:02}-{day:02}")))
            }
            Kind::Timestamp => {
                let (hour, minute) = (stream.below(24), stream.below(60));
                FieldWrite::Set(json!(format!("2026-05-04T{hour:02}:{minute:02}:00Z")))
            }
            Kind::Choice { options } => FieldWrite::Set(json!(stream.pick(options)?)),
            Kind::MultiChoice { options } => {
                let chosen: Vec<&String> =
                    options.iter().filter(|_| stream.chance(500_000)).collect();
                FieldWrite::Set(json!(chosen))
            }
            Kind::Lookup { targets, .. } => {
                let number = stream.below(u64::from(self.first.max(1))) as u32;
                let fits = self
                    .type_of(number)
                    .is_some_and(|known| targets.contains(&known.id));
                if !fits {
                    return None;
                }
                FieldWrite::Point(number)
            }
            Kind::Counter => FieldWrite::Add(small(stream)),
            Kind::Set { of } if matches!(**of, Kind::Text { .. }) => {
                let texts = |stream: &mut Stream| -> Vec<String> {
                    let count = stream.below(3);
                    let words = (0..count).filter_map(|_| stream.pick(&WORDS).copied());
                    words.map(str::to_owned).collect()
                };
                FieldWrite::Change {
                    add: texts(stream),
                    remove: texts(stream),
                }
            }
            Kind::RichText => FieldWrite::Document(Json::String(self.text(stream, 200))),
            Kind::Json => FieldWrite::Document(json!({
                "room": stream.below(9),
                "note": self.text(stream, 40),
            })),
            Kind::File | Kind::Set { .. } => return None,
        })
    }
}
