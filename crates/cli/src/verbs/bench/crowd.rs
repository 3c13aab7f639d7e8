//! Other processes that stand in for many devices, so that the memory of the
//! relay is its own. They are this program again; task and answers are lines.

use super::idle::{SETTLING, resident_kilobytes};
use super::light::{Light, Standing};
use super::site::Place;
use crate::exit::{Exit, Failure};
use crate::key_file::random;
use cairn_net::{
    DialLimits, Dialer, Identity, KeyBytes, Lane, ListenLimits, SessionId, enrol, listen,
};
use cairn_oplog::SecretKey;
use cairn_proto::Ticket;
use serde::{Deserialize, Serialize};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Devices in one process: each has a socket, and a process may have 1,024 of
/// them nearly everywhere.
pub(super) const DEVICES_EACH_MAX: u32 = 500;
/// Devices that enrol at the same time.
const ENROLLING_MAX: usize = 16;

/// What a process stands in for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// Devices that enrol, and, told which version they hold, connect and idle.
    Devices {
        /// One each.
        tickets: Vec<String>,
    },
    /// A relay's transport, and nothing behind it.
    TransportRelay {
        /// Sessions to wait for.
        sessions: u32,
    },
    /// Devices' transport, and nothing behind it.
    TransportDevices {
        /// Where the relay is.
        address: String,
        /// Its key, in hexadecimal.
        key: String,
        /// How many.
        devices: u32,
    },
}

/// Such a process, as its parent sees it.
pub(super) struct Crowd {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Crowd {
    /// Starts it.
    pub(super) async fn start(task: &Task) -> Result<Crowd, Failure> {
        let program = std::env::current_exe().map_err(unable)?;
        let mut child = Command::new(program)
            .args(["bench", "crowd"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(unable)?;
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut crowd = Crowd { child, to, from };
        crowd
            .say(&serde_json::to_string(task).map_err(unable)?)
            .await?;
        Ok(crowd)
    }

    /// Says a line to it.
    pub(super) async fn say(&mut self, line: &str) -> Result<(), Failure> {
        self.to
            .write_all(format!("{line}\n").as_bytes())
            .await
            .map_err(unable)
    }

    /// The next line it says.
    pub(super) async fn hear(&mut self) -> Result<String, Failure> {
        let line = self.from.next_line().await.map_err(unable)?;
        line.ok_or_else(|| {
            unable("a process that stands in for devices ended early; what it said is above")
        })
    }

    /// Waits until it says this.
    pub(super) async fn expect(&mut self, word: &str) -> Result<(), Failure> {
        let heard = self.hear().await?;
        if heard == word {
            Ok(())
        } else {
            Err(unable(format!("`{word}` was due, not `{heard}`")))
        }
    }

    /// Lets it end.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        drop(self.to);
        self.child.wait().await.map(drop).map_err(unable)
    }
}

fn unable(reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Storage,
        format!("the devices cannot be stood in for: {reason}"),
    )
}

/// Does a task, in the process started for it.
pub(super) async fn run() -> Result<Exit, Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let line = lines.next_line().await.map_err(unable)?.unwrap_or_default();
    match serde_json::from_str(&line).map_err(unable)? {
        Task::Devices { tickets } => {
            let devices = enrol_all(&tickets).await?;
            say("enrolled");
            let line = lines.next_line().await.map_err(unable)?.unwrap_or_default();
            let standing: Standing = serde_json::from_str(&line).map_err(unable)?;
            let mut idling = JoinSet::new();
            for (place, secret) in devices {
                let light = Light::connect(&place, &secret, &standing).await?;
                idling.spawn(light.idle());
            }
            say("connected");
            until_the_end(lines).await;
        }
        Task::TransportRelay { sessions } => transport_relay(sessions, lines).await?,
        Task::TransportDevices {
            address,
            key,
            devices,
        } => transport_devices(&address, &key, devices, lines).await?,
    }
    Ok(Exit::Done)
}

type Input = Lines<BufReader<tokio::io::Stdin>>;

/// The parent lets go of the other end when it has measured.
async fn until_the_end(mut lines: Input) {
    while let Ok(Some(_)) = lines.next_line().await {}
}

#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}

async fn enrol_all(tickets: &[String]) -> Result<Vec<(Place, SecretKey)>, Failure> {
    let mut enrolled = Vec::new();
    for together in tickets.chunks(ENROLLING_MAX) {
        let mut enrolling = JoinSet::new();
        for text in together {
            let ticket: Ticket = text.parse().map_err(unable)?;
            let secret = SecretKey::from_seed(&random()?);
            enrolling.spawn(async move {
                enrol(&ticket, &secret, "idle")
                    .await
                    .map_err(Failure::relay)?;
                let place = Place {
                    address: ticket.address,
                    relay: ticket.relay,
                    organization: ticket.organization,
                };
                Ok::<_, Failure>((place, secret))
            });
        }
        while let Some(done) = enrolling.join_next().await {
            enrolled.push(done.map_err(unable)??);
        }
    }
    Ok(enrolled)
}

async fn transport_relay(sessions: u32, lines: Input) -> Result<(), Failure> {
    let seed = random()?;
    let mut listener = listen("127.0.0.1:0", &seed, ListenLimits::default())
        .await
        .map_err(unable)?;
    say(listener.local_address().map_err(unable)?);
    say(data_encoding::HEXLOWER.encode(&Identity::from_seed(&seed).key()));
    tokio::time::sleep(SETTLING).await;
    let fresh = resident_kilobytes()?;
    let (inbox, mut frames) = mpsc::channel(64);
    let (mut held, mut heard) = (Vec::new(), 0);
    while heard < sessions {
        tokio::select! {
            Some(arrival) = listener.accept() => {
                let session = arrival.start(SessionId(held.len() as u64), inbox.clone());
                session.outbox(Lane::Control).send("welcome").await.map_err(unable)?;
                held.push(session);
            }
            Some(_) = frames.recv() => heard += 1,
        }
    }
    tokio::time::sleep(SETTLING).await;
    say((resident_kilobytes()? - fresh) / f64::from(sessions));
    until_the_end(lines).await;
    Ok(())
}

async fn transport_devices(
    address: &str,
    key: &str,
    devices: u32,
    lines: Input,
) -> Result<(), Failure> {
    let key = data_encoding::HEXLOWER.decode(key.as_bytes()).ok();
    let key: KeyBytes = key
        .and_then(|key| key.try_into().ok())
        .ok_or_else(|| unable("no relay key"))?;
    let (inbox, mut frames) = mpsc::channel(64);
    let mut held = Vec::new();
    for number in 0..devices {
        let dialer = Dialer::new(&random()?, key, DialLimits::default());
        let session = dialer
            .dial(address, SessionId(u64::from(number)), inbox.clone())
            .await
            .map_err(unable)?;
        session
            .outbox(Lane::Control)
            .send("hello")
            .await
            .map_err(unable)?;
        frames.recv().await;
        held.push(session);
    }
    until_the_end(lines).await;
    Ok(())
}
