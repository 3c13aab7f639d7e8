//! Filters over records: what they mean, what they refuse, until when they hold.

mod answers;
mod faults;
mod limits;
mod oracle;
mod words;

use cairn_model::definition::{OnDelete, Team};
use cairn_model::expression::{Answer, Expression, Look, Moment, UserView, compile};
use cairn_model::{
    Definition, Field, FieldId, Kind, RecordId, RecordType, Timestamp, TypeId, User, Value,
};
use std::borrow::Cow;
use std::collections::BTreeMap;

const USER: TypeId = TypeId(0);
const TEAM: TypeId = TypeId(1);
const ACCOUNT: TypeId = TypeId(2);
const BOOKING: TypeId = TypeId(3);

const ADA: &str = "ada";

fn lookup(targets: &[TypeId]) -> Kind {
    Kind::Lookup {
        targets: targets.iter().copied().collect(),
        on_delete: OnDelete::Clear,
    }
}

fn set(of: Kind) -> Kind {
    Kind::Set { of: Box::new(of) }
}

fn options(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn record_type(id: TypeId, name: &str, label: &str, fields: Vec<(&str, &str, Kind)>) -> RecordType {
    let mut record_type = RecordType::new(id, name, label);
    for (number, (name, label, kind)) in fields.into_iter().enumerate() {
        // Ids overlap between types and mean other fields there.
        let id = FieldId(number as u16);
        record_type
            .fields
            .insert(id, Field::new(id, name, label, kind));
    }
    record_type
}

/// An organization whose types have every kind of field.
fn definition() -> Definition {
    let user = vec![
        ("name", "Name", Kind::text()),
        ("region", "Region", Kind::text()),
        ("manager", "Manager", lookup(&[USER])),
        ("hired_on", "Hired on", Kind::Date),
        ("skills", "Skills", set(Kind::text())),
        ("is_lead", "Is lead", Kind::Boolean),
    ];
    let team = vec![
        ("name", "Name", Kind::text()),
        ("region", "Region", Kind::Date),
    ];
    let account = vec![
        ("city", "City", Kind::text()),
        ("name", "Name", Kind::text()),
        ("parent", "Parent", lookup(&[ACCOUNT])),
        ("owner", "Owner", lookup(&[USER, TEAM])),
        ("tags", "Tags", set(Kind::text())),
        ("credit", "Credit", Kind::money("EUR")),
    ];
    let status = options(&["open", "on site", "closed"]);
    let safety = options(&["heights", "asbestos"]);
    let booking = vec![
        ("title", "Title", Kind::text()),
        ("status", "Status", Kind::Choice { options: status }),
        ("safety", "Safety", Kind::MultiChoice { options: safety }),
        ("minutes", "Minutes", Kind::integer()),
        ("miles", "Miles", Kind::decimal()),
        ("price", "Price", Kind::money("GBP")),
        ("urgent", "Urgent", Kind::Boolean),
        ("due", "Due", Kind::Date),
        ("starts_at", "Starts at", Kind::Timestamp),
        ("ends_at", "Ends at", Kind::Timestamp),
        ("account", "Account", lookup(&[ACCOUNT])),
        ("owner", "Owner", lookup(&[USER, TEAM])),
        ("tags", "Tags", set(Kind::text())),
        ("crew", "Crew", set(lookup(&[USER, TEAM]))),
        ("visits", "Visits", Kind::Counter),
        ("notes", "Notes", Kind::RichText),
        ("photo", "Photo", Kind::File),
        ("old", "Old", Kind::text()),
    ];
    let mut definition = Definition::default();
    for mut made in [
        record_type(USER, "user", "User", user),
        record_type(TEAM, "team", "Team", team),
        record_type(ACCOUNT, "account", "Account", account),
        record_type(BOOKING, "booking", "Booking", booking),
    ] {
        for field in made.fields.values_mut().filter(|field| field.name == "old") {
            field.retired = true;
        }
        definition.types.insert(made.id, made);
    }
    let mut ada = User::new("Ada");
    ada.business_unit = Some("north".to_owned());
    definition.users.insert(ADA.to_owned(), ada);
    definition.users.insert("bob".to_owned(), User::new("Bob"));
    let members = [ADA.to_owned()].into();
    definition
        .teams
        .insert("field".to_owned(), Team::new("Field", members));
    definition
        .teams
        .insert("office".to_owned(), Team::new("Office", Default::default()));
    definition
}

/// The records there are.
struct World {
    definition: Definition,
    records: BTreeMap<RecordId, Record>,
}

#[derive(Default)]
struct Record {
    record_type: TypeId,
    values: BTreeMap<FieldId, Value>,
    elements: BTreeMap<FieldId, Vec<Value>>,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
}

const SUBJECT: RecordId = RecordId([1; 16]);
const CUSTOMER: RecordId = RecordId([2; 16]);
const PARENT: RecordId = RecordId([3; 16]);

impl World {
    /// Ada's record, and a booking and its account with nothing in them.
    fn new() -> World {
        let mut world = World {
            definition: definition(),
            records: BTreeMap::new(),
        };
        world.add(SUBJECT, BOOKING);
        world.add(CUSTOMER, ACCOUNT);
        world.add(Definition::user_record(ADA), USER);
        world.add(Definition::team_record("field"), TEAM);
        world
    }

    fn add(&mut self, record: RecordId, record_type: TypeId) {
        let made = Record {
            record_type,
            ..Record::default()
        };
        self.records.insert(record, made);
    }

    fn set(&mut self, record: RecordId, field: &str, values: &[&str]) {
        let found = self.records.get_mut(&record).expect("a record");
        let record_type = &self.definition.types[&found.record_type];
        let field = record_type.field_named(field).expect("a field");
        let read = |text: &str| Value::from_text(&field.kind, text).expect("a value");
        match field.kind {
            Kind::Set { .. } => {
                let values = values.iter().map(|text| read(text)).collect();
                found.elements.insert(field.id, values);
            }
            Kind::Counter => {
                let number = values[0].parse().expect("a number");
                found.values.insert(field.id, Value::Integer(number));
            }
            _ => {
                found.values.insert(field.id, read(&values.join(",")));
            }
        }
    }

    fn compile(&self, text: &str) -> Expression {
        compile(text, &self.definition, BOOKING).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    fn ada(&self) -> UserView {
        UserView::new(&self.definition, ADA)
    }

    fn answer(&self, text: &str, moment: &Moment) -> Answer {
        self.compile(text)
            .answer(SUBJECT, &self.ada(), self, moment)
    }

    fn holds(&self, text: &str) -> bool {
        self.answer(text, &noon()).holds
    }
}

impl Look for World {
    fn record_type(&self, record: RecordId) -> Option<TypeId> {
        self.records.get(&record).map(|record| record.record_type)
    }

    fn value(&self, record: RecordId, field: FieldId) -> Option<Cow<'_, Value>> {
        let record = self.records.get(&record)?;
        record.values.get(&field).map(Cow::Borrowed)
    }

    fn elements(&self, record: RecordId, field: FieldId) -> Vec<Value> {
        let elements = self
            .records
            .get(&record)
            .and_then(|record| record.elements.get(&field));
        elements.cloned().unwrap_or_default()
    }

    fn created(&self, record: RecordId) -> Option<Timestamp> {
        self.records.get(&record)?.created
    }

    fn modified(&self, record: RecordId) -> Option<Timestamp> {
        self.records.get(&record)?.modified
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Noon in Greenwich, an hour later where the organization is.
fn noon() -> Moment {
    Moment {
        now: time("2026-03-10T12:00:00Z"),
        utc_offset: 60,
    }
}
