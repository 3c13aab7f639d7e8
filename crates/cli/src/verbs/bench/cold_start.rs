//! Time to open a device that has worked for years: a long log, acknowledged
//! to the end, and records.

use super::floor::{self, milliseconds};
use super::light::edits;
use super::measure::Measure;
use super::scratch::Scratch;
use super::site::{Site, open_storage};
use crate::args::bench::ColdStartSize;
use crate::exit::Failure;
use crate::key_file::random;
use cairn_agent::{Agent, Config, Input, Output};
use cairn_model::{Action, AuthorId, Definition, HybridClock, LogId, Operation, Version, codec};
use cairn_net::clock::now;
use cairn_oplog::bundle::BUNDLE_OPERATIONS_MAX;
use cairn_oplog::device_log::DeviceLog;
use cairn_oplog::{Batch, Durability, LogHead, Storage};
use cairn_projection::page::Page;
use cairn_proto::{DirectoryDevice, DirectoryPart, ServerMessage, Welcome};
use cairn_relay::Relay;
use std::sync::Arc;
use std::time::Instant;

/// The budget, in seconds, for a log of a million.
const TARGET_S: f64 = 1.0;
const TARGET_OPERATIONS: u32 = 1_000_000;
/// Bundles in one batch while the log is written.
const BUNDLES_TOGETHER: usize = 16;

/// Measures it.
pub(super) async fn run(size: &ColdStartSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let site = Site::start(&scratch.join("relay")).await?;
    site.create_records(0..size.records).await?;
    let secret = site.enrol("veteran").await?;
    let config = Config {
        organization: site.organization,
        relay: site.key,
        secret,
        seed: u64::from_le_bytes(random()?),
    };
    let folder = scratch.join("device");
    {
        let storage = open_storage(&folder)?;
        let head = write_log(&config, &site, size, &*storage)?;
        let said = site
            .look(move |relay| what_a_relay_says(relay, head))
            .await?;
        receive_all(&config, said, storage)?;
    }
    site.stop().await;

    let start = Instant::now();
    let storage = open_storage(&folder)?;
    let opened = milliseconds(start);
    let agent = Agent::open(config, storage)?;
    let took = milliseconds(start) / 1000.0;
    let status = agent.status();
    if status.unsent > 0 || status.sequence != u64::from(size.operations) {
        return Err(Failure::storage(format!(
            "the log is not as it was written: {status:?}"
        )));
    }
    drop(agent);
    let floor = floor::sled_open(&folder)? / 1000.0;
    let metric = format!(
        "{} operations in the log, {} records ({opened:.0} ms of it the storage)",
        size.operations, size.records
    );
    let measure = Measure::lower("cold-start", metric, took, "s").floor(floor);
    Ok(vec![if size.operations >= TARGET_OPERATIONS {
        measure.target(TARGET_S)
    } else {
        measure
    }])
}

/// Writes the log as the device itself would: bundle after bundle.
fn write_log(
    config: &Config,
    site: &Site,
    size: &ColdStartSize,
    storage: &dyn Storage,
) -> Result<LogHead, Failure> {
    let log = LogId {
        device: config.secret.public().device(),
        generation: 0,
    };
    let mut log = DeviceLog::open(config.organization, log, storage)?;
    let mut clock = HybridClock::default();
    let mut batch = Batch::default();
    let mut sealed = 0;
    let mut edits = edits(
        &site.definition,
        0..size.records,
        size.operations,
        Version(0),
    )
    .peekable();
    while edits.peek().is_some() {
        for mutation in edits.by_ref().take(BUNDLE_OPERATIONS_MAX) {
            let action = Action::Edit(vec![mutation]);
            let operation = Operation {
                time: clock.tick(now()),
                definition: site.definition.number,
                action,
            };
            log.append(codec::encode(&operation), &mut batch);
        }
        log.seal(&config.secret, &mut batch);
        sealed += 1;
        if sealed % BUNDLES_TOGETHER == 0 {
            storage.commit(std::mem::take(&mut batch), Durability::Behind)?;
        }
    }
    storage.commit(batch, Durability::Synced)?;
    Ok(log.sealed())
}

/// What a relay says to a device whose whole log it has, in its first session.
fn what_a_relay_says(relay: &Relay, head: LogHead) -> Vec<ServerMessage> {
    let state = relay.state();
    let version = Version(state.version().0 + head.sequence);
    let welcome = Welcome {
        now: now(),
        version,
        generation: 0,
        head,
        revoked: false,
        checkpoint: relay.checkpoint(),
        era: relay.era(),
        shared: version,
    };
    let devices = state.devices().iter().map(|device| DirectoryDevice {
        key: device.key,
        user: device.user.clone(),
        name: device.name.clone(),
        revoked: device.revoked.is_some(),
    });
    let definition = state.definition();
    let directory = DirectoryPart {
        version: state.directory_changed(),
        definition: Some(definition.number),
        changes: Definition::default().changes_to(definition),
        devices: (0..).map(AuthorId).zip(devices).collect(),
        last: true,
    };
    let images = state
        .records()
        .map(|record| (record.id, record.record_type, record.to_image()));
    let pages = Page::pack_all(images)
        .into_iter()
        .map(|page| ServerMessage::Page {
            page,
            began: version,
        });
    let mut said = vec![
        ServerMessage::Welcome(welcome),
        ServerMessage::Directory(directory),
    ];
    said.extend(pages);
    said.push(ServerMessage::Changes {
        images: Vec::new(),
        leaves: Vec::new(),
        views: Vec::new(),
        issues: Vec::new(),
        lags: None,
        through: version,
        last: true,
    });
    said
}

/// Has the device hear all of it and store what it wants stored.
fn receive_all(
    config: &Config,
    said: Vec<ServerMessage>,
    storage: Arc<dyn Storage>,
) -> Result<(), Failure> {
    let mut agent = Agent::open(config.clone(), Arc::clone(&storage))?;
    let heard = said.into_iter().map(Input::Received);
    for input in [Input::GoOnline, Input::Connected].into_iter().chain(heard) {
        agent.handle(now(), input);
        while let Some(output) = agent.poll_output() {
            if let Output::Persist {
                id,
                batch,
                durability,
            } = output
            {
                storage.commit(batch, durability)?;
                agent.handle(now(), Input::Persisted(id));
            }
        }
    }
    Ok(())
}
