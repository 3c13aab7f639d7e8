//! `cairn record history` and `blame`: the signed operations behind a record.
//!
//! A device asks the relay and believes nothing it says: every bundle is
//! verified here against the key of the device that signed it.

mod blame;
mod signed;

pub(crate) use blame::BlameView;

use crate::control::Progress;
use crate::editing::Place;
use crate::exit::Failure;
use crate::holding::Holding;
use crate::host::Host;
use crate::output::{Output, count};
use crate::render::issue::{values, write_json};
use crate::render::{By, Titles, brief, titles_of, values_of};
use cairn_model::{
    Action, Change, Field, FieldId, Mutation, OrganizationId, RecordId, SettleOutcome, Write,
};
use cairn_oplog::StorageError;
use cairn_projection::Record;
use cairn_projection::replay::Replay;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use signed::{Collected, Signed};
use std::collections::BTreeMap;

/// The operations on a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HistoryView {
    /// The record.
    record: String,
    /// Its type.
    #[serde(rename = "type")]
    record_type: String,
    /// Its title.
    title: String,
    /// Bundles whose signatures were verified.
    bundles_verified: usize,
    /// The operations, oldest first; unsent ones last.
    operations: Vec<OperationView>,
    /// Titles of the records that values point at, by id.
    titles: Titles,
}

/// One operation, as far as it is about the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OperationView {
    /// Whose it is.
    #[serde(flatten)]
    by: By,
    /// Its place in its author's log.
    operation: String,
    /// What it did to the record.
    change: String,
    /// `admitted`, `rejected`, or `unsent`.
    verdict: String,
    /// Why it was rejected.
    code: Option<String>,
    /// How its author settled the rejection.
    settled: Option<String>,
    /// What it changed, field by field.
    fields: Vec<FieldChange>,
}

/// What an operation changed in a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FieldChange {
    /// The field.
    field: String,
    /// What it showed before.
    before: Json,
    /// What the operation wrote, if it wrote the field itself.
    wrote: Option<Json>,
    /// What it showed after.
    after: Json,
}

/// The operations on a record.
pub(super) async fn history(
    host: &Host,
    reference: String,
    sync: bool,
    progress: &Progress,
) -> Result<HistoryView, Failure> {
    let collected = signed::collect(host, reference, sync, progress).await?;
    Ok(Place::from(host)
        .look(move |holding| view(holding, &collected))
        .await??)
}

/// The operations behind a record's values.
pub(super) async fn blame(
    host: &Host,
    reference: String,
    sync: bool,
    progress: &Progress,
) -> Result<BlameView, Failure> {
    let collected = signed::collect(host, reference, sync, progress).await?;
    Place::from(host)
        .look(move |holding| BlameView::of(holding, &collected))
        .await?
}

fn view(holding: &dyn Holding, collected: &Collected) -> Result<HistoryView, StorageError> {
    let (record_type, title) = crate::render::named(holding, collected.record)?.unwrap_or_default();
    let mut story = Story::new(holding, collected.organization, collected.record);
    let operations: Vec<OperationView> = collected
        .signed
        .iter()
        .chain(&collected.unsent)
        .map(|signed| story.tell(signed))
        .collect();
    let own = collected
        .all()
        .flat_map(Signed::mutations)
        .filter(|mutation| mutation.record == collected.record);
    let mut titles = titles_of(holding, own.flat_map(values_written))?;
    if let Some(record) = holding.record(collected.record)? {
        titles.extend(titles_of(holding, values_of(&record))?);
    }
    Ok(HistoryView {
        record: collected.record.to_string(),
        record_type,
        title,
        bundles_verified: collected.bundles,
        operations,
        titles,
    })
}

fn values_written(mutation: &Mutation) -> impl Iterator<Item = &cairn_model::Value> {
    mutation
        .change
        .writes()
        .iter()
        .flat_map(|(_, write)| values(write))
}

/// Tells operation after operation what each changed.
struct Story<'a> {
    holding: &'a dyn Holding,
    record: RecordId,
    replay: Replay,
}

impl<'a> Story<'a> {
    fn new(holding: &'a dyn Holding, organization: OrganizationId, record: RecordId) -> Story<'a> {
        let devices = holding.devices();
        let replay = Replay::new(organization, holding.definition().clone(), devices, record);
        Story {
            holding,
            record,
            replay,
        }
    }

    fn tell(&mut self, signed: &Signed) -> OperationView {
        let before = self.replay.record().cloned();
        if signed.rejected.is_none() {
            match &signed.operation.action {
                Action::Edit(mutations) => self.replay.edit(mutations, &signed.origin),
                Action::Publish { .. } => self.replay.publish(&signed.origin),
                Action::Settle { .. } | Action::Enrol { .. } | Action::Revoke { .. } => {}
            }
        }
        let after = self.replay.record();
        let verdict = match (signed.origin.version.is_pending(), signed.rejected) {
            (true, _) => "unsent",
            (false, None) => "admitted",
            (false, Some(_)) => "rejected",
        };
        OperationView {
            by: By::origin(self.holding, &signed.origin),
            operation: signed.id.to_string(),
            change: self.change_words(signed, before.as_ref(), after),
            verdict: verdict.to_owned(),
            code: signed.rejected.map(|code| code.code().to_owned()),
            settled: signed
                .settled
                .filter(|_| signed.rejected.is_some())
                .map(|outcome| match outcome {
                    SettleOutcome::Discarded => "discarded".to_owned(),
                    SettleOutcome::Resubmitted => "resubmitted".to_owned(),
                }),
            fields: self.fields(signed, before.as_ref(), after),
        }
    }

    /// What happened to the record as a whole.
    fn change_words(
        &self,
        signed: &Signed,
        before: Option<&Record>,
        after: Option<&Record>,
    ) -> String {
        let own: Vec<&str> = signed
            .mutations()
            .filter(|m| m.record == self.record)
            .map(|m| m.change.name())
            .collect();
        if !own.is_empty() {
            return own.join(", ");
        }
        let (was, is) = (
            before.is_some_and(Record::is_alive),
            after.is_some_and(Record::is_alive),
        );
        match &signed.operation.action {
            Action::Publish { .. } => "the definition was published".to_owned(),
            _ if was && !is => "deleted with a record it points at".to_owned(),
            _ => "a record it points at was deleted".to_owned(),
        }
    }

    fn fields(
        &self,
        signed: &Signed,
        before: Option<&Record>,
        after: Option<&Record>,
    ) -> Vec<FieldChange> {
        let mut written: BTreeMap<FieldId, &Write> = BTreeMap::new();
        for mutation in signed
            .mutations()
            .filter(|mutation| mutation.record == self.record)
        {
            written.extend(
                mutation
                    .change
                    .writes()
                    .iter()
                    .map(|(id, write)| (*id, write)),
            );
        }
        let record_type = before.or(after).map(|record| record.record_type);
        let record_type = record_type.or_else(|| {
            signed
                .mutations()
                .find(|m| m.record == self.record)
                .map(|m| m.record_type)
        });
        let Some(record_type) = record_type.and_then(|id| self.holding.definition().types.get(&id))
        else {
            return Vec::new();
        };
        let mut changes: Vec<FieldChange> = self
            .life_change(signed, before, after)
            .into_iter()
            .collect();
        for field in record_type.fields.values() {
            let wrote = written.get(&field.id).map(|write| write_json(write));
            let (before, after) = (shown(before, field), shown(after, field));
            if wrote.is_some() || before != after {
                changes.push(FieldChange {
                    field: field.name.clone(),
                    before,
                    wrote,
                    after,
                });
            }
        }
        changes
    }

    /// Whether the record came, went, or was kept against a deletion.
    fn life_change(
        &self,
        signed: &Signed,
        before: Option<&Record>,
        after: Option<&Record>,
    ) -> Option<FieldChange> {
        let alive =
            |record: Option<&Record>| record.map_or(Json::Null, |record| record.is_alive().into());
        let wrote = signed
            .mutations()
            .filter(|m| m.record == self.record)
            .find_map(|mutation| match &mutation.change {
                Change::Delete => Some(false),
                Change::Restore => Some(true),
                Change::Resolve { keep, .. } => *keep,
                Change::Create(_) | Change::Update(_) | Change::Follow | Change::Unfollow => None,
            });
        let (before, after) = (alive(before), alive(after));
        let turned = before != after && !before.is_null();
        (wrote.is_some() || turned).then(|| FieldChange {
            field: LIFE.to_owned(),
            before,
            wrote: wrote.map(Json::from),
            after,
        })
    }
}

/// What stands for the record itself among its fields.
const LIFE: &str = "(the record is there)";

fn shown(record: Option<&Record>, field: &Field) -> Json {
    record
        .and_then(|record| record.field(field.id)?.to_json(&field.kind))
        .unwrap_or(Json::Null)
}

impl HistoryView {
    /// Operation by operation.
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        for operation in &self.operations {
            operation.show(&self.titles, output)?;
        }
        output.say(format!(
            "{} {}: {}; signatures of {} verified.",
            self.record_type,
            self.title,
            count(self.operations.len() as u64, "operation"),
            count(self.bundles_verified as u64, "bundle")
        ));
        Ok(())
    }
}

impl OperationView {
    fn show(&self, titles: &Titles, output: &Output) -> Result<(), Failure> {
        let [device_time, received] = self.by.times();
        let code = self
            .code
            .as_ref()
            .map(|code| format!(" ({code})"))
            .unwrap_or_default();
        let settled = self
            .settled
            .as_ref()
            .map(|settled| format!(", {settled}"))
            .unwrap_or_default();
        output.line(format!(
            "{:<8} {} by {}, {device_time} by its clock, received {received}: {}{code}{settled}",
            self.by.version_words(),
            self.change,
            self.by.person_words(),
            self.verdict,
        ))?;
        self.fields.iter().try_for_each(|field| {
            output.line(format!("           {}", field.words(titles, &self.verdict)))
        })
    }
}

impl FieldChange {
    fn words(&self, titles: &Titles, verdict: &str) -> String {
        let [before, after] = [&self.before, &self.after].map(|value| brief(value, titles));
        let wrote = self.wrote.as_ref().map(|wrote| brief(wrote, titles));
        let name = &self.field;
        match wrote {
            Some(wrote) if verdict == "rejected" => {
                format!("{name}: {before} stays, wanted {wrote}")
            }
            // A register that shows something else than what was written.
            Some(wrote)
                if self.before == self.after
                    && wrote != after
                    && !wrote.starts_with(['+', '-']) =>
            {
                format!("{name}: {after} stays, wrote {wrote}")
            }
            _ => format!("{name}: {before} → {after}"),
        }
    }
}
