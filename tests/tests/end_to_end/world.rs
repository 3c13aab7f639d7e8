//! A relay service and device services in temporary directories.

use cairn_agent::{Agent, Config, FieldEdit, RecordEdit, RecordEditKind, Reply, Request};
use cairn_model::definition::{Access, Definition, User};
use cairn_model::text::{parse, template};
use cairn_model::{Hash, OrganizationId, RecordId, Timestamp, Value, Write};
use cairn_net::{DeviceHandle, DeviceService, RelayHandle, RelayService, ServiceError, enrol};
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::{SecretKey, Storage};
use cairn_proto::Ticket;
use cairn_relay::{AdminRequest, Relay};
use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) const ORGANIZATION: OrganizationId = OrganizationId([0xe2; 16]);

pub(crate) struct World {
    relay: Option<RelayService>,
    pub(crate) devices: Vec<DeviceService>,
    relay_storage: Arc<dyn Storage>,
    relay_secret: SecretKey,
}

impl World {
    pub(crate) async fn new(policy: &str, devices: usize) -> World {
        let relay_secret = SecretKey::from_seed(&[200; 32]);
        let relay_storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let relay = start_relay(
            &relay_secret,
            &relay_storage,
            "127.0.0.1:0".parse().unwrap(),
        )
        .await;
        let mut world = World {
            relay: Some(relay),
            devices: Vec::new(),
            relay_storage,
            relay_secret,
        };
        let files = template("field-service").expect("the template is built in");
        let mut definition =
            parse(&files, &Definition::default(), &cairn_policy::ids()).expect("it is right");
        definition.policy = policy.to_owned();
        for number in 0..devices {
            let user = User {
                name: format!("User {number}"),
                email: None,
                access: Access::Edit,
            };
            definition.users.insert(format!("user{number}"), user);
        }
        world
            .handle()
            .admin(AdminRequest::Publish(Box::new(definition)))
            .await
            .unwrap();
        for number in 0..devices {
            world.add_device(number as u8).await;
        }
        world
    }

    pub(crate) fn handle(&self) -> RelayHandle {
        self.relay.as_ref().expect("it runs").handle()
    }

    pub(crate) fn device(&self, number: usize) -> DeviceHandle {
        self.devices[number].handle()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.relay
            .as_ref()
            .and_then(RelayService::local_address)
            .expect("it listens")
    }

    async fn add_device(&mut self, number: u8) {
        let secret = SecretKey::from_seed(&[number; 32]);
        let expires = Timestamp(u64::MAX);
        let request = AdminRequest::Ticket {
            user: format!("user{number}"),
            secret: [number; 16],
            expires,
        };
        self.handle().admin(request).await.unwrap();
        let ticket = Ticket {
            address: self.address().to_string(),
            relay: self.relay_secret.public(),
            organization: ORGANIZATION,
            secret: [number; 16],
            expires,
        };
        let enrolled = enrol(&ticket, &secret, "a phone").await.unwrap();
        assert_eq!(
            (enrolled.organization, enrolled.user),
            (ORGANIZATION, format!("user{number}"))
        );
        let config = Config {
            organization: ORGANIZATION,
            relay: ticket.relay,
            secret,
            seed: u64::from(number),
        };
        let agent = Agent::open(config, Arc::new(MemoryStorage::new())).unwrap();
        self.devices
            .push(DeviceService::start(agent, ticket.address));
    }

    pub(crate) async fn sync_all(&self) {
        for device in &self.devices {
            device.handle().online().await;
        }
        for device in &self.devices {
            device.handle().synced().await.unwrap();
        }
    }

    pub(crate) async fn restart_relay(&mut self) {
        let address = self.address();
        if let Some(relay) = self.relay.take() {
            relay.stop().await;
        }
        self.relay = Some(start_relay(&self.relay_secret, &self.relay_storage, address).await);
    }

    pub(crate) async fn relay_digest(&self) -> Hash {
        self.handle()
            .query(|relay| relay.state().digest())
            .await
            .unwrap()
    }
}

/// Starts a relay, waiting until a stopped one has let go of the address.
async fn start_relay(
    secret: &SecretKey,
    storage: &Arc<dyn Storage>,
    address: SocketAddr,
) -> RelayService {
    loop {
        let relay = Relay::open(secret.clone(), ORGANIZATION, Arc::clone(storage)).unwrap();
        match RelayService::start(relay, Some(address)).await {
            Ok(service) => return service,
            Err(ServiceError::Listen(_)) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Creates an account by name and number.
pub(crate) async fn create_account(device: &DeviceHandle, name: &str, number: &str) -> RecordId {
    let (name, number) = (name.to_owned(), number.to_owned());
    let request = device
        .query(move |agent| {
            let account = agent.directory().definition.type_named("account").unwrap();
            let set = |field: &str, text: String| {
                let id = account.field_named(field).unwrap().id;
                (id, FieldEdit::Write(Write::Set(Value::Text(text))))
            };
            let fields = vec![set("name", name), set("number", number)];
            let kind = RecordEditKind::Create(fields);
            Request::Edit(vec![RecordEdit {
                record: None,
                record_type: account.id,
                kind,
                base: None,
            }])
        })
        .await
        .unwrap();
    match device.request(request).await.unwrap() {
        Reply::Logged { records, .. } => records[0],
        Reply::History(_) => unreachable!("an edit is logged"),
    }
}

/// Writes a text field of an account.
pub(crate) async fn set(device: &DeviceHandle, record: RecordId, field: &str, text: &str) {
    let (field, text) = (field.to_owned(), text.to_owned());
    let request = device
        .query(move |agent| {
            let account = agent.directory().definition.type_named("account").unwrap();
            let id = account.field_named(&field).unwrap().id;
            let kind =
                RecordEditKind::Update(vec![(id, FieldEdit::Write(Write::Set(Value::Text(text))))]);
            Request::Edit(vec![RecordEdit {
                record: Some(record),
                record_type: account.id,
                kind,
                base: None,
            }])
        })
        .await
        .unwrap();
    device.request(request).await.unwrap();
}

/// What a device shows in a text field of an account.
pub(crate) async fn text(device: &DeviceHandle, record: RecordId, field: &str) -> Option<String> {
    let field = field.to_owned();
    device
        .query(move |agent| {
            let account = agent.directory().definition.type_named("account").unwrap();
            let id = account.field_named(&field).unwrap().id;
            agent
                .record(record)
                .unwrap()?
                .value(id)
                .map(ToString::to_string)
        })
        .await
        .unwrap()
}

/// Waits until a device shows a text.
pub(crate) async fn wait_for_text(
    device: &DeviceHandle,
    record: RecordId,
    field: &str,
    wanted: &str,
) {
    let mut watching = device.clone();
    while text(device, record, field).await.as_deref() != Some(wanted) {
        assert!(watching.changed().await, "the device stopped");
    }
}
