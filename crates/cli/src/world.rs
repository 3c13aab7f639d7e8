//! A relay and devices for tests: real connections on loopback, storage in
//! memory.

use crate::clock::now;
use crate::control::{Answer, Command, Progress};
use crate::exit::Failure;
use crate::host::{DeviceHost, Host, RelayHost};
use crate::settings::{DeviceSettings, RelaySettings};
use crate::verbs;
use cairn_agent::{Agent, Config};
use cairn_model::{Definition, OrganizationId, text};
use cairn_net::{DeviceService, RelayService};
use cairn_oplog::SecretKey;
use cairn_oplog::memory::MemoryStorage;
use cairn_projection::State;
use cairn_proto::{Era, Ticket};
use cairn_relay::{AdminRequest, Relay};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// A relay with the field-service template.
pub(crate) struct World {
    /// To keep it running.
    _service: RelayService,
    /// What verbs are executed on.
    pub(crate) relay: RelayHost,
    address: String,
}

/// A user's device, offline until it syncs.
pub(crate) struct Device {
    /// To keep it running.
    _service: DeviceService,
    /// What verbs are executed on.
    pub(crate) host: Host,
}

impl World {
    /// A relay nobody has connected to.
    pub(crate) async fn new() -> World {
        let secret = SecretKey::from_seed(&[7; 32]);
        let organization = OrganizationId([1; 16]);
        let storage = Arc::new(MemoryStorage::new());
        let machine =
            Relay::open(secret, organization, storage, Era([1; 16])).expect("nothing to read");
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let service = RelayService::start(machine, Some(here))
            .await
            .expect("a free port");
        let address = service.local_address().expect("it listens").to_string();
        let settings = RelaySettings {
            organization,
            listen: address.clone(),
            address: None,
        };
        let relay = RelayHost {
            handle: service.handle(),
            settings: Arc::new(settings),
            listening: service.local_address(),
        };
        let publish = AdminRequest::Publish(Box::new(definition()));
        relay
            .handle
            .admin(publish)
            .await
            .expect("a first publication");
        World {
            _service: service,
            relay,
            address,
        }
    }

    /// The relay as verbs see it.
    pub(crate) fn host(&self) -> Host {
        Host::Relay(self.relay.clone())
    }

    /// Enrols a device of a user. `number` tells devices apart.
    pub(crate) async fn device(&self, user: &str, number: u8) -> Device {
        let secret = SecretKey::from_seed(&[100 + number; 32]);
        let (relay, organization) = self
            .look_relay(|relay| (relay.key(), relay.organization()))
            .await;
        let (one_time, expires) = ([number; 16], now().plus(60_000));
        let request = AdminRequest::Ticket {
            user: user.to_owned(),
            secret: one_time,
            expires,
        };
        self.relay
            .handle
            .admin(request)
            .await
            .expect("a user of the template");
        let ticket = Ticket {
            address: self.address.clone(),
            relay,
            organization,
            secret: one_time,
            expires,
        };
        let name = format!("{user}'s phone");
        cairn_net::enrol(&ticket, &secret, &name)
            .await
            .expect("a good ticket");
        let config = Config {
            organization,
            relay,
            secret,
            seed: u64::from(number),
        };
        let agent = Agent::open(config, Arc::new(MemoryStorage::new())).expect("nothing to read");
        let service = DeviceService::start(agent, self.address.clone());
        let settings = DeviceSettings {
            organization,
            relay,
            address: self.address.clone(),
            user: user.to_owned(),
            name,
        };
        let host = DeviceHost {
            handle: service.handle(),
            settings: Arc::new(settings),
            running: false,
        };
        let device = Device {
            _service: service,
            host: Host::Device(host),
        };
        device.sync().await;
        device
    }

    /// Looks at what the ledger has folded into.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> R + Send + 'static,
    ) -> R {
        self.look_relay(|relay| look(relay.state())).await
    }

    /// Looks at the relay machine.
    pub(crate) async fn look_relay<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Relay) -> R + Send + 'static,
    ) -> R {
        self.relay.look(look).await.expect("a running relay")
    }
}

impl Device {
    /// Sends and receives everything, and is offline again.
    pub(crate) async fn sync(&self) {
        let device = self.host.device().expect("a device");
        device.handle.online().await;
        device.handle.synced().await.expect("the relay is there");
        device.handle.offline().await;
    }
}

/// The definition of the template.
pub(crate) fn definition() -> Definition {
    let files = text::template("field-service").expect("a template");
    text::parse(&files, &Definition::default(), &cairn_policy::ids()).expect("a right template")
}

/// Executes a command as a command line or the socket would.
pub(crate) async fn execute(host: &Host, command: Command) -> Result<Answer, Failure> {
    let (progress, _steps) = Progress::channel();
    verbs::execute(host, command, progress).await
}
