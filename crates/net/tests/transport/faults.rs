//! Wrong keys, wrong bytes, wrong addresses: each is named, and nobody else
//! notices.

use std::net::UdpSocket;
use std::time::Duration;

use cairn_net::frame::FrameError;
use cairn_net::{
    CloseCode, DialError, DialLimits, Dialer, Lane, ListenError, ListenLimits, SessionEnd, listen,
};
use quinn::{ConnectionError, TransportErrorCode};

use crate::stranger::{POLITE, Stranger};
use crate::world::{Inbox, RELAY_SEED, Relay, dial, dialer, greet, key, pair, soon};

#[tokio::test]
async fn another_relay_than_the_enrolled_one_is_refused() {
    let relay = Relay::start(ListenLimits::default()).await;
    let expected = key(&[2; 32]);
    let dialer = Dialer::new(&[7; 32], expected, DialLimits::default());
    let refused = dial(&dialer, &relay.address, &Inbox::new(1)).await;
    let Err(DialError::NoSession { source, .. }) = refused else {
        panic!("a session with another relay: {refused:?}");
    };
    let met = key(&RELAY_SEED);
    assert_eq!(source, SessionEnd::WrongRelayKey { expected, met });
    let said = source.to_string();
    assert!(said.starts_with("the relay's key is not the one this device was enrolled with"));
}

/// A device with good intentions still gets through.
async fn assert_unharmed(relay: &mut Relay) {
    let inbox = Inbox::new(8);
    let _device = greet(&dialer(9), &relay.address, &inbox).await;
    assert_eq!(relay.session().await.peer(), key(&[9; 32]));
    assert_eq!(relay.inbox.frame().await.1, b"hello");
}

#[tokio::test]
async fn strangers_are_sent_away_and_harm_nobody() {
    // From RFC 8446: certificate_required, no_application_protocol. A client
    // that does not offer raw keys fails the negotiation of key types first.
    let check = async |stranger: Stranger, alerts: &[u8]| {
        let mut relay = Relay::start(ListenLimits::default()).await;
        let error = match stranger.connect(&relay.address).await {
            // TLS 1.3 tells a client of its rejection after it is done.
            Ok(connection) => soon(connection.closed()).await,
            Err(error) => error,
        };
        let ConnectionError::ConnectionClosed(close) = error else {
            panic!("{error}");
        };
        let expected = alerts
            .iter()
            .map(|alert| TransportErrorCode::crypto(*alert));
        assert!(
            expected.into_iter().any(|code| code == close.error_code),
            "{close}"
        );
        assert_unharmed(&mut relay).await;
    };
    let without_key = Stranger {
        shows_key: false,
        ..POLITE
    };
    check(without_key, &[116, 40]).await;
    let other_protocol = Stranger {
        protocol: b"cairn/99",
        ..POLITE
    };
    check(other_protocol, &[120]).await;
}

#[tokio::test]
async fn noise_on_the_port_harms_nobody() {
    let mut relay = Relay::start(ListenLimits::default()).await;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    for length in [0, 1, 20, 1_200, 1_472, 9_000] {
        for first in [0x00, 0x40, 0xc0, 0xff] {
            let mut noise = vec![0x5a; length];
            noise.iter_mut().take(1).for_each(|byte| *byte = first);
            socket
                .send_to(&noise, &relay.address)
                .expect("loopback takes it");
        }
    }
    assert_unharmed(&mut relay).await;
}

#[tokio::test]
async fn an_overlong_frame_ends_the_session_and_says_why() {
    let limits = ListenLimits {
        frame_bytes_max: 1_000,
        ..ListenLimits::default()
    };
    let mut pair = pair(limits, Inbox::new(8)).await;
    pair.device
        .outbox(Lane::Control)
        .try_send(vec![1; 1_000])
        .expect("it is open");
    pair.device
        .outbox(Lane::Control)
        .try_send(vec![2; 1_001])
        .expect("it is open");
    assert_eq!(pair.relay.inbox.frame().await.1, vec![1; 1_000]);
    let source = FrameError::TooLong {
        bytes: 1_001,
        bytes_max: 1_000,
    };
    let reason = source.to_string();
    let lane = Lane::Control;
    assert_eq!(
        pair.relay.inbox.end().await,
        SessionEnd::Framing { lane, source }
    );
    let code = CloseCode::Violation;
    assert_eq!(
        pair.inbox.end().await,
        SessionEnd::ClosedByPeer { code, reason }
    );
}

/// What the relay says of a device that opens the control lane properly, sends
/// `control` on it, and `one_way` on lanes beside it.
async fn check_stream(control: &[u8], one_way: &[&[u8]], expected: SessionEnd) {
    let mut relay = Relay::start(ListenLimits::default()).await;
    let stranger = soon(POLITE.connect(&relay.address))
        .await
        .expect("it is polite");
    let (mut send, _receive) = stranger.open_bi().await.expect("one is allowed");
    send.write_all(b"\x05hello").await.expect("it is open");
    let _session = relay.session().await;
    assert_eq!(relay.inbox.frame().await.1, b"hello");
    send.write_all(control).await.expect("it is open");
    if one_way.is_empty() {
        send.finish().expect("it is open");
    }
    for bytes in one_way {
        let mut lane = soon(stranger.open_uni()).await.expect("one is allowed");
        // The relay may have closed by now, which is the point.
        lane.write_all(bytes).await.ok();
        lane.finish().ok();
    }
    assert_eq!(relay.inbox.end().await, expected);
    assert_unharmed(&mut relay).await;
}

#[tokio::test]
async fn broken_frames_are_the_peers_fault() {
    let framing = |source| SessionEnd::Framing {
        lane: Lane::Control,
        source,
    };
    check_stream(
        b"\x05ab",
        &[],
        framing(FrameError::Truncated { missing: 3 }),
    )
    .await;
    check_stream(b"\x40", &[], framing(FrameError::Truncated { missing: 1 })).await;
    check_stream(b"\x00", &[], framing(FrameError::Empty)).await;
    let bytes = 3;
    check_stream(
        b"\x40\x03",
        &[],
        framing(FrameError::LengthNotShortest { bytes }),
    )
    .await;
}

#[tokio::test]
async fn lanes_are_opened_by_the_rules() {
    let unknown = SessionEnd::Lanes("a lane of an unknown name was opened");
    check_stream(b"", &[b"\x09"], unknown.clone()).await;
    // Only a relay sends pages.
    check_stream(b"", &[b"\x01\x01a"], unknown).await;
    let nameless = SessionEnd::Lanes("a lane was opened without a name");
    check_stream(b"", &[b""], nameless).await;
    let files: &[u8] = b"\x02\x01a";
    let mut relay = Relay::start(ListenLimits::default()).await;
    let stranger = soon(POLITE.connect(&relay.address))
        .await
        .expect("it is polite");
    let (mut send, _receive) = stranger.open_bi().await.expect("one is allowed");
    send.write_all(b"\x05hello").await.expect("it is open");
    let _session = relay.session().await;
    assert_eq!(relay.inbox.frame().await.1, b"hello");
    for _ in 0..2 {
        let mut lane = soon(stranger.open_uni())
            .await
            .expect("one at a time is allowed");
        lane.write_all(files).await.expect("it is open");
        lane.finish().expect("it is open");
    }
    assert_eq!(relay.inbox.frame().await, (Lane::Files, b"a".to_vec()));
    let twice = SessionEnd::Lanes("a lane was opened twice");
    assert_eq!(relay.inbox.end().await, twice);
}

#[tokio::test]
async fn a_closed_session_tells_its_peer_why() {
    let mut pair = pair(ListenLimits::default(), Inbox::new(8)).await;
    pair.at_relay
        .close(CloseCode::Superseded, "this device connected again");
    let code = CloseCode::Superseded;
    let reason = "this device connected again".to_owned();
    assert_eq!(
        pair.inbox.end().await,
        SessionEnd::ClosedByPeer { code, reason }
    );
    assert_eq!(pair.relay.inbox.end().await, SessionEnd::ClosedHere);
}

#[tokio::test]
async fn addresses_that_lead_nowhere_are_named() {
    let inbox = Inbox::new(1);
    for text in ["", "relay", "relay:", ":4433", "relay:99999", "relay:port"] {
        let refused = dial(&dialer(7), text, &inbox).await;
        let Err(DialError::Address(error)) = refused else {
            panic!("{text}: {refused:?}");
        };
        assert!(error.to_string().contains("write host:port"), "{error}");
    }
    let silent = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    let limits = DialLimits {
        handshake_time_max: Duration::from_millis(50),
        ..DialLimits::default()
    };
    let dialer = Dialer::new(&[7; 32], key(&RELAY_SEED), limits);
    let address = silent.local_addr().expect("it is bound");
    let refused = dial(&dialer, &address.to_string(), &inbox).await;
    let Err(DialError::NoSession { source, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(source, SessionEnd::Silent);

    let taken = listen(&address.to_string(), &RELAY_SEED, ListenLimits::default()).await;
    let Err(ListenError::Socket { address: at, .. }) = taken else {
        panic!("two sockets on one port");
    };
    assert_eq!(at, address);
}
