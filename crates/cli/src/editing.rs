//! Looking things up and editing records, on a device or at the relay alike.
//!
//! On a device an edit goes into its log and is judged when it arrives at the
//! relay. At the relay it goes into the relay's own log, and is judged at once.

use crate::clock::now;
use crate::exit::{Exit, Failure};
use crate::holding::Holding;
use crate::host::{Host, stopped};
use cairn_agent::{EditError, FieldEdit, RecordEdit, RecordEditKind, Reply, Request};
use cairn_model::{
    Change, DeviceId, FieldId, LogId, Mutation, OperationId, RecordId, RecordType, Version, Write,
};
use cairn_net::{DeviceHandle, RelayHandle};
use cairn_projection::{FieldState, Record, State, document};
use cairn_relay::{AdminRequest, Relay};
use serde::{Deserialize, Serialize};

/// Where edits are made.
#[derive(Clone)]
pub(crate) enum Place {
    /// At the relay.
    Relay(RelayHandle),
    /// On a device.
    Device(DeviceHandle),
}

/// An edit that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edited {
    /// The records, in the order of the edit.
    pub(crate) records: Vec<RecordId>,
    /// Its version, at the relay.
    pub(crate) version: Option<Version>,
    /// Its place in the device's log, on a device.
    pub(crate) sequence: Option<u64>,
}

impl From<&Host> for Place {
    fn from(host: &Host) -> Place {
        match host {
            Host::Relay(relay) => Place::Relay(relay.handle.clone()),
            Host::Device(device) => Place::Device(device.handle.clone()),
        }
    }
}

impl Place {
    /// Looks at what is here.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Holding) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let seen = match self {
            Place::Relay(relay) => relay.query(move |relay| look(relay.state())).await,
            Place::Device(device) => device.query(move |agent| look(agent)).await,
        };
        seen.ok_or_else(stopped)
    }

    /// Whether this is the relay, where an edit is judged at once.
    pub(crate) fn is_relay(&self) -> bool {
        match self {
            Place::Relay(_) => true,
            Place::Device(_) => false,
        }
    }

    /// Makes one edit.
    pub(crate) async fn edit(&self, edits: Vec<RecordEdit>) -> Result<Edited, Failure> {
        let outcome = self.edit_all(vec![edits]).await?.pop();
        outcome.unwrap_or_else(|| Err(EditError::Nothing.into()))
    }

    /// Makes several edits, each one operation. An edit that is refused leaves
    /// the others alone; the outer failure is one of storage.
    pub(crate) async fn edit_all(
        &self,
        operations: Vec<Vec<RecordEdit>>,
    ) -> Result<Vec<Result<Edited, Failure>>, Failure> {
        match self {
            Place::Relay(relay) => edit_at_relay(relay, operations).await,
            Place::Device(device) => {
                let mut outcomes = Vec::with_capacity(operations.len());
                for edits in operations {
                    let outcome = match device.request(Request::Edit(edits)).await {
                        Ok(Reply::Logged {
                            sequence, records, ..
                        }) => Ok(Edited {
                            records,
                            version: None,
                            sequence: Some(sequence),
                        }),
                        Ok(Reply::History(_) | Reply::StartedOver | Reply::ModeSet) => {
                            Err(Failure::storage("the device answered something else"))
                        }
                        Err(EditError::Storage(error)) => return Err(error.into()),
                        Err(error) => Err(error.into()),
                    };
                    outcomes.push(outcome);
                }
                Ok(outcomes)
            }
        }
    }
}

async fn edit_at_relay(
    relay: &RelayHandle,
    operations: Vec<Vec<RecordEdit>>,
) -> Result<Vec<Result<Edited, Failure>>, Failure> {
    let count = operations.iter().flatten().count();
    let random = random_bytes(count)?;
    let prepared = relay
        .query(move |relay| {
            let mut random = random.into_iter();
            let mut prepare =
                |edit| mutation(relay.state(), edit, random.next().unwrap_or_default());
            operations
                .into_iter()
                .map(|edits| {
                    edits
                        .into_iter()
                        .map(&mut prepare)
                        .collect::<Result<Vec<Mutation>, EditError>>()
                })
                .collect::<Vec<_>>()
        })
        .await
        .ok_or_else(stopped)?;
    let good: Vec<Vec<Mutation>> = prepared
        .iter()
        .filter_map(|mutations| mutations.as_ref().ok().cloned())
        .collect();
    let mut verdicts = match good.is_empty() {
        true => Vec::new(),
        false => relay.admin(AdminRequest::Edit(good)).await?,
    }
    .into_iter();
    let mut outcomes = Vec::with_capacity(prepared.len());
    for mutations in prepared {
        let outcome = match mutations {
            Err(error) => Err(error.into()),
            Ok(mutations) => match verdicts.next() {
                Some(verdict) if verdict.rejected.is_none() => Ok(Edited {
                    records: mutations.iter().map(|mutation| mutation.record).collect(),
                    version: Some(verdict.version),
                    sequence: None,
                }),
                Some(verdict) => Err(relay
                    .query(move |relay| rejection(relay, verdict.version))
                    .await
                    .unwrap_or_else(stopped)),
                None => Err(Failure::storage("the relay gave no verdict")),
            },
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// What the fold said of a rejected edit, in words.
fn rejection(relay: &Relay, version: Version) -> Failure {
    let Some(issue) = relay.state().issue_of(version) else {
        return Failure::new(Exit::No, "the edit was rejected");
    };
    let (code, hint) = (issue.code.code(), issue.code.user_can());
    Failure::rejected(
        format!("rejected ({code}): {} {hint}", issue.what),
        code,
        hint,
    )
}

/// 26 random bytes for each edit: for the id of a record it makes, and for who
/// its document changes are by.
fn random_bytes(count: usize) -> Result<Vec<[[u8; 16]; 2]>, Failure> {
    let mut random = vec![[[0; 16]; 2]; count];
    for bytes in random.iter_mut().flatten() {
        getrandom::fill(bytes).map_err(|error| {
            Failure::storage(format!("the system gives no random numbers: {error}"))
        })?;
    }
    Ok(random)
}

/// The mutation of an edit at the relay. What can be known to be wrong is
/// refused here, so that it does not become a rejected operation.
fn mutation(
    state: &State,
    edit: RecordEdit,
    [id, actor]: [[u8; 16]; 2],
) -> Result<Mutation, EditError> {
    let definition = State::definition(state);
    let record_type = definition
        .types
        .get(&edit.record_type)
        .ok_or(EditError::UnknownType(edit.record_type))?;
    let mut minted = [0; 10];
    minted.copy_from_slice(&id[..10]);
    let record = edit
        .record
        .unwrap_or_else(|| RecordId::mint(now().0, minted));
    let held = State::record(state, record);
    if held.is_some_and(|held| held.record_type != edit.record_type) {
        return Err(EditError::WrongType {
            record,
            record_type: record_type.label.clone(),
        });
    }
    let change = change(record, record_type, held, edit.kind, actor)?;
    // A create too has a base here: it shows that a rejection was seen.
    let base = edit.base.unwrap_or(state.version());
    Ok(Mutation {
        record,
        record_type: edit.record_type,
        base,
        change,
    })
}

fn change(
    record: RecordId,
    record_type: &RecordType,
    held: Option<&Record>,
    kind: RecordEditKind,
    actor: [u8; 16],
) -> Result<Change, EditError> {
    let writes = |fields| writes(record_type, held, fields, actor);
    let alive = || {
        held.map(Record::is_alive)
            .ok_or(EditError::UnknownRecord(record))
    };
    match kind {
        RecordEditKind::Create(fields) => writes(fields).map(Change::Create),
        RecordEditKind::Update(fields) => {
            if !alive()? {
                return Err(EditError::Deleted(record));
            }
            let writes = writes(fields)?;
            if writes.is_empty() {
                Err(EditError::Nothing)
            } else {
                Ok(Change::Update(writes))
            }
        }
        RecordEditKind::Delete if alive()? => Ok(Change::Delete),
        RecordEditKind::Delete => Err(EditError::Deleted(record)),
        RecordEditKind::Restore if alive()? => Err(EditError::NotDeleted(record)),
        RecordEditKind::Restore => Ok(Change::Restore),
        RecordEditKind::Resolve { fields, keep } => {
            alive()?;
            Ok(Change::Resolve {
                fields: writes(fields)?,
                keep,
            })
        }
        RecordEditKind::Follow => alive().map(|_| Change::Follow),
        RecordEditKind::Unfollow => alive().map(|_| Change::Unfollow),
    }
}

fn writes(
    record_type: &RecordType,
    held: Option<&Record>,
    fields: Vec<(FieldId, FieldEdit)>,
    actor: [u8; 16],
) -> Result<Vec<(FieldId, Write)>, EditError> {
    let mut writes = Vec::with_capacity(fields.len());
    for (id, edit) in fields {
        let unknown = || EditError::UnknownField {
            record_type: record_type.label.clone(),
            field: id,
        };
        let field = record_type.fields.get(&id).ok_or_else(unknown)?;
        let wanted = match edit {
            FieldEdit::Write(Write::Clear) if field.required => {
                return Err(EditError::Value {
                    field: field.label.clone(),
                    reason: "it must not be empty".to_owned(),
                });
            }
            FieldEdit::Write(write) => {
                writes.push((id, write));
                continue;
            }
            FieldEdit::Document(wanted) => wanted,
        };
        let saved: &[u8] = match held.and_then(|record| record.field(id)) {
            Some(FieldState::Document(saved)) => saved,
            _ => &[],
        };
        // Random, so that no two changes have one author and one number.
        let log = LogId {
            device: DeviceId(actor),
            generation: 0,
        };
        let operation = OperationId {
            log,
            sequence: u64::from(id.0),
        };
        let change = document::edit(&field.kind, saved, &wanted, &operation).map_err(|error| {
            EditError::Value {
                field: field.label.clone(),
                reason: error.to_string(),
            }
        })?;
        writes.extend(change.map(|change| (id, Write::Merge(change))));
    }
    Ok(writes)
}
