//! A relay to measure, with the definition published, and devices of it.

use super::light::Standing;
use super::organization::{self, USER};
use crate::exit::Failure;
use crate::key_file::random;
use cairn_agent::{Agent, Config};
use cairn_model::{Definition, OrganizationId, PublicKey, Version};
use cairn_net::clock::now;
use cairn_net::{DeviceService, RelayHandle, RelayService, enrol};
use cairn_oplog::{SecretKey, Storage};
use cairn_proto::{Era, Ticket};
use cairn_relay::{AdminRequest, Relay};
use cairn_store::{Options, SledStorage};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How long tickets are good for: longer than any measurement takes.
const TICKET_MS: u64 = 24 * 60 * 60 * 1000;
/// Records created in one operation when records are only needed to be there.
const CREATED_TOGETHER: usize = 100;
/// Operations handed to the relay at once.
const OPERATIONS_TOGETHER: usize = 50;

/// A running relay.
pub(super) struct Site {
    service: RelayService,
    /// To talk with it.
    pub(super) handle: RelayHandle,
    /// Where it listens.
    pub(super) address: String,
    /// Its organization.
    pub(super) organization: OrganizationId,
    /// Its key.
    pub(super) key: PublicKey,
    /// The definition in force.
    pub(super) definition: Arc<Definition>,
    secret: SecretKey,
    path: PathBuf,
}

impl Site {
    /// Starts a relay in an empty folder and publishes the definition.
    pub(super) async fn start(path: &Path) -> Result<Site, Failure> {
        let secret = SecretKey::from_seed(&random()?);
        let mut site = Site::open(path, secret, OrganizationId(random()?)).await?;
        site.handle
            .admin(AdminRequest::Publish(Box::new(organization::definition()?)))
            .await?;
        site.definition = site
            .look(|relay| Arc::clone(relay.state().definition()))
            .await?;
        Ok(site)
    }

    async fn open(
        path: &Path,
        secret: SecretKey,
        organization: OrganizationId,
    ) -> Result<Site, Failure> {
        let key = secret.public();
        let relay = Relay::open(
            secret.clone(),
            organization,
            open_storage(path)?,
            Era(random()?),
        )?;
        let definition = Arc::clone(relay.state().definition());
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let service = RelayService::start(relay, Some(here))
            .await
            .map_err(Failure::storage)?;
        let address = service
            .local_address()
            .ok_or_else(|| Failure::storage("the relay does not listen"))?
            .to_string();
        let path = path.to_owned();
        Ok(Site {
            handle: service.handle(),
            service,
            address,
            organization,
            key,
            definition,
            secret,
            path,
        })
    }

    /// Stops it in order and starts it again.
    pub(super) async fn restart(self) -> Result<Site, Failure> {
        let Site {
            service,
            secret,
            organization,
            path,
            ..
        } = self;
        service.stop().await;
        Site::open(&path, secret, organization).await
    }

    /// Stops it in order: a checkpoint is written.
    pub(super) async fn stop(self) {
        self.service.stop().await;
    }

    /// Where devices find it.
    pub(super) fn place(&self) -> Place {
        Place {
            address: self.address.clone(),
            relay: self.key,
            organization: self.organization,
        }
    }

    /// The last version of its ledger.
    pub(super) async fn version(&self) -> Result<Version, Failure> {
        self.look(|relay| relay.state().version()).await
    }

    /// Where a device stands that has everything.
    pub(super) async fn standing(&self) -> Result<Standing, Failure> {
        self.look(|relay| Standing {
            cursor: relay.state().version(),
            held: relay.state().records().map(|record| record.id).collect(),
        })
        .await
    }

    /// Looks at the machine.
    pub(super) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Relay) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        self.handle
            .query(look)
            .await
            .ok_or_else(|| Failure::relay("the relay has stopped"))
    }

    /// Creates records at the relay, as an import does.
    pub(super) async fn create_records(
        &self,
        numbers: std::ops::Range<u32>,
    ) -> Result<(), Failure> {
        let numbers: Vec<u32> = numbers.collect();
        for together in numbers.chunks(CREATED_TOGETHER * OPERATIONS_TOGETHER) {
            let operation = |numbers: &[u32]| {
                numbers
                    .iter()
                    .map(|n| organization::create(&self.definition, *n))
                    .collect()
            };
            let operations = together.chunks(CREATED_TOGETHER).map(operation).collect();
            let verdicts = self.handle.admin(AdminRequest::Edit(operations)).await?;
            if let Some(rejected) = verdicts.iter().find_map(|verdict| verdict.rejected) {
                return Err(Failure::storage(format!(
                    "a record was not created: {}",
                    rejected.code()
                )));
            }
        }
        Ok(())
    }

    /// A ticket for one device.
    pub(super) async fn ticket(&self) -> Result<Ticket, Failure> {
        let ticket = Ticket {
            address: self.address.clone(),
            relay: self.key,
            organization: self.organization,
            secret: random()?,
            expires: now().plus(TICKET_MS),
        };
        let request = AdminRequest::Ticket {
            user: USER.to_owned(),
            secret: ticket.secret,
            expires: ticket.expires,
        };
        self.handle.admin(request).await?;
        Ok(ticket)
    }

    /// A new key, enrolled by ticket.
    pub(super) async fn enrol(&self, name: &str) -> Result<SecretKey, Failure> {
        let secret = SecretKey::from_seed(&random()?);
        enrol(&self.ticket().await?, &secret, name)
            .await
            .map_err(Failure::relay)?;
        Ok(secret)
    }

    /// A whole device, enrolled, with its storage in `path`; offline.
    pub(super) async fn device(&self, path: &Path, name: &str) -> Result<DeviceService, Failure> {
        let secret = self.enrol(name).await?;
        let config = Config {
            organization: self.organization,
            relay: self.key,
            secret,
            seed: u64::from_le_bytes(random()?),
        };
        let agent = Agent::open(config, open_storage(path)?)?;
        Ok(DeviceService::start(agent, self.address.clone()))
    }
}

/// Where devices find a relay, and which one it is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// `host:port`.
    pub(super) address: String,
    /// Its key.
    pub(super) relay: PublicKey,
    /// Its organization.
    pub(super) organization: OrganizationId,
}

/// The storage in a folder.
pub(super) fn open_storage(path: &Path) -> Result<Arc<dyn Storage>, Failure> {
    Ok(Arc::new(SledStorage::open(path, Options::default())?))
}
