//! One suite for every implementation of the storage port, and what the one
//! on disk must bear besides: crashes, damage, a full disk, a second process.
//! And logs in files: what a verifier accepts, refuses and counts.

mod archive;
mod crash;
mod damage;
mod full;
mod held;
mod history;
mod port;
mod sample;
mod subject;
mod verify;

use subject::{InMemory, OnDisk, Simulated};

#[test]
fn storage_in_memory_conforms() {
    port::check(InMemory::make);
}

#[test]
fn storage_of_the_simulator_conforms() {
    port::check(Simulated::make);
}

#[test]
fn storage_on_disk_conforms() {
    port::check(OnDisk::make);
}
