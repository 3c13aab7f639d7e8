//! What became of a scene: what people see, what is in the journal, what waits
//! for somebody.

use super::cast::{Who, first_name};
use super::props::Props;
use super::scene::{Scene, clock_time};
use super::world::World;
use crate::exit::Failure;
use cairn_model::{Definition, FieldId, RecordId, TypeId, Value};
use cairn_projection::conflict::{Conflict, Side};
use cairn_projection::{Issue, State};
use serde::Serialize;

/// What became of a scene.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Aftermath {
    /// The scene.
    pub(super) scene: &'static str,
    /// What people see: those who see the same together.
    pub(super) seen: Vec<Seen>,
    /// What is in the journal.
    pub(super) journal: Vec<Entry>,
    /// What waits for somebody.
    pub(super) open: Vec<Waiting>,
}

/// What some people see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Seen {
    /// Who.
    pub(super) people: Vec<&'static str>,
    /// What.
    pub(super) shows: String,
}

/// An entry of the conflict journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    /// Its number.
    pub(super) number: u64,
    /// The field; none when the record itself is in question.
    pub(super) field: Option<String>,
    /// What people call the field.
    pub(super) label: Option<String>,
    /// What became of it.
    pub(super) outcome: &'static str,
    /// What shows, and whose it is.
    pub(super) shown: String,
    /// What does not, and whose it is.
    pub(super) others: Vec<String>,
}

/// Something that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(super) enum Waiting {
    /// Anybody may decide a conflict.
    Conflict {
        /// Its number in the journal.
        number: u64,
    },
    /// Somebody must settle an issue.
    Issue {
        /// Its number.
        number: u64,
        /// Who.
        user: String,
        /// Why, for programs.
        code: &'static str,
        /// Why, in words.
        what: String,
        /// What they can do.
        they_can: &'static str,
    },
}

impl Aftermath {
    /// Whether the same became of it in another round: only numbers differ.
    pub(super) fn is_like(&self, other: &Aftermath) -> bool {
        self.seen == other.seen
            && self.journal.is_empty()
            && other.journal.is_empty()
            && self
                .open
                .iter()
                .map(Waiting::reason)
                .eq(other.open.iter().map(Waiting::reason))
    }
}

impl Waiting {
    /// Whom it waits for, and why.
    fn reason(&self) -> (&str, &str) {
        match self {
            Waiting::Conflict { .. } => ("anybody", "conflict"),
            Waiting::Issue { user, code, .. } => (user, code),
        }
    }
}

/// Looks at everybody's device and at the relay's journal.
pub(super) async fn look(scene: Scene, props: &Props, world: &World) -> Result<Aftermath, Failure> {
    let records: Vec<RecordId> = scene
        .records(props)
        .iter()
        .map(|prop| prop.record)
        .collect();
    let (mut seen, mut open): (Vec<Seen>, Vec<Waiting>) = (Vec::new(), Vec::new());
    for who in Who::ALL {
        let (props, about) = (props.clone(), records.clone());
        let looked = world.person(who)?.host.look(move |agent| {
            let issues = agent
                .issues()
                .filter(|issue| issue.is_open() && is_about(issue, &about));
            let issues: Vec<Waiting> = issues
                .map(|issue| waiting(issue, &props.definition))
                .collect();
            (scene.seen(&props, agent), issues)
        });
        let (shows, issues) = looked.await?;
        open.extend(issues);
        match seen.iter_mut().find(|other| other.shows == shows) {
            Some(same) => same.people.push(who.name()),
            None => seen.push(Seen {
                people: vec![who.name()],
                shows,
            }),
        }
    }
    let journal = world.host.look(move |relay| {
        let state = relay.state();
        let about = state
            .journal()
            .iter()
            .filter(|conflict| records.contains(&conflict.record));
        about
            .map(|conflict| (entry(conflict, state), conflict.is_open()))
            .collect::<Vec<_>>()
    });
    let journal = journal.await?;
    let conflicts = journal.iter().filter(|(_, is_open)| *is_open);
    open.extend(conflicts.map(|(entry, _)| Waiting::Conflict {
        number: entry.number,
    }));
    let journal = journal.into_iter().map(|(entry, _)| entry).collect();
    Ok(Aftermath {
        scene: scene.name(),
        seen,
        journal,
        open,
    })
}

fn is_about(issue: &Issue, records: &[RecordId]) -> bool {
    issue.record.is_some_and(|record| records.contains(&record))
        || cairn_oplog::bundle::decode_operation(&issue.payload).is_ok_and(|operation| {
            operation
                .mutations()
                .iter()
                .any(|mutation| records.contains(&mutation.record))
        })
}

fn waiting(issue: &Issue, definition: &Definition) -> Waiting {
    Waiting::Issue {
        number: issue.number,
        user: first_name(definition, &issue.user),
        code: issue.code.code(),
        what: issue.what.clone(),
        they_can: issue.code.user_can(),
    }
}

fn entry(conflict: &Conflict, state: &State) -> Entry {
    let definition = state.definition();
    let record_type = definition.types.get(&conflict.record_type);
    let field = conflict.field.and_then(|id| record_type?.fields.get(&id));
    let spoken = |side: &Side| {
        let user = state
            .device(side.author)
            .map_or("", |device| device.user.as_str());
        format!(
            "{} ({})",
            side_text(conflict.field, side.value.as_ref()),
            first_name(definition, user)
        )
    };
    let (shown, others): (Vec<&Side>, Vec<&Side>) = conflict
        .sides
        .iter()
        .partition(|side| side.version == conflict.shown);
    Entry {
        number: conflict.number,
        field: field.map(|field| field.name.clone()),
        label: field.map(|field| field.label.clone()),
        outcome: conflict.outcome.name(),
        shown: shown.first().map(|side| spoken(side)).unwrap_or_default(),
        others: others.into_iter().map(spoken).collect(),
    }
}

fn side_text(field: Option<FieldId>, value: Option<&Value>) -> String {
    match (field, value) {
        (None, Some(Value::Boolean(true))) => "changed".to_owned(),
        (None, _) => "deleted".to_owned(),
        (Some(_), Some(Value::Timestamp(time))) => clock_time(&time.to_string()).to_owned(),
        (Some(_), Some(value)) => value.to_string(),
        (Some(_), None) => "empty".to_owned(),
    }
}

/// How many records of a type there are to be seen.
pub(super) fn count(state: &State, record_type: Option<TypeId>) -> usize {
    let counted = |record: &&cairn_projection::Record| {
        record.is_alive() && record_type.is_none_or(|record_type| record.record_type == record_type)
    };
    state.records().filter(counted).count()
}
