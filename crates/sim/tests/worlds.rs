//! Whole runs.

use cairn_sim::check::{Checker, SameVersionSameDigest};
use cairn_sim::run::{Outcome, run};
use cairn_sim::scenario::Scenario;
use cairn_sim::wiring::Straight;

fn outcome(text: &str, seed: u64) -> Outcome {
    let text = format!("format = 1\nstory = \"A test.\"\n{text}");
    let case = Scenario::parse("test.toml", &text)
        .unwrap()
        .case(seed)
        .unwrap();
    let mut checkers: Vec<Box<dyn Checker>> = vec![Box::new(SameVersionSameDigest)];
    run(&case, Box::new(Straight), &mut checkers, false).0
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
}

#[test]
fn the_same_seed_is_the_same_run() {
    let text = "[time]\nchaos = \"4h\"\n[offline]\nonline = \"10m..1h\"\noffline = \"5m..1h\"\n\
                [[fault]]\nkind = \"crash\"\ntarget = \"any\"\nevery = \"20m\"\n";
    let (one, other) = (outcome(text, 5), outcome(text, 5));
    assert_kept(&one);
    assert_eq!(one, other);
    assert!(one.counts["crashes"] > 3, "{:?}", one.counts);
    assert_ne!(one.trace, outcome(text, 6).trace);
}

#[test]
fn what_strikes_packets_and_addresses_does_nothing_to_messages() {
    let faults = "[[fault]]\nkind = \"mtu\"\nevery = \"10m\"\n\
                  [[fault]]\nkind = \"address\"\nevery = \"10m\"\n";
    let plain = outcome("[time]\nchaos = \"2h\"\n", 1);
    let struck = outcome(
        &format!("[time]\nchaos = \"2h\"\n[link]\nmtu = 1_280\n{faults}"),
        1,
    );
    assert_kept(&struck);
    assert!(struck.counts["faults"] > 10, "{:?}", struck.counts);
    let without_faults = |outcome: &Outcome| {
        let mut counts = outcome.counts.clone();
        counts.remove("faults");
        counts
    };
    assert_eq!(without_faults(&struck), without_faults(&plain));
}
