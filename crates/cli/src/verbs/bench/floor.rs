//! What the machine reaches without Cairn: the disk alone, sled alone, the
//! transport alone.

use super::measure::percentile;
use super::wire::QUIET;
use crate::exit::Failure;
use crate::key_file::random;
use crate::settings::unusable;
use cairn_net::{
    DialLimits, Dialer, Event, Identity, Lane, ListenLimits, Received, Session, SessionId, listen,
};
use std::io::Write;
use std::path::Path;
use std::time::Instant;
use tokio::sync::mpsc;

/// Bytes appended before each sync of the disk.
const APPENDED_BYTES: usize = 4 * 1024;
/// Syncs that are timed.
const SYNCS: usize = 200;
/// Echoes that are timed.
const ECHOES: usize = 1_000;
/// Bytes of one frame of a bulk transfer: a page.
const PAGE_BYTES: usize = 64 * 1024;

/// Times in milliseconds, sorted.
pub(super) struct Times(Vec<f64>);

impl Times {
    /// From times in any order.
    pub(super) fn new(mut milliseconds: Vec<f64>) -> Times {
        milliseconds.sort_by(f64::total_cmp);
        Times(milliseconds)
    }

    /// These and others together.
    pub(super) fn extend(&mut self, others: Times) {
        self.0.extend(others.0);
        self.0.sort_by(f64::total_cmp);
    }

    /// What a share of them does not exceed: 0.5 is the median.
    pub(super) fn share(&self, share: f64) -> f64 {
        percentile(&self.0, share)
    }
}

/// Milliseconds since.
pub(super) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Times to append a little to a file and make it last (`fdatasync`).
pub(super) fn syncs(folder: &Path) -> Result<Times, Failure> {
    let path = folder.join("floor-sync");
    let timed = || {
        let mut file = std::fs::File::create(&path)?;
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let start = Instant::now();
            file.write_all(&[7; APPENDED_BYTES])?;
            file.sync_data()?;
            times.push(milliseconds(start));
        }
        std::fs::remove_file(&path)?;
        Ok(Times::new(times))
    };
    timed().map_err(|error| unusable(&path, "written", &error))
}

/// Seconds that sled alone takes to append values and flush after every
/// `together` of them.
pub(super) fn sled_append(
    folder: &Path,
    values: &[Vec<u8>],
    together: usize,
) -> Result<f64, Failure> {
    let timed = || {
        let database = sled::Config::new()
            .path(folder)
            .flush_every_ms(None)
            .open()?;
        let start = Instant::now();
        for (number, value) in (0u64..).zip(values) {
            database.insert(number.to_be_bytes(), value.as_slice())?;
            if (number + 1).is_multiple_of(together as u64) {
                database.flush()?;
            }
        }
        database.flush()?;
        Ok(start.elapsed().as_secs_f64())
    };
    timed().map_err(|error: sled::Error| Failure::storage(format!("{}: {error}", folder.display())))
}

/// Milliseconds that sled alone takes to open a folder.
pub(super) fn sled_open(folder: &Path) -> Result<f64, Failure> {
    let start = Instant::now();
    let opened = sled::Config::new().path(folder).flush_every_ms(None).open();
    let database =
        opened.map_err(|error| Failure::storage(format!("{}: {error}", folder.display())))?;
    let took = milliseconds(start);
    drop(database);
    Ok(took)
}

/// Two ends of a session and nothing behind them.
struct Line {
    device: Session,
    at_device: mpsc::Receiver<Received>,
    relay: Session,
    at_relay: mpsc::Receiver<Received>,
}

impl Line {
    async fn open() -> Result<Line, Failure> {
        let (seed, device_seed) = (random()?, random()?);
        let mut listener = listen("127.0.0.1:0", &seed, ListenLimits::default())
            .await
            .map_err(Failure::storage)?;
        let address = listener
            .local_address()
            .map_err(Failure::storage)?
            .to_string();
        let dialer = Dialer::new(
            &device_seed,
            Identity::from_seed(&seed).key(),
            DialLimits::default(),
        );
        let (to_device, at_device) = mpsc::channel(8);
        let (to_relay, at_relay) = mpsc::channel(8);
        let dialled = async {
            let device = dialer
                .dial(&address, SessionId(1), to_device)
                .await
                .map_err(Failure::relay)?;
            device
                .outbox(Lane::Control)
                .send("hello")
                .await
                .map_err(Failure::relay)?;
            Ok::<Session, Failure>(device)
        };
        let (device, arrival) = tokio::join!(dialled, listener.accept());
        let arrival = arrival.ok_or_else(|| Failure::relay("nobody came"))?;
        let relay = arrival.start(SessionId(2), to_relay);
        tokio::spawn(async move { while listener.accept().await.is_some() {} });
        let mut line = Line {
            device: device?,
            at_device,
            relay,
            at_relay,
        };
        frame(&mut line.at_relay).await?;
        Ok(line)
    }
}

async fn frame(inbox: &mut mpsc::Receiver<Received>) -> Result<Vec<u8>, Failure> {
    match inbox.recv().await.map(|received| received.event) {
        Some(Event::Frame { bytes, .. }) => Ok(bytes),
        Some(Event::Ended(end)) => Err(Failure::relay(end)),
        None => Err(Failure::relay("the session is over")),
    }
}

/// Times for a small frame to go to the other end and back.
pub(super) async fn echoes() -> Result<Times, Failure> {
    let mut line = Line::open().await?;
    let answering = async {
        for _ in 0..ECHOES {
            let bytes = frame(&mut line.at_relay).await?;
            line.relay
                .outbox(Lane::Control)
                .send(bytes)
                .await
                .map_err(Failure::relay)?;
        }
        Ok::<(), Failure>(())
    };
    let asking = async {
        let mut times = Vec::with_capacity(ECHOES);
        for _ in 0..ECHOES {
            let start = Instant::now();
            line.device
                .outbox(Lane::Control)
                .send(vec![7; 100])
                .await
                .map_err(Failure::relay)?;
            frame(&mut line.at_device).await?;
            times.push(milliseconds(start));
        }
        Ok::<Times, Failure>(Times::new(times))
    };
    let (answered, times) = tokio::join!(answering, asking);
    answered.and(times)
}

/// Seconds for `bytes` to go from a relay to a device.
pub(super) async fn bulk(bytes: usize) -> Result<f64, Failure> {
    let mut line = Line::open().await?;
    let pages = bytes.div_ceil(PAGE_BYTES).max(1);
    let start = Instant::now();
    let sending = async {
        for _ in 0..pages {
            line.relay
                .outbox(Lane::Download)
                .send(vec![7; PAGE_BYTES])
                .await
                .map_err(Failure::relay)?;
        }
        Ok::<(), Failure>(())
    };
    let receiving = async {
        for _ in 0..pages {
            frame(&mut line.at_device).await?;
        }
        Ok::<(), Failure>(())
    };
    let (sent, received) = tokio::join!(sending, receiving);
    sent.and(received)?;
    Ok(start.elapsed().as_secs_f64() * bytes as f64 / (pages * PAGE_BYTES) as f64)
}

/// Bytes on the wire for one frame from a device to the relay, answered with
/// an empty one, and one from the relay to another device: the median.
pub(super) async fn wire(up: usize, down: usize) -> Result<f64, Failure> {
    const TURNS: usize = 10;
    let (mut from, mut to) = (Line::open().await?, Line::open().await?);
    let mut costs = Vec::new();
    for _ in 0..TURNS {
        tokio::time::sleep(QUIET).await;
        let cost = |from: &Line, to: &Line| {
            from.device.wire().bytes_with_headers() + to.device.wire().bytes_with_headers()
        };
        let before = cost(&from, &to);
        from.device
            .outbox(Lane::Control)
            .send(vec![7; up])
            .await
            .map_err(Failure::relay)?;
        frame(&mut from.at_relay).await?;
        from.relay
            .outbox(Lane::Control)
            .send(vec![7])
            .await
            .map_err(Failure::relay)?;
        to.relay
            .outbox(Lane::Control)
            .send(vec![7; down])
            .await
            .map_err(Failure::relay)?;
        frame(&mut to.at_device).await?;
        frame(&mut from.at_device).await?;
        tokio::time::sleep(QUIET).await;
        costs.push((cost(&from, &to) - before) as f64);
    }
    Ok(Times::new(costs).share(0.5))
}
