//! Records that left a device: `cairn record get` and `list --left` of them.

use crate::exit::{Exit, Failure};
use crate::host::Host;
use crate::output::{Output, count};
use crate::render::{shortened, time_words};
use cairn_agent::{Agent, LeftRecord};
use cairn_model::RecordId;
use serde::{Deserialize, Serialize};

/// Digits of an id that are enough to name a record, if no other begins so.
const PREFIX_DIGITS_MIN: usize = 8;
/// Characters of a reason in a table.
const WORDS_CHARACTERS_MAX: usize = 100;

/// A record that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftView {
    pub(super) id: String,
    #[serde(rename = "type")]
    record_type: String,
    pub(super) title: String,
    left: bool,
    /// Why, for programs; nothing for one created here that was never let in.
    pub(super) code: Option<String>,
    pub(super) words: String,
    /// Since when that is so, where it is known.
    since: Option<String>,
    /// When it left, by this device's clock.
    left_at: String,
    /// Whether the user may read it still: it can be followed then.
    readable: bool,
    /// Whether it is still here, because work on it is not settled.
    pub(super) kept: bool,
}

/// Records that left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AllLeft {
    pub(super) records: Vec<LeftView>,
    /// How many there are without the limit.
    all: u64,
}

impl LeftView {
    /// The view of one.
    pub(crate) fn of(agent: &Agent, id: RecordId, left: &LeftRecord) -> LeftView {
        let types = &agent.directory().definition.types;
        let reason = left.reason.as_ref();
        LeftView {
            id: id.to_string(),
            record_type: types
                .get(&left.record_type)
                .map_or_else(|| left.record_type.to_string(), |of| of.name.clone()),
            title: left.title.clone(),
            left: true,
            code: reason.map(|reason| reason.code.clone()),
            words: left.words(),
            since: reason.and_then(|reason| reason.since.map(|since| since.to_string())),
            left_at: left.left.to_string(),
            readable: reason.is_none_or(|reason| reason.readable),
            kept: left.kept,
        }
    }

    /// What it is called: its title, or its id where that is not to be read.
    fn called(&self) -> &str {
        match self.title.is_empty() {
            true => &self.id,
            false => &self.title,
        }
    }

    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        let mut facts = vec![
            (self.record_type.as_str(), self.called().to_owned()),
            ("id", self.id.clone()),
            ("state", "not on this device any more".to_owned()),
            ("left", time_words(&self.left_at)),
            ("why", self.words.clone()),
        ];
        let since = self.since.as_deref().map(time_words);
        facts.extend(since.map(|since| ("since", since)));
        output.facts(&facts)?;
        if self.readable {
            output.say(format!(
                "To have it here again whatever the profiles say: cairn record follow {}",
                self.id
            ));
        }
        Ok(())
    }
}

/// Where a record is not here, why it left; `missing` if it never was here.
pub(super) async fn get(
    host: &Host,
    reference: String,
    missing: Failure,
) -> Result<LeftView, Failure> {
    let Host::Device(device) = host else {
        return Err(missing);
    };
    if missing.exit != Exit::NotFound {
        return Err(missing);
    }
    device
        .look(move |agent| match find(agent, &reference)? {
            Some((id, left)) => Ok(LeftView::of(agent, id, left)),
            None => Err(with_unnamed(agent, &reference, missing)),
        })
        .await?
}

/// That a record is not here, and perhaps is one of those that left and may
/// not be named any more.
fn with_unnamed(agent: &Agent, reference: &str, missing: Failure) -> Failure {
    let type_name = reference.split_once(':').map(|(type_name, _)| type_name);
    let of_type = type_name.and_then(|name| agent.directory().definition.type_named(name));
    let Some(of_type) = of_type else {
        return missing;
    };
    let unnamed = agent
        .all_left()
        .filter(|(_, left)| left.record_type == of_type.id && left.title.is_empty())
        .count();
    match unnamed {
        0 => missing,
        _ => Failure::not_found(format!(
            "{}; {} left this device that you may not read any more: `cairn record list --left {}` says why",
            missing.message,
            count(unnamed as u64, &of_type.name),
            of_type.name
        )),
    }
}

/// The record that left and that `reference` names: by id, by the beginning of
/// its id, or by its type and key or title.
pub(super) fn find<'a>(
    agent: &'a Agent,
    reference: &str,
) -> Result<Option<(RecordId, &'a LeftRecord)>, Failure> {
    let id = |text: &str| text.parse::<RecordId>().ok();
    let begins = |id: &RecordId, text: &str| {
        let digits = text.replace('-', "").to_lowercase();
        digits.len() >= PREFIX_DIGITS_MIN && id.to_string().replace('-', "").starts_with(&digits)
    };
    let found: Vec<_> = match reference.split_once(':') {
        Some((type_name, name)) => {
            let named = agent.directory().definition.type_named(type_name);
            let Some(of_type) = named else {
                return Ok(None);
            };
            let is = |(at, left): &(RecordId, &LeftRecord)| {
                left.record_type == of_type.id
                    && (left.title == name
                        || left.keys.iter().any(|key| key == name)
                        || id(name) == Some(*at)
                        || begins(at, name))
            };
            agent.all_left().filter(is).collect()
        }
        None => match id(reference) {
            Some(id) => agent.left(id).map(|left| (id, left)).into_iter().collect(),
            None => agent
                .all_left()
                .filter(|(at, _)| begins(at, reference))
                .collect(),
        },
    };
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let ids: Vec<String> = several.iter().map(|(id, _)| id.to_string()).collect();
            Err(Failure::usage(format!(
                "several records that left this device are called `{reference}`: {}; name one by its id",
                ids.join(", ")
            )))
        }
    }
}

/// Those that left, the newest first.
pub(super) async fn list(
    host: &Host,
    record_type: Option<String>,
    limit: usize,
) -> Result<AllLeft, Failure> {
    host.device()?
        .look(move |agent| {
            let of_type = match &record_type {
                Some(name) => Some(crate::record_ref::type_named(agent, name)?.id),
                None => None,
            };
            let wanted = |(_, left): &(RecordId, &LeftRecord)| {
                of_type.is_none_or(|of_type| left.record_type == of_type)
            };
            let mut found: Vec<_> = agent.all_left().filter(wanted).collect();
            found.sort_by_key(|(id, left)| (std::cmp::Reverse(left.left), *id));
            Ok(AllLeft {
                all: found.len() as u64,
                records: found
                    .into_iter()
                    .take(limit)
                    .map(|(id, left)| LeftView::of(agent, id, left))
                    .collect(),
            })
        })
        .await?
}

impl AllLeft {
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        let rows = self.records.iter().map(|view| {
            let kept = if view.kept {
                "kept for unsettled work"
            } else {
                ""
            };
            vec![
                view.id.clone(),
                view.record_type.clone(),
                shortened(view.called(), crate::render::TITLE_CHARACTERS_MAX),
                time_words(&view.left_at),
                shortened(&view.words, WORDS_CHARACTERS_MAX),
                kept.to_owned(),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let shown = rows.len() as u64;
        match rows.is_empty() {
            true => output.say("No record has left this device."),
            false => output.table(&["id", "type", "title", "left", "why", ""], rows)?,
        }
        if shown < self.all {
            output.say(format!(
                "{} of {}; --limit shows more.",
                shown,
                count(self.all, "record")
            ));
        }
        Ok(())
    }
}
