//! `cairn record create`, `set`, `delete`, `restore`.

use crate::editing::{Edited, Place};
use crate::exit::Failure;
use crate::fields::{self, Assignment};
use crate::holding::Holding;
use crate::host::Host;
use crate::output::Output;
use crate::record_ref;
use cairn_agent::{RecordEdit, RecordEditKind};
use cairn_model::{RecordId, Version};
use cairn_projection::Record;
use serde::{Deserialize, Serialize};

/// An edit that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EditedView {
    /// The record.
    pub(super) id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) record_type: String,
    /// Its title, as it is now.
    pub(super) title: String,
    /// `created`, `changed`, `deleted` or `restored`.
    pub(super) done: String,
    /// The operation's version, at the relay.
    pub(super) version: Option<u64>,
    /// The operation's place in the device's log, on a device.
    pub(super) sequence: Option<u64>,
}

impl EditedView {
    /// The id for a program, the rest for the person.
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        output.line(&self.id)?;
        let place = match (self.version, self.sequence) {
            (Some(version), _) => format!("version {version}"),
            (None, Some(sequence)) => {
                format!("operation {sequence} of this device, sent when it syncs")
            }
            (None, None) => String::new(),
        };
        output.say(format!(
            "{} {}: {} ({place})",
            self.record_type, self.title, self.done
        ));
        Ok(())
    }
}

/// Makes an edit that was prepared, and says what was done.
pub(super) async fn carry_out(
    place: &Place,
    edit: RecordEdit,
    done: &str,
) -> Result<EditedView, Failure> {
    let edited = place.edit(vec![edit]).await?;
    let done = done.to_owned();
    place
        .look(move |holding| view(holding, &edited, done))
        .await?
}

fn view(holding: &dyn Holding, edited: &Edited, done: String) -> Result<EditedView, Failure> {
    let id = edited.records.first().copied().unwrap_or(RecordId([0; 16]));
    let (record_type, title) = crate::render::named(holding, id)?.unwrap_or_default();
    Ok(EditedView {
        id: id.to_string(),
        record_type,
        title,
        done,
        version: edited.version.map(|version| version.0),
        sequence: edited.sequence,
    })
}

/// Creates a record.
pub(super) async fn create(
    host: &Host,
    type_name: String,
    fields: Vec<Assignment>,
    id: Option<String>,
) -> Result<EditedView, Failure> {
    let place = Place::from(host);
    let record = id
        .map(|id| id.parse::<RecordId>())
        .transpose()
        .map_err(Failure::usage)?;
    let prepared = place
        .look(move |holding| {
            let record_type = record_ref::type_named(holding, &type_name)?;
            if let Some(id) = record.filter(|id| holding.type_of(*id).is_some()) {
                return Err(Failure::usage(format!(
                    "there is a record {id} already; change it with `cairn record set {id}`"
                )));
            }
            let edits = fields::edits(holding, record_type, None, &fields)?;
            Ok(RecordEdit {
                record,
                record_type: record_type.id,
                kind: RecordEditKind::Create(edits),
                base: None,
            })
        })
        .await?;
    carry_out(&place, prepared?, "created").await
}

/// Changes a record.
pub(super) async fn set(
    host: &Host,
    reference: String,
    fields: Vec<Assignment>,
    base: Option<u64>,
) -> Result<EditedView, Failure> {
    let place = Place::from(host);
    let prepared = place
        .look(move |holding| {
            let record = record_ref::find(holding, &reference)?;
            let edits = fields::edits(
                holding,
                record_ref::type_of(holding, &record)?,
                Some(&record),
                &fields,
            )?;
            Ok::<_, Failure>(edit(
                &record,
                RecordEditKind::Update(edits),
                base.map(Version),
            ))
        })
        .await?;
    carry_out(&place, prepared?, "changed").await
}

/// Deletes a record.
pub(super) async fn delete(host: &Host, reference: String) -> Result<EditedView, Failure> {
    simple(host, reference, RecordEditKind::Delete, "deleted").await
}

/// Restores a record.
pub(super) async fn restore(host: &Host, reference: String) -> Result<EditedView, Failure> {
    simple(host, reference, RecordEditKind::Restore, "restored").await
}

async fn simple(
    host: &Host,
    reference: String,
    kind: RecordEditKind,
    done: &str,
) -> Result<EditedView, Failure> {
    let place = Place::from(host);
    let found = place
        .look(move |holding| record_ref::find(holding, &reference))
        .await?;
    carry_out(&place, edit(&found?, kind, None), done).await
}

pub(super) fn edit(record: &Record, kind: RecordEditKind, base: Option<Version>) -> RecordEdit {
    RecordEdit {
        record: Some(record.id),
        record_type: record.record_type,
        kind,
        base,
    }
}
