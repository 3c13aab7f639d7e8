//! Whole runs over QUIC and sled.

use cairn_sim::check::all;
use cairn_sim::host::Host;
use cairn_sim::run::{Case, Outcome, look, run};
use cairn_sim::scenario::Scenario;
use cairn_sim::time::{MINUTE, VirtualTime};
use cairn_sim::trace::{Event, Message, What};
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
    assert_kept_by("", outcome);
}

#[track_caller]
fn assert_kept_by(what: &str, outcome: &Outcome) {
    assert_eq!(outcome.violation, None, "{what}: {:?}", outcome.counts);
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

/// Two people at work for an hour, with one thing that goes wrong.
fn hour(link: &str, fault: &str) -> String {
    format!(
        "[time]\nchaos = \"1h\"\n[topology]\ndevices = 2\n\
         [link]\nlatency = \"30ms\"\n{link}\n\
         [workload]\npause = {{ law = \"exponential\", min = \"1s\", mean = \"20s\" }}\ntext = 6000\n\
         [[fault]]\n{fault}\n"
    )
}

fn of(device: u32) -> impl Fn(&&Event) -> bool {
    move |event| event.host == Some(Host::Device(device))
}

fn between(events: &[Event], from: u64, to: u64) -> impl Iterator<Item = &Event> {
    let within = (from * MINUTE)..(to * MINUTE);
    let events = events.iter();
    events.filter(move |event| within.contains(&event.at.0))
}

fn changes(event: &&Event) -> bool {
    let Event { what, .. } = event;
    matches!(what, What::Received { message, .. } if matches!(message, Message::Changes { .. }))
}

fn disconnects(event: &&Event) -> bool {
    matches!(event.what, What::Disconnected { .. })
}

#[test]
fn a_session_goes_on_over_a_path_that_carries_smaller_packets() {
    let fault =
        "kind = \"mtu\"\namount = 1240\ntarget = \"device:0\"\nat = \"10m\"\nlasts = \"40m\"";
    let (outcome, events) = events(&hour("mtu = 1500", fault), 1);
    assert_kept(&outcome);
    let came = between(&events, 11, 50).filter(of(0)).filter(changes);
    assert!(came.count() > 20, "changes go on coming");
    let ends = between(&events, 1, 59).filter(of(0)).filter(disconnects);
    assert_eq!(ends.count(), 0, "in the same session");
}

#[test]
fn a_path_too_narrow_for_quic_is_no_path_until_it_is_wide_again() {
    let fault = "kind = \"mtu\"\namount = 600\ntarget = \"device:0\"\nat = \"10m\"\nlasts = \"20m\"\n\
                 [[fault]]\nkind = \"cut\"\ntarget = \"device:0\"\nat = \"12m\"";
    let (outcome, events) = events(&hour("", fault), 1);
    assert_kept(&outcome);
    let came = |from, to| between(&events, from, to).filter(of(0)).filter(changes);
    assert_eq!(came(13, 30).count(), 0, "no session begins");
    assert!(came(40, 60).count() > 5, "and then one does again");
}

#[test]
fn a_session_follows_its_device_to_another_address() {
    for mode in ["port", "network"] {
        let fault =
            format!("kind = \"address\"\nmode = \"{mode}\"\ntarget = \"device:0\"\nevery = \"7m\"");
        let (outcome, events) = events(&hour("", &fault), 1);
        assert_kept(&outcome);
        let moved = events
            .iter()
            .filter(|e| matches!(e.what, What::Path { .. }));
        assert_eq!(moved.count(), 8, "{mode}");
        let ends = between(&events, 1, 59).filter(of(0)).filter(disconnects);
        assert_eq!(ends.count(), 0, "{mode}: in the same session");
        let came = between(&events, 50, 60).filter(of(0)).filter(changes);
        assert!(came.count() > 5, "{mode}: changes go on coming");
    }
}

#[test]
fn links_end_sessions_behind_messages() {
    let quiet = outcome(&hour("", "kind = \"checkpoint\"\n"), 1);
    let cut = outcome(&hour("cut = 0.02", "kind = \"checkpoint\"\n"), 1);
    assert_kept(&quiet);
    assert_kept(&cut);
    let sessions = |outcome: &Outcome| outcome.counts["sessions"];
    assert!(sessions(&cut) > sessions(&quiet) + 5, "{:?}", cut.counts);
}

#[test]
fn a_bit_that_flips_on_the_disk_is_told_at_the_next_start() {
    let fault = "kind = \"rot\"\ntarget = \"device:1\"\nat = \"10m\"\n\
                 [[fault]]\nkind = \"stop\"\ntarget = \"device:1\"\nat = \"20m\"\nlasts = \"1m\"";
    for seed in 1..=4 {
        let (outcome, events) = events(&hour("", fault), seed);
        assert_kept(&outcome);
        let told = events
            .iter()
            .filter(of(1))
            .find_map(|event| match &event.what {
                What::NotStarted { words } => Some(words.as_str()),
                _ => None,
            });
        let told = told.expect("the store does not open");
        assert!(told.contains("its checksum does not fit"), "{told}");
    }
}

/// The same hour with somebody who has the key of another device.
fn misused(mode: &str) -> String {
    let fault = format!("kind = \"hostile\"\nmode = \"{mode}\"\nevery = \"9m\"");
    hour("", &fault).replace("devices = 2", "devices = 2\nhostile = 1")
}

#[test]
fn a_stolen_key_is_misused_over_the_wire_and_does_no_harm() {
    let acts = [
        ("forge", "refused"),
        ("impersonate", "refused"),
        ("replay", "taken through"),
        ("equivocate", "rejected"),
        ("gap", "refused"),
        ("back-date", "taken through"),
        ("future-date", "taken through"),
        ("future-base", "rejected"),
        ("oversized", "refused"),
        ("usurp", "rejected"),
        ("garbage", "rejected"),
        ("noise", "refused"),
    ];
    for (act, answer) in acts {
        let (outcome, events) = events(&misused(act), 1);
        assert_kept_by(act, &outcome);
        let told: Vec<&str> = events
            .iter()
            .filter_map(|event| match &event.what {
                What::Hostile { words } => Some(words.as_str()),
                _ => None,
            })
            .collect();
        assert!(
            told.iter().any(|words| words.contains(answer)),
            "{act}: {told:?}"
        );
    }
}

#[test]
fn a_relay_with_another_face_loses_nothing_for_its_devices() {
    for face in ["withhold", "silent", "reorder", "rewind"] {
        let fault = format!(
            "kind = \"face\"\nmode = \"{face}\"\ntarget = \"device:0\"\nat = \"10m\"\nlasts = \"20m\"\n\
             [[fault]]\nkind = \"cut\"\ntarget = \"device:0\"\nat = \"12m\""
        );
        let (outcome, events) = events(&hour("", &fault), 1);
        assert_kept_by(face, &outcome);
        let shown = events
            .iter()
            .filter(|e| matches!(e.what, What::Face { .. }));
        assert_eq!(shown.count(), 2, "{face}");
        let came = |from, to| between(&events, from, to).filter(of(0)).filter(changes);
        if face == "withhold" {
            assert_eq!(came(11, 30).count(), 0, "changes are held back");
        }
        assert!(came(31, 60).count() > 5, "{face}: and come in the end");
    }
}

/// Everything that this tier gained over plain links: paths, keys and faces.
const CROOKED: &str = "
[time]
chaos = \"2h\"
[topology]
devices = 3
hostile = 1
[link]
latency = { law = \"lognormal\", median = \"40ms\", p99 = \"900ms\" }
loss = { good = 0.02 }
cut = 0.01
mtu = [1240, 1500]
[[fault]]
kind = \"mtu\"
every = \"17m\"
[[fault]]
kind = \"address\"
every = \"11m\"
[[fault]]
kind = \"rot\"
every = \"50m\"
[[fault]]
kind = \"stop\"
every = \"30m\"
[[fault]]
kind = \"hostile\"
every = \"13m\"
[[fault]]
kind = \"face\"
every = \"20m\"
";

#[test]
fn a_crooked_world_agrees_in_the_end_and_is_one_run_for_a_seed() {
    for seed in 1..=3 {
        let (one, other) = (outcome(CROOKED, seed), outcome(CROOKED, seed));
        assert_kept(&one);
        assert_eq!(one, other);
    }
}

#[test]
fn a_run_can_be_looked_at_when_it_is_half_way_through() {
    let case = case(CROOKED, 1);
    let at = VirtualTime(67 * MINUTE);
    let seen = look(&case, Box::new(Straight), &mut all(), Some(at), |glance| {
        let sequence = |device| {
            let device = glance.view.device(device)?;
            Some(device.machine()?.status().sequence)
        };
        (
            glance.view.now(),
            glance.violation,
            sequence(0),
            glance.counts,
        )
    });
    let (now, violation, sequence, counts) = seen.unwrap();
    assert_eq!((now, violation), (at, None));
    assert!(sequence.is_some(), "the device runs");
    let whole = outcome(CROOKED, 1).counts;
    assert!(counts["messages"] > 0 && counts["messages"] < whole["messages"]);
}
