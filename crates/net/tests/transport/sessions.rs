//! What two well-behaved peers can rely on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_net::limit::{DOWNLOAD_QUEUE_FRAMES_MAX, FRAME_BYTES_MAX};
use cairn_net::{CloseCode, Lane, ListenLimits, NotSent, SessionEnd, SessionId, listen};
use tokio::task::JoinSet;

use crate::world::{Inbox, RELAY_SEED, Relay, dialer, greet, key, pair, soon};

#[tokio::test]
async fn both_sides_see_the_key_the_other_has_proven() {
    let pair = pair(ListenLimits::default(), Inbox::new(8)).await;
    assert_eq!(pair.at_relay.peer(), key(&[7; 32]));
    assert_eq!(pair.device.peer(), key(&RELAY_SEED));
    assert!(!pair.at_relay.early() && !pair.device.early());
}

#[tokio::test]
async fn frames_of_every_size_arrive_whole_and_in_order_on_each_lane() {
    let mut pair = pair(ListenLimits::default(), Inbox::new(8)).await;
    let sizes = [
        1,
        63,
        64,
        1_200,
        2_048,
        2_049,
        16_384,
        70_000,
        FRAME_BYTES_MAX,
    ];
    let frame = |size: usize| vec![size as u8; size];
    for lane in Lane::ALL {
        let sending = async {
            for size in sizes {
                pair.at_relay
                    .outbox(lane)
                    .send(frame(size))
                    .await
                    .expect("it is open");
            }
        };
        let receiving = async {
            for size in sizes {
                assert!(
                    pair.inbox.frame().await == (lane, frame(size)),
                    "{lane} {size}"
                );
            }
        };
        tokio::join!(sending, receiving);
    }
    pair.device
        .outbox(Lane::Files)
        .send(frame(70_000))
        .await
        .expect("it is open");
    assert!(pair.relay.inbox.frame().await == (Lane::Files, frame(70_000)));
}

#[tokio::test]
async fn frames_queued_together_share_a_packet() {
    let mut pair = pair(ListenLimits::default(), Inbox::new(8)).await;
    let before = pair.device.wire().datagrams_sent;
    for _ in 0..20 {
        pair.device
            .outbox(Lane::Control)
            .try_send(vec![3; 50])
            .expect("the queue is empty");
    }
    for _ in 0..20 {
        pair.relay.inbox.frame().await;
    }
    // One for the frames; acknowledgements of earlier packets may add a few.
    let spent = pair.device.wire().datagrams_sent - before;
    assert!(spent < 10, "{spent} datagrams for 20 frames of 50 bytes");
}

#[tokio::test]
async fn a_receiver_that_does_not_read_stops_the_sender() {
    const PAGE_BYTES: usize = 64 * 1024;
    const PAGES: usize = 500;
    // Queue and write, both QUIC windows, and the two frames around the inbox.
    const WINDOWS_BYTES: usize = 3 * 1024 * 1024;
    const AHEAD_MAX: usize = 2 * DOWNLOAD_QUEUE_FRAMES_MAX + WINDOWS_BYTES / PAGE_BYTES + 2;
    let mut pair = pair(ListenLimits::default(), Inbox::new(1)).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let at_relay = pair.at_relay;
    let sender = tokio::spawn(async move {
        for _ in 0..PAGES {
            let outbox = at_relay.outbox(Lane::Download);
            while let Err(NotSent::Full(_)) = outbox.try_send(vec![0; PAGE_BYTES]) {
                outbox.room().await;
            }
            counter.fetch_add(1, Ordering::SeqCst);
        }
        at_relay
    });
    for read in 0..PAGES {
        // However late the reader is, the sender is not further ahead.
        let ahead = sent.load(Ordering::SeqCst).saturating_sub(read);
        assert!(
            ahead <= AHEAD_MAX,
            "{ahead} pages ahead after {read} were read"
        );
        assert_eq!(pair.inbox.frame().await.1.len(), PAGE_BYTES);
    }
    soon(sender).await.expect("all pages were sent");
}

#[tokio::test]
async fn finishing_delivers_what_was_queued() {
    let mut pair = pair(ListenLimits::default(), Inbox::new(8)).await;
    for n in 0..30 {
        pair.device
            .outbox(Lane::Control)
            .try_send(vec![n; 3_000])
            .expect("there is room");
    }
    let finished = tokio::spawn(pair.device.finish());
    for n in 0..30 {
        assert_eq!(pair.relay.inbox.frame().await.1, vec![n; 3_000]);
    }
    assert_eq!(pair.relay.inbox.end().await, SessionEnd::Finished);
    soon(finished).await.expect("it ends");
    assert_eq!(pair.inbox.end().await, SessionEnd::Finished);
    let refused = loop {
        match pair.at_relay.outbox(Lane::Control).send("late").await {
            Ok(()) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, NotSent::Ended("late".into()));
}

#[tokio::test]
async fn a_session_survives_a_change_of_network() {
    let mut pair = pair(ListenLimits::default(), Inbox::new(8)).await;
    let before = pair.at_relay.remote_address();
    pair.device.rebind().expect("loopback has ports left");
    pair.device
        .outbox(Lane::Control)
        .try_send("from elsewhere")
        .expect("it is open");
    assert_eq!(pair.relay.inbox.frame().await.1, b"from elsewhere");
    assert_ne!(pair.at_relay.remote_address(), before);
    pair.at_relay
        .outbox(Lane::Control)
        .try_send("still here")
        .expect("it is open");
    assert_eq!(pair.inbox.frame().await.1, b"still here");
}

#[tokio::test]
async fn a_full_relay_sends_devices_away_until_there_is_room() {
    let limits = ListenLimits {
        sessions_max: 1,
        ..ListenLimits::default()
    };
    let mut pair = pair(limits, Inbox::new(8)).await;
    let mut other = Inbox::new(8);
    let _refused = greet(&dialer(8), &pair.relay.address, &other).await;
    assert_eq!(other.end().await, SessionEnd::Busy);

    soon(pair.device.finish()).await;
    assert_eq!(pair.relay.inbox.end().await, SessionEnd::Finished);
    // The place is free a moment after the end is reported.
    loop {
        let _session = greet(&dialer(8), &pair.relay.address, &other).await;
        tokio::select! {
            _accepted = pair.relay.session() => break,
            end = other.end() => assert_eq!(end, SessionEnd::Busy),
        }
    }
}

#[tokio::test]
async fn a_crowd_that_arrives_at_once_is_let_in() {
    const DEVICES: u8 = 100;
    let mut relay = Relay::start(ListenLimits::default()).await;
    let address: Arc<str> = relay.address.as_str().into();
    let mut crowd = JoinSet::new();
    for seed in 0..DEVICES {
        let address = Arc::clone(&address);
        crowd.spawn(async move { greet(&dialer(seed), &address, &Inbox::new(8)).await });
    }
    let mut met = BTreeSet::new();
    let mut sessions = Vec::new();
    for _ in 0..DEVICES {
        let session = relay.session().await;
        met.insert(session.peer());
        sessions.push(session);
        assert_eq!(relay.inbox.frame().await.1, b"hello");
    }
    assert_eq!(met.len(), usize::from(DEVICES));
    assert_eq!(soon(crowd.join_all()).await.len(), usize::from(DEVICES));
}

#[tokio::test]
async fn a_relay_that_stops_says_so() {
    let limits = ListenLimits::default();
    let mut listener = listen("127.0.0.1:0", &RELAY_SEED, limits)
        .await
        .expect("it listens");
    let address = listener.local_address().expect("it listens").to_string();
    let mut inbox = Inbox::new(8);
    let (dialer, relay_inbox) = (dialer(7), Inbox::new(8));
    let (_device, arrival) = tokio::join!(greet(&dialer, &address, &inbox), listener.accept());
    let _session = arrival
        .expect("a device came")
        .start(SessionId(1), relay_inbox.sender.clone());
    listener.close(CloseCode::Stopping, "back at noon");
    assert!(listener.accept().await.is_none());
    let code = CloseCode::Stopping;
    let reason = "back at noon".to_owned();
    assert_eq!(inbox.end().await, SessionEnd::ClosedByPeer { code, reason });
    soon(listener.idle()).await;
}
