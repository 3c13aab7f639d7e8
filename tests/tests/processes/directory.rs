//! One process holds a directory, and refuses what it should not touch.

use crate::network::Network;
use crate::program::Running;
use cairn_store::FORMAT;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_second_process_on_a_directory_is_told_so() {
    let (network, relay) = Network::with_devices(1);
    let device = network.run("amara");
    for (noun, name) in [("relay", "hq"), ("device", "amara")] {
        let Err(refused) = Running::start(noun, &network.path(name)) else {
            panic!("two processes hold one directory");
        };
        refused.fails(4, "is run by another process already");
        let path = network.path(name);
        assert!(refused.err.contains(path.to_str().unwrap()), "{refused:?}");
    }
    assert_eq!(device.terminate(), 0);
    assert_eq!(relay.terminate(), 0);
    // And both can be had again.
    let _relay = network.run("hq");
    network.sync("amara");
}

#[test]
fn a_verb_behaves_the_same_whoever_holds_the_directory() {
    let (network, relay) = Network::with_devices(1);
    network.sync("amara");
    let device = network.run("amara");
    let verbs: [(&str, &[&str]); 6] = [
        ("hq", &["record", "list", "user", "--json"]),
        ("hq", &["log", "show", "--json"]),
        ("amara", &["log", "show", "--json"]),
        ("amara", &["issue", "list", "--json"]),
        ("amara", &["conflict", "list", "--json"]),
        ("amara", &["record", "list", "user", "--json"]),
    ];
    let there = verbs.map(|(name, verb)| network.ok(name, verb).out);
    let digests = || {
        ["hq", "amara"].map(|name| {
            let noun = if name == "hq" { "relay" } else { "device" };
            network
                .ok(name, &[noun, "status", "--digest", "--json"])
                .json()["digest"]
                .clone()
        })
    };
    let held = digests();
    assert_eq!(held[0], held[1]);
    // What a person did wrong is wrong in both ways.
    let wrong: [(&str, &[&str], i32); 3] = [
        ("hq", &["relay", "ticket", "--user", "nobody"], 3),
        ("amara", &["record", "get", "account:NOWHERE"], 3),
        ("amara", &["record", "create", "account", "colour=red"], 2),
    ];
    let refused = |(name, verb, code): (&str, &[&str], i32)| {
        let done = network.cairn(name, verb);
        assert_eq!(done.code, code, "{done:?}");
        done.err
    };
    let words = wrong.map(refused);
    let device_code = device.terminate();
    let relay_code = relay.terminate();
    assert_eq!((device_code, relay_code), (0, 0));
    let here = verbs.map(|(name, verb)| network.ok(name, verb).out);
    assert_eq!(here, there);
    assert_eq!(digests(), held);
    assert_eq!(wrong.map(refused), words);
}

#[test]
fn a_socket_that_a_killed_process_left_is_no_hindrance() {
    let (network, mut relay) = Network::with_devices(0);
    relay.kill();
    assert!(network.path("hq").join("control.sock").exists());
    network.ok("hq", &["relay", "status", "--json"]).json();
    drop(network.run("hq"));
}

#[test]
fn a_directory_of_a_newer_format_is_refused() {
    let network = Network::new();
    // The store's first entry, as a newer program would write it: key 0 of the
    // store's own table 0, in one piece, under its checksum.
    let newer = (FORMAT + 1).to_be_bytes();
    let named = [&[0][..], &1_u64.to_be_bytes(), &[0], &newer].concat();
    let hash = blake3::hash(&named);
    let data = sled::Config::new().path(network.path("hq").join("data"));
    let data = data.segment_size(512 * 1024).use_compression(false).open();
    let entry = [&[0], &hash.as_bytes()[..8], &newer].concat();
    let before = data.unwrap().insert([0, 0], entry).unwrap();
    assert_eq!(
        before.expect("the format is there")[9..],
        FORMAT.to_be_bytes()
    );
    let refused = network.cairn("hq", &["relay", "status"]);
    refused.fails(4, &format!("has format {}", FORMAT + 1));
    assert!(refused.err.contains("use a newer cairn"), "{refused:?}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let network = Network::new();
    let key = network.path("hq").join("relay.key");
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let refused = network.cairn("hq", &["relay", "status"]);
    refused.fails(
        4,
        "can be read or changed by other users of this machine (mode 644)",
    );
    assert!(refused.err.contains("chmod 600"), "{refused:?}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    network.ok("hq", &["relay", "status"]);
    fs::write(&key, "no key").unwrap();
    network
        .cairn("hq", &["relay", "status"])
        .fails(4, "holds no key");
}

#[test]
fn directories_are_private_and_of_one_owner() {
    let (network, _relay) = Network::with_devices(1);
    for path in ["hq", "hq/data", "amara", "amara/data"] {
        let mode = fs::metadata(network.path(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{path}");
    }
    network
        .cairn("amara", &["relay", "init"])
        .fails(2, "is the directory of a device");
    network
        .cairn("amara", &["relay", "status"])
        .fails(2, "this is the directory of a device");
    network
        .cairn("hq", &["device", "status"])
        .fails(2, "this is the directory of a relay");
}
