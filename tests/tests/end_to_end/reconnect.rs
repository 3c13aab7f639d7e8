//! Sessions that are cut, resumed and repeated.

use crate::raw::{Raw, RawLog, creates_account, dialer, hello};
use crate::world::{World, within};
use cairn_agent::{Agent, Input, Output};
use cairn_model::{Change, Mutation, RecordId, Value, Version, Write};
use cairn_net::clock::now;
use cairn_oplog::storage::Storage;
use cairn_proto::ServerMessage;
use cairn_relay::AdminRequest;
use cairn_store::Options;
use std::collections::BTreeSet;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_repeated_in_early_data_counts_once_and_is_acknowledged_again() {
    let world = World::new("flag", 1).await;
    let secret = World::secret(20);
    world.enrol(&secret, 0).await.unwrap();
    let (_, operation) = creates_account(&world, "N-1").await;
    let bundle = RawLog::new(&secret).append(vec![operation]);
    let dialer = dialer(&secret);
    let mut raw = Raw::redial(&world, &dialer).await;
    raw.send(&hello(Version(0), &BTreeSet::new())).await;
    raw.upload(&bundle).await;
    let first = raw.ack().await;
    within(raw.session.finish()).await;
    let version = world.version().await;

    let mut early = 0;
    for _ in 0..10 {
        let mut raw = Raw::redial(&world, &dialer).await;
        early += usize::from(raw.session.early());
        raw.send(&hello(Version(0), &BTreeSet::new())).await;
        raw.upload(&bundle).await;
        raw.upload(&bundle).await;
        assert_eq!(raw.ack().await, first);
        assert_eq!(raw.ack().await, first);
        within(raw.session.finish()).await;
    }
    assert!(
        early > 0,
        "a reconnect begins before the relay has answered"
    );
    assert_eq!(world.version().await, version);
}

/// Imports accounts at the relay: more than fit into one page.
async fn import_accounts(world: &World, count: usize) {
    let look = move |relay: &cairn_relay::Relay| {
        let definition = relay.state().definition();
        let account = definition.type_named("account").unwrap();
        let [name, number] = ["name", "number"].map(|name| account.field_named(name).unwrap().id);
        let text = |text: String| Write::Set(Value::Text(text));
        let made = (0..count).map(|at| Mutation {
            record: RecordId::derive(b"imported", &at.to_string()),
            record_type: account.id,
            base: Version(0),
            change: Change::Create(vec![
                (name, text(format!("Account {at}"))),
                (number, text(format!("I-{at}"))),
            ]),
        });
        let made: Vec<Mutation> = made.collect();
        made.chunks(100).map(<[Mutation]>::to_vec).collect()
    };
    let operations = world.look(look).await;
    let verdicts = world.handle().admin(AdminRequest::Edit(operations)).await;
    assert!(verdicts.unwrap().iter().all(|one| one.rejected.is_none()));
}

const IMPORTED: usize = 1_400;

/// The next page: its records, where it began, and whether it was the last.
/// The records of the next page, and the version the download began at; `None`
/// when there is none any more.
async fn page(raw: &mut Raw) -> Option<(Vec<RecordId>, Version)> {
    loop {
        match raw.next().await.unwrap() {
            ServerMessage::Page { page, began } => {
                return Some((page.index.iter().map(|(id, _)| *id).collect(), began));
            }
            ServerMessage::Changes { last: true, .. } => return None,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_download_resumes_at_the_page_it_was_cut_after() {
    let world = World::new("flag", 1).await;
    import_accounts(&world, IMPORTED).await;
    let secret = World::secret(0);
    let mut seen = BTreeSet::new();
    let (mut cursor, mut sessions, mut done) = (Version(0), 0, false);
    while !done {
        let mut raw = Raw::connect(&world, &secret).await;
        raw.send(&hello(cursor, &seen)).await;
        for _ in 0..2 {
            let Some((records, began)) = page(&mut raw).await else {
                done = true;
                break;
            };
            let before = seen.len() + records.len();
            cursor = began;
            seen.extend(records);
            assert_eq!(seen.len(), before, "no record comes twice");
        }
        sessions += 1;
    }
    assert!(sessions > 2);
    let held = world.look(|relay| {
        let records = relay.state().records_from(RecordId([0; 16]));
        records.map(|record| record.id).collect::<BTreeSet<_>>()
    });
    assert_eq!(held.await, seen);
}

/// Runs the device of number 0 by hand until `pages` pages are stored.
async fn download_pages(world: &World, storage: Arc<dyn Storage>, pages: usize) {
    let mut agent = Agent::open(World::config(0), storage.clone()).unwrap();
    let mut raw = Raw::connect(world, &World::secret(0)).await;
    agent.handle(now(), Input::GoOnline);
    let mut taken = 0;
    loop {
        while let Some(output) = agent.poll_output() {
            match output {
                Output::Dial => agent.handle(now(), Input::Connected),
                Output::Send(message) => raw.send(&message).await,
                Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    storage.commit(batch, durability).unwrap();
                    agent.handle(now(), Input::Persisted(id));
                }
                Output::HangUp | Output::Reply { .. } => panic!("{output:?}"),
                Output::Changed => {}
            }
        }
        if taken == pages {
            return;
        }
        let message = raw.next().await.unwrap();
        taken += usize::from(matches!(message, ServerMessage::Page { .. }));
        agent.handle(now(), Input::Received(message));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_killed_in_its_first_download_goes_on_where_it_was() {
    let mut world = World::new("flag", 1).await;
    import_accounts(&world, IMPORTED).await;
    world.stop_device(0).await;
    let storage = world.device_storage(0, Options::default());
    download_pages(&world, storage, 3).await;

    world.start_device(0, Options::default());
    let status = world.device(0).query(|agent| agent.status()).await.unwrap();
    assert!(status.downloading);
    assert!((1..IMPORTED).contains(&status.records), "{status:?}");
    // What changed before it goes on is not missed.
    import_accounts(&world, 1).await;
    world.sync(0).await;
    world.assert_agreed().await;
}
