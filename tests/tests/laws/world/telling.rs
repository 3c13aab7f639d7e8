//! What a world came to, in words short enough for a table.

use super::World;
use cairn_model::{FieldId, RecordId, Value};
use cairn_projection::{Conflict, Issue, Record};

impl World {
    /// A record as the relay has it.
    pub(crate) fn record(&self, name: &str) -> &Record {
        self.state.record(self.id(name)).expect(name)
    }

    /// What a field reads as; nothing when it is empty.
    pub(crate) fn shows(&self, name: &str, field: &str) -> String {
        let record = self.record(name);
        let record_type = &self.state.definition().types[&record.record_type];
        let field = record_type
            .fields
            .values()
            .find(|f| f.name == field)
            .expect(field);
        let state = record.field(field.id);
        state
            .map(|state| state.to_text(&field.kind))
            .unwrap_or_default()
    }

    /// Whether a record is there to be seen.
    pub(crate) fn is_alive(&self, name: &str) -> bool {
        self.record(name).is_alive()
    }

    /// The journal, an entry a line: `title of lift, was Old: ann New | bob
    /// Other; New shows, open`.
    pub(crate) fn journal(&self) -> Vec<String> {
        self.state
            .journal()
            .iter()
            .map(|conflict| self.tell_conflict(conflict))
            .collect()
    }

    /// The issues, one a line: `bob conflict.superseded title of lift`, with
    /// `+2` for two dependents and `settled` when it is.
    pub(crate) fn issues(&self) -> Vec<String> {
        self.state
            .issues()
            .iter()
            .map(|issue| self.tell_issue(issue))
            .collect()
    }

    fn tell_conflict(&self, conflict: &Conflict) -> String {
        let place = self.place(conflict.record, conflict.field);
        let base = match &conflict.base {
            Some(base) => format!("was {}", told(base)),
            None => "base forgotten".to_owned(),
        };
        let life = conflict.field.is_none();
        let value = |value: &Option<Value>| match value {
            Some(Value::Boolean(true)) if life => "keeps".to_owned(),
            Some(Value::Boolean(false)) if life => "deletes".to_owned(),
            value => told(value),
        };
        let sides = conflict.sides.iter().map(|side| {
            let author = self.state.device(side.author).expect("an author");
            format!("{} {}", author.name, value(&side.value))
        });
        let sides: Vec<String> = sides.collect();
        let shown = conflict
            .sides
            .iter()
            .find(|side| side.version == conflict.shown);
        let shown = shown.map_or("?".to_owned(), |side| value(&side.value));
        let outcome = conflict.outcome.name();
        let base = if life {
            String::new()
        } else {
            format!(", {base}")
        };
        format!(
            "{place}{base}: {}; {shown} shows, {outcome}",
            sides.join(" | ")
        )
    }

    fn tell_issue(&self, issue: &Issue) -> String {
        let mut told = format!("{} {}", issue.user, issue.code.code());
        if let Some(record) = issue.record {
            told += &format!(" {}", self.place(record, issue.field));
        }
        if !issue.dependents.is_empty() {
            told += &format!(" +{}", issue.dependents.len());
        }
        if !issue.is_open() {
            told += " settled";
        }
        told
    }

    fn place(&self, record: RecordId, field: Option<FieldId>) -> String {
        let named = self.names.iter().find(|(_, id)| **id == record);
        let name = named.map_or("somewhere", |(name, _)| name);
        let record_type = self.state.record(record).map(|record| record.record_type);
        let types = &self.state.definition().types;
        let field = field.and_then(|field| types.get(&record_type?)?.fields.get(&field));
        match field {
            Some(field) => format!("{} of {name}", field.name),
            None => name.to_owned(),
        }
    }
}

fn told(value: &Option<Value>) -> String {
    value
        .as_ref()
        .map_or("nothing".to_owned(), ToString::to_string)
}
