//! A relay, devices, and what arrives at them.

use std::future::Future;
use std::time::Duration;

use cairn_net::{
    DialError, DialLimits, Dialer, Event, Identity, Lane, ListenLimits, Received, Session,
    SessionEnd, SessionId, listen,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) const RELAY_SEED: [u8; 32] = [1; 32];

/// Waits for `event`, which is due at once on a machine that is not stuck.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), event)
        .await
        .expect("this should have happened by now")
}

pub(crate) fn key(seed: &[u8; 32]) -> [u8; 32] {
    Identity::from_seed(seed).key()
}

/// The receiving end of one or more sessions.
pub(crate) struct Inbox {
    pub(crate) sender: mpsc::Sender<Received>,
    receiver: mpsc::Receiver<Received>,
}

impl Inbox {
    pub(crate) fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity);
        Self { sender, receiver }
    }

    pub(crate) async fn next(&mut self) -> Event {
        soon(self.receiver.recv())
            .await
            .expect("a sender is here")
            .event
    }

    pub(crate) async fn frame(&mut self) -> (Lane, Vec<u8>) {
        match self.next().await {
            Event::Frame { lane, bytes, .. } => (lane, bytes),
            Event::Ended(end) => panic!("a frame was due, but the session ended: {end}"),
        }
    }

    pub(crate) async fn end(&mut self) -> SessionEnd {
        match self.next().await {
            Event::Ended(end) => end,
            Event::Frame { lane, bytes, .. } => {
                panic!("the end was due, but {} bytes came on {lane}", bytes.len())
            }
        }
    }
}

/// A relay that starts a session for every device it meets.
pub(crate) struct Relay {
    pub(crate) address: String,
    pub(crate) inbox: Inbox,
    sessions: mpsc::Receiver<(Session, bool)>,
    accepting: JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start(limits: ListenLimits) -> Self {
        Self::at("127.0.0.1:0", limits).await
    }

    pub(crate) async fn at(address: &str, limits: ListenLimits) -> Self {
        let mut listener = loop {
            match listen(address, &RELAY_SEED, limits).await {
                Ok(listener) => break listener,
                // The port of a relay that has just been killed.
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let address = listener.local_address().expect("it listens").to_string();
        let inbox = Inbox::new(64);
        let events = inbox.sender.clone();
        let (started, sessions) = mpsc::channel(64);
        let accepting = tokio::spawn(async move {
            let mut next = 0;
            while let Some(arrival) = listener.accept().await {
                let early = arrival.early();
                let session = arrival.start(SessionId(next), events.clone());
                next += 1;
                started.send((session, early)).await.ok();
            }
        });
        Self {
            address,
            inbox,
            sessions,
            accepting,
        }
    }

    pub(crate) async fn session(&mut self) -> Session {
        self.arrival().await.0
    }

    /// The next session, and whether its device resumed.
    pub(crate) async fn arrival(&mut self) -> (Session, bool) {
        soon(self.sessions.recv()).await.expect("the relay accepts")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

pub(crate) fn dialer(seed: u8) -> Dialer {
    Dialer::new(&[seed; 32], key(&RELAY_SEED), DialLimits::default())
}

/// Dials and says `hello`, so that the relay meets a device that speaks.
pub(crate) async fn greet(dialer: &Dialer, address: &str, inbox: &Inbox) -> Session {
    let session = dial(dialer, address, inbox)
        .await
        .expect("the relay is there");
    session
        .outbox(Lane::Control)
        .try_send("hello")
        .expect("the queue is empty");
    session
}

pub(crate) async fn dial(
    dialer: &Dialer,
    address: &str,
    inbox: &Inbox,
) -> Result<Session, DialError> {
    soon(dialer.dial(address, SessionId(99), inbox.sender.clone())).await
}

/// A relay and one device that have exchanged a frame each way.
pub(crate) struct Pair {
    pub(crate) relay: Relay,
    pub(crate) at_relay: Session,
    pub(crate) device: Session,
    pub(crate) inbox: Inbox,
}

pub(crate) async fn pair(limits: ListenLimits, inbox: Inbox) -> Pair {
    let mut relay = Relay::start(limits).await;
    let device = greet(&dialer(7), &relay.address, &inbox).await;
    let at_relay = relay.session().await;
    assert_eq!(
        relay.inbox.frame().await,
        (Lane::Control, b"hello".to_vec())
    );
    let mut pair = Pair {
        relay,
        at_relay,
        device,
        inbox,
    };
    pair.welcome().await;
    pair
}

impl Pair {
    async fn welcome(&mut self) {
        self.at_relay
            .outbox(Lane::Control)
            .try_send("welcome")
            .expect("the queue is empty");
        assert_eq!(
            self.inbox.frame().await,
            (Lane::Control, b"welcome".to_vec())
        );
    }
}
