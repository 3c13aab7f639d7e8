//! `cairn device status`.

use super::mode::ModeReport;
use super::{DeviceAnswer, DeviceCommand, ask};
use crate::args::device::StatusArgs;
use crate::clock::now;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::DeviceHost;
use crate::output::count;
use cairn_agent::{Agent, LeftRecord};
use cairn_oplog::StorageError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What counts as lately.
const LATELY_MS: u64 = 24 * 60 * 60 * 1000;
/// Records kept for unsettled work that are named.
const KEPT_NAMED_MAX: usize = 5;

/// How a device stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DeviceStatus {
    /// What people call it.
    name: String,
    /// Its id.
    device: String,
    /// Its user.
    user: String,
    /// The organization's name, once it is known.
    organization_name: String,
    /// The organization's id.
    organization: String,
    /// Where the relay is.
    address: String,
    /// Whether the device is kept in sync by `device run`.
    running: bool,
    /// Whether it talks with the relay now.
    connected: bool,
    /// Whether the relay said that it was revoked.
    revoked: bool,
    /// Whether a first download is still under way.
    downloading: bool,
    /// Every change of the ledger up to here is on the device.
    version: u64,
    /// The definition it has.
    definition: u32,
    /// Records, deleted ones included.
    records: u64,
    /// The same by type.
    records_by_type: BTreeMap<String, u64>,
    /// Records that left within the last day.
    left_lately: u64,
    /// Records that would have left, and stay until work on them is settled.
    kept: u64,
    /// The titles of the first of them.
    kept_titles: Vec<String>,
    /// Operations the relay has not acknowledged.
    unsent: u64,
    /// When the oldest of them was made.
    oldest_unsent: Option<String>,
    /// Issues that wait for the user.
    open_issues: u64,
    /// The generation of the device's log.
    generation: u32,
    /// Operations in it.
    sequence: u64,
    /// When the device last had everything.
    synced: Option<String>,
    /// How it syncs.
    sync: ModeReport,
    /// Why the relay ended the last session, if it did.
    refused: Option<String>,
    /// The digest of all records, without unsent edits.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

pub(super) async fn look(host: &DeviceHost, digest: bool) -> Result<DeviceStatus, Failure> {
    let settings = host.settings.clone();
    let running = host.running;
    let seen = host.look(move |agent| of(agent, digest)).await??;
    let name = if seen.name.is_empty() {
        settings.name.clone()
    } else {
        seen.name.clone()
    };
    Ok(DeviceStatus {
        name,
        user: settings.user.clone(),
        organization: settings.organization.to_string(),
        address: settings.address.clone(),
        running,
        ..seen
    })
}

fn of(agent: &Agent, digest: bool) -> Result<DeviceStatus, StorageError> {
    let status = agent.status();
    let definition = &agent.directory().definition;
    let type_name = |id| match definition.types.get(&id) {
        Some(of_type) => of_type.name.clone(),
        None => id.to_string(),
    };
    let counts = agent.counts().into_iter();
    let counts = counts.map(|(id, count)| (type_name(id), count as u64));
    let lately = |left: &&&LeftRecord| !left.kept && now().since(left.left) < LATELY_MS;
    let left: Vec<&LeftRecord> = agent.all_left().map(|(_, left)| left).collect();
    let kept: Vec<&LeftRecord> = left.iter().copied().filter(|left| left.kept).collect();
    Ok(DeviceStatus {
        records_by_type: counts.collect(),
        left_lately: left.iter().filter(lately).count() as u64,
        kept: kept.len() as u64,
        kept_titles: kept
            .iter()
            .take(KEPT_NAMED_MAX)
            .map(|left| format!("{} {}", type_name(left.record_type), left.title))
            .collect(),
        name: agent
            .directory()
            .device(agent.own_author())
            .map(|device| device.name.clone())
            .unwrap_or_default(),
        device: agent.key().device().to_string(),
        user: String::new(),
        organization_name: definition.name.clone(),
        organization: String::new(),
        address: String::new(),
        running: false,
        connected: status.connected,
        revoked: status.revoked,
        downloading: status.downloading,
        version: status.cursor.0,
        definition: definition.number,
        records: status.records as u64,
        unsent: status.unsent as u64,
        oldest_unsent: status.oldest_unsent.map(|time| time.to_string()),
        open_issues: status.open_issues as u64,
        generation: status.generation,
        sequence: status.sequence,
        synced: status.synced.map(|time| time.to_string()),
        sync: ModeReport::of(&status),
        refused: status.refused.map(|refusal| refusal.words().to_owned()),
        digest: digest
            .then(|| agent.digest())
            .transpose()?
            .map(|digest| digest.to_string()),
    })
}

pub(super) async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let DeviceAnswer::Status(status) = ask(
        context,
        DeviceCommand::Status {
            digest: args.digest,
        },
    )
    .await?
    else {
        return Err(Failure::other_answer());
    };
    if context.output.json {
        context.output.json(&status)?;
        return Ok(Exit::Done);
    }
    let relay = match (status.connected, status.running) {
        (true, _) => format!("{}, connected", status.address),
        (false, true) => format!("{}, not connected; it is tried again", status.address),
        (false, false) => format!(
            "{}, not connected; `cairn device run` keeps in sync",
            status.address
        ),
    };
    let organization = match status.organization_name.as_str() {
        "" => status.organization,
        name => format!("{name} ({})", status.organization),
    };
    let unsent = match status.oldest_unsent {
        Some(oldest) => format!(
            "{}, the oldest of {oldest}",
            count(status.unsent, "operation")
        ),
        None => "nothing".to_owned(),
    };
    let by_type: Vec<String> = status
        .records_by_type
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let records = match (by_type.is_empty(), status.downloading) {
        (_, true) => format!(
            "{}; the first download is under way ({})",
            status.records,
            by_type.join(", ")
        ),
        (true, _) => status.records.to_string(),
        _ => format!("{} ({})", status.records, by_type.join(", ")),
    };
    let left = match status.left_lately {
        0 => "nothing".to_owned(),
        left => format!(
            "{} in the last day; `cairn record list --left` says why",
            count(left, "record")
        ),
    };
    let kept = match status.kept {
        0 => "nothing".to_owned(),
        kept => format!(
            "{} until work on them is settled: {}",
            count(kept, "record"),
            status.kept_titles.join(", ")
        ),
    };
    let mut rows = vec![
        ("device", format!("{} ({})", status.name, status.device)),
        ("user", status.user),
        ("organization", organization),
        ("relay", relay),
        (
            "synced",
            status
                .synced
                .unwrap_or_else(|| "never; `cairn device sync` does it".to_owned()),
        ),
        ("mode", status.sync.line()),
        ("version", status.version.to_string()),
        ("records", records),
        ("left lately", left),
        ("kept", kept),
        ("unsent", unsent),
        ("open issues", status.open_issues.to_string()),
        (
            "log",
            format!(
                "generation {}, {}",
                status.generation,
                count(status.sequence, "operation")
            ),
        ),
    ];
    rows.extend(status.digest.map(|digest| ("digest", digest)));
    if status.revoked {
        rows.push((
            "revoked",
            "yes: the relay takes what is unsent, and sends nothing more".to_owned(),
        ));
    }
    rows.extend(status.refused.map(|refused| ("refused", refused)));
    context.output.facts(&rows)?;
    Ok(Exit::Done)
}
