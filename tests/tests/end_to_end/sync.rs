//! Edits travel over QUIC.

use crate::world::{World, create_account, set, text, wait_for_text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_on_one_device_is_seen_on_the_other() {
    let world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    wait_for_text(&world.device(1), account, "name", "Mill").await;
    set(&world.device(1), account, "phone", "12").await;
    wait_for_text(&world.device(0), account, "phone", "12").await;
    world.sync_all().await;
    world.assert_agreed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_offline_catches_up_also_with_a_relay_that_restarted() {
    let mut world = World::new("flag", 2).await;
    world.sync_all().await;
    let account = create_account(&world.device(0), "Mill", "A-1").await;
    wait_for_text(&world.device(1), account, "name", "Mill").await;
    world.device(1).offline().await;
    for number in 0..600 {
        set(&world.device(1), account, "phone", &number.to_string()).await;
    }
    set(&world.device(0), account, "name", "Old Mill").await;
    assert_eq!(
        text(&world.device(1), account, "name").await.as_deref(),
        Some("Mill")
    );
    world.restart_relay().await;
    world.device(1).online().await;
    wait_for_text(&world.device(0), account, "phone", "599").await;
    wait_for_text(&world.device(1), account, "name", "Old Mill").await;
}
