//! Signed operations, collected and verified.

use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::holding::Holding;
use crate::host::{DeviceHost, Host, RelayHost};
use crate::record_ref;
use crate::verbs::device::synced;
use cairn_model::{
    LogId, Mutation, Operation, OperationId, OrganizationId, PublicKey, RecordId, SettleOutcome,
    Timestamp, Version,
};
use cairn_oplog::Parsed;
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_projection::{Code, Origin};
use cairn_proto::HistoryEntry;
use cairn_relay::Reader;

/// One operation whose signature was verified, or one of this device's own
/// that is unsent.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// Who, when, and its version.
    pub(super) origin: Origin,
    /// Its place in its author's log.
    pub(super) id: OperationId,
    /// What it did.
    pub(super) operation: Operation,
    /// Why it was rejected, if it was.
    pub(super) rejected: Option<Code>,
    /// How its author settled that.
    pub(super) settled: Option<SettleOutcome>,
}

impl Signed {
    /// The mutations of every record it touches.
    pub(super) fn mutations(&self) -> impl Iterator<Item = &Mutation> {
        self.operation.mutations().iter()
    }
}

/// Everything that was done to a record.
pub(super) struct Collected {
    pub(super) organization: OrganizationId,
    pub(super) record: RecordId,
    /// Bundles verified.
    pub(super) bundles: usize,
    /// Operations in the ledger, in its order.
    pub(super) signed: Vec<Signed>,
    /// This device's operations that the relay has not acknowledged.
    pub(super) unsent: Vec<Signed>,
}

impl Collected {
    /// All operations.
    pub(super) fn all(&self) -> impl Iterator<Item = &Signed> {
        self.signed.iter().chain(&self.unsent)
    }
}

/// Collects and verifies the operations on a record.
pub(super) async fn collect(
    host: &Host,
    reference: String,
    sync: bool,
    progress: &Progress,
) -> Result<Collected, Failure> {
    match host {
        Host::Relay(relay) => at_relay(relay, reference).await,
        Host::Device(device) => on_device(device, reference, sync, progress).await,
    }
}

async fn at_relay(relay: &RelayHost, reference: String) -> Result<Collected, Failure> {
    let organization = relay.settings.organization;
    relay
        .look(move |relay| {
            let state = relay.state();
            let record = record_ref::find(state, &reference)?.id;
            let mut entries = Vec::new();
            let mut after = Version(0);
            loop {
                let (more, last) = relay.history_entries(record, after, Reader::Operator)?;
                let end = more
                    .iter()
                    .flat_map(|entry| &entry.verdicts)
                    .map(|(version, _)| *version)
                    .max();
                entries.extend(more);
                match end {
                    Some(end) if !last => after = end,
                    _ => break,
                }
            }
            let signed = verify(state, &organization, &entries)?;
            Ok(Collected {
                organization,
                record,
                bundles: entries.len(),
                signed,
                unsent: Vec::new(),
            })
        })
        .await?
}

async fn on_device(
    device: &DeviceHost,
    reference: String,
    sync: bool,
    progress: &Progress,
) -> Result<Collected, Failure> {
    if sync {
        device.handle.online().await;
        let synced = synced(device, progress).await;
        if synced.is_err() && !device.running {
            device.handle.offline().await;
        }
        synced?;
    }
    let record = device
        .look(move |agent| record_ref::find(agent, &reference))
        .await??
        .id;
    let entries = device.handle.history(record).await;
    if sync && !device.running {
        device.handle.offline().await;
    }
    let entries = entries.map_err(|error| match error {
        cairn_agent::EditError::Offline => Failure::relay(
            "the signed operations are at the relay, and this device is not connected; start `cairn device run`, or add --sync to connect for this",
        ),
        other => other.into(),
    })?;
    let organization = device.settings.organization;
    device
        .look(move |agent| {
            let signed = verify(agent, &organization, &entries)?;
            let log = LogId {
                device: agent.key().device(),
                generation: agent.status().generation,
            };
            let unsent = agent
                .unsent()
                .filter(|(_, operation)| operation.mutations().iter().any(|m| m.record == record));
            let unsent = unsent.map(|(sequence, operation)| Signed {
                origin: Origin {
                    version: Version(Version::PENDING.0 + sequence),
                    author: agent.own_author(),
                    generation: log.generation,
                    sequence,
                    time: operation.time,
                    received: operation.time.wall(),
                },
                id: OperationId { log, sequence },
                operation: operation.clone(),
                rejected: None,
                settled: None,
            });
            Ok(Collected {
                organization,
                record,
                bundles: entries.len(),
                signed,
                unsent: unsent.collect(),
            })
        })
        .await?
}

/// Verifies every bundle with its author's key and takes out the operations
/// that are shown in it.
fn verify(
    holding: &dyn Holding,
    organization: &OrganizationId,
    entries: &[HistoryEntry],
) -> Result<Vec<Signed>, Failure> {
    let devices = holding.devices();
    let mut signed = Vec::new();
    for entry in entries {
        signed.extend(verify_entry(organization, &devices, entry).map_err(|reason| {
            let words = format!(
                "the bundle at position {} of the ledger does not verify: {reason}. Somebody changed what a device signed; tell your administrator",
                entry.position
            );
            Failure::new(Exit::No, words)
        })?);
    }
    signed.sort_by_key(|signed| signed.origin.version);
    Ok(signed)
}

fn verify_entry(
    organization: &OrganizationId,
    devices: &[(PublicKey, String)],
    entry: &HistoryEntry,
) -> Result<Vec<Signed>, String> {
    let parsed = Parsed::parse(entry.bundle.as_slice()).map_err(|error| error.to_string())?;
    let log = parsed.log();
    let author = devices
        .iter()
        .position(|(key, _)| key.device() == log.device);
    let author = author.ok_or_else(|| format!("device {} is not enrolled", log.device))?;
    let bundle = parsed
        .verify(organization, &devices[author].0)
        .map_err(|error| error.to_string())?;
    let mut signed = Vec::new();
    for (offset, slot) in (0..).zip(bundle.slots()) {
        let Slot::Whole(bytes) = slot else { continue };
        let operation = decode_operation(bytes).map_err(|error| error.to_string())?;
        let version = Version(entry.first_version.0 + offset);
        let sequence = bundle.first() + offset;
        let verdict = entry.verdicts.iter().find(|(of, _)| *of == version);
        signed.push(Signed {
            origin: origin(
                version,
                author as u32,
                log,
                sequence,
                &operation,
                entry.received,
            ),
            id: OperationId { log, sequence },
            operation,
            rejected: verdict.and_then(|(_, rejected)| *rejected),
            settled: entry.settled,
        });
    }
    Ok(signed)
}

fn origin(
    version: Version,
    author: u32,
    log: LogId,
    sequence: u64,
    operation: &Operation,
    received: Timestamp,
) -> Origin {
    Origin {
        version,
        author: cairn_model::AuthorId(author),
        generation: log.generation,
        sequence,
        time: operation.time,
        received,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;
    use cairn_model::Definition;

    #[tokio::test]
    async fn a_bundle_changed_anywhere_does_not_verify() {
        let world = World::new().await;
        let amara = Definition::user_record("amara");
        let look = move |relay: &cairn_relay::Relay| {
            let (entries, last) = relay
                .history_entries(amara, Version(0), Reader::Operator)
                .expect("storage");
            assert!(last);
            let organization = relay.organization();
            let told = verify(relay.state(), &organization, &entries).expect("as signed");
            assert_eq!(told.len(), 1, "the publication made the record");
            let changed = |at: usize| {
                let mut entries = entries.clone();
                entries[0].bundle[at] ^= 1;
                verify(relay.state(), &organization, &entries)
            };
            let passed: Vec<usize> = (0..entries[0].bundle.len())
                .filter(|at| changed(*at).is_ok())
                .collect();
            assert!(
                passed.is_empty(),
                "{passed:?} of {} bytes",
                entries[0].bundle.len()
            );
            assert_eq!(changed(0).err().map(|failure| failure.exit), Some(Exit::No));
        };
        world.look_relay(look).await;
    }
}
