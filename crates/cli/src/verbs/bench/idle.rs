//! Memory of a relay: fresh, and for each device that is connected and does
//! nothing, after coming back or after its first download. The devices are in
//! other processes.

use super::crowd::{Crowd, DEVICES_EACH_MAX, Task};
use super::light::Standing;
use super::measure::Measure;
use super::scratch::Scratch;
use super::site::Site;
use crate::args::bench::IdleSize;
use crate::exit::Failure;
use crate::settings::unusable;
use cairn_relay::Relay;
use std::path::Path;
use std::time::Duration;

/// The budgets.
const TARGET_DEVICE_KB: f64 = 50.0;
const TARGET_FRESH_MB: f64 = 15.0;
/// Of so many idle devices, one more is connected for the first time.
const NEWCOMERS_SHARE: u32 = 4;
/// How long a process is left alone before its memory is read.
pub(super) const SETTLING: Duration = Duration::from_secs(1);

/// Measures all of it.
pub(super) async fn run(size: &IdleSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let floor = transport_alone(size.devices).await?;

    let site = Site::start(&scratch.join("relay")).await?;
    tokio::time::sleep(SETTLING).await;
    let empty = resident_kilobytes()?;
    let newcomers = size.devices.div_ceil(NEWCOMERS_SHARE);
    let mut returning = enrol(&site, size.devices).await?;
    let mut new = enrol(&site, newcomers).await?;
    connect(&mut returning, site.standing().await?).await?;
    let with_returning = settled(&site, size.devices).await?;
    connect(&mut new, Standing::default()).await?;
    let with_new = settled(&site, size.devices + newcomers).await?;
    for crowd in returning.into_iter().chain(new) {
        crowd.end().await?;
    }
    site.stop().await;

    let each = |kilobytes: f64, devices: u32| kilobytes / f64::from(devices);
    let back = format!(
        "relay memory for each of {} idle devices that came back",
        size.devices
    );
    let first = format!("… and of {newcomers} more that have just downloaded everything");
    let measure = |metric, kilobytes| {
        Measure::lower("idle", metric, kilobytes, "KB")
            .floor(floor)
            .target(TARGET_DEVICE_KB)
    };
    Ok(vec![
        measure(back, each(with_returning - empty, size.devices)),
        measure(first, each(with_new - with_returning, newcomers)),
        Measure::lower("idle", "fresh relay, resident", empty / 1024.0, "MB")
            .target(TARGET_FRESH_MB),
    ])
}

/// Devices in processes of their own, enrolled and not connected.
async fn enrol(site: &Site, devices: u32) -> Result<Vec<Crowd>, Failure> {
    let mut crowds = Vec::new();
    for devices in shares(devices) {
        let mut tickets = Vec::new();
        for _ in 0..devices {
            tickets.push(site.ticket().await?.to_string());
        }
        let mut crowd = Crowd::start(&Task::Devices { tickets }).await?;
        crowd.expect("enrolled").await?;
        crowds.push(crowd);
    }
    Ok(crowds)
}

/// Connects devices that stand somewhere.
async fn connect(crowds: &mut [Crowd], standing: Standing) -> Result<(), Failure> {
    let standing = serde_json::to_string(&standing).expect("plain data");
    for crowd in crowds {
        crowd.say(&standing).await?;
        crowd.expect("connected").await?;
    }
    Ok(())
}

/// Kilobytes in RAM, once so many devices are connected and quiet.
async fn settled(site: &Site, devices: u32) -> Result<f64, Failure> {
    tokio::time::sleep(SETTLING).await;
    let known = |relay: &Relay| {
        let sessions = relay.connected();
        sessions
            .filter(|session| session.author().is_some())
            .count()
    };
    let connected = site.look(known).await?;
    if connected != devices as usize {
        return Err(Failure::relay(format!(
            "{connected} of {devices} devices are connected; the measurement is void"
        )));
    }
    resident_kilobytes()
}

/// Kilobytes for each session of a relay's transport with nothing behind it.
async fn transport_alone(devices: u32) -> Result<f64, Failure> {
    let mut relay = Crowd::start(&Task::TransportRelay { sessions: devices }).await?;
    let address = relay.hear().await?;
    let key = relay.hear().await?;
    let mut crowds = Vec::new();
    for devices in shares(devices) {
        let task = Task::TransportDevices {
            address: address.clone(),
            key: key.clone(),
            devices,
        };
        crowds.push(Crowd::start(&task).await?);
    }
    let kilobytes = relay.hear().await?;
    for crowd in crowds {
        crowd.end().await?;
    }
    relay.end().await?;
    kilobytes
        .parse()
        .map_err(|_| Failure::relay(format!("`{kilobytes}` is not a size in kilobytes")))
}

/// As many devices in one process as may be.
fn shares(devices: u32) -> impl Iterator<Item = u32> {
    let full = std::iter::repeat_n(DEVICES_EACH_MAX, (devices / DEVICES_EACH_MAX) as usize);
    full.chain(Some(devices % DEVICES_EACH_MAX).filter(|rest| *rest > 0))
}

/// Memory of this process that is in RAM.
pub(super) fn resident_kilobytes() -> Result<f64, Failure> {
    let path = Path::new("/proc/self/status");
    let text = std::fs::read_to_string(path).map_err(|error| unusable(path, "read", &error))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| {
        Failure::storage("this system does not say how much memory a process has in RAM")
    })
}
