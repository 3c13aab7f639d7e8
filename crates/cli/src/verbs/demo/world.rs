//! A relay and devices in one process, with directories and real connections.

use super::cast::Who;
use crate::clock::now;
use crate::exit::Failure;
use crate::host::{DeviceHost, RelayHost};
use crate::key_file;
use crate::session::{Running, open_device, open_relay};
use crate::settings::{DeviceSettings, Directory, RelaySettings, Source, make_private_directory};
use cairn_model::{Definition, DeviceId, OrganizationId, Version};
use cairn_proto::Ticket;
use cairn_relay::AdminRequest;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the tickets are good for.
const TICKET_MS: u64 = 10 * 60 * 1000;
/// How long people wait for each other before something must be wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// A relay and who is connected to it.
pub(super) struct World {
    folder: PathBuf,
    relay: Running,
    /// To talk with the relay.
    pub(super) host: RelayHost,
    /// Where it listens.
    pub(super) address: String,
    /// Everybody with a device that is not revoked, in order.
    pub(super) people: Vec<Person>,
    /// Those whose device was revoked.
    pub(super) revoked: Vec<Person>,
}

/// Somebody at their device.
pub(super) struct Person {
    /// Who.
    pub(super) who: Who,
    /// To talk with the device.
    pub(super) host: DeviceHost,
    running: Running,
}

impl World {
    /// Makes a relay with an organization, and nobody there yet.
    pub(super) async fn begin(folder: &Path, definition: Definition) -> Result<World, Failure> {
        let directory = directory(folder, "relay")?;
        key_file::create(&directory.relay_key())?;
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut settings = RelaySettings {
            organization: OrganizationId(key_file::random()?),
            listen: here.to_string(),
            address: None,
        };
        settings.write(&directory)?;
        let relay = open_relay(&directory, Some(here)).await?;
        let host = relay.host.relay()?.clone();
        let address = host.listening.unwrap_or(here).to_string();
        settings.listen.clone_from(&address);
        settings.write(&directory)?;
        host.handle
            .admin(AdminRequest::Publish(Box::new(definition)))
            .await?;
        let folder = folder.to_owned();
        Ok(World {
            folder,
            relay,
            host,
            address,
            people: Vec::new(),
            revoked: Vec::new(),
        })
    }

    /// Gives somebody a device: a key of its own, a ticket, a first sync.
    pub(super) async fn hand_out(
        &mut self,
        who: Who,
        device: &str,
        name: &str,
    ) -> Result<(), Failure> {
        let directory = directory(&self.folder, name)?;
        let key = key_file::create(&directory.device_key())?;
        let ticket = self.ticket(who).await?;
        let enrolled = cairn_net::enrol(&ticket, &key, device)
            .await
            .map_err(Failure::relay)?;
        let settings = DeviceSettings {
            organization: enrolled.organization,
            relay: ticket.relay,
            address: ticket.address,
            user: enrolled.user,
            name: device.to_owned(),
        };
        settings.write(&directory)?;
        let running = open_device(&directory, true).await?;
        let host = running.host.device()?.clone();
        host.handle.online().await;
        host.handle.synced().await.map_err(Failure::relay)?;
        self.people.push(Person { who, host, running });
        Ok(())
    }

    async fn ticket(&self, who: Who) -> Result<Ticket, Failure> {
        let (organization, relay) = self
            .host
            .look(|relay| (relay.organization(), relay.key()))
            .await?;
        let (secret, expires) = (key_file::random()?, now().plus(TICKET_MS));
        let request = AdminRequest::Ticket {
            user: who.login().to_owned(),
            secret,
            expires,
        };
        self.host.handle.admin(request).await?;
        Ok(Ticket {
            address: self.address.clone(),
            relay,
            organization,
            secret,
            expires,
        })
    }

    /// Somebody's device.
    pub(super) fn person(&self, who: Who) -> Result<&Person, Failure> {
        let found = self.people.iter().find(|person| person.who == who);
        found.ok_or_else(|| Failure::not_found(format!("{} has no device", who.name())))
    }

    /// Revokes somebody's device at the relay, wherever it is.
    pub(super) async fn revoke(&mut self, who: Who) -> Result<(), Failure> {
        let device = self.person(who)?.id().await?;
        self.host.handle.admin(AdminRequest::Revoke(device)).await?;
        let (revoked, people) = std::mem::take(&mut self.people)
            .into_iter()
            .partition(|person| person.who == who);
        self.people = people;
        self.revoked.extend::<Vec<Person>>(revoked);
        Ok(())
    }

    /// Waits until every device has everything that is in the ledger.
    pub(super) async fn agree(&self) -> Result<(), Failure> {
        let version = self.host.look(|relay| relay.state().version()).await?;
        for person in &self.people {
            person.reaches(version).await?;
        }
        Ok(())
    }

    /// Bytes that all devices have sent and received, headers included.
    pub(super) async fn traffic(&self) -> u64 {
        let mut bytes = 0;
        for person in self.people.iter().chain(&self.revoked) {
            bytes += person.host.handle.traffic().await.bytes_with_headers();
        }
        bytes
    }

    /// Ends everything in order; the directories stay.
    pub(super) async fn end(self) {
        for person in self.people.into_iter().chain(self.revoked) {
            person.running.stop().await;
        }
        self.relay.stop().await;
    }
}

impl Person {
    /// Cuts the link, and waits until it is cut.
    pub(super) async fn leave(&self) -> Result<(), Failure> {
        self.host.handle.offline().await;
        self.waits("the link to be cut", |agent| !agent.status().connected)
            .await
    }

    /// Connects, and waits until everything is sent and received.
    pub(super) async fn come_back(&self) -> Result<(), Failure> {
        self.host.handle.online().await;
        self.host.handle.synced().await.map_err(Failure::relay)
    }

    /// Connects a device that was revoked, and waits until it has handed in
    /// its work.
    pub(super) async fn hand_in(&self) -> Result<(), Failure> {
        self.host.handle.online().await;
        self.waits("a revoked device to hand in its work", |agent| {
            agent.status().revoked && agent.status().unsent == 0
        })
        .await
    }

    async fn reaches(&self, version: Version) -> Result<(), Failure> {
        self.waits("everything to arrive", move |agent| {
            agent.status().cursor >= version && agent.is_synced()
        })
        .await
    }

    async fn id(&self) -> Result<DeviceId, Failure> {
        self.host.look(|agent| agent.key().device()).await
    }

    /// Waits until something is so.
    async fn waits(
        &self,
        what: &str,
        is_so: impl Fn(&cairn_agent::Agent) -> bool + Clone + Send + 'static,
    ) -> Result<(), Failure> {
        let mut watching = self.host.handle.clone();
        let waiting = async {
            while !self.host.look(is_so.clone()).await? {
                if !watching.changed().await {
                    return Err(Failure::storage("the device has stopped"));
                }
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| {
                let seconds = PATIENCE.as_secs();
                Err(Failure::relay(format!(
                    "{} waited {seconds} s for {what}",
                    self.who.device()
                )))
            })
    }
}

fn directory(folder: &Path, name: &str) -> Result<Directory, Failure> {
    let directory = Directory {
        path: folder.join(name),
        source: Source::Argument,
    };
    make_private_directory(&directory.path)?;
    make_private_directory(&directory.data())?;
    Ok(directory)
}
