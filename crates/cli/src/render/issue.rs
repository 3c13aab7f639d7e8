//! An issue: what happened to somebody's work, and what can be done.

use super::{TITLE_CHARACTERS_MAX, brief, json, named, shortened, titles_of};
use crate::exit::Failure;
use crate::holding::Holding;
use crate::output::Output;
use cairn_model::{Action, Mutation, RecordId, SettleOutcome, Value, Write};
use cairn_oplog::StorageError;
use cairn_oplog::bundle::decode_operation;
use cairn_projection::Issue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::fmt::Write as _;

/// Characters of a list's reasons.
const WHAT_CHARACTERS_MAX: usize = 120;

/// An issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IssueView {
    /// Its number.
    pub(crate) number: u64,
    /// `open`, `settled here` (the relay does not know yet), `discarded` or
    /// `resubmitted`.
    pub(crate) state: String,
    /// Whose work it is.
    pub(crate) user: String,
    /// On which device.
    pub(crate) device: Option<String>,
    /// The operation, by its version.
    pub(crate) version: u64,
    /// The operation in its author's log.
    pub(crate) operation: String,
    /// Whether the operation was rejected; otherwise a policy set it aside.
    pub(crate) rejected: bool,
    /// Why, as a stable code.
    pub(crate) code: String,
    /// Why, in words.
    pub(crate) what: String,
    /// What the author can do.
    pub(crate) user_can: String,
    /// What an administrator can do.
    pub(crate) admin_can: String,
    /// The record it is about.
    pub(crate) record: Option<String>,
    /// The record's type and title, where it is here.
    pub(crate) title: Option<String>,
    /// The field it is about.
    pub(crate) field: Option<String>,
    /// What the operation wanted, record by record.
    pub(crate) wanted: Vec<WantedView>,
    /// Later operations that were rejected with it.
    pub(crate) dependents: Vec<u64>,
}

/// What an operation wanted of one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WantedView {
    /// The record.
    pub(crate) record: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) record_type: String,
    /// `create`, `update`, …
    pub(crate) change: String,
    /// What it wrote, by field.
    pub(crate) fields: Map<String, Json>,
    /// The same as people read it.
    pub(crate) words: String,
}

impl IssueView {
    /// The view of an issue. `settled_here`: its author has answered on this
    /// device, and the relay does not know yet.
    pub(crate) fn of(
        holding: &dyn Holding,
        issue: &Issue,
        settled_here: bool,
    ) -> Result<IssueView, StorageError> {
        let wanted = match decode_operation(&issue.payload).map(|operation| operation.action) {
            Ok(Action::Edit(mutations)) => mutations
                .iter()
                .map(|mutation| WantedView::of(holding, mutation))
                .collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        let first = wanted.first();
        let title = match issue.record {
            Some(id) => {
                named(holding, id)?.map(|(record_type, title)| format!("{record_type} {title}"))
            }
            None => None,
        };
        let record_type = issue
            .record
            .and_then(|id| holding.type_of(id))
            .and_then(|id| holding.definition().types.get(&id));
        let record_type =
            record_type.or_else(|| holding.definition().type_named(first?.record_type.as_str()));
        let field = issue
            .field
            .and_then(|id| record_type?.fields.get(&id))
            .map(|field| field.name.clone());
        let state = match issue.settled {
            Some((SettleOutcome::Discarded, _)) => "discarded",
            Some((SettleOutcome::Resubmitted, _)) => "resubmitted",
            None if settled_here => "settled here",
            None => "open",
        };
        Ok(IssueView {
            number: issue.number,
            state: state.to_owned(),
            user: issue.user.clone(),
            device: issue.author.map(|author| holding.person(author).device),
            version: issue.version.0,
            operation: issue.operation.to_string(),
            rejected: issue.is_rejection(),
            code: issue.code.code().to_owned(),
            what: issue.what.clone(),
            user_can: issue.code.user_can().to_owned(),
            admin_can: issue.code.admin_can().to_owned(),
            record: issue.record.as_ref().map(RecordId::to_string),
            title,
            field,
            wanted,
            dependents: issue
                .dependents
                .iter()
                .map(|dependent| dependent.version.0)
                .collect(),
        })
    }

    /// Whether it waits for its author.
    pub(crate) fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// The columns of [`IssueView::row`].
    pub(crate) const COLUMNS: [&str; 6] = ["issue", "state", "user", "record", "code", "what"];

    /// A row of a list.
    pub(crate) fn row(&self) -> Vec<String> {
        let subject = self.title.clone().or_else(|| {
            let first = self.wanted.first()?;
            Some(format!("{} {}", first.change, first.record_type))
        });
        vec![
            self.number.to_string(),
            self.state.clone(),
            self.user.clone(),
            shortened(&subject.unwrap_or_default(), TITLE_CHARACTERS_MAX),
            self.code.clone(),
            shortened(&self.what, WHAT_CHARACTERS_MAX),
        ]
    }

    /// Everything about it.
    pub(crate) fn show(&self, output: &Output) -> Result<(), Failure> {
        let device = self
            .device
            .as_ref()
            .map(|device| format!(" on {device}"))
            .unwrap_or_default();
        let kind = if self.rejected {
            "rejected"
        } else {
            "set aside by the policy"
        };
        let mut facts = vec![
            ("issue", format!("{}, {}", self.number, self.state)),
            (
                "of",
                format!(
                    "{}{device}, operation {} ({})",
                    self.user, self.version, self.operation
                ),
            ),
            ("why", format!("{kind} ({}): {}", self.code, self.what)),
        ];
        if let (Some(record), Some(title)) = (&self.record, &self.title) {
            facts.push(("record", format!("{title} ({record})")));
        }
        if let Some(field) = &self.field {
            facts.push(("field", field.clone()));
        }
        for wanted in &self.wanted {
            facts.push((
                "wanted",
                format!(
                    "{} {} {}{}",
                    wanted.change, wanted.record_type, wanted.record, wanted.words
                ),
            ));
        }
        if !self.dependents.is_empty() {
            let later: Vec<String> = self.dependents.iter().map(u64::to_string).collect();
            facts.push((
                "with it",
                format!("operations {}, which build on it", later.join(", ")),
            ));
        }
        facts.push(("you can", self.user_can.clone()));
        facts.push(("admin can", self.admin_can.clone()));
        output.facts(&facts)
    }
}

impl WantedView {
    fn of(holding: &dyn Holding, mutation: &Mutation) -> Result<WantedView, StorageError> {
        let record_type = holding.definition().types.get(&mutation.record_type);
        let writes = mutation.change.writes();
        let values = writes.iter().flat_map(|(_, write)| values(write));
        let titles = titles_of(holding, values)?;
        let mut fields = Map::new();
        let mut spoken = String::new();
        for (id, write) in writes {
            let field = record_type.and_then(|t| t.fields.get(id));
            let name = field.map_or_else(|| format!("field {id}"), |field| field.name.clone());
            let value = write_json(write);
            let separator = if spoken.is_empty() { ": " } else { ", " };
            let _ = write!(spoken, "{separator}{name}={}", brief(&value, &titles));
            fields.insert(name, value);
        }
        Ok(WantedView {
            record: mutation.record.to_string(),
            record_type: record_type
                .map_or_else(|| mutation.record_type.to_string(), |t| t.name.clone()),
            change: mutation.change.name().to_owned(),
            fields,
            words: spoken,
        })
    }
}

/// The values a write names.
pub(crate) fn values(write: &Write) -> Vec<&Value> {
    match write {
        Write::Set(value) => vec![value],
        Write::Change { add, remove } => add.iter().chain(remove).collect(),
        Write::Clear | Write::Add(_) | Write::Merge(_) => Vec::new(),
    }
}

/// What a write says: a register's value, `+1` for a counter, `+a` and `-b`
/// for a set; document edits are told by their size.
pub(crate) fn write_json(write: &Write) -> Json {
    let marked = |mark: char, value: &Value| Json::from(format!("{mark}{value}"));
    match write {
        Write::Set(value) => json(Some(value)),
        Write::Clear => Json::Null,
        Write::Add(change) => format!("{change:+}").into(),
        Write::Change { add, remove } => add
            .iter()
            .map(|value| marked('+', value))
            .chain(remove.iter().map(|value| marked('-', value)))
            .collect(),
        Write::Merge(changes) => format!("an edit of {} bytes", changes.len()).into(),
    }
}
