//! How services hold machines that the world keeps.

use super::site::Shared;
use crate::host::Host;
use cairn_agent::Agent;
use cairn_model::Timestamp;
use cairn_net::Held;
use cairn_relay::Relay;

/// A service's hold of the machine of one life of a host.
#[derive(Debug)]
pub(super) struct Seat {
    site: Shared,
    host: Host,
    life: u32,
}

impl Seat {
    pub(super) fn new(site: Shared, host: Host, life: u32) -> Seat {
        Seat { site, host, life }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.site.world(|world| world.let_go(self.host, self.life));
    }
}

/// Said where a service asks for a machine that was never given to it.
const NO_MACHINE: &str = "a service holds a machine, or what is left of it";

impl Held<Agent> for Seat {
    fn handle(&mut self, now: Timestamp, input: cairn_agent::Input) {
        let Host::Device(device) = self.host else {
            return;
        };
        self.site
            .world(|world| world.device_takes(device, self.life, now, input));
    }

    fn poll_output(&mut self) -> Option<cairn_agent::Output> {
        let Host::Device(device) = self.host else {
            return None;
        };
        let output = self
            .site
            .world(|world| world.device_gives(device, self.life));
        if output.is_none() {
            self.site.show();
        }
        output
    }

    fn with<R>(&mut self, work: impl FnOnce(&mut Agent) -> R) -> R {
        let Host::Device(device) = self.host else {
            unreachable!("{NO_MACHINE}");
        };
        self.site
            .world(|world| work(world.agent_of(device, self.life).expect(NO_MACHINE)))
    }
}

impl Held<Relay> for Seat {
    fn handle(&mut self, now: Timestamp, input: cairn_relay::Input) {
        self.site
            .world(|world| world.relay_takes(self.life, now, input));
    }

    fn poll_output(&mut self) -> Option<cairn_relay::Output> {
        let output = self.site.world(|world| world.relay_gives(self.life));
        if output.is_none() {
            self.site.show();
        }
        output
    }

    fn with<R>(&mut self, work: impl FnOnce(&mut Relay) -> R) -> R {
        self.site
            .world(|world| work(world.relay_of(self.life).expect(NO_MACHINE)))
    }
}
