//! When a device syncs, as its person says on the command line.

use crate::network::Network;
use crate::program::until;

#[test]
fn a_device_syncs_as_it_is_told() {
    let (network, _relay) = Network::with_devices(1);
    network.sync("amara");
    network.ok("amara", &["device", "mode", "--manual"]);
    network
        .cairn("amara", &["device", "mode", "--lock"])
        .fails(2, "nothing runs this device");
    let device = network.run("amara");
    let create = ["record", "create", "account", "name=Mill", "number=A-1"];
    network.ok("amara", &create);
    let status = || network.ok("amara", &["device", "status", "--json"]).json();
    let before = status();
    assert_eq!(before["sync"]["waiting"], "manual", "{before}");
    assert_eq!(before["unsent"], 1);

    network.ok("amara", &["device", "sync"]);
    let after = status();
    assert_eq!(
        (&after["unsent"], &after["connected"]),
        (&0.into(), &false.into())
    );

    let locked = network.ok("amara", &["device", "mode", "--live", "--lock"]);
    assert!(locked.out.contains("this device is locked"), "{locked:?}");
    network
        .cairn("amara", &["device", "sync"])
        .fails(5, "this device is locked");
    network.ok("amara", &["device", "mode", "--unlock", "--background"]);
    until("the device connects", || {
        (status()["connected"] == true).then_some(())
    });
    network
        .cairn("amara", &["device", "mode", "--accept-definition"])
        .fails(2, "in the background");
    assert_eq!(device.terminate(), 0);
}
