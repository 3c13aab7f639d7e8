//! Reconnecting: tickets, early frames, and relays that forgot.

use cairn_net::{Event, Lane, ListenLimits, SessionEnd};
use tokio::runtime::{Builder, Runtime};

use crate::world::{Inbox, RELAY_SEED, Relay, dialer, greet, key, soon};

#[tokio::test]
async fn a_returning_device_speaks_before_the_relay_has_answered() {
    let mut relay = Relay::start(ListenLimits::default()).await;
    let dialer = dialer(7);
    for round in 0..4 {
        let mut inbox = Inbox::new(8);
        let device = greet(&dialer, &relay.address, &inbox).await;
        assert_eq!(device.early(), round > 0, "round {round}");
        let (at_relay, resumed) = relay.arrival().await;
        assert_eq!(resumed, round > 0, "round {round}");
        assert_eq!(at_relay.peer(), key(&[7; 32]));
        assert_eq!(device.peer(), key(&RELAY_SEED));
        assert_eq!(
            relay.inbox.frame().await,
            (Lane::Control, b"hello".to_vec())
        );

        at_relay
            .outbox(Lane::Control)
            .try_send("welcome")
            .expect("it is open");
        assert_eq!(inbox.frame().await.1, b"welcome");
        assert!(!device.early(), "an answer proves the handshake");
        device
            .outbox(Lane::Control)
            .try_send("more")
            .expect("it is open");
        match relay.inbox.next().await {
            Event::Frame { early, bytes, .. } => {
                assert_eq!((early, bytes.as_slice()), (false, b"more".as_slice()));
            }
            Event::Ended(end) => panic!("{end}"),
        }
        soon(device.finish()).await;
        assert_eq!(relay.inbox.end().await, SessionEnd::Finished);
    }
}

/// A relay in a runtime of its own, so that it can die without a word.
struct MortalRelay {
    runtime: Option<Runtime>,
    relay: Relay,
}

impl MortalRelay {
    async fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads can be started");
        let started = runtime.spawn(Relay::start(ListenLimits::default()));
        Self {
            relay: soon(started).await.expect("it starts"),
            runtime: Some(runtime),
        }
    }
}

impl Drop for MortalRelay {
    fn drop(&mut self) {
        self.runtime
            .take()
            .expect("it dies once")
            .shutdown_background();
    }
}

#[tokio::test]
async fn a_killed_relay_is_noticed_at_once_and_early_frames_are_sent_again() {
    let mut mortal = MortalRelay::start().await;
    let dialer = dialer(7);
    let mut inbox = Inbox::new(8);
    let device = greet(&dialer, &mortal.relay.address, &inbox).await;
    let at_relay = mortal.relay.session().await;
    assert_eq!(mortal.relay.inbox.frame().await.1, b"hello");
    at_relay
        .outbox(Lane::Control)
        .try_send("welcome")
        .expect("it is open");
    assert_eq!(inbox.frame().await.1, b"welcome");

    let address = mortal.relay.address.clone();
    // In this order: the session must not say goodbye.
    drop(mortal);
    drop(at_relay);
    let mut relay = soon(Relay::at(&address, ListenLimits::default())).await;
    device
        .outbox(Lane::Control)
        .try_send("anybody there?")
        .expect("it is open");
    assert_eq!(inbox.end().await, SessionEnd::Forgotten);

    // The ticket is from the dead relay. The new one discards what comes with
    // it, and gets it again, once, in order.
    let device = greet(&dialer, &address, &inbox).await;
    assert!(device.early());
    device
        .outbox(Lane::Control)
        .try_send("edit")
        .expect("it is open");
    let (at_relay, resumed) = relay.arrival().await;
    assert!(!resumed);
    assert_eq!(relay.inbox.frame().await.1, b"hello");
    assert_eq!(relay.inbox.frame().await.1, b"edit");
    at_relay
        .outbox(Lane::Control)
        .try_send("welcome")
        .expect("it is open");
    assert_eq!(inbox.frame().await.1, b"welcome");
    soon(device.finish()).await;
    assert_eq!(relay.inbox.end().await, SessionEnd::Finished);
}
