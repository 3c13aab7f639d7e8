//! Clients that break the rules: their sessions end, and nobody else notices.

use crate::raw::{Raw, RawLog, creates_account, hello};
use crate::world::{World, create_account, set, wait_for_text, within};
use cairn_model::{RecordId, Version};
use cairn_net::{CloseCode, SessionEnd};
use cairn_projection::Code;
use cairn_proto::limit::ANSWERS_QUEUED_MAX;
use cairn_proto::{ClientMessage, Refusal};
use std::collections::BTreeSet;

/// Two devices still edit and read.
async fn others_go_on(world: &World, mark: &str) {
    let account = create_account(&world.device(0), mark, mark).await;
    wait_for_text(&world.device(1), account, "name", mark).await;
    set(&world.device(1), account, "phone", mark).await;
    wait_for_text(&world.device(0), account, "phone", mark).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_no_messages_end_their_session_and_no_other() {
    let world = World::new("flag", 2).await;
    world.sync_all().await;
    let whole = hello(Version(0), &BTreeSet::new()).encode();
    let cut = (1..whole.len()).step_by(7).map(|end| whole[..end].to_vec());
    let longer = [whole.clone(), vec![0]].concat();
    let noise = (1..40_u8).map(|seed| {
        let noise = cairn_model::Hash::of(&[seed]).0;
        // No message begins so.
        [vec![200 + seed], noise.to_vec()].concat()
    });
    let large = vec![0xff; cairn_proto::limit::FRAME_BYTES_MAX];
    for frame in cut.chain(noise).chain([longer, large]) {
        let mut raw = Raw::connect(&world, &World::secret(0)).await;
        raw.send_bytes(frame.clone()).await;
        let end = raw.end().await;
        assert!(
            matches!(&end, SessionEnd::ClosedByPeer { code: CloseCode::Violation, reason }
                if reason.contains("message from a device")),
            "{end:?} after {frame:?}"
        );
    }
    others_go_on(&world, "after garbage").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bits_never_stop_the_relay() {
    let world = World::new("flag", 2).await;
    world.sync_all().await;
    let whole = hello(Version(0), &BTreeSet::new()).encode();
    for bit in (0..whole.len() * 8).step_by(5) {
        let mut frame = whole.clone();
        frame[bit / 8] ^= 1 << (bit % 8);
        let raw = Raw::connect(&world, &World::secret(0)).await;
        raw.send_bytes(frame).await;
        within(raw.session.finish()).await;
    }
    others_go_on(&world, "after flips").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_out_of_order_are_refused_in_words() {
    let world = World::new("flag", 1).await;
    let secret = World::secret(0);
    let (_, operation) = creates_account(&world, "N-1").await;
    let upload = RawLog::new(&secret).append(vec![operation]);
    let asks = ClientMessage::History {
        record: RecordId([1; 16]),
        after: Version(0),
    };
    let hashes = ClientMessage::LogHashes {
        generation: 0,
        first: 1,
    };
    for early in [ClientMessage::Upload(upload.bytes().to_vec()), asks, hashes] {
        let mut raw = Raw::connect(&world, &secret).await;
        raw.send(&early).await;
        assert_eq!(raw.refusal().await, Refusal::OutOfOrder, "{early:?}");
        assert_eq!(raw.end().await, SessionEnd::Finished);
    }
    let mut raw = Raw::hello(&world, &secret, Version(0)).await;
    raw.send(&hello(Version(0), &BTreeSet::new())).await;
    assert_eq!(raw.refusal().await, Refusal::OutOfOrder);
    let mut raw = Raw::connect(&world, &secret).await;
    raw.send(&hello(Version(1_000_000), &BTreeSet::new())).await;
    assert_eq!(raw.refusal().await, Refusal::AheadOfLedger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_holds_up_nobody_and_costs_a_bounded_queue() {
    let world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    let about = "x".repeat(200);
    for number in 0..40 {
        set(&world.device(0), account, "address_line", &about).await;
        set(&world.device(0), account, "city", &number.to_string()).await;
    }
    world.sync_all().await;

    let secret = World::secret(20);
    world.enrol(&secret, 0).await.unwrap();
    let raw = Raw::connect(&world, &secret).await;
    raw.send(&hello(Version(0), &BTreeSet::new())).await;
    let key = secret.public();
    let queued = async || {
        let look = move |relay: &cairn_relay::Relay| {
            let mut sessions = relay.connected();
            let session = sessions.find(|session| session.key == key)?;
            Some(session.queued())
        };
        world.look(look).await
    };
    // Each question has a long answer, and none is read. The relay answers
    // until the answers pile up, then ends the session.
    let asks = ClientMessage::History {
        record: account,
        after: Version(0),
    };
    let mut queue = Some(0);
    let mut asked = 0;
    while queue.is_some() || asked == 0 {
        let outbox = raw.session.outbox(cairn_net::Lane::Control);
        match outbox.try_send(asks.encode()) {
            Ok(()) => asked += 1,
            Err(cairn_net::NotSent::Full(_)) => within(outbox.room()).await,
            Err(cairn_net::NotSent::Ended(_)) => break,
        }
        queue = queued().await;
        assert!(queue.is_none_or(|queue| queue <= ANSWERS_QUEUED_MAX));
        if asked > 0 && asked % 500 == 0 {
            others_go_on(&world, &format!("while {asked} wait")).await;
        }
        assert!(asked < 100_000, "the relay goes on answering");
    }
    others_go_on(&world, "afterwards").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_are_not_the_devices_next_are_refused() {
    let world = World::new("flag", 2).await;
    world.sync_all().await;
    let [secret, other] = [20, 21].map(World::secret);
    for secret in [&secret, &other] {
        world.enrol(secret, 0).await.unwrap();
    }
    let (_, one) = creates_account(&world, "N-1").await;
    let (_, two) = creates_account(&world, "N-2").await;
    let version = world.version().await;

    let mut log = RawLog::new(&secret);
    log.append(vec![one.clone()]);
    let gap = log.append(vec![two]).bytes().to_vec();
    let mut forged = RawLog::new(&secret)
        .append(vec![one.clone()])
        .bytes()
        .to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let foreign = RawLog::new(&other)
        .append(vec![one.clone()])
        .bytes()
        .to_vec();
    let stranger = RawLog::new(&World::secret(99)).append(vec![one]);
    let cases = [
        (gap, Refusal::BundleGap),
        (forged, Refusal::BundleInvalid),
        (foreign, Refusal::BundleInvalid),
        (stranger.bytes().to_vec(), Refusal::BundleInvalid),
        (vec![0; 70_000], Refusal::BundleInvalid),
        (Vec::new(), Refusal::BundleInvalid),
    ];
    for (bytes, expected) in cases {
        let mut raw = Raw::hello(&world, &secret, Version(version)).await;
        raw.send(&ClientMessage::Upload(bytes)).await;
        assert_eq!(raw.refusal().await, expected);
        assert_eq!(raw.end().await, SessionEnd::Finished);
    }
    assert_eq!(world.version().await, version, "none is in the ledger");
    others_go_on(&world, "after bad uploads").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_written_twice_is_quarantined_and_seen() {
    let world = World::new("flag", 2).await;
    world.sync_all().await;
    let secret = World::secret(20);
    world.enrol(&secret, 0).await.unwrap();
    let (_, one) = creates_account(&world, "N-1").await;
    let (_, two) = creates_account(&world, "N-2").await;
    let (_, three) = creates_account(&world, "N-3").await;
    let mut raw = Raw::hello(&world, &secret, Version(0)).await;

    let mut log = RawLog::new(&secret);
    let twin = log.beside(vec![two]);
    raw.upload(&log.append(vec![one])).await;
    assert_eq!(raw.ack().await.rejected, []);
    raw.upload(&twin).await;
    assert_eq!(raw.ack().await.rejected, [(0, Code::Equivocation)]);
    raw.upload(&log.append(vec![three])).await;
    assert_eq!(raw.ack().await.rejected, [(0, Code::Quarantined)]);

    let codes = world.look(|relay| {
        let issues = relay.state().issues().iter();
        issues.map(|issue| issue.code).collect::<BTreeSet<_>>()
    });
    assert!(codes.await.contains(&Code::Equivocation));
    others_go_on(&world, "afterwards").await;
    world.sync_all().await;
    world.assert_agreed().await;
}
