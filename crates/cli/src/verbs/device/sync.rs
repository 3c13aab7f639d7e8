//! `cairn device sync`.

use super::{DeviceAnswer, DeviceCommand, ask};
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::DeviceHost;
use crate::output::count;
use cairn_agent::Status;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// How long a person waits for the relay without a word. An answer that comes
/// at all comes sooner almost always; a bad network is given longer before the
/// attempt fails, and that a relay is not there cannot be known: QUIC does not
/// believe what the network says of it, since anybody could have said it.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What was sent and received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SyncReport {
    /// Operations the relay acknowledged.
    sent: u64,
    /// Operations of the ledger whose outcome was received.
    received: u64,
    /// The version the device is at now.
    version: u64,
    /// Records on the device, deleted ones included.
    records: u64,
    /// Operations that are still unsent: edits made meanwhile.
    unsent: u64,
    /// Issues that wait for the user.
    open_issues: u64,
    /// Whether the relay said that the device was revoked.
    revoked: bool,
    /// Bytes sent, with UDP and IP headers left out.
    bytes_sent: u64,
    /// Bytes received.
    bytes_received: u64,
    /// How long it took.
    milliseconds: u64,
}

pub(super) async fn sync(host: &DeviceHost, progress: &Progress) -> Result<SyncReport, Failure> {
    let began = Instant::now();
    let before = host.look(|agent| agent.status()).await?;
    let traffic_before = host.handle.traffic().await;
    host.handle.sync_now().await;
    let outcome = synced(host, progress).await;
    let traffic = host.handle.traffic().await;
    if !host.running {
        host.handle.offline().await;
    }
    outcome?;
    let after = host.look(|agent| agent.status()).await?;
    let sent = (before.unsent as u64).saturating_sub(after.unsent as u64);
    Ok(SyncReport {
        sent,
        received: after
            .cursor
            .0
            .saturating_sub(before.cursor.0)
            .saturating_sub(sent),
        version: after.cursor.0,
        records: after.records as u64,
        unsent: after.unsent as u64,
        open_issues: after.open_issues as u64,
        revoked: after.revoked,
        bytes_sent: traffic.bytes_sent - traffic_before.bytes_sent,
        bytes_received: traffic.bytes_received - traffic_before.bytes_received,
        milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Waits until everything is sent and received, and says what is waited for.
pub(crate) async fn synced(host: &DeviceHost, progress: &Progress) -> Result<(), Failure> {
    let began = Instant::now();
    let mut told = false;
    let mut synced = std::pin::pin!(host.handle.synced());
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            outcome = &mut synced => return outcome.map_err(Failure::relay),
            _ = ticks.tick() => {
                let status = host.look(|agent| agent.status()).await?;
                tell(&status, progress);
                if !status.connected && !told && began.elapsed() >= SILENCE_MAX {
                    told = true;
                    progress.waiting(no_answer(&host.settings.address));
                }
            }
        }
    }
}

/// What is said while the relay does not answer.
pub(super) fn no_answer(address: &str) -> String {
    format!("Waiting for the relay at {address}: it is off, or the network is slow.")
}

fn tell(status: &Status, progress: &Progress) {
    match status.unsent {
        _ if !status.connected => progress.step("connecting", 0, None),
        0 => progress.step("receiving records", status.records as u64, None),
        unsent => progress.step("operations to send", unsent as u64, None),
    }
}

pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
    let DeviceAnswer::Synced(report) = ask(context, DeviceCommand::Sync).await? else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    if output.json {
        output.json(&report)?;
    } else {
        output.line(format!(
            "Sent {}, received {}; {} records, at version {}. {} bytes out, {} bytes in, {} ms.",
            count(report.sent, "operation"),
            count(report.received, "operation"),
            report.records,
            report.version,
            report.bytes_sent,
            report.bytes_received,
            report.milliseconds
        ))?;
    }
    if report.revoked {
        return Err(Failure::relay(
            "this device was revoked: the relay has taken what was unsent, and sends nothing more; ask your administrator",
        ));
    }
    if report.open_issues == 0 {
        return Ok(Exit::Done);
    }
    output.say(format!(
        "{} for you; `cairn issue list` shows what.",
        if report.open_issues == 1 {
            "1 issue waits".to_owned()
        } else {
            format!("{} issues wait", report.open_issues)
        }
    ));
    Ok(Exit::Person)
}
