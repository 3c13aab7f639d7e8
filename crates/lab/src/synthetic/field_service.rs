//! A day of field service: dispatchers in an office whose uplink fails now and
//! then, technicians out of reach for hours, a plant where two of them work.
//! Dispatchers plan anew what technicians are at work on, and several make a
//! new order under the same next number.

use super::BEGIN;
use super::domain::{
    Desk, Domain, Draft, Role, add, choice, document, lookup, one_of, parsed, pick, record,
    record_type, set, set_of_texts, text, toggle, weighed,
};
use super::laws::{DAY, HOUR, Hours, Law, Line, MINUTE, Uplink};
use crate::stats::Stream;
use cairn_model::{
    AlternateKey, FieldId, KeyId, Kind, RecordId, RecordType, Timestamp, TypeId, Value,
};
use serde::Serialize;
use serde_json::json;

const TECHNICIAN: TypeId = TypeId(1);
const ORDER: TypeId = TypeId(2);

const NUMBER: FieldId = FieldId(1);
const CUSTOMER: FieldId = FieldId(2);
const STATUS: FieldId = FieldId(3);
const ASSIGNED: FieldId = FieldId(4);
const SCHEDULED: FieldId = FieldId(5);
const HOURS: FieldId = FieldId(6);
const PRICE: FieldId = FieldId(7);
const URGENT: FieldId = FieldId(8);
const PARTS: FieldId = FieldId(9);
const TAGS: FieldId = FieldId(10);
const NOTES: FieldId = FieldId(11);
const CHECKLIST: FieldId = FieldId(12);

const STATUSES: [&str; 6] = [
    "planned",
    "travelling",
    "working",
    "waiting",
    "done",
    "cancelled",
];
const TAG: [&str; 5] = ["warranty", "follow-up", "leak", "access", "safety"];
const FIRST_NUMBER: usize = 1_000;
const OFFICE: usize = 0;
const PLANT: usize = 1;

#[derive(Debug, Clone, Serialize)]
pub(super) struct FieldService {
    pub(super) dispatchers: usize,
    pub(super) technicians: usize,
    pub(super) orders: usize,
}

impl Default for FieldService {
    fn default() -> FieldService {
        FieldService {
            dispatchers: 2,
            technicians: 6,
            orders: 30,
        }
    }
}

fn technician(number: usize) -> RecordId {
    record("technician", number)
}

impl FieldService {
    fn dispatcher_acts(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let what = weighed(&[5, 4, 2, 1, 2, 1, 1, 2, 1], stream);
        let open: Vec<RecordId> = open_orders(desk);
        let Some(order) = pick(&open, stream) else {
            return Draft::nothing();
        };
        let later = Timestamp(desk.now.0 / HOUR * HOUR + (1 + stream.below(48) as u64) * HOUR);
        let other = technician(stream.below(self.technicians.max(1)));
        let puts = match what {
            0 => vec![set(SCHEDULED, Value::Timestamp(later))],
            1 => vec![
                set(ASSIGNED, Value::Lookup(other)),
                set(SCHEDULED, Value::Timestamp(later)),
            ],
            2 => vec![choice(
                STATUS,
                pick(&["planned", "waiting", "cancelled"], stream).unwrap_or("planned"),
            )],
            3 => vec![text(CUSTOMER, format!("Customer {}", stream.below(200)))],
            4 => vec![tag(desk, order, stream)],
            5 => return self.new_order(desk, other, true, stream),
            6 => vec![note(desk, order, "called the customer")],
            7 => vec![price(stream)],
            _ => {
                let urgent = desk.value(order, URGENT) == Some(Value::Boolean(true));
                vec![set(URGENT, Value::Boolean(!urgent))]
            }
        };
        Draft::update(ORDER, order, puts)
    }

    fn technician_acts(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let what = weighed(&[5, 4, 3, 2, 2, 1, 2, 1], stream);
        let me = technician(desk.person - self.dispatchers);
        let open = open_orders(desk);
        let mine = |order: &RecordId| desk.lookup(*order, ASSIGNED) == Some(me);
        let own: Vec<RecordId> = open.iter().copied().filter(mine).collect();
        // Who works on one order goes on with it.
        let busy = |order: &RecordId| desk.choice(*order, STATUS) == "working";
        let begun = own.iter().copied().find(busy);
        let order = match begun {
            Some(order) if stream.share() < 0.7 => Some(order),
            _ => pick(&own, stream).or_else(|| pick(&open, stream)),
        };
        let Some(order) = order else {
            return Draft::nothing();
        };
        let later = Timestamp(desk.now.0 / HOUR * HOUR + (1 + stream.below(24) as u64) * HOUR);
        let puts = match what {
            0 => vec![choice(STATUS, next(&desk.choice(order, STATUS)))],
            1 => vec![note(desk, order, "checked on site")],
            2 => vec![add(PARTS, 1 + stream.below(4) as i64)],
            3 => vec![set(HOURS, quarter_hours(stream)), price(stream)],
            4 => vec![set(SCHEDULED, Value::Timestamp(later))],
            5 => vec![tag(desk, order, stream)],
            6 => vec![check(desk, order, stream)],
            // Mostly they leave the number to the office.
            _ => {
                let numbers = stream.share() < 0.2;
                return self.new_order(desk, me, numbers, stream);
            }
        };
        Draft::update(ORDER, order, puts)
    }

    /// A new order, if it has a number under the one after the highest that its
    /// author knows.
    fn new_order(
        &self,
        desk: &Desk<'_>,
        assigned: RecordId,
        has_number: bool,
        stream: &mut Stream,
    ) -> Draft {
        let number = |order: RecordId| match desk.value(order, NUMBER) {
            Some(Value::Text(text)) => text.split('/').next()?.parse::<usize>().ok(),
            _ => None,
        };
        let known = desk.records(ORDER).into_iter().filter_map(number).max();
        let number = known.unwrap_or(FIRST_NUMBER) + 1;
        let id = record("order", format!("of {} {}", desk.person, desk.acts));
        let mut puts = first(number, assigned, stream);
        puts.retain(|(field, _)| has_number || *field != NUMBER);
        puts.push(document(NOTES, format!("{}: follow-up\n", name(desk))));
        Draft::create(ORDER, id, puts)
    }
}

/// What every order has from the beginning.
fn first(
    number: usize,
    assigned: RecordId,
    stream: &mut Stream,
) -> Vec<(FieldId, super::domain::Put)> {
    let scheduled = Timestamp(BEGIN.0 + stream.below(10) as u64 * HOUR);
    vec![
        text(NUMBER, number.to_string()),
        text(CUSTOMER, format!("Customer {}", number % 20)),
        choice(STATUS, "planned"),
        set(ASSIGNED, Value::Lookup(assigned)),
        set(SCHEDULED, Value::Timestamp(scheduled)),
    ]
}

fn open_orders(desk: &Desk<'_>) -> Vec<RecordId> {
    let mut orders = desk.records(ORDER);
    orders.retain(|order| !["done", "cancelled"].contains(&desk.choice(*order, STATUS).as_str()));
    orders
}

fn next(status: &str) -> &'static str {
    match status {
        "planned" => "travelling",
        "travelling" | "waiting" => "working",
        _ => "done",
    }
}

fn tag(desk: &Desk<'_>, order: RecordId, stream: &mut Stream) -> (FieldId, super::domain::Put) {
    let tag = pick(&TAG, stream).unwrap_or(TAG[0]);
    let element = Value::Text(tag.to_owned());
    toggle(TAGS, desk.has(order, TAGS, &element), element)
}

fn name(desk: &Desk<'_>) -> String {
    format!("{} no. {}", desk.person, desk.acts)
}

/// A line under the others.
fn note(desk: &Desk<'_>, order: RecordId, what: &str) -> (FieldId, super::domain::Put) {
    let before = desk.text(order, NOTES);
    document(NOTES, format!("{before}{}: {what}\n", name(desk)))
}

/// A step of the checklist is ticked, or found wanting.
fn check(desk: &Desk<'_>, order: RecordId, stream: &mut Stream) -> (FieldId, super::domain::Put) {
    let mut list = desk.json(order, CHECKLIST);
    let step = format!("step {}", 1 + stream.below(5));
    let found = pick(&["good", "worn", "replaced"], stream).unwrap_or("good");
    match list.as_object_mut() {
        Some(steps) => {
            steps.insert(step, json!(found));
        }
        None => list = json!({ step: found }),
    }
    document(CHECKLIST, list)
}

fn quarter_hours(stream: &mut Stream) -> Value {
    let quarters = 1 + stream.below(16);
    parsed(
        &Kind::decimal(),
        &format!("{}.{:02}", quarters / 4, quarters % 4 * 25),
    )
}

fn price(stream: &mut Stream) -> (FieldId, super::domain::Put) {
    let price = format!("{}.50 EUR", 40 + stream.below(300));
    set(PRICE, parsed(&Kind::money("EUR"), &price))
}

impl Domain for FieldService {
    fn types(&self) -> Vec<RecordType> {
        let technician = record_type(TECHNICIAN, "technician", &[("name", Kind::text())]);
        let mut order = record_type(
            ORDER,
            "work_order",
            &[
                ("number", Kind::text()),
                ("customer", Kind::text()),
                ("status", one_of(&STATUSES)),
                ("technician", lookup(TECHNICIAN)),
                ("scheduled", Kind::Timestamp),
                ("hours", Kind::decimal()),
                ("price", Kind::money("EUR")),
                ("urgent", Kind::Boolean),
                ("parts", Kind::Counter),
                ("tags", set_of_texts()),
                ("notes", Kind::RichText),
                ("checklist", Kind::Json),
            ],
        );
        order.keys.push(AlternateKey {
            id: KeyId(1),
            name: "number".to_owned(),
            fields: vec![NUMBER],
        });
        vec![technician, order]
    }

    fn people(&self) -> Vec<Role> {
        let day = Hours { from: 7, to: 18 };
        let dispatcher = Role {
            name: "dispatcher",
            weight: 1,
            site: Some(OFFICE),
            line: Line::Now(Law::Exponential { mean: MINUTE }),
            pause: Law::Exponential { mean: 6 * MINUTE },
            hours: Some(day),
            acts: 500,
            until: 10 * HOUR,
            skew: 2_000,
        };
        let technician = Role {
            name: "technician",
            // They stand before the machine.
            weight: 2,
            site: None,
            line: Line::OnAndOff {
                offline: Law::Weibull {
                    scale: 2 * HOUR,
                    shape: 0.7,
                },
                online: Law::Lognormal {
                    median: 10 * MINUTE,
                    sigma: 1.0,
                },
                every: Law::Exponential { mean: 2 * MINUTE },
            },
            pause: Law::Lognormal {
                median: 12 * MINUTE,
                sigma: 0.8,
            },
            skew: 120_000,
            ..dispatcher.clone()
        };
        let at_plant = Role {
            site: Some(PLANT),
            ..technician.clone()
        };
        let mut people = vec![dispatcher; self.dispatchers];
        people.extend(vec![at_plant; self.technicians.min(2)]);
        people.resize(self.dispatchers + self.technicians, technician);
        people
    }

    fn sites(&self) -> Vec<Uplink> {
        let office = Uplink {
            up: Law::Exponential { mean: 4 * HOUR },
            down: Law::Lognormal {
                median: 40 * MINUTE,
                sigma: 0.8,
            },
        };
        let plant = Uplink {
            up: Law::Exponential { mean: 2 * HOUR },
            down: Law::Lognormal {
                median: HOUR,
                sigma: 1.0,
            },
        };
        vec![office, plant]
    }

    fn begin(&self) -> Vec<Draft> {
        let mut stream = Stream::new(0, "field service begins");
        let named = |number: usize| {
            let puts = vec![text(FieldId(1), format!("Technician {number}"))];
            Draft::create(TECHNICIAN, technician(number), puts)
        };
        let mut drafts: Vec<Draft> = (0..self.technicians).map(named).collect();
        for order in 0..self.orders {
            let assigned = technician(order % self.technicians.max(1));
            let mut puts = first(FIRST_NUMBER + order, assigned, &mut stream);
            puts.push(document(NOTES, "Opened by phone.\n"));
            let steps = json!({ "step 1": "open", "step 2": "open" });
            puts.push(document(CHECKLIST, steps));
            drafts.push(Draft::create(ORDER, record("order", order), puts));
        }
        drafts
    }

    fn act(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        match desk.person < self.dispatchers {
            true => self.dispatcher_acts(desk, stream),
            false => self.technician_acts(desk, stream),
        }
    }
}

const _: () = assert!(BEGIN.0 % DAY == 8 * HOUR, "the day begins at eight");
