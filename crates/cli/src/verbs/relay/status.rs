//! `cairn relay status`.

use super::{RelayAnswer, RelayCommand, ask};
use crate::args::relay::StatusArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::RelayHost;
use crate::output::count;
use cairn_relay::Relay;
use serde::{Deserialize, Serialize};

/// How a relay stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RelayStatus {
    /// The organization's name.
    name: String,
    /// Its id.
    organization: String,
    /// The relay's public key.
    key: String,
    /// The definition in force.
    definition: u32,
    /// The organization's conflict policy.
    policy: String,
    /// Where the relay listens, if it runs.
    listening: Option<String>,
    /// Operations in the ledger.
    version: u64,
    /// Bundles in the ledger.
    position: u64,
    /// The ledger's chain head.
    head: String,
    /// Records, without deleted ones.
    records: u64,
    /// Conflicts that wait for a person.
    open_conflicts: u64,
    /// Issues that wait for their authors.
    open_issues: u64,
    /// Devices that are enrolled and not revoked.
    devices: u64,
    /// Devices connected now.
    connected: u64,
    /// Why the relay cannot write any more, if so.
    failure: Option<String>,
    /// The digest of all records.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

pub(super) async fn look(host: &RelayHost, digest: bool) -> Result<RelayStatus, Failure> {
    let listening = host.listening.map(|address| address.to_string());
    host.look(move |relay| RelayStatus {
        listening,
        ..of(relay, digest)
    })
    .await
}

fn of(relay: &Relay, digest: bool) -> RelayStatus {
    let state = relay.state();
    let definition = state.definition();
    RelayStatus {
        name: definition.name.clone(),
        organization: relay.organization().to_string(),
        key: relay.key().to_string(),
        definition: definition.number,
        policy: definition.policy.clone(),
        listening: None,
        version: state.version().0,
        position: state.position(),
        head: relay.checkpoint().head.to_string(),
        records: number(state.records().filter(|record| record.is_alive()).count()),
        open_conflicts: number(
            state
                .journal()
                .iter()
                .filter(|conflict| conflict.is_open())
                .count(),
        ),
        open_issues: number(
            state
                .issues()
                .iter()
                .filter(|issue| issue.is_open())
                .count(),
        ),
        devices: number(
            state
                .devices()
                .iter()
                .skip(1)
                .filter(|device| device.revoked.is_none())
                .count(),
        ),
        connected: number(relay.connected().count()),
        failure: relay.failure().map(ToString::to_string),
        digest: digest.then(|| state.digest().to_string()),
    }
}

fn number(count: usize) -> u64 {
    count as u64
}

pub(super) async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let RelayAnswer::Status(status) = ask(
        context,
        RelayCommand::Status {
            digest: args.digest,
        },
    )
    .await?
    else {
        return Err(Failure::other_answer());
    };
    let exit = if status.failure.is_some() {
        Exit::Storage
    } else {
        Exit::Done
    };
    if context.output.json {
        context.output.json(&status)?;
        return Ok(exit);
    }
    let mut rows = vec![
        (
            "organization",
            format!("{} ({})", status.name, status.organization),
        ),
        ("relay key", status.key),
        (
            "definition",
            format!("{}, policy {}", status.definition, status.policy),
        ),
        (
            "listening",
            status
                .listening
                .unwrap_or_else(|| "no; `cairn relay run` starts it".to_owned()),
        ),
        (
            "ledger",
            format!(
                "{} in {}",
                count(status.version, "operation"),
                count(status.position, "bundle")
            ),
        ),
        ("ledger head", status.head),
        ("records", status.records.to_string()),
        ("open conflicts", status.open_conflicts.to_string()),
        ("open issues", status.open_issues.to_string()),
        (
            "devices",
            format!("{}, {} connected", status.devices, status.connected),
        ),
    ];
    rows.extend(status.digest.map(|digest| ("digest", digest)));
    rows.extend(status.failure.map(|failure| ("failure", failure)));
    context.output.facts(&rows)?;
    Ok(exit)
}
