//! Who may come in, and to whom a device talks.

use crate::world::{World, create_account, set, text, wait_for, wait_for_text, within};
use cairn_agent::{Agent, Config};
use cairn_model::{OrganizationId, Timestamp};
use cairn_net::{DeviceService, DialError, EnrolError, LinkEnd, SessionEnd, enrol};
use cairn_oplog::SecretKey;
use cairn_oplog::memory::MemoryStorage;
use cairn_projection::Code;
use cairn_proto::Refusal;
use cairn_relay::AdminRequest;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_revoked_while_connected_is_sent_nothing_more_and_hands_in_its_work() {
    let mut world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    wait_for_text(&world.device(1), account, "name", "Mill").await;

    let device = World::secret(1).public().device();
    world
        .handle()
        .admin(AdminRequest::Revoke(device))
        .await
        .unwrap();
    wait_for(&world.device(1), async |device| {
        let status = device.query(|agent| agent.status()).await.unwrap();
        status.revoked
    })
    .await;
    set(&world.device(0), account, "name", "not for them").await;
    world.sync(0).await;
    for phone in ["1", "2"] {
        set(&world.device(1), account, "phone", phone).await;
        world.sync(1).await;
        assert_eq!(
            text(&world.device(1), account, "name").await.as_deref(),
            Some("Mill")
        );
        assert_eq!(
            text(&world.device(1), account, "phone").await.as_deref(),
            Some(phone),
            "its own work stays on it"
        );
        // Once more with a device that learns of it in its welcome.
        world.restart_device(1).await;
    }
    world.sync(1).await;
    let codes = world.look(|relay| {
        let issues = relay.state().issues().iter();
        issues.map(|issue| issue.code).collect::<Vec<_>>()
    });
    assert_eq!(codes.await, [Code::DeviceRevoked; 2]);
    assert_eq!(text(&world.device(0), account, "phone").await, None);
}

fn refusal(error: &EnrolError) -> Refusal {
    match error {
        EnrolError::Refused(refusal) => *refusal,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_enrols_one_device_until_it_expires() {
    let world = World::new("flag", 0).await;
    let [first, second] = [51, 52].map(World::secret);
    let ticket = world.ticket(0, [1; 16], Timestamp(u64::MAX)).await;
    within(enrol(&ticket, &first, "a phone")).await.unwrap();
    // As after a cut before the answer.
    within(enrol(&ticket, &first, "a phone")).await.unwrap();
    let used = within(enrol(&ticket, &second, "another"))
        .await
        .unwrap_err();
    assert_eq!(refusal(&used), Refusal::TicketInvalid);
    assert!(used.to_string().contains("was used already"), "{used}");

    let expired = world.ticket(0, [2; 16], Timestamp(1)).await;
    let expired = within(enrol(&expired, &second, "another")).await;
    let expired = expired.unwrap_err();
    assert_eq!(refusal(&expired), Refusal::TicketExpired);
    assert!(expired.to_string().contains("has expired"), "{expired}");
}

/// What a device of this configuration is told when it syncs.
async fn told(world: &World, config: Config) -> LinkEnd {
    let agent = Agent::open(config, Arc::new(MemoryStorage::new())).unwrap();
    let service = DeviceService::start(agent, world.address().to_string());
    let device = service.handle();
    device.online().await;
    let end = within(device.synced()).await.unwrap_err();
    within(service.stop()).await;
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_whose_key_is_not_the_pinned_one_is_not_talked_to() {
    let world = World::new("flag", 1).await;
    let other = SecretKey::from_seed(&[7; 32]).public();
    let mut ticket = world.ticket(0, [1; 16], Timestamp(u64::MAX)).await;
    ticket.relay = other;
    let refused = within(enrol(&ticket, &World::secret(51), "a phone")).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            &refused,
            EnrolError::Dial(DialError::NoSession {
                source: SessionEnd::WrongRelayKey { .. },
                ..
            })
        ),
        "{refused}"
    );
    let words = "the relay's key is not the one this device was enrolled with";
    assert!(refused.to_string().contains(words), "{refused}");

    let config = Config {
        relay: other,
        ..World::config(0)
    };
    let end = told(&world, config).await;
    assert!(matches!(end, LinkEnd::Unreachable(_)), "{end:?}");
    assert!(end.to_string().contains(words), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_of_another_organization_or_of_none_is_told_so() {
    let world = World::new("flag", 1).await;
    let elsewhere = Config {
        organization: OrganizationId([1; 16]),
        ..World::config(0)
    };
    assert_eq!(
        told(&world, elsewhere).await,
        LinkEnd::Refused(Refusal::OtherOrganization)
    );
    assert_eq!(
        told(&world, World::config(77)).await,
        LinkEnd::Refused(Refusal::NotEnrolled)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_not_there_is_named() {
    let world = World::new("flag", 1).await;
    let agent = Agent::open(World::config(0), Arc::new(MemoryStorage::new())).unwrap();
    let service = DeviceService::start(agent, "relay.invalid:4433".to_owned());
    service.handle().online().await;
    let end = within(service.handle().synced()).await.unwrap_err();
    assert!(end.to_string().contains("relay.invalid"), "{end}");
    within(service.stop()).await;
    drop(world);
}
