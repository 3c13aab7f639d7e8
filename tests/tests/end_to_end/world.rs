//! A relay service and device services over real storage in temporary
//! directories.

use crate::faulty::{Faults, Faulty};
use cairn_agent::{
    Agent, Config, EditError, FieldEdit, RecordEdit, RecordEditKind, Reply, Request,
};
use cairn_model::definition::{Definition, User};
use cairn_model::text::{parse, template};
use cairn_model::{OrganizationId, RecordId, Timestamp, Value, Write};
use cairn_net::{
    DeviceHandle, DeviceService, EnrolError, Enrolled, RelayHandle, RelayService, ServiceError,
    enrol,
};
use cairn_oplog::{SecretKey, Storage};
use cairn_proto::{Era, Ticket};
use cairn_relay::{AdminRequest, Relay};
use cairn_store::{Options, SledStorage};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const ORGANIZATION: OrganizationId = OrganizationId([0xe2; 16]);
pub(crate) const RELAY_SEED: [u8; 32] = [200; 32];

/// How long anything is waited for: far longer than it ever takes, so that
/// only what never comes runs into it.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Waits, and fails when it takes for ever.
pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, wait)
        .await
        .expect("what is waited for never came")
}

/// A device at work.
pub(crate) struct Device {
    pub(crate) service: DeviceService,
    pub(crate) faults: Faults,
}

pub(crate) struct World {
    folder: TempDir,
    relay: Option<RelayService>,
    /// Of the relay's storage.
    pub(crate) faults: Faults,
    devices: Vec<Option<Device>>,
}

impl World {
    pub(crate) async fn new(policy: &str, devices: usize) -> World {
        let folder = tempfile::tempdir().unwrap();
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let faults = Faults::none();
        let options = Options::default();
        let relay = start_relay(&folder.path().join("relay"), &options, &faults, anywhere).await;
        let mut world = World {
            folder,
            relay: Some(relay),
            faults,
            devices: Vec::new(),
        };
        let publish = AdminRequest::Publish(Box::new(definition(policy, devices.max(1))));
        world.handle().admin(publish).await.unwrap();
        for number in 0..devices {
            world.add_device(number as u8).await;
        }
        world
    }

    pub(crate) fn handle(&self) -> RelayHandle {
        self.relay.as_ref().expect("it runs").handle()
    }

    pub(crate) fn device(&self, number: usize) -> DeviceHandle {
        self.at_work(number).service.handle()
    }

    pub(crate) fn at_work(&self, number: usize) -> &Device {
        self.devices[number].as_ref().expect("it runs")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.relay
            .as_ref()
            .and_then(RelayService::local_address)
            .expect("it listens")
    }

    /// The secret of the device of this number.
    pub(crate) fn secret(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }

    /// A ticket for a device of this user.
    pub(crate) async fn ticket(&self, user: usize, secret: [u8; 16], expires: Timestamp) -> Ticket {
        let request = AdminRequest::Ticket {
            user: format!("user{user}"),
            secret,
            expires,
        };
        self.handle().admin(request).await.unwrap();
        Ticket {
            address: self.address().to_string(),
            relay: SecretKey::from_seed(&RELAY_SEED).public(),
            organization: ORGANIZATION,
            secret,
            expires,
        }
    }

    /// Enrols a device of the user of this number.
    pub(crate) async fn enrol(
        &self,
        secret: &SecretKey,
        user: usize,
    ) -> Result<Enrolled, EnrolError> {
        let once = secret.public().0[..16].try_into().expect("16 of 32 bytes");
        let ticket = self.ticket(user, once, Timestamp(u64::MAX)).await;
        within(enrol(&ticket, secret, "a phone")).await
    }

    async fn add_device(&mut self, number: u8) {
        let enrolled = self.enrol(&World::secret(number), number.into()).await;
        let expected = Enrolled {
            organization: ORGANIZATION,
            user: format!("user{number}"),
        };
        assert_eq!(enrolled.unwrap(), expected);
        self.devices.push(None);
        self.start_device(number.into(), Options::default());
    }

    /// The configuration of the device of this number.
    pub(crate) fn config(number: usize) -> Config {
        Config {
            organization: ORGANIZATION,
            relay: SecretKey::from_seed(&RELAY_SEED).public(),
            secret: World::secret(number as u8),
            seed: number as u64,
        }
    }

    /// The storage of the device of this number, which must not run.
    pub(crate) fn device_storage(&self, number: usize, options: Options) -> Arc<dyn Storage> {
        let directory = self.folder.path().join(format!("device{number}"));
        Arc::new(SledStorage::open(directory, options).unwrap())
    }

    /// Starts a stopped device, offline.
    pub(crate) fn start_device(&mut self, number: usize, options: Options) {
        let faults = Faults::none();
        let storage = Arc::new(Faulty {
            beneath: self.device_storage(number, options),
            faults: faults.clone(),
        });
        let agent = Agent::open(World::config(number), storage).unwrap();
        let service = DeviceService::start(agent, self.address().to_string());
        self.devices[number] = Some(Device { service, faults });
    }

    pub(crate) async fn stop_device(&mut self, number: usize) {
        if let Some(device) = self.devices[number].take() {
            within(device.service.stop()).await;
        }
    }

    /// Ends a device and starts it again on what its disk holds.
    pub(crate) async fn restart_device(&mut self, number: usize) {
        self.stop_device(number).await;
        self.start_device(number, Options::default());
    }

    /// Connects a device, and waits until it has sent and received everything.
    pub(crate) async fn sync(&self, number: usize) {
        sync(&self.device(number)).await;
    }

    pub(crate) async fn sync_all(&self) {
        let handles = || self.devices.iter().flatten().map(|at| at.service.handle());
        for device in handles() {
            device.online().await;
        }
        for device in handles() {
            sync(&device).await;
        }
    }

    pub(crate) async fn restart_relay(&mut self) {
        self.restart_relay_with(Options::default()).await;
    }

    /// Ends the relay and starts it again on what its disk holds.
    pub(crate) async fn restart_relay_with(&mut self, options: Options) {
        let address = self.address();
        if let Some(relay) = self.relay.take() {
            within(relay.stop()).await;
        }
        self.faults = Faults::none();
        let directory = self.folder.path().join("relay");
        self.relay = Some(start_relay(&directory, &options, &self.faults, address).await);
    }

    /// Looks at the relay.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Relay) -> R + Send + 'static,
    ) -> R {
        let relay = self.handle();
        within(relay.query(look)).await.expect("the relay runs")
    }

    /// Operations in the ledger.
    pub(crate) async fn version(&self) -> u64 {
        self.look(|relay| relay.state().version().0).await
    }

    /// Asserts that devices come to hold what the relay has.
    pub(crate) async fn assert_agreed(&self) {
        let look = |relay: &Relay| (relay.state().digest(), relay.state().version());
        let (expected, version) = self.look(look).await;
        for (number, device) in self.devices.iter().enumerate() {
            if let Some(device) = device {
                let mut handle = device.service.handle();
                let held = within(async {
                    loop {
                        let look = move |agent: &Agent| {
                            (agent.status().cursor >= version).then(|| agent.digest())
                        };
                        match handle.query(look).await.expect("the device runs") {
                            Some(held) => return held.unwrap(),
                            None => assert!(handle.changed().await, "the device runs"),
                        }
                    }
                });
                assert_eq!(
                    held.await,
                    expected,
                    "device {number} differs from the relay"
                );
            }
        }
    }
}

/// The field-service template with one user per device.
fn definition(policy: &str, users: usize) -> Definition {
    let files = template("field-service").expect("the template is built in");
    let mut definition =
        parse(&files, &Definition::default(), &cairn_policy::ids()).expect("it is right");
    definition.policy = policy.to_owned();
    for number in 0..users {
        let user = User::new(&format!("User {number}"));
        definition.users.insert(format!("user{number}"), user);
    }
    definition
}

/// An era that no start before had.
fn era() -> Era {
    static STARTS: AtomicU64 = AtomicU64::new(0);
    let start = STARTS.fetch_add(1, Ordering::Relaxed);
    let mut era = [0; 16];
    era[..8].copy_from_slice(&start.to_be_bytes());
    Era(era)
}

/// Starts a relay, waiting until a stopped one has let go of the address.
async fn start_relay(
    directory: &Path,
    options: &Options,
    faults: &Faults,
    address: SocketAddr,
) -> RelayService {
    let secret = SecretKey::from_seed(&RELAY_SEED);
    let starting = async {
        loop {
            let storage = Arc::new(Faulty {
                beneath: Arc::new(SledStorage::open(directory, options.clone()).unwrap()),
                faults: faults.clone(),
            });
            let relay = Relay::open(secret.clone(), ORGANIZATION, storage, era()).unwrap();
            match RelayService::start(relay, Some(address)).await {
                Ok(service) => return service,
                Err(ServiceError::Listen(_)) => {}
                Err(error) => panic!("{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    within(starting).await
}

/// A session that an earlier relay ended may be told only now: then once more.
async fn sync(device: &DeviceHandle) {
    within(async {
        device.online().await;
        while device.synced().await.is_err() {
            device.online().await;
        }
    })
    .await;
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
    match within(device.request(request)).await.unwrap() {
        Reply::Logged { records, .. } => records[0],
        Reply::History(_) | Reply::StartedOver | Reply::ModeSet => {
            unreachable!("an edit is logged")
        }
    }
}

/// Writes a text field of an account.
pub(crate) async fn set(device: &DeviceHandle, record: RecordId, field: &str, text: &str) {
    try_set(device, record, field, text).await.unwrap();
}

/// Tries to write a text field of an account.
pub(crate) async fn try_set(
    device: &DeviceHandle,
    record: RecordId,
    field: &str,
    text: &str,
) -> Result<Reply, EditError> {
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
    within(device.request(request)).await
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
    let field = field.to_owned();
    wait_for(device, async |device| {
        text(device, record, &field).await.as_deref() == Some(wanted)
    })
    .await;
}

/// Waits until something holds for a device, which is looked at whenever what
/// it shows may have changed.
pub(crate) async fn wait_for(device: &DeviceHandle, holds: impl AsyncFn(&DeviceHandle) -> bool) {
    let mut watching = device.clone();
    within(async {
        while !holds(device).await {
            assert!(watching.changed().await, "the device stopped");
        }
    })
    .await;
}
