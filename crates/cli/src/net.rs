//! Stands in for the driver of `cairn-net` until that is there: the same
//! interface, machines pumped in place, no network.
#![allow(
    clippy::unused_async,
    reason = "the driver it stands in for is asynchronous"
)]

use cairn_agent::{Agent, EditError};
use cairn_model::{OrganizationId, RecordId, Timestamp};
use cairn_oplog::storage::Batch;
use cairn_oplog::{Durability, SecretKey, StorageError};
use cairn_proto::{HistoryEntry, Ticket};
use cairn_relay::{AdminReply, AdminRequest, Relay};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ServiceError(String);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LinkEnd(String);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct EnrolError(String);

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

pub(crate) struct Enrolled {
    pub(crate) organization: OrganizationId,
    pub(crate) user: String,
}

fn now() -> Timestamp {
    Timestamp(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64),
    )
}

pub(crate) struct RelayService {
    handle: RelayHandle,
    address: Option<SocketAddr>,
}

#[derive(Clone)]
pub(crate) struct RelayHandle {
    relay: Arc<Mutex<Relay>>,
    changed: Arc<watch::Sender<u64>>,
}

impl RelayService {
    pub(crate) async fn start(
        relay: Relay,
        listen: Option<SocketAddr>,
    ) -> Result<RelayService, ServiceError> {
        let handle = RelayHandle {
            relay: Arc::new(Mutex::new(relay)),
            changed: Arc::new(watch::Sender::new(0)),
        };
        Ok(RelayService {
            handle,
            address: listen,
        })
    }

    pub(crate) fn handle(&self) -> RelayHandle {
        self.handle.clone()
    }

    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.address
    }

    pub(crate) async fn stop(self) {}
}

impl RelayHandle {
    pub(crate) async fn admin(&self, request: AdminRequest) -> AdminReply {
        let mut relay = self.relay.lock().expect("no panic");
        let reply = cairn_relay::ReplyId(1);
        let mut answered = Ok(Vec::new());
        relay.handle(now(), cairn_relay::Input::Admin { reply, request });
        while let Some(output) = relay.poll_output() {
            match output {
                cairn_relay::Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    relay.storage().commit(batch, durability)?;
                    relay.handle(now(), cairn_relay::Input::Persisted(id));
                }
                cairn_relay::Output::Reply { answer, .. } => answered = answer,
                cairn_relay::Output::Send { .. } | cairn_relay::Output::Close { .. } => {}
            }
        }
        self.changed.send_modify(|times| *times += 1);
        answered
    }

    pub(crate) async fn query<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Relay) -> R + Send + 'static,
    ) -> R {
        look(&self.relay.lock().expect("no panic"))
    }

    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

pub(crate) struct DeviceService {
    handle: DeviceHandle,
}

#[derive(Clone)]
pub(crate) struct DeviceHandle {
    agent: Arc<Mutex<Agent>>,
    changed: Arc<watch::Sender<u64>>,
}

impl DeviceService {
    pub(crate) async fn start(
        agent: Agent,
        _address: String,
    ) -> Result<DeviceService, ServiceError> {
        let handle = DeviceHandle {
            agent: Arc::new(Mutex::new(agent)),
            changed: Arc::new(watch::Sender::new(0)),
        };
        Ok(DeviceService { handle })
    }

    pub(crate) fn handle(&self) -> DeviceHandle {
        self.handle.clone()
    }

    pub(crate) async fn stop(self) {}
}

impl DeviceHandle {
    pub(crate) async fn request(
        &self,
        request: cairn_agent::Request,
    ) -> Result<cairn_agent::Reply, EditError> {
        let mut agent = self.agent.lock().expect("no panic");
        let reply = cairn_agent::ReplyId(1);
        let random = (0..256)
            .map(|_| crate::key_file::random().unwrap_or_default())
            .collect();
        let mut answered = Err(EditError::Nothing);
        agent.handle(
            now(),
            cairn_agent::Input::Request {
                reply,
                random,
                request,
            },
        );
        while let Some(output) = agent.poll_output() {
            match output {
                cairn_agent::Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    agent.storage().commit(batch, durability)?;
                    agent.handle(now(), cairn_agent::Input::Persisted(id));
                }
                cairn_agent::Output::Reply { answer, .. } => answered = answer,
                _ => {}
            }
        }
        self.changed.send_modify(|times| *times += 1);
        answered
    }

    pub(crate) async fn history(&self, _record: RecordId) -> Result<Vec<HistoryEntry>, EditError> {
        Err(EditError::Offline)
    }

    pub(crate) async fn query<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Agent) -> R + Send + 'static,
    ) -> R {
        look(&self.agent.lock().expect("no panic"))
    }

    pub(crate) async fn export(&self) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut agent = self.agent.lock().expect("no panic");
        let mut batch = Batch::default();
        let bundles = agent.export(&mut batch)?;
        agent.storage().commit(batch, Durability::Synced)?;
        Ok(bundles
            .iter()
            .map(|bundle| bundle.bytes().to_vec())
            .collect())
    }

    pub(crate) fn online(&self) {}

    pub(crate) fn offline(&self) {}

    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) async fn synced(&self) -> Result<(), LinkEnd> {
        Err(LinkEnd("the network driver is not there yet".into()))
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

pub(crate) async fn enrol(
    _ticket: &Ticket,
    _secret: &SecretKey,
    _name: &str,
) -> Result<Enrolled, EnrolError> {
    Err(EnrolError("the network driver is not there yet".into()))
}
