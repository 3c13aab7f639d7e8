//! A relay and devices in directories.

use crate::program::{Done, Running, cairn, until};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Users of the field-service template.
pub(crate) const USERS: [&str; 3] = ["amara", "callum", "dilys"];

/// Directories of one relay and its devices.
pub(crate) struct Network {
    folder: TempDir,
}

impl Network {
    /// Makes a relay that listens on a port of its own.
    pub(crate) fn new() -> Network {
        let network = Network {
            folder: tempfile::tempdir().unwrap(),
        };
        // Free now, and nobody else is given it while it was in use lately.
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        network.ok("hq", &["relay", "init", "--listen", &address]);
        network
    }

    /// A relay that runs, and a device for each of the first users.
    pub(crate) fn with_devices(devices: usize) -> (Network, Running) {
        let network = Network::new();
        let relay = network.run("hq");
        for user in &USERS[..devices] {
            network.enrol(user);
        }
        (network, relay)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Enrols a device of the user in a directory called like the user.
    pub(crate) fn enrol(&self, user: &str) {
        let ticket = self.ok("hq", &["relay", "ticket", "--user", user]).out;
        self.ok(user, &["device", "enroll", ticket.trim(), "--name", user]);
    }

    /// Runs a command on a directory.
    pub(crate) fn cairn(&self, name: &str, arguments: &[&str]) -> Done {
        let directory = self.path(name);
        let directory = directory.to_str().unwrap();
        cairn(&[arguments, &["--dir", directory]].concat())
    }

    /// Runs a command that succeeds.
    #[track_caller]
    pub(crate) fn ok(&self, name: &str, arguments: &[&str]) -> Done {
        let done = self.cairn(name, arguments);
        assert_eq!(done.code, 0, "{arguments:?} on {name}: {done:?}");
        done
    }

    /// Runs the relay or the device of a directory. A command that holds the
    /// directory just now is waited for.
    pub(crate) fn run(&self, name: &str) -> Running {
        let directory = self.path(name);
        until(&format!("{name} runs"), || start(&directory))
    }

    /// Syncs a device, again when the relay was just away.
    pub(crate) fn sync(&self, name: &str) {
        until(&format!("{name} syncs"), || {
            let synced = self.cairn(name, &["device", "sync", "--json"]);
            assert!([0, 5, 6].contains(&synced.code), "{synced:?}");
            (synced.code != 5).then_some(())
        });
    }
}

fn start(directory: &Path) -> Option<Running> {
    let noun = if directory.join("relay.toml").exists() {
        "relay"
    } else {
        "device"
    };
    match Running::start(noun, directory) {
        Ok(running) => Some(running),
        Err(done) => {
            assert_eq!(done.code, 4, "{done:?}");
            assert!(done.err.contains("in use by another process"), "{done:?}");
            None
        }
    }
}
