//! Time from an edit on one device to its showing on another, durable on the
//! way at the first device and at the relay.

use super::floor::{self, Times, milliseconds};
use super::measure::Measure;
use super::organization;
use super::scratch::Scratch;
use super::site::Site;
use crate::args::bench::LatencySize;
use crate::exit::Failure;
use cairn_agent::{Agent, FieldEdit, RecordEdit, RecordEditKind, Request};
use cairn_model::{Definition, Value, Write};
use cairn_net::DeviceHandle;
use std::time::{Duration, Instant};

/// The budgets, in milliseconds.
const TARGET_MEDIAN_MS: f64 = 2.0;
const TARGET_P99_MS: f64 = 10.0;
/// Records that are edited in turn.
const RECORDS: u32 = 100;
/// Edits before the clock starts to matter.
const WARM_UP: u32 = 20;
/// Between two edits, so that none waits for what the one before left to do.
const PAUSE: Duration = Duration::from_millis(3);

/// Measures it.
pub(super) async fn run(size: &LatencySize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let site = Site::start(&scratch.join("relay")).await?;
    site.create_records(0..RECORDS).await?;
    let writer = site.device(&scratch.join("writer"), "writer").await?;
    let reader = site.device(&scratch.join("reader"), "reader").await?;
    for device in [&writer, &reader] {
        device.handle().online().await;
        device.handle().synced().await.map_err(Failure::relay)?;
    }
    let (mut disk, mut line) = (floor::syncs(scratch.path())?, floor::echoes().await?);
    let mut times = Vec::new();
    for number in 0..WARM_UP + size.edits {
        tokio::time::sleep(PAUSE).await;
        let took = follow(&site.definition, &writer.handle(), &reader.handle(), number).await?;
        if number >= WARM_UP {
            times.push(took);
        }
    }
    let times = Times::new(times);
    writer.stop().await;
    reader.stop().await;
    site.stop().await;

    // Half before and half after: other work on the machine comes and goes.
    disk.extend(floor::syncs(scratch.path())?);
    line.extend(floor::echoes().await?);
    let floor = |share| 2.0 * disk.share(share) + line.share(share);
    let measure = |metric: &str, share, target| {
        Measure::lower("latency", metric, times.share(share), "ms")
            .floor(floor(share))
            .target(target)
    };
    Ok(vec![
        measure("edit on A visible on B, p50", 0.5, TARGET_MEDIAN_MS),
        measure("edit on A visible on B, p99", 0.99, TARGET_P99_MS),
    ])
}

/// Makes one edit and waits until it shows; gives the milliseconds.
async fn follow(
    definition: &Definition,
    writer: &DeviceHandle,
    reader: &DeviceHandle,
    number: u32,
) -> Result<f64, Failure> {
    let start = Instant::now();
    let written = writer.request(request(definition, number));
    let shown = async {
        shows(reader, definition, number).await?;
        Ok::<f64, Failure>(milliseconds(start))
    };
    let (written, shown) = tokio::join!(written, shown);
    written?;
    shown
}

/// The edit of one field that makes a record say `number`.
pub(super) fn request(definition: &Definition, number: u32) -> Request {
    let write = Write::Set(Value::Integer(value(number)));
    Request::Edit(vec![RecordEdit {
        record: Some(organization::record_id(number % RECORDS)),
        record_type: organization::reading(definition).id,
        kind: RecordEditKind::Update(vec![(
            organization::edited_field(definition),
            FieldEdit::Write(write),
        )]),
        base: None,
    }])
}

/// Waits until a device shows that edit.
pub(super) async fn shows(
    reader: &DeviceHandle,
    definition: &Definition,
    number: u32,
) -> Result<(), Failure> {
    let mut watching = reader.clone();
    while reader.query(show(definition, number)).await != Some(true) {
        if !watching.changed().await {
            return Err(Failure::relay("the reading device has stopped"));
        }
    }
    Ok(())
}

fn show(definition: &Definition, number: u32) -> impl FnOnce(&Agent) -> bool + Send + 'static {
    let field = organization::edited_field(definition);
    move |agent| {
        let record = agent.record(organization::record_id(number % RECORDS));
        record.is_ok_and(|record| {
            record.is_some_and(|record| record.value(field) == Some(&Value::Integer(value(number))))
        })
    }
}

/// A value that no other edit or record has.
fn value(number: u32) -> i64 {
    1_000_000_000 + i64::from(number)
}
