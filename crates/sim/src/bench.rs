//! Worlds to measure the simulator in.

use crate::scenario::Scenario;

/// A world and what it is to measure.
#[derive(Debug, Clone, Copy)]
pub struct Bench {
    /// Its name.
    pub name: &'static str,
    /// What it tells, as a scenario file.
    pub scenario: &'static str,
}

/// Everybody online, short edits: messages.
pub const LIVE: Bench = Bench {
    name: "live",
    scenario: r#"
format = 1
story = "Fifty people edit at their desks, and everybody sees every edit."
[time]
chaos = "20m"
[topology]
devices = 50
[organization]
kinds = ["text", "integer", "choice", "counter"]
records = 100
[link]
latency = "2ms..20ms"
[workload]
pause = { law = "exponential", mean = "20s" }
mix = { update = 1 }
hot = 0
"#,
};

/// Sessions by the hour: years of devices.
pub const FLEET: Bench = Bench {
    name: "fleet",
    scenario: r#"
format = 1
story = "Fifty devices meet the relay once an hour for a fortnight."
[time]
chaos = "14d"
[topology]
devices = 50
[organization]
kinds = ["text", "integer", "choice", "counter"]
records = 100
[link]
latency = "20ms..80ms"
[offline]
begin-online = 0
online = "20s..40s"
offline = "50m..70m"
[workload]
pause = { law = "exponential", mean = "6h" }
mix = { update = 3, create = 1 }
"#,
};

/// Everything breaks all the time: crashes and partitions.
pub const STORM: Bench = Bench {
    name: "storm",
    scenario: r#"
format = 1
story = "Ten devices and a relay that crash and are cut off every few minutes."
[time]
chaos = "1d"
[topology]
devices = 10
[organization]
kinds = ["text", "integer", "choice", "counter"]
[workload]
pause = { law = "exponential", mean = "10m" }
[[fault]]
kind = "crash"
target = "any"
every = { law = "exponential", mean = "1m" }
lasts = "1s..20s"
[[fault]]
kind = "partition"
every = { law = "exponential", mean = "30s" }
lasts = "1s..2m"
"#,
};

impl Bench {
    /// The scenario it is.
    ///
    /// # Errors
    /// In words, if it is none, which a test rules out.
    pub fn read(&self) -> Result<Scenario, String> {
        Scenario::parse(self.name, self.scenario).map_err(|fault| fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bench_is_a_scenario() {
        for bench in [LIVE, FLEET, STORM] {
            bench.read().unwrap();
        }
    }
}
