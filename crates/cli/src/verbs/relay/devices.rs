//! `cairn relay device`.

use super::{RelayAnswer, RelayCommand, ask};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::RelayHost;
use cairn_model::{AuthorId, DeviceId};
use cairn_relay::{AdminRequest, Relay};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Letters of an id that may stand for it.
const PREFIX_MIN: usize = 4;

/// An enrolled device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DeviceRow {
    /// Its id.
    device: String,
    /// Its user.
    user: String,
    /// What people call it.
    name: String,
    /// `connected`, `away`, `revoked` or `quarantined`.
    state: String,
    /// The version at which it was enrolled.
    enrolled: u64,
    /// The version at which it was revoked.
    revoked: Option<u64>,
    /// The generation of its log.
    generation: u32,
    /// Operations the relay has of that generation.
    operations: u64,
}

pub(super) async fn list(host: &RelayHost) -> Result<Vec<DeviceRow>, Failure> {
    host.look(rows).await
}

fn rows(relay: &Relay) -> Vec<DeviceRow> {
    let connected: BTreeSet<AuthorId> = relay
        .connected()
        .filter_map(|session| session.author())
        .collect();
    let devices = (0..).map(AuthorId).zip(relay.state().devices()).skip(1);
    let row = |(author, device): (AuthorId, &cairn_projection::Device)| {
        let state = if device.revoked.is_some() {
            "revoked"
        } else if device.quarantined.is_some() {
            "quarantined"
        } else if connected.contains(&author) {
            "connected"
        } else {
            "away"
        };
        DeviceRow {
            device: device.key.device().to_string(),
            user: device.user.clone(),
            name: device.name.clone(),
            state: state.to_owned(),
            enrolled: device.enrolled.0,
            revoked: device.revoked.map(|version| version.0),
            generation: device.generation,
            operations: device.head.sequence,
        }
    };
    devices.map(row).collect()
}

pub(super) async fn revoke(host: &RelayHost, wanted: &str) -> Result<DeviceRow, Failure> {
    let id = find(&list(host).await?, wanted)?;
    host.handle.admin(AdminRequest::Revoke(id)).await?;
    list(host)
        .await?
        .into_iter()
        .find(|row| row.device == id.to_string())
        .ok_or_else(|| Failure::not_found(format!("there is no device {id} any more")))
}

/// The device that a name, an id or the beginning of an id means.
fn find(rows: &[DeviceRow], wanted: &str) -> Result<DeviceId, Failure> {
    let lower = wanted.to_ascii_lowercase();
    let prefix = |row: &DeviceRow| lower.len() >= PREFIX_MIN && row.device.starts_with(&lower);
    let mut found: Vec<&DeviceRow> = rows
        .iter()
        .filter(|row| row.name == wanted || prefix(row))
        .collect();
    if found.len() > 1 {
        found.retain(|row| row.revoked.is_none());
    }
    match found.as_slice() {
        [row] => row.device.parse().map_err(Failure::not_found),
        [] => Err(Failure::not_found(format!(
            "there is no device `{wanted}`; `cairn relay device list` shows them"
        ))),
        several => {
            let ids: Vec<&str> = several.iter().map(|row| row.device.as_str()).collect();
            Err(Failure::usage(format!(
                "`{wanted}` means several devices; name one by its id: {}",
                ids.join(", ")
            )))
        }
    }
}

pub(super) async fn run_list(context: &Context) -> Result<Exit, Failure> {
    let RelayAnswer::Devices(rows) = ask(context, RelayCommand::Devices).await? else {
        return Err(Failure::other_answer());
    };
    if context.output.json {
        context.output.json(&rows)?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        context.output.say(
            "No device is enrolled yet; `cairn relay ticket --user LOGIN` issues a ticket for one.",
        );
        return Ok(Exit::Done);
    }
    let cells = |row: DeviceRow| {
        vec![
            row.device,
            row.user,
            row.name,
            row.state,
            row.operations.to_string(),
        ]
    };
    context.output.table(
        &["device", "user", "name", "state", "operations"],
        rows.into_iter().map(cells).collect(),
    )?;
    Ok(Exit::Done)
}

pub(super) async fn run_revoke(device: String, context: &Context) -> Result<Exit, Failure> {
    let RelayAnswer::Revoked(row) = ask(context, RelayCommand::Revoke { device }).await? else {
        return Err(Failure::other_answer());
    };
    if context.output.json {
        context.output.json(&row)?;
    } else {
        context.output.line(format!(
            "Revoked {} ({}, of {}). What it sends from now on is kept, and rejected with an issue to its user.",
            row.device, row.name, row.user
        ))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(device: &str, name: &str, revoked: Option<u64>) -> DeviceRow {
        DeviceRow {
            device: device.repeat(4),
            user: "ada".into(),
            name: name.into(),
            state: "away".into(),
            enrolled: 1,
            revoked,
            generation: 0,
            operations: 0,
        }
    }

    #[test]
    fn a_device_is_found_by_name_and_by_the_beginning_of_its_id() {
        let rows = [
            row("00aa11bb", "phone", None),
            row("00aa22cc", "tablet", None),
        ];
        assert_eq!(find(&rows, "phone").unwrap().to_string(), rows[0].device);
        assert_eq!(find(&rows, "00AA2").unwrap().to_string(), rows[1].device);
        assert_eq!(find(&rows, "00aa").unwrap_err().exit, Exit::Usage);
        assert_eq!(find(&rows, "00a").unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn of_two_with_one_name_the_one_in_use_is_meant() {
        let rows = [
            row("00aa11bb", "phone", Some(4)),
            row("00aa22cc", "phone", None),
        ];
        assert_eq!(find(&rows, "phone").unwrap().to_string(), rows[1].device);
    }
}
