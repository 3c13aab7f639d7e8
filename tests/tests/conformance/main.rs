//! One suite for every implementation of the storage port, and what the one
//! on disk must bear besides: crashes, damage, a full disk, a second process.

mod crash;
mod damage;
mod full;
mod held;
mod history;
mod port;
mod subject;

use subject::{InMemory, OnDisk};

#[test]
fn storage_in_memory_conforms() {
    port::check(InMemory::make);
}

#[test]
fn storage_on_disk_conforms() {
    port::check(OnDisk::make);
}
