//! Memory of a relay: fresh, and for each device that is connected and does
//! nothing. The devices are in other processes.

use super::crowd::{Crowd, DEVICES_EACH_MAX, Task};
use super::measure::Measure;
use super::scratch::Scratch;
use super::site::Site;
use crate::args::bench::IdleSize;
use crate::exit::Failure;
use crate::settings::unusable;
use std::path::Path;
use std::time::Duration;

/// The budgets.
const TARGET_DEVICE_KB: f64 = 50.0;
const TARGET_FRESH_MB: f64 = 15.0;
/// How long a process is left alone before its memory is read.
pub(super) const SETTLING: Duration = Duration::from_secs(1);

/// Measures both.
pub(super) async fn run(size: &IdleSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let floor = transport_alone(size.devices).await?;

    let site = Site::start(&scratch.join("relay")).await?;
    tokio::time::sleep(SETTLING).await;
    let fresh = resident_kilobytes()?;
    let mut crowds = Vec::new();
    for devices in shares(size.devices) {
        let mut tickets = Vec::new();
        for _ in 0..devices {
            tickets.push(site.ticket().await?.to_string());
        }
        let mut crowd = Crowd::start(&Task::Devices { tickets }).await?;
        crowd.expect("enrolled").await?;
        crowds.push(crowd);
    }
    for crowd in &mut crowds {
        crowd.say("connect").await?;
        crowd.expect("connected").await?;
    }
    tokio::time::sleep(SETTLING).await;
    let connected = site
        .look(|relay| {
            relay
                .connected()
                .filter(|session| session.author().is_some())
                .count()
        })
        .await?;
    if connected != size.devices as usize {
        return Err(Failure::relay(format!(
            "{connected} of {} devices are connected; the measurement is void",
            size.devices
        )));
    }
    let each = (resident_kilobytes()? - fresh) / f64::from(size.devices);
    for crowd in crowds {
        crowd.end().await?;
    }
    site.stop().await;

    let metric = format!(
        "relay memory for each of {} idle connected devices (floor: the transport alone)",
        size.devices
    );
    Ok(vec![
        Measure::lower("idle", metric, each, "KB")
            .floor(floor)
            .target(TARGET_DEVICE_KB),
        Measure::lower("idle", "fresh relay, resident", fresh / 1024.0, "MB")
            .target(TARGET_FRESH_MB),
    ])
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
