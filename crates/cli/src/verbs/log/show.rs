//! `cairn log show`.

use super::{LogAnswer, LogCommand, ask, words};
use crate::args::log::ShowArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::{DeviceHost, Host, RelayHost};
use cairn_agent::Agent;
use cairn_model::{Definition, DeviceId, Hash, LogId, OperationId, OrganizationId, Version};
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_oplog::device_log::DeviceLog;
use cairn_oplog::{StorageError, ledger_log};
use cairn_relay::Relay;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Operations in one answer.
const OPERATIONS_MAX: usize = 5_000;
/// Records of one operation that a table names.
const LINES_MAX: usize = 3;

/// An operation of a log, in words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OperationRow {
    /// Its place in the ledger.
    version: Option<u64>,
    /// Its bundle's place in the ledger.
    position: Option<u64>,
    /// When the relay received it.
    received: Option<String>,
    /// The user who did it.
    user: String,
    /// What people call the device.
    name: String,
    /// The device.
    device: String,
    /// The generation of the device's log.
    generation: u32,
    /// Its place there.
    sequence: u64,
    /// When, by the device's clock.
    time: Option<String>,
    /// The definition it was made under.
    definition: Option<u32>,
    /// What kind of operation it is.
    action: String,
    /// What it does, a line for each record.
    what: Vec<String>,
    /// `admitted` or the code of the rejection; on a device `sent` or `unsent`.
    state: String,
    /// blake3 of its bytes.
    hash: String,
}

pub(super) async fn operations(
    host: &Host,
    from: Option<u64>,
    limit: usize,
) -> Result<Vec<OperationRow>, Failure> {
    let limit = limit.min(OPERATIONS_MAX);
    match host {
        Host::Relay(relay) => of_ledger(relay, from, limit).await,
        Host::Device(device) => of_device(device, from, limit).await,
    }
}

/// Who is who.
type Names = BTreeMap<DeviceId, (String, String)>;

struct Place {
    operation: OperationId,
    version: Option<Version>,
    position: Option<u64>,
    received: Option<String>,
    state: String,
}

fn row(
    bytes: Result<&[u8], Hash>,
    place: Place,
    names: &Names,
    definition: &Definition,
) -> OperationRow {
    let log = place.operation.log;
    let (user, name) = names.get(&log.device).cloned().unwrap_or_default();
    let operation = bytes.ok().and_then(|bytes| decode_operation(bytes).ok());
    let hash = bytes.map_or_else(|hash| hash, Hash::of);
    OperationRow {
        version: place.version.map(|version| version.0),
        position: place.position,
        received: place.received,
        user,
        name,
        device: log.device.to_string(),
        generation: log.generation,
        sequence: place.operation.sequence,
        time: operation
            .as_ref()
            .map(|operation| operation.time.wall().to_string()),
        definition: operation.as_ref().map(|operation| operation.definition),
        action: operation
            .as_ref()
            .map_or("unreadable", words::name)
            .to_owned(),
        what: operation
            .as_ref()
            .map(|operation| words::lines(operation, definition))
            .unwrap_or_default(),
        state: place.state,
        hash: hash.to_string(),
    }
}

async fn of_ledger(
    host: &RelayHost,
    from: Option<u64>,
    limit: usize,
) -> Result<Vec<OperationRow>, Failure> {
    Ok(host
        .look(move |relay| ledger_rows(relay, from, limit))
        .await??)
}

fn ledger_rows(
    relay: &Relay,
    from: Option<u64>,
    limit: usize,
) -> Result<Vec<OperationRow>, StorageError> {
    let storage = relay.storage();
    let state = relay.state();
    let names = state
        .devices()
        .iter()
        .map(|device| {
            (
                device.key.device(),
                (device.user.clone(), device.name.clone()),
            )
        })
        .collect();
    let head = ledger_log::head(&relay.organization(), &relay.key(), storage)?;
    let last = state.version().0.min(head.version);
    let first = from
        .unwrap_or_else(|| (last + 1).saturating_sub(limit as u64))
        .max(1);
    let mut rows = Vec::new();
    let mut at = ledger_log::entry_of_version(first, &head, storage)?;
    while let Some(stored) = at {
        let bundle = &stored.entry.bundle;
        for (index, slot) in (0..).zip(bundle.slots()) {
            let version = stored.first_version + index;
            if version < first || version > last {
                continue;
            }
            if rows.len() == limit {
                return Ok(rows);
            }
            let rejected = state.verdict(Version(version)).rejected;
            let place = Place {
                operation: OperationId {
                    log: bundle.log(),
                    sequence: bundle.first() + index,
                },
                version: Some(Version(version)),
                position: Some(stored.entry.position),
                received: Some(stored.entry.received.to_string()),
                state: rejected.map_or("admitted", |code| code.code()).to_owned(),
            };
            let bytes = match slot {
                Slot::Whole(bytes) => Ok(bytes.as_slice()),
                Slot::Withheld(hash) => Err(*hash),
            };
            rows.push(row(bytes, place, &names, state.definition()));
        }
        at = ledger_log::entries(stored.entry.position + 1, 1, storage)?.pop();
    }
    Ok(rows)
}

async fn of_device(
    host: &DeviceHost,
    from: Option<u64>,
    limit: usize,
) -> Result<Vec<OperationRow>, Failure> {
    let settings = host.settings.clone();
    let own = (settings.user.clone(), settings.name.clone());
    Ok(host
        .look(move |agent| device_rows(agent, settings.organization, own, from, limit))
        .await??)
}

fn device_rows(
    agent: &Agent,
    organization: OrganizationId,
    own: (String, String),
    from: Option<u64>,
    limit: usize,
) -> Result<Vec<OperationRow>, StorageError> {
    let storage = agent.storage();
    let device = agent.key().device();
    let log = DeviceLog::open(
        organization,
        LogId {
            device,
            generation: 0,
        },
        storage,
    )?;
    let unsent: BTreeSet<u64> = agent.unsent().map(|(sequence, _)| sequence).collect();
    let first = from
        .unwrap_or_else(|| (log.end() + 1).saturating_sub(limit as u64))
        .max(1);
    let mut operations: Vec<(u64, Vec<u8>)> = Vec::new();
    for bundle in log.bundles_from(first, limit, storage)? {
        for (sequence, slot) in (bundle.first()..).zip(bundle.slots()) {
            if let Slot::Whole(bytes) = slot {
                operations.push((sequence, bytes.clone()));
            }
        }
    }
    operations.extend((log.sealed().sequence + 1..).zip(log.tail().map(<[u8]>::to_vec)));
    let names: Names = [(device, own)].into();
    let definition = &agent.directory().definition;
    let rows = operations
        .into_iter()
        .filter(|(sequence, _)| *sequence >= first)
        .take(limit)
        .map(|(sequence, bytes)| {
            let place = Place {
                operation: OperationId {
                    log: log.log(),
                    sequence,
                },
                version: None,
                position: None,
                received: None,
                state: if unsent.contains(&sequence) {
                    "unsent"
                } else {
                    "sent"
                }
                .to_owned(),
            };
            row(Ok(&bytes), place, &names, definition)
        });
    Ok(rows.collect())
}

pub(super) async fn run(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let mut session = context.session().await?;
    let answer = ask(
        &mut session,
        LogCommand::Operations {
            from: args.from,
            limit: args.limit,
        },
    )
    .await;
    session.close().await;
    let LogAnswer::Operations(rows) = answer? else {
        return Err(Failure::other_answer());
    };
    if context.output.json {
        context.output.json(&rows)?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        context.output.say("There is no operation there.");
        return Ok(Exit::Done);
    }
    let cells = |row: OperationRow| {
        let number = row.version.unwrap_or(row.sequence).to_string();
        let when = row.received.or(row.time).unwrap_or_default();
        let who = if row.user == row.name {
            row.user
        } else {
            format!("{} on {}", row.user, row.name)
        };
        let mut what: Vec<String> = row.what.iter().take(LINES_MAX).cloned().collect();
        if row.what.len() > LINES_MAX {
            what.push(format!("… and {} more", row.what.len() - LINES_MAX));
        }
        vec![number, when, who, row.state, what.join("\n")]
    };
    context.output.table(
        &["number", "when", "who", "state", "what"],
        rows.into_iter().map(cells).collect(),
    )?;
    Ok(Exit::Done)
}
