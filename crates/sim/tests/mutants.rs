//! Every known-bad variant is found: what no variant fails proves nothing.

use cairn_sim::mutants::{MUTANTS, Mutant, hunt};
use cairn_sim::run::Case;
use cairn_sim::scenario::Scenario;

/// Small worlds in which much goes wrong in a short time.
const WORLD: &str = r#"
format = 1
story = "Three people work on two records, and little is spared them."

[time]
chaos = "3h"
settle = "4h"

[topology]
devices = 3
users = "1..4"
late = 1
hostile = 1

[organization]
policy = { client-wins = 1, server-wins = 1, flag = 1, last-writer-wins = 3 }
records = 2

[offline]
begin-online = "0..1"
online = { law = "exponential", min = "5s", mean = "10m" }
offline = { law = "exponential", min = "5s", mean = "10m" }

[workload]
pause = { law = "exponential", min = "200ms", mean = "6m" }
hot = 2
hot-share = "0.7"
batch = 3

[[fault]]
kind = "crash"
target = "any"
every = { law = "exponential", mean = "20m" }
lasts = "1s..20s"

[[fault]]
kind = "checkpoint"
every = { law = "exponential", mean = "20m" }

[[fault]]
kind = "clock"
target = "device"
mode = "step"
amount = [7200000, 86400000]
every = { law = "exponential", mean = "40m" }

[[fault]]
kind = "backup"
every = { law = "exponential", mean = "25m" }

[[fault]]
kind = "restore"
every = { law = "exponential", mean = "50m" }

[[fault]]
kind = "hostile"
mode = "forge"
every = { law = "exponential", mean = "50m" }

[[fault]]
kind = "revoke"
every = { law = "exponential", mean = "90m" }
"#;

/// Seeds a mutant may take here. The command tries a thousand of the swarm.
const SEEDS: u64 = 60;

fn world(seed: u64) -> Case {
    let scenario = Scenario::parse("mutants.toml", WORLD).expect("a scenario");
    scenario.case(seed).expect("a case")
}

/// The names of the mutants that nothing finds.
fn not_found(mutants: impl Iterator<Item = &'static Mutant>) -> Vec<&'static str> {
    let hunts = mutants.map(|mutant| hunt(mutant, 0..SEEDS, world));
    let missed = hunts.filter(|hunt| hunt.kill.is_none());
    missed.map(|hunt| hunt.mutant).collect()
}

/// Some of the mutants, so that the others can be hunted at the same time.
fn part(number: usize) -> impl Iterator<Item = &'static Mutant> {
    MUTANTS.iter().skip(number).step_by(4)
}

#[test]
fn every_mutant_of_the_first_part_is_found() {
    assert_eq!(not_found(part(0)), [""; 0]);
}

#[test]
fn every_mutant_of_the_second_part_is_found() {
    assert_eq!(not_found(part(1)), [""; 0]);
}

#[test]
fn every_mutant_of_the_third_part_is_found() {
    assert_eq!(not_found(part(2)), [""; 0]);
}

#[test]
fn every_mutant_of_the_fourth_part_is_found() {
    assert_eq!(not_found(part(3)), [""; 0]);
}
