//! What an admitted operation does.

use super::admission::is_required;
use super::policy::{self, Others};
use super::register::{Arrival, By, Made, Met, Register, Site, Terms, Yields};
use super::{Cell, Incoming, Reference, Rejection, Row};
use cairn_model::{
    Change, Definition, DefinitionChange, Field, FieldId, Granularity, Kind, Mutation, OnDelete,
    RecordId, RecordType, Value, Version, Write,
};
use std::collections::BTreeMap;

/// What is done to one record.
struct Task {
    record: RecordId,
    base: Version,
    change: Doing,
}

enum Doing {
    Change(Change),
    /// A lookup is emptied because its target went.
    Clear(FieldId),
}

impl Reference {
    pub(super) fn carry_out(&mut self, mutations: Vec<Mutation>, incoming: &Incoming<'_>) {
        let mut told = false;
        for mutation in mutations {
            let user = &self.authors[incoming.by.author].user;
            let follows = (user.clone(), mutation.record);
            match mutation.change {
                Change::Follow => drop(self.follows.insert(follows)),
                Change::Unfollow => drop(self.follows.remove(&follows)),
                _ => told |= self.change_records(mutation, &incoming.by),
            }
        }
        if told {
            self.tell("conflict.superseded", &incoming.by.device);
        }
    }

    /// Changes a record and those its deletion takes along. Gives whether the
    /// author must be told of something set aside.
    fn change_records(&mut self, mutation: Mutation, by: &By) -> bool {
        let Mutation {
            record,
            record_type,
            base,
            change,
        } = mutation;
        self.rows.entry(record).or_insert_with(|| Row {
            record_type,
            created: *by,
            life: Register::default(),
            cells: BTreeMap::new(),
        });
        let mut told = false;
        let mut tasks = vec![Task {
            record,
            base,
            change: Doing::Change(change),
        }];
        let mut first = true;
        while let Some(task) = tasks.pop() {
            let (record, was_alive) = (task.record, self.is_alive(task.record));
            if !std::mem::take(&mut first) && !was_alive {
                continue;
            }
            told |= self.change_record(task, by);
            if was_alive && !self.is_alive(record) {
                for (record, field, on_delete) in self.pointing_at(record).collect::<Vec<_>>() {
                    let (base, change) = match on_delete {
                        OnDelete::Cascade => (base, Doing::Change(Change::Delete)),
                        OnDelete::Clear => (by.version, Doing::Clear(field)),
                        OnDelete::Restrict => continue,
                    };
                    tasks.push(Task {
                        record,
                        base,
                        change,
                    });
                }
            }
        }
        told
    }

    fn change_record(&mut self, task: Task, by: &By) -> bool {
        let definition = &self.definition;
        let Some(row) = self.rows.get_mut(&task.record) else {
            return false;
        };
        let Some(record_type) = definition.types.get(&row.record_type) else {
            return false;
        };
        let mut work = Work {
            record: task.record,
            row,
            definition,
            record_type,
            arrival: Arrival {
                by: *by,
                base: task.base,
                resolves: matches!(task.change, Doing::Change(Change::Resolve { .. })),
            },
            journal: &mut self.journal,
            told: false,
        };
        match task.change {
            Doing::Clear(field) => work.write(field, &Write::Clear, None),
            Doing::Change(change) => work.change(&change),
        }
        work.told
    }

    pub(super) fn publish(
        &mut self,
        base: u32,
        changes: Vec<DefinitionChange>,
        more: bool,
        incoming: &Incoming<'_>,
    ) -> Result<(), Rejection> {
        if base != self.definition.number {
            self.draft.clear();
            return Err("definition.refused".into());
        }
        self.draft.extend(changes);
        if more {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.draft);
        let next = self
            .definition
            .changed(&changes)
            .map_err(|_| "definition.refused")?;
        if !policies_of(&next).all(|policy| policy::POLICIES.contains(&policy)) {
            return Err("definition.refused".into());
        }
        let last = std::mem::replace(&mut self.definition, next);
        self.require(&last);
        self.widen(&last);
        self.mirror_people(&last, incoming);
        Ok(())
    }

    fn require(&mut self, last: &Definition) {
        let types = &self.definition.types;
        for record_type in types.values() {
            for field in record_type.fields.keys() {
                let key = (record_type.id, *field);
                if !is_required(types, key) {
                    self.required_since.remove(&key);
                } else if !is_required(&last.types, key) {
                    self.required_since.insert(key, self.definition.number);
                }
            }
        }
    }

    fn widen(&mut self, last: &Definition) {
        for row in self.rows.values_mut() {
            let of = |definition: &Definition, field| {
                let record_type = definition.types.get(&row.record_type)?;
                record_type
                    .fields
                    .get(field)
                    .map(|field: &Field| field.kind.clone())
            };
            for (field, cell) in &mut row.cells {
                if let (Some(before), Some(now), Cell::Register(register)) =
                    (of(last, field), of(&self.definition, field), cell)
                    && before.name() != now.name()
                {
                    register.widen(|value| now.widened(value));
                }
            }
        }
    }

    /// The records that stand for users and teams read as the definition says.
    fn mirror_people(&mut self, last: &Definition, incoming: &Incoming<'_>) {
        let next = self.definition.clone();
        let all = last.types != next.types;
        if let Some(record_type) = next.type_named("user") {
            for (login, user) in &next.users {
                if all || last.users.get(login) != Some(user) {
                    let values = [("login", Some(login)), ("name", Some(&user.name))];
                    let values = values.into_iter().chain([("email", user.email.as_ref())]);
                    self.mirror(
                        Definition::user_record(login),
                        record_type,
                        values,
                        incoming,
                    );
                }
            }
        }
        if let Some(record_type) = next.type_named("team") {
            for (name, team) in &next.teams {
                if all || last.teams.get(name) != Some(team) {
                    let values = [("login", Some(name)), ("name", Some(&team.name))];
                    self.mirror(Definition::team_record(name), record_type, values, incoming);
                }
            }
        }
    }

    fn mirror<'v>(
        &mut self,
        record: RecordId,
        record_type: &RecordType,
        values: impl IntoIterator<Item = (&'v str, Option<&'v String>)>,
        incoming: &Incoming<'_>,
    ) {
        let row = self.rows.get(&record);
        let alive = row.filter(|row| row.is_alive());
        let mut writes = Vec::new();
        for (name, value) in values {
            let Some(field) = record_type.field_named(name) else {
                continue;
            };
            let value = value.map(|value| Value::Text(value.clone()));
            let same = alive.and_then(|row| row.value(field.id)) == value.as_ref();
            if matches!(field.kind, Kind::Text { .. }) && !same {
                writes.push((field.id, value.map_or(Write::Clear, Write::Set)));
            }
        }
        if alive.is_some() && writes.is_empty() {
            return;
        }
        let change = match row {
            Some(_) => Change::Update(writes),
            None => Change::Create(writes),
        };
        let mutation = Mutation {
            record,
            record_type: record_type.id,
            base: self.version,
            change,
        };
        self.carry_out(vec![mutation], incoming);
    }
}

/// An operation at work on one record.
struct Work<'a> {
    record: RecordId,
    row: &'a mut Row,
    definition: &'a Definition,
    record_type: &'a RecordType,
    arrival: Arrival,
    journal: &'a mut Vec<super::Contest>,
    told: bool,
}

impl Work<'_> {
    fn site(&self, field: Option<FieldId>) -> Site {
        Site {
            record: self.record,
            field,
            created: self.row.created,
        }
    }

    fn type_policy(&self) -> &str {
        self.definition.policy_of(self.record_type, None)
    }

    fn change(&mut self, change: &Change) {
        let alive = match change {
            Change::Delete => false,
            Change::Resolve { keep, .. } => keep.unwrap_or(true),
            _ => true,
        };
        let (site, terms) = (self.site(None), Terms::of(self.type_policy()));
        let value = Some(Value::Boolean(alive));
        let met = self
            .row
            .life
            .meet(&site, value, &self.arrival, &terms, self.journal);
        if let Met::SetAside(told) = met {
            self.told |= told;
            return;
        }
        match change {
            Change::Create(writes) => {
                self.write_row(writes);
                self.fill_defaults();
            }
            Change::Update(writes) => self.write_row(writes),
            Change::Resolve { fields, .. } => {
                for (field, write) in fields {
                    self.write(*field, write, None);
                }
            }
            _ => {}
        }
    }

    /// Writes fields; where whole rows are one thing, the row meets what its
    /// author had not seen.
    fn write_row(&mut self, writes: &[(FieldId, Write)]) {
        let Some((terms, unseen)) = self.row_terms(writes) else {
            for (field, write) in writes {
                self.write(*field, write, None);
            }
            return;
        };
        for (field, write) in writes {
            self.write(*field, write, Some(&terms));
        }
        let shows = matches!(terms.row, Some((true, _)));
        for field in unseen.into_iter().filter(|_| shows) {
            if !writes.iter().any(|(written, _)| *written == field) {
                self.put_back(field, &terms);
            }
        }
    }

    fn row_terms(&self, writes: &[(FieldId, Write)]) -> Option<(Terms, Vec<FieldId>)> {
        let policy = self.type_policy();
        let by_record = self.definition.granularity_of(self.record_type) == Granularity::Record;
        let is_register = |write: &Write| matches!(write, Write::Set(_) | Write::Clear);
        if !by_record
            || policy::compares_values(policy)
            || !writes.iter().any(|(_, write)| is_register(write))
        {
            return None;
        }
        let unseen = self.unseen(writes);
        if unseen.is_empty() {
            return None;
        }
        let arriving = Made {
            by: self.arrival.by,
            version: self.arrival.by.version,
            value: None,
            stands: true,
        };
        let contenders: Vec<&Made> = unseen.iter().map(|(_, m)| m).chain([&arriving]).collect();
        let (shown, others) = policy::decide(policy, &contenders, 0, unseen.len());
        let (yields, others) = match others {
            Others::Open => (Yields::OwnCandidates, Others::Open),
            _ if shown == unseen.len() => (Yields::Dominated, Others::Settled),
            Others::Told => (Yields::Nothing, Others::Told),
            _ => (Yields::Nothing, Others::Settled),
        };
        let terms = Terms {
            policy: policy.to_owned(),
            yields,
            row: Some((yields == Yields::Dominated, others)),
        };
        Some((terms, unseen.into_iter().map(|(field, _)| field).collect()))
    }

    /// What stands in any field of the row that the author had not seen, is
    /// not theirs, and says something else than they do.
    fn unseen(&self, writes: &[(FieldId, Write)]) -> Vec<(FieldId, Made)> {
        let Arrival { by, base, .. } = self.arrival;
        let mut unseen = Vec::new();
        for field in self.record_type.live_fields() {
            let own = writes.iter().rev().find(|(id, _)| *id == field.id);
            let agrees = |made: &Made| match own {
                Some((_, Write::Set(value))) => {
                    made.value.as_ref() == Some(&field.kind.widened(value.clone()))
                }
                Some((_, Write::Clear)) => made.value.is_none(),
                _ => false,
            };
            let standing = self
                .row
                .register(field.id)
                .into_iter()
                .flat_map(Register::standing);
            let news = standing
                .filter(|made| made.version > base && made.by.author != by.author)
                .filter(|made| !agrees(made));
            unseen.extend(news.map(|made| (field.id, made.clone())));
        }
        unseen
    }

    fn put_back(&mut self, id: FieldId, terms: &Terms) {
        let site = self.site(Some(id));
        let Some(register) = self.row.register(id) else {
            return;
        };
        let seen = register.seen_by(&self.arrival, &site);
        if seen.as_ref() != register.value()
            && let Some(field) = self.record_type.fields.get(&id)
        {
            self.write_register(field, seen, terms);
        }
    }

    fn fill_defaults(&mut self) {
        let created = self.row.created;
        for field in self.record_type.live_fields() {
            let Some(default) = &field.default else {
                continue;
            };
            if let Cell::Register(register) = cell(&mut self.row.cells, field)
                && register.is_empty()
            {
                register.put_default(Some(default.clone()), created);
            }
        }
    }

    fn write(&mut self, id: FieldId, write: &Write, terms: Option<&Terms>) {
        let Some(field) = self
            .record_type
            .fields
            .get(&id)
            .filter(|field| !field.retired)
        else {
            return;
        };
        let by_field = Terms::of(self.definition.policy_of(self.record_type, Some(field)));
        let terms = terms.unwrap_or(&by_field);
        match write {
            Write::Set(value) => self.write_register(field, Some(value.clone()), terms),
            Write::Clear => self.write_register(field, None, terms),
            merging => self.merge(field, merging),
        }
    }

    fn write_register(&mut self, field: &Field, value: Option<Value>, terms: &Terms) {
        let site = self.site(Some(field.id));
        let value = value.map(|value| field.kind.widened(value));
        if let Cell::Register(register) = cell(&mut self.row.cells, field) {
            let met = register.meet(&site, value, &self.arrival, terms, self.journal);
            self.told |= met == Met::SetAside(true);
        }
    }

    fn merge(&mut self, field: &Field, write: &Write) {
        let Arrival { by, base, .. } = self.arrival;
        match (cell(&mut self.row.cells, field), write) {
            (Cell::Counter(sum), Write::Add(change)) => *sum = sum.saturating_add(*change),
            (Cell::Set(elements), Write::Change { add, remove }) => {
                for element in add.iter().chain(remove) {
                    let additions = elements.entry(element.clone()).or_default();
                    additions.retain(|(version, author)| *version > base && *author != by.author);
                }
                for element in add {
                    let additions = elements.entry(element.clone()).or_default();
                    additions.push((by.version, by.author));
                }
                elements.retain(|_, additions| !additions.is_empty());
            }
            _ => {}
        }
    }
}

fn policies_of(definition: &Definition) -> impl Iterator<Item = &str> {
    let types = definition.types.values();
    let of_types = types.clone().filter_map(|t| t.policy.as_deref());
    let fields = types.flat_map(|t| t.fields.values());
    let of_fields = fields.filter_map(|field| field.policy.as_deref());
    std::iter::once(definition.policy.as_str())
        .chain(of_types)
        .chain(of_fields)
}

fn cell<'c>(cells: &'c mut BTreeMap<FieldId, Cell>, field: &Field) -> &'c mut Cell {
    cells.entry(field.id).or_insert_with(|| match field.kind {
        Kind::Counter => Cell::Counter(0),
        Kind::Set { .. } => Cell::Set(BTreeMap::new()),
        Kind::RichText | Kind::Json => Cell::Document,
        _ => Cell::Register(Register::default()),
    })
}
