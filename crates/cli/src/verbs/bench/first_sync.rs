//! Time until a fresh device can query everything.

use super::floor::{self, milliseconds};
use super::measure::Measure;
use super::organization;
use super::scratch::Scratch;
use super::site::Site;
use crate::args::bench::FirstSyncSize;
use crate::exit::Failure;
use cairn_net::DeviceHandle;
use std::time::Instant;

/// The budgets: records, and seconds.
const TARGETS: [(u32, f64); 2] = [(10_000, 0.15), (100_000, 1.0)];
/// Bytes of one value when sled alone stores what came: a page.
const PAGE_BYTES: usize = 64 * 1024;

/// Measures it for every size.
pub(super) async fn run(size: &FirstSyncSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let mut measures = Vec::new();
    for (turn, records) in size.records.iter().enumerate() {
        let folder = scratch.join(&format!("size-{turn}"));
        measures.push(measure(*records, &folder).await?);
    }
    Ok(measures)
}

async fn measure(records: u32, folder: &std::path::Path) -> Result<Measure, Failure> {
    let site = Site::start(&folder.join("relay")).await?;
    site.create_records(0..records).await?;
    let device = site.device(&folder.join("device"), "fresh").await?;
    let handle = device.handle();

    let start = Instant::now();
    handle.online().await;
    handle.synced().await.map_err(Failure::relay)?;
    let records_shown = queryable(&site, &handle, records).await?;
    let took = milliseconds(start) / 1000.0;

    let expected = site.look(|relay| relay.state().records().count()).await?;
    if records_shown != expected {
        return Err(Failure::relay(format!(
            "{records_shown} of {expected} records arrived; the measurement is void"
        )));
    }
    let bytes = handle.traffic().await.bytes_received as usize;
    device.stop().await;
    site.stop().await;
    let pages = vec![vec![7; PAGE_BYTES]; bytes.div_ceil(PAGE_BYTES)];
    let floor =
        floor::bulk(bytes).await? + floor::sled_append(&folder.join("floor"), &pages, usize::MAX)?;
    let metric = format!(
        "{records} records of 10 fields, to queryable ({} bytes each on the wire)",
        bytes / records as usize
    );
    let measure = Measure::lower("first-sync", metric, took, "s").floor(floor);
    Ok(match TARGETS.iter().find(|(of, _)| *of == records) {
        Some((_, seconds)) => measure.target(*seconds),
        None => measure,
    })
}

/// Waits until the device answers a question about the last record; gives how
/// many records it has.
async fn queryable(site: &Site, device: &DeviceHandle, records: u32) -> Result<usize, Failure> {
    let mut watching = device.clone();
    let (field, last) = (
        organization::edited_field(&site.definition),
        organization::record_id(records - 1),
    );
    loop {
        let answer = device.query(move |agent| {
            let record = agent.record(last).ok().flatten()?;
            record.value(field).map(|_| agent.status().records)
        });
        match answer.await {
            Some(Some(records)) => return Ok(records),
            Some(None) if watching.changed().await => {}
            _ => return Err(Failure::relay("the fresh device has stopped")),
        }
    }
}
