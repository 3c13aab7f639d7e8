//! A conflict: what it is about, what it started from, and what is to choose.

use super::{By, TITLE_CHARACTERS_MAX, Titles, brief, json, named, shortened, titles_of, words};
use crate::exit::Failure;
use crate::holding::Holding;
use crate::output::Output;
use cairn_model::{FieldId, Value};
use cairn_oplog::StorageError;
use cairn_projection::register::Register;
use cairn_projection::{Conflict, FieldState, Outcome, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConflictView {
    /// Its number in the journal.
    pub(crate) number: u64,
    /// The record.
    pub(crate) record: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) record_type: String,
    /// Its title.
    pub(crate) title: String,
    /// The field; none when the record itself is in question.
    pub(crate) field: Option<String>,
    /// The policy that decided, where the journal is.
    pub(crate) policy: Option<String>,
    /// `open`, `superseded`, `resolved` or `overwritten`.
    pub(crate) outcome: String,
    /// The operation that settled it.
    pub(crate) settled_by: Option<u64>,
    /// Whether the value before is still known.
    pub(crate) base_known: bool,
    /// What was there before the sides diverged.
    pub(crate) base: Json,
    /// What is to choose.
    pub(crate) candidates: Vec<CandidateView>,
    /// Titles of the records that values point at, by id.
    pub(crate) titles: Titles,
}

/// One of the writes that met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CandidateView {
    /// What it wrote. For the record itself: `true` keeps it, `false` deletes.
    pub(crate) value: Json,
    /// Whether it is the one that shows.
    pub(crate) shown: bool,
    /// Whether it is of the user who asks.
    pub(crate) mine: bool,
    /// Whose it is.
    #[serde(flatten)]
    pub(crate) by: By,
}

impl ConflictView {
    /// The open conflicts of a record, as its image tells them.
    pub(crate) fn open_of(
        holding: &dyn Holding,
        record: &Record,
    ) -> Result<Vec<ConflictView>, StorageError> {
        let mut views = Vec::new();
        let fields = record.fields.iter().filter_map(|slot| match &slot.state {
            FieldState::Register(register) => Some((Some(slot.id), register)),
            _ => None,
        });
        for (field, register) in std::iter::once((None, &record.life)).chain(fields) {
            views.extend(ConflictView::open(holding, record, field, register)?);
        }
        Ok(views)
    }

    fn open(
        holding: &dyn Holding,
        record: &Record,
        field: Option<FieldId>,
        register: &Register,
    ) -> Result<Option<ConflictView>, StorageError> {
        let Some(open) = &register.open else {
            return Ok(None);
        };
        let record_type = holding.definition().types.get(&record.record_type);
        let me = holding.person(holding.own_author()).user;
        let shown = register.shown().map(|write| write.version);
        let candidates = register.writes.iter().filter_map(|write| {
            let by = By::origin(holding, record.origin(write.version)?);
            let mine = by.user == me;
            Some(CandidateView {
                value: json(write.value.as_ref()),
                shown: Some(write.version) == shown,
                mine,
                by,
            })
        });
        let values = register
            .writes
            .iter()
            .filter_map(|write| write.value.as_ref())
            .chain(open.base.iter().flatten());
        Ok(Some(ConflictView {
            number: open.number,
            record: record.id.to_string(),
            record_type: record_type
                .map_or_else(|| record.record_type.to_string(), |t| t.name.clone()),
            title: record_type.map_or_else(|| record.id.to_string(), |t| record.title(t)),
            field: field.map(|id| {
                let field = record_type.and_then(|t| t.fields.get(&id));
                field.map_or_else(|| id.to_string(), |field| field.name.clone())
            }),
            policy: record_type.map(|t| {
                let field = field.and_then(|id| t.fields.get(&id));
                holding.definition().policy_of(t, field).to_owned()
            }),
            outcome: Outcome::Open.name().to_owned(),
            settled_by: None,
            base_known: open.base.is_some(),
            base: json(open.base.iter().flatten().next()),
            candidates: candidates.collect(),
            titles: titles_of(holding, values)?,
        }))
    }

    /// A conflict as the journal tells it.
    pub(crate) fn journal(
        holding: &dyn Holding,
        conflict: &Conflict,
    ) -> Result<ConflictView, StorageError> {
        let record_type = holding.definition().types.get(&conflict.record_type);
        let me = holding.person(holding.own_author()).user;
        let candidates = conflict.sides.iter().map(|side| {
            let by = By::new(holding, side.version, side.author, side.time, side.received);
            let mine = by.user == me;
            CandidateView {
                value: json(side.value.as_ref()),
                shown: side.version == conflict.shown,
                mine,
                by,
            }
        });
        let values: Vec<&Value> = conflict
            .sides
            .iter()
            .filter_map(|side| side.value.as_ref())
            .chain(conflict.base.iter().flatten())
            .collect();
        let title = named(holding, conflict.record)?
            .map_or_else(|| conflict.record.to_string(), |(_, title)| title);
        Ok(ConflictView {
            number: conflict.number,
            record: conflict.record.to_string(),
            record_type: record_type
                .map_or_else(|| conflict.record_type.to_string(), |t| t.name.clone()),
            title,
            field: conflict.field.map(|id| {
                let field = record_type.and_then(|t| t.fields.get(&id));
                field.map_or_else(|| id.to_string(), |field| field.name.clone())
            }),
            policy: Some(conflict.policy.clone()),
            outcome: conflict.outcome.name().to_owned(),
            settled_by: match conflict.outcome {
                Outcome::Open | Outcome::Superseded => None,
                Outcome::Resolved { by } | Outcome::Overwritten { by } => Some(by.0),
            },
            base_known: conflict.base.is_some(),
            base: json(conflict.base.iter().flatten().next()),
            candidates: candidates.collect(),
            titles: titles_of(holding, values)?,
        })
    }

    /// Whether it waits for a person.
    pub(crate) fn is_open(&self) -> bool {
        self.outcome == Outcome::Open.name()
    }

    /// What it is about.
    pub(crate) fn subject(&self) -> &str {
        self.field.as_deref().unwrap_or("the record itself")
    }

    /// A candidate's value, as people read it.
    fn value_words(&self, value: &Json, short: bool) -> String {
        match (&self.field, value) {
            (None, Json::Bool(true)) => "keeps it".to_owned(),
            (None, Json::Bool(false)) => "deletes it".to_owned(),
            _ if short => brief(value, &self.titles),
            _ => words(value, &self.titles),
        }
    }

    /// What it started from.
    fn base_words(&self) -> String {
        match (self.base_known, &self.field) {
            (false, _) => "no longer known; see the record's history".to_owned(),
            (true, None) => "not deleted".to_owned(),
            (true, Some(_)) => words(&self.base, &self.titles),
        }
    }

    /// A row of a list.
    pub(crate) fn row(&self) -> Vec<String> {
        let sides: Vec<String> = self
            .candidates
            .iter()
            .map(|side| {
                let shown = if side.shown && self.is_open() {
                    ", shown"
                } else {
                    ""
                };
                format!(
                    "{} ({}{shown})",
                    self.value_words(&side.value, true),
                    side.by.user
                )
            })
            .collect();
        vec![
            self.number.to_string(),
            self.outcome.clone(),
            self.record_type.clone(),
            shortened(&self.title, TITLE_CHARACTERS_MAX),
            self.subject().to_owned(),
            sides.join(" | "),
        ]
    }

    /// The columns of [`ConflictView::row`].
    pub(crate) const COLUMNS: [&str; 6] =
        ["conflict", "outcome", "type", "record", "about", "writes"];

    /// Everything about it.
    pub(crate) fn show(&self, output: &Output) -> Result<(), Failure> {
        let settled = self
            .settled_by
            .map(|version| format!(" by operation {version}"))
            .unwrap_or_default();
        let mut facts = vec![
            (
                "conflict",
                format!("{}, {}{settled}", self.number, self.outcome),
            ),
            (
                "record",
                format!("{} {} ({})", self.record_type, self.title, self.record),
            ),
            ("about", self.subject().to_owned()),
        ];
        if let Some(policy) = &self.policy {
            facts.push(("policy", policy.clone()));
        }
        facts.push(("before", self.base_words()));
        output.facts(&facts)?;
        let rows = self.candidates.iter().map(|side| {
            let [device_time, received] = side.by.times();
            let shown = if self.is_open() { "shown" } else { "was shown" };
            let marks = [(side.shown, shown), (side.mine, "mine")];
            let marks: Vec<&str> = marks
                .into_iter()
                .filter(|(set, _)| *set)
                .map(|(_, mark)| mark)
                .collect();
            vec![
                side.by.version_words(),
                self.value_words(&side.value, false),
                side.by.user.clone(),
                side.by.device.clone(),
                device_time,
                received,
                marks.join(", "),
            ]
        });
        output.table(
            &[
                "version",
                "value",
                "user",
                "device",
                "device time",
                "received",
                "",
            ],
            rows.collect(),
        )?;
        if self.is_open() {
            output.say(self.advice());
        }
        Ok(())
    }

    /// How it is resolved.
    fn advice(&self) -> String {
        let number = self.number;
        match &self.field {
            None => format!("Decide: cairn conflict resolve {number} --keep, or --delete-record"),
            Some(field) => {
                format!("Decide: cairn conflict resolve {number} --take VERSION, or {field}=VALUE")
            }
        }
    }
}
