//! Disks that fail or are full: a sentence for the person, and nothing that was
//! acknowledged is lost.

use crate::faulty::GONE;
use crate::world::{World, create_account, set, text, try_set, wait_for_text, within};
use cairn_agent::EditError;
use cairn_model::Timestamp;
use cairn_net::{EnrolError, LinkEnd, enrol};
use cairn_oplog::StorageError;
use cairn_proto::Refusal;
use cairn_relay::AdminRequest;
use cairn_store::Options;

/// Whether device 0, when it syncs, is told that the relay cannot write.
async fn is_refused(world: &World) -> bool {
    let device = world.device(0);
    within(async {
        loop {
            device.online().await;
            match device.synced().await {
                Ok(()) => return false,
                Err(LinkEnd::Refused(Refusal::RelayFailed)) => return true,
                Err(end) => assert!(matches!(end, LinkEnd::Unreachable(_)), "{end}"),
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_whose_disk_fails_says_so_and_loses_nothing() {
    let mut world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    world.sync_all().await;
    for good in 0..4 {
        let before = world.version().await;
        let ticket = world.ticket(0, [good as u8; 16], Timestamp(u64::MAX)).await;
        world.faults.after(good);
        let mut edits = 0;
        while !is_refused(&world).await {
            edits += 1;
            let phone = format!("{good} {edits}");
            set(&world.device(0), account, "phone", &phone).await;
        }
        assert!(Refusal::RelayFailed.words().contains("Nothing is lost"));
        let failed = world.handle().admin(AdminRequest::Checkpoint).await;
        assert!(failed.unwrap_err().to_string().contains(GONE));
        // Nobody is let in to wait for ever.
        let late = within(enrol(&ticket, &World::secret(30), "late")).await;
        let late = late.unwrap_err();
        assert!(
            matches!(late, EnrolError::Refused(Refusal::RelayFailed)),
            "{late}"
        );

        world.restart_relay().await;
        world.sync_all().await;
        wait_for_text(
            &world.device(1),
            account,
            "phone",
            &format!("{good} {edits}"),
        )
        .await;
        assert_eq!(world.version().await, before + edits, "each edit once");
        world.assert_agreed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_disk_fails_says_so_and_keeps_what_it_confirmed() {
    let mut world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    world.sync_all().await;
    for good in 0..5 {
        let before = world.version().await;
        world.device(0).offline().await;
        world.at_work(0).faults.after(good);
        let mut shown = text(&world.device(0), account, "phone").await;
        let mut confirmed = 0;
        let failed = loop {
            let phone = format!("{good} {confirmed}");
            match try_set(&world.device(0), account, "phone", &phone).await {
                Ok(_) => shown = Some(phone),
                Err(failed) => break failed,
            }
            confirmed += 1;
        };
        let again = try_set(&world.device(0), account, "phone", "lost").await;
        for failed in [failed, again.unwrap_err()] {
            assert!(matches!(failed, EditError::Storage(_)), "{failed}");
            assert!(failed.to_string().contains(GONE), "{failed}");
        }
        world.device(0).online().await;
        let end = within(world.device(0).synced()).await.unwrap_err();
        assert_eq!(end, LinkEnd::Storage(StorageError::Io(GONE.to_owned())));

        world.restart_device(0).await;
        assert_eq!(text(&world.device(0), account, "phone").await, shown);
        world.sync_all().await;
        assert_eq!(world.version().await, before + confirmed);
        world.assert_agreed().await;
    }
}

/// Little more than an empty directory holds.
const QUOTA: Options = Options {
    reserve_bytes: 0,
    quota_bytes: Some(1 << 20),
    damaged: false,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_on_a_full_disk_says_so_and_keeps_what_it_confirmed() {
    let mut world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    world.sync_all().await;
    world.stop_device(0).await;
    world.start_device(0, QUOTA);
    let mut confirmed = None;
    let full = loop {
        let next = confirmed.map_or(0, |number| number + 1);
        let value = format!("{next:0>200}");
        match try_set(&world.device(0), account, "address_line", &value).await {
            Ok(_) => confirmed = Some(next),
            Err(full) => break full,
        }
        assert!(next < 20_000, "the quota is never reached");
    };
    assert!(full.to_string().starts_with("the disk is full"), "{full}");
    let before = world.version().await;
    world.restart_device(0).await;
    let confirmed = confirmed.expect("some fit");
    assert_eq!(
        text(&world.device(0), account, "address_line").await,
        Some(format!("{confirmed:0>200}"))
    );
    world.sync_all().await;
    assert_eq!(world.version().await, before + confirmed + 1);
    world.assert_agreed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_on_a_full_disk_says_so_and_takes_the_rest_when_there_is_room() {
    let mut world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    world.sync_all().await;
    let before = world.version().await;
    world.restart_relay_with(QUOTA).await;
    let mut edits = 0;
    while !is_refused(&world).await {
        for _ in 0..50 {
            let value = format!("{edits:0>200}");
            set(&world.device(0), account, "address_line", &value).await;
            edits += 1;
        }
        assert!(edits < 20_000, "the quota is never reached");
    }
    let failed = world.handle().admin(AdminRequest::Checkpoint).await;
    let failed = failed.unwrap_err().to_string();
    assert!(failed.starts_with("the disk is full"), "{failed}");

    world.restart_relay().await;
    world.sync_all().await;
    assert_eq!(world.version().await, before + edits, "each edit once");
    world.assert_agreed().await;
}
