//! Whole runs over QUIC and sled.

use cairn_sim::check::all;
use cairn_sim::host::Host;
use cairn_sim::run::{Case, Outcome, run};
use cairn_sim::scenario::Scenario;
use cairn_sim::trace::{Event, What};
use cairn_sim::wiring::Straight;
use std::process::Command;

fn case(text: &str, seed: u64) -> Case {
    let text = format!("format = 1\nstory = \"A test.\"\ntier = \"quic\"\n{text}");
    let scenario = Scenario::parse("test.toml", &text).unwrap();
    scenario.case(seed).unwrap()
}

fn outcome(text: &str, seed: u64) -> Outcome {
    run(&case(text, seed), Box::new(Straight), &mut all(), false).0
}

fn events(text: &str, seed: u64) -> (Outcome, Vec<Event>) {
    run(&case(text, seed), Box::new(Straight), &mut all(), true)
}

#[track_caller]
fn assert_kept(outcome: &Outcome) {
    assert_eq!(outcome.violation, None, "{:?}", outcome.counts);
}

#[test]
fn a_quiet_world_agrees() {
    let outcome = outcome("[time]\nchaos = \"2h\"\n", 1);
    assert_kept(&outcome);
    assert!(outcome.counts["acknowledged"] > 10, "{:?}", outcome.counts);
    assert!(outcome.counts["messages"] > 50, "{:?}", outcome.counts);
    assert!(outcome.counts["datagrams"] > 100, "{:?}", outcome.counts);
}

/// Everything that links, disks, clocks and hosts do wrong in this tier.
const ROUGH: &str = "
[time]
chaos = \"3h\"
[topology]
devices = 4
late = 1
[link]
latency = { law = \"lognormal\", median = \"40ms\", p99 = \"900ms\" }
loss = { good = 0.03 }
duplicate = 0.02
corrupt = 0.01
[offline]
online = \"10m..1h\"
offline = \"1m..1h\"
[[fault]]
kind = \"crash\"
target = \"any\"
every = \"20m\"
[[fault]]
kind = \"stop\"
target = \"any\"
every = \"50m\"
[[fault]]
kind = \"partition\"
target = \"device\"
every = \"30m\"
[[fault]]
kind = \"pause\"
target = \"any\"
every = \"1h\"
[[fault]]
kind = \"clock\"
target = \"any\"
every = \"1h\"
";

#[test]
fn a_rough_world_agrees_in_the_end() {
    for seed in 1..=3 {
        let outcome = outcome(ROUGH, seed);
        assert_kept(&outcome);
        assert!(outcome.counts["crashes"] > 3, "{:?}", outcome.counts);
    }
}

#[test]
fn a_seed_is_one_run_to_the_last_datagram() {
    let (one, other) = (outcome(ROUGH, 1), outcome(ROUGH, 1));
    assert_eq!(one, other);
    assert!(one.shape.is_some());
    let next = outcome(ROUGH, 2);
    assert_ne!((one.trace, one.shape), (next.trace, next.shape));
}

/// Names this test to a process of its own.
const SAYS: &str = "a_process_says_what_it_saw";

#[test]
fn a_process_says_what_it_saw() {
    let seen = outcome(ROUGH, 3);
    assert_kept(&seen);
    println!("saw {} {:?}", seen.trace, seen.shape);
}

#[test]
fn two_processes_see_the_same() {
    let saw = || {
        let this = std::env::current_exe().unwrap();
        let told = Command::new(this)
            .args(["--exact", SAYS, "--nocapture"])
            .output()
            .unwrap();
        let text = String::from_utf8(told.stdout).unwrap();
        let line = text.lines().find(|line| line.starts_with("saw "));
        line.expect("it says what it saw").to_owned()
    };
    assert_eq!(saw(), saw());
}

#[test]
fn a_device_that_comes_late_is_enrolled_over_the_wire() {
    let text = "[time]\nchaos = \"2h\"\n[topology]\ndevices = 1\nlate = 1\n";
    let (outcome, events) = events(text, 1);
    assert_kept(&outcome);
    let of = |event: &&Event| event.host == Some(Host::Device(1));
    let started = events
        .iter()
        .filter(of)
        .find(|event| matches!(event.what, What::Started));
    assert!(started.is_some_and(|event| event.at.0 > 0), "{started:?}");
}

#[test]
fn what_this_tier_cannot_do_is_skipped_and_said() {
    let text = "[time]\nchaos = \"1h\"\n[topology]\ndevices = 2\nhostile = 1\n\
                [[fault]]\nkind = \"hostile\"\nevery = \"10m\"\n";
    let (outcome, events) = events(text, 1);
    assert_kept(&outcome);
    let skipped = events.iter().find_map(|event| match &event.what {
        What::Skipped { why, .. } => Some(why.as_str()),
        _ => None,
    });
    assert_eq!(
        skipped,
        Some("this tier has no hands in the talk of devices and relay")
    );
}
