//! Bytes on the wire: of one live edit on its way from a device over the relay
//! to another, and of edits uploaded a hundred together.

use super::floor::{self, Times};
use super::latency::{request, shows};
use super::light::{Light, Log, edits};
use super::measure::Measure;
use super::scratch::Scratch;
use super::site::Site;
use crate::args::bench::WireSize;
use crate::exit::Failure;
use cairn_net::{DeviceHandle, WireStats};
use cairn_oplog::Parsed;
use cairn_oplog::bundle::Slot;
use std::time::Duration;

/// The budgets, in bytes.
const TARGET_LIVE: f64 = 600.0;
const TARGET_UPLOAD: f64 = 100.0;
/// Edits in one bundle.
const TOGETHER: u32 = 100;
/// Records that are edited in turn.
const RECORDS: u32 = 100;
/// How long the line is left alone, so that the transport's late
/// acknowledgements are counted with what they acknowledge.
pub(super) const QUIET: Duration = Duration::from_millis(100);
/// What an edit cannot do without: its operation, one signature, one hash.
const SIGNATURE_BYTES: usize = 64;
const HASH_BYTES: usize = 32;
/// What the relay cannot do without when it tells of an edit: the record, the
/// field, the value, the version, the author.
const TOLD_BYTES: usize = 32;

/// Measures both.
pub(super) async fn run(size: &WireSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let site = Site::start(&scratch.join("relay")).await?;
    site.create_records(0..RECORDS).await?;
    let (upload, operation) = upload(&site, size.bundles).await?;
    let live = live(&site, size.edits, scratch).await?;
    site.stop().await;

    let bare = floor::wire(operation + SIGNATURE_BYTES + HASH_BYTES, TOLD_BYTES).await?;
    Ok(vec![
        Measure::lower(
            "wire",
            "live one-field edit A → relay → B, headers and acks included",
            live,
            "bytes",
        )
        .floor(bare)
        .target(TARGET_LIVE),
        Measure::lower(
            "wire",
            format!("upload of one-field edits in bundles of {TOGETHER}, each"),
            upload,
            "bytes",
        )
        .floor(operation as f64)
        .target(TARGET_UPLOAD),
    ])
}

/// The median of what one live edit costs on both sides of the relay together.
async fn live(site: &Site, count: u32, scratch: &Scratch) -> Result<f64, Failure> {
    let writer = site.device(&scratch.join("writer"), "writer").await?;
    let reader = site.device(&scratch.join("reader"), "reader").await?;
    let (a, b) = (writer.handle(), reader.handle());
    for device in [&a, &b] {
        device.online().await;
        device.synced().await.map_err(Failure::relay)?;
    }
    let mut costs = Vec::new();
    for number in 0..count {
        tokio::time::sleep(QUIET).await;
        let before = on_wire(&a).await + on_wire(&b).await;
        a.request(request(&site.definition, number)).await?;
        shows(&b, &site.definition, number).await?;
        tokio::time::sleep(QUIET).await;
        costs.push((on_wire(&a).await + on_wire(&b).await - before) as f64);
    }
    writer.stop().await;
    reader.stop().await;
    Ok(Times::new(costs).share(0.5))
}

/// Bytes both ways, headers included.
async fn on_wire(device: &DeviceHandle) -> u64 {
    device.traffic().await.bytes_with_headers()
}

/// The median of what a device sends for one of a hundred edits uploaded
/// together, and the bytes of the operation itself.
async fn upload(site: &Site, bundles: u32) -> Result<(f64, usize), Failure> {
    let secret = site.enrol("uploader").await?;
    let base = site.version().await?;
    let mut log = Log::new(site.organization, secret.clone());
    let sealed = log.seal(
        &site.definition,
        edits(&site.definition, 0..RECORDS, bundles * TOGETHER, base),
        TOGETHER as usize,
    );
    let operation = operation_bytes(&sealed[0])?;
    let standing = site.standing().await?;
    let mut light = Light::connect(&site.place(), &secret, &standing).await?;
    let mut costs = Vec::new();
    for bundle in sealed {
        tokio::time::sleep(QUIET).await;
        let before = sent(light.wire());
        light.upload(vec![bundle]).await?;
        tokio::time::sleep(QUIET).await;
        costs.push((sent(light.wire()) - before) as f64 / f64::from(TOGETHER));
    }
    Ok((Times::new(costs).share(0.5), operation))
}

fn sent(wire: WireStats) -> u64 {
    let counted = WireStats {
        datagrams_received: 0,
        bytes_received: 0,
        ..wire
    };
    counted.bytes_with_headers()
}

/// Bytes of one operation of a bundle.
fn operation_bytes(bundle: &[u8]) -> Result<usize, Failure> {
    let bundle = Parsed::parse(bundle)
        .map_err(Failure::storage)?
        .trust_own_storage();
    Ok(match &bundle.slots()[0] {
        Slot::Whole(bytes) => bytes.len(),
        Slot::Withheld(_) => HASH_BYTES,
    })
}
