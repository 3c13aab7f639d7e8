//! How fast a relay takes in offline work: verified, durable, authorized,
//! projected, acknowledged.

use super::floor;
use super::light::{Light, Log, edits};
use super::measure::Measure;
use super::scratch::Scratch;
use super::site::Site;
use crate::args::bench::IngestSize;
use crate::exit::Failure;
use cairn_oplog::bundle::BUNDLE_OPERATIONS_MAX;
use std::time::Instant;
use tokio::task::JoinSet;

/// The budget, in edits a second.
const TARGET: f64 = 100_000.0;

/// Measures it.
pub(super) async fn run(size: &IngestSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let site = Site::start(&scratch.join("relay")).await?;
    site.create_records(0..size.devices * size.records).await?;
    let fleet = prepare(&site, size).await?;
    let bundles: Vec<Vec<u8>> = fleet
        .iter()
        .flat_map(|(_, bundles)| bundles.clone())
        .collect();
    let before = site.version().await?;

    let mut uploads = JoinSet::new();
    let start = Instant::now();
    for (mut light, bundles) in fleet {
        uploads.spawn(async move {
            light
                .upload(bundles)
                .await
                .map(|rejected| (light, rejected))
        });
    }
    let mut connected = Vec::new();
    while let Some(upload) = uploads.join_next().await {
        let (light, rejected) = upload.map_err(Failure::relay)??;
        if rejected > 0 {
            return Err(Failure::relay(format!(
                "{rejected} edits were rejected; the measurement is void"
            )));
        }
        connected.push(light);
    }
    let took = start.elapsed().as_secs_f64();

    let total = u64::from(size.devices) * u64::from(size.edits);
    let folded = site.version().await?.0 - before.0;
    if folded != total {
        return Err(Failure::relay(format!(
            "{folded} of {total} edits are in the ledger; the measurement is void"
        )));
    }
    drop(connected);
    site.stop().await;
    let floor = floor::sled_append(&scratch.join("floor"), &bundles, 1)?;
    let metric = format!(
        "{} devices, {total} edits, all durable and acknowledged",
        size.devices
    );
    let total = total as f64;
    Ok(vec![
        Measure::higher("ingest", metric, total / took, "edits/s")
            .floor(total / floor)
            .target(TARGET),
    ])
}

/// Connected devices, each with its offline work sealed. Each edits records of
/// its own.
async fn prepare(site: &Site, size: &IngestSize) -> Result<Vec<(Light, Vec<Vec<u8>>)>, Failure> {
    let mut keys = Vec::new();
    for number in 0..size.devices {
        keys.push(site.enrol(&format!("device {number}")).await?);
    }
    let standing = site.standing().await?;
    let mut fleet = Vec::new();
    for (number, secret) in (0..).zip(keys) {
        let records = number * size.records..(number + 1) * size.records;
        let mut log = Log::new(site.organization, secret.clone());
        let edits = edits(&site.definition, records, size.edits, standing.cursor);
        let bundles = log.seal(&site.definition, edits, BUNDLE_OPERATIONS_MAX);
        let light = Light::connect(&site.place(), &secret, &standing).await?;
        fleet.push((light, bundles));
    }
    Ok(fleet)
}
