//! What a verb is executed on: the relay or the device of a directory, whoever
//! holds it.

use crate::exit::Failure;
use crate::settings::{DeviceSettings, RelaySettings};
use cairn_agent::Agent;
use cairn_net::{DeviceHandle, RelayHandle};
use cairn_relay::Relay;
use cairn_relay::past::Past;
use std::net::SocketAddr;
use std::sync::Arc;

/// A relay or a device that runs in this process.
#[derive(Clone)]
pub(crate) enum Host {
    /// A relay.
    Relay(RelayHost),
    /// A device.
    Device(DeviceHost),
}

/// A relay that runs in this process.
#[derive(Clone)]
pub(crate) struct RelayHost {
    /// To talk with it.
    pub(crate) handle: RelayHandle,
    /// Its settings.
    pub(crate) settings: Arc<RelaySettings>,
    /// Where it listens, if it does.
    pub(crate) listening: Option<SocketAddr>,
}

/// A device that runs in this process.
#[derive(Clone)]
pub(crate) struct DeviceHost {
    /// To talk with it.
    pub(crate) handle: DeviceHandle,
    /// Its settings.
    pub(crate) settings: Arc<DeviceSettings>,
    /// Whether it stays connected (`device run`), not only for one command.
    pub(crate) running: bool,
}

impl RelayHost {
    /// Looks at the relay machine.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Relay) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        self.handle.query(look).await.ok_or_else(stopped)
    }

    /// Looks back beside the machine, which goes on meanwhile.
    pub(crate) async fn look_back<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Past) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let past = self.look(Relay::past).await?;
        let folded = tokio::task::spawn_blocking(move || look(&past));
        folded.await.map_err(|_| stopped())
    }
}

impl DeviceHost {
    /// Looks at the device machine.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Agent) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        self.handle.query(look).await.ok_or_else(stopped)
    }
}

/// The process that holds the directory is ending.
pub(crate) fn stopped() -> Failure {
    Failure::storage("the process that holds the directory is ending; try again")
}

impl Host {
    /// The relay; a failure in the directory of a device.
    pub(crate) fn relay(&self) -> Result<&RelayHost, Failure> {
        match self {
            Host::Relay(relay) => Ok(relay),
            Host::Device(_) => Err(Failure::usage(
                "this is the directory of a device, and the command is for a relay; name the relay's directory with --dir",
            )),
        }
    }

    /// The device; a failure in the directory of a relay.
    pub(crate) fn device(&self) -> Result<&DeviceHost, Failure> {
        match self {
            Host::Device(device) => Ok(device),
            Host::Relay(_) => Err(Failure::usage(
                "this is the directory of a relay, and the command is for a device; name the device's directory with --dir",
            )),
        }
    }
}
