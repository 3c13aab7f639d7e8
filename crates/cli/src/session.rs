//! Open or connect: a command is executed in this process when nobody holds
//! the directory, and in the process that holds it otherwise.

use crate::control::client::Client;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Failure, with_causes};
use crate::host::{DeviceHost, Host, RelayHost};
use crate::key_file;
use crate::output::Output;
use crate::settings::{DeviceSettings, Directory, Owner, RelaySettings};
use crate::verbs;
use cairn_agent::{Agent, Config, has_traces, traces_are_gone};
use cairn_net::{DeviceService, RelayService};
use cairn_oplog::{Storage, StorageError};
use cairn_proto::Era;
use cairn_relay::Relay;
use cairn_store::{Options, SledStorage};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a process that is starting or ending is waited for.
const HOLDER_WAIT: Duration = Duration::from_secs(5);
/// How often it is looked for meanwhile.
const HOLDER_LOOK: Duration = Duration::from_millis(50);

/// Where commands of one command line are executed.
pub(crate) struct Session {
    place: Place,
    output: Output,
}

enum Place {
    /// In the process that holds the directory.
    There(Client),
    /// In this process.
    Here(Box<Running>),
}

/// A relay or device that runs in this process.
pub(crate) struct Running {
    /// What verbs are executed on.
    pub(crate) host: Host,
    service: Service,
    /// Where its storage is.
    data: PathBuf,
}

enum Service {
    Relay(RelayService),
    Device(DeviceService),
}

impl Session {
    /// Connects to the process that holds the directory, or opens it here.
    pub(crate) async fn open(directory: &Directory, output: Output) -> Result<Session, Failure> {
        let owner = directory.owner().ok_or_else(|| directory.nothing_here())?;
        let opening = match owner {
            Owner::Relay => Opening::Relay { listen: None },
            Owner::Device => Opening::Device { running: false },
        };
        let place = connect_or_open(directory, opening).await?;
        Ok(Session { place, output })
    }

    /// Executes one command. Progress is shown where a person watches.
    pub(crate) async fn run(&mut self, command: Command) -> Result<Answer, Failure> {
        let mut bar = self.output.bar();
        match &mut self.place {
            Place::There(client) => client.run(command, |step| bar.show(&step)).await,
            Place::Here(running) => {
                let (progress, mut steps) = Progress::channel();
                let mut work = std::pin::pin!(verbs::execute(&running.host, command, progress));
                loop {
                    tokio::select! {
                        outcome = &mut work => return outcome,
                        Some(step) = steps.recv() => bar.show(&step),
                    }
                }
            }
        }
    }

    /// Lets go of the directory.
    pub(crate) async fn close(self) {
        if let Place::Here(running) = self.place {
            running.stop().await;
        }
    }
}

impl Running {
    /// Ends it in order.
    pub(crate) async fn stop(self) {
        match self.service {
            Service::Relay(service) => service.stop().await,
            Service::Device(service) => {
                let device = self.host.device();
                let traces = match device {
                    Ok(device) => device.look(|agent| has_traces(&**agent.storage())).await,
                    Err(failure) => Err(failure),
                };
                service.stop().await;
                // What may not be seen any more leaves the disk with the
                // process. Should that fail, the next one tries again.
                if let Ok(Ok(true)) = traces
                    && let Err(error) = without_traces(&self.data, cairn_store::rewrite)
                {
                    tracing::warn!(%error, "the storage could not be opened again");
                }
            }
        }
    }
}

/// What a directory is opened as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Opening {
    /// A relay, that may listen.
    Relay {
        /// Where.
        listen: Option<SocketAddr>,
    },
    /// A device.
    Device {
        /// Whether it stays connected.
        running: bool,
    },
}

/// Opens the directory for a process that stays; a command line that works in
/// it is waited for, another process that stays is not.
pub(crate) async fn hold(directory: &Directory, opening: Opening) -> Result<Running, Failure> {
    match connect_or_open(directory, opening).await? {
        Place::Here(running) => Ok(*running),
        Place::There(_) => Err(Failure::storage(format!(
            "{} is run by another process already; commands reach it there",
            directory.path.display()
        ))),
    }
}

async fn connect_or_open(directory: &Directory, opening: Opening) -> Result<Place, Failure> {
    let deadline = Instant::now() + HOLDER_WAIT;
    loop {
        if let Some(client) = Client::connect(&directory.socket()).await? {
            return Ok(Place::There(client));
        }
        let opened = match opening {
            Opening::Relay { listen } => open_relay(directory, listen).await,
            Opening::Device { running } => open_device(directory, running).await,
        };
        match opened {
            Ok(running) => return Ok(Place::Here(Box::new(running))),
            Err(OpenError::Storage(StorageError::Locked(..))) if Instant::now() < deadline => {
                tokio::time::sleep(HOLDER_LOOK).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Why a directory could not be opened.
pub(crate) enum OpenError {
    /// Its storage.
    Storage(StorageError),
    /// Anything else.
    Other(Failure),
}

impl From<StorageError> for OpenError {
    fn from(error: StorageError) -> OpenError {
        OpenError::Storage(error)
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> OpenError {
        OpenError::Other(failure)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        match error {
            OpenError::Storage(error @ StorageError::Locked(..)) => Failure::storage(format!(
                "{error}; end that one first, or let it do the work"
            )),
            OpenError::Storage(error) => error.into(),
            OpenError::Other(failure) => failure,
        }
    }
}

/// Opens a relay's directory in this process.
pub(crate) async fn open_relay(
    directory: &Directory,
    listen: Option<SocketAddr>,
) -> Result<Running, OpenError> {
    let settings = RelaySettings::read(directory)?;
    let secret = key_file::read(&directory.relay_key())?;
    let storage = open_storage(directory)?;
    let relay = Relay::open(
        secret,
        settings.organization,
        storage,
        Era(key_file::random()?),
    )?;
    let service = RelayService::start(relay, listen)
        .await
        .map_err(|error| Failure::usage(with_causes(&error)))?;
    let host = RelayHost {
        handle: service.handle(),
        settings: Arc::new(settings),
        listening: service.local_address(),
    };
    Ok(Running {
        host: Host::Relay(host),
        service: Service::Relay(service),
        data: directory.data(),
    })
}

/// Opens a device's directory in this process. It stays offline until told
/// otherwise.
pub(crate) async fn open_device(
    directory: &Directory,
    running: bool,
) -> Result<Running, OpenError> {
    let settings = DeviceSettings::read(directory)?;
    let secret = key_file::read(&directory.device_key())?;
    let storage = without_traces(&directory.data(), cairn_store::rewrite)?;
    let seed = u64::from_le_bytes(key_file::random()?);
    let config = Config {
        organization: settings.organization,
        relay: settings.relay,
        secret,
        seed,
    };
    let agent = Agent::open(config, storage)?;
    let service = DeviceService::start(agent, settings.address.clone());
    let host = DeviceHost {
        handle: service.handle(),
        settings: Arc::new(settings),
        running,
    };
    Ok(Running {
        host: Host::Device(host),
        service: Service::Device(service),
        data: directory.data(),
    })
}

fn open_storage(directory: &Directory) -> Result<Arc<dyn Storage>, StorageError> {
    Ok(Arc::new(SledStorage::open(
        directory.data(),
        Options::default(),
    )?))
}

/// A device's storage; written anew first if it may still have bytes of what
/// its user may not see any more. Where that fails, for want of room perhaps,
/// the device opens all the same: its unsent work must be at hand. The next to
/// open it tries again.
fn without_traces(
    data: &Path,
    rewrite: impl FnOnce(&Path) -> Result<(), StorageError>,
) -> Result<Arc<dyn Storage>, StorageError> {
    let open = || SledStorage::open(data, Options::default());
    let storage = open()?;
    if !has_traces(&storage)? {
        return Ok(Arc::new(storage));
    }
    drop(storage);
    let rewritten = rewrite(data);
    let storage = open()?;
    match rewritten {
        Ok(()) => traces_are_gone(&storage)?,
        Err(error) => tracing::warn!(%error, "the storage could not be written anew"),
    }
    Ok(Arc::new(storage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_oplog::storage::{Batch, Durability, Table};

    #[test]
    fn a_device_opens_though_its_storage_cannot_be_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let storage = SledStorage::open(folder.path(), Options::default()).unwrap();
        let mut batch = Batch::default();
        batch.put(Table::Meta, "traces", Vec::new());
        storage.commit(batch, Durability::Synced).unwrap();
        drop(storage);
        let full = |_: &Path| Err(StorageError::Full("no room".to_owned()));
        let storage = without_traces(folder.path(), full).expect("it opens");
        assert!(has_traces(&*storage).unwrap(), "and is tried again");
        drop(storage);
        let storage = without_traces(folder.path(), cairn_store::rewrite).unwrap();
        assert!(!has_traces(&*storage).unwrap());
    }
}
