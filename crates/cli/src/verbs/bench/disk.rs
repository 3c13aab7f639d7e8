//! Bytes that a record and an edit take on the relay's disk, once it has
//! written its checkpoint and stopped.

use super::light::{Light, Log, edits};
use super::measure::Measure;
use super::organization;
use super::scratch::{Scratch, bytes_on_disk};
use super::site::Site;
use crate::args::bench::DiskSize;
use crate::exit::Failure;
use cairn_oplog::bundle::BUNDLE_OPERATIONS_MAX;

/// The budgets, in bytes.
const TARGET_RECORD: f64 = 350.0;
const TARGET_EDIT: f64 = 150.0;

/// Measures both.
pub(super) async fn run(size: &DiskSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let folder = scratch.join("relay");
    let site = Site::start(&folder).await?;
    let secret = site.enrol("surveyor's tablet").await?;
    let definition = site.definition.clone();
    let mut log = Log::new(site.organization, secret.clone());

    let site = site.restart().await?;
    let empty = bytes_on_disk(&folder)?;

    let creates = (0..size.records).map(|number| organization::create(&definition, number));
    let bundles = log.seal(&definition, creates, BUNDLE_OPERATIONS_MAX);
    let record_bytes = total(&bundles) / f64::from(size.records);
    let site = take_in(site, &secret, bundles).await?;
    let with_records = bytes_on_disk(&folder)?;

    let base = site.version().await?;
    let bundles = log.seal(
        &definition,
        edits(&definition, 0..size.records, size.edits, base),
        BUNDLE_OPERATIONS_MAX,
    );
    let edit_bytes = total(&bundles) / f64::from(size.edits);
    let site = take_in(site, &secret, bundles).await?;
    let with_edits = bytes_on_disk(&folder)?;
    site.stop().await;

    let each = |after: u64, before: u64, count: u32| {
        after.saturating_sub(before) as f64 / f64::from(count)
    };
    let json = shown_bytes(&definition, size.records);
    let record = format!(
        "record of {json} bytes as JSON, {} of them (floor: its signed bytes)",
        size.records
    );
    let edit = format!(
        "one-field edit, {} of them (floor: its signed bytes)",
        size.edits
    );
    Ok(vec![
        Measure::lower(
            "disk",
            record,
            each(with_records, empty, size.records),
            "bytes",
        )
        .floor(record_bytes)
        .target(TARGET_RECORD),
        Measure::lower(
            "disk",
            edit,
            each(with_edits, with_records, size.edits),
            "bytes",
        )
        .floor(edit_bytes)
        .target(TARGET_EDIT),
    ])
}

/// Uploads to the relay, and restarts it so that everything is on its disk.
async fn take_in(
    site: Site,
    secret: &cairn_oplog::SecretKey,
    bundles: Vec<Vec<u8>>,
) -> Result<Site, Failure> {
    let standing = site.standing().await?;
    let mut light = Light::connect(&site.place(), secret, &standing).await?;
    let rejected = light.upload(bundles).await?;
    if rejected > 0 {
        return Err(Failure::relay(format!(
            "{rejected} operations were rejected; the measurement is void"
        )));
    }
    drop(light);
    site.restart().await
}

fn total(bundles: &[Vec<u8>]) -> f64 {
    bundles.iter().map(|bundle| bundle.len() as f64).sum()
}

/// Bytes of a record as JSON, on average.
fn shown_bytes(definition: &cairn_model::Definition, records: u32) -> usize {
    let counted = records.min(1_000);
    let bytes: usize = (0..counted)
        .map(|number| organization::json_bytes(definition, number))
        .sum();
    bytes / counted.max(1) as usize
}
