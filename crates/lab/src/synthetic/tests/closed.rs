//! What is known of people who react.

use super::scenes::{folded, scene};
use super::*;
use cairn_projection::{Conflict, Issue};

const SCENES: [&str; 7] = [
    "office",
    "deletions",
    "field-service-day",
    "sales",
    "text",
    "counters",
    "moves",
];

/// Only people of one temper.
fn only(temper: &str) -> Agents {
    let mut agents = Agents {
        oblivious: 0,
        ..Agents::oblivious()
    };
    match temper {
        "corrector" => agents.corrector = 1,
        "deferrer" => agents.deferrer = 1,
        "fighter" => agents.fighter = 1,
        "inattentive" => agents.inattentive = 1,
        _ => agents.oblivious = 1,
    }
    agents
}

fn lived(name: &str, temper: &str, seed: u64, policy: &str) -> Study {
    generate_closed(scene(name).with(only(temper)), seed, self::named(policy))
}

fn operations(study: &Study) -> u64 {
    traced(study).totals().operations
}

/// Where nobody looks, no policy changes anything: closed is open, bit for bit.
#[test]
fn where_nobody_looks_closed_is_open() {
    let policies = crate::policies::all();
    for (place, name) in SCENES.iter().enumerate() {
        let open = generate(scene(name), 5);
        // Every policy in the first, every third in the others.
        let some = policies
            .iter()
            .skip(place % 3)
            .step_by(if place == 0 { 1 } else { 3 });
        for policy in some {
            let closed = generate_closed(scene(name).with(Agents::oblivious()), 5, policy.trial());
            let same = closed.ledger.entries() == open.ledger.entries();
            assert!(same, "{name} under {}", policy.name);
            assert_eq!(closed.truth.runs, open.truth.runs);
        }
    }
}

/// Until somebody reacts, a closed history is the open one; then it is not.
#[test]
fn histories_part_at_the_first_reaction() {
    for name in SCENES {
        let open = generate(scene(name), 2);
        let closed = generate_closed(scene(name), 2, self::named("last-writer-wins"));
        let again = generate_closed(scene(name), 2, self::named("last-writer-wins"));
        assert_eq!(closed.ledger.entries(), again.ledger.entries(), "{name}");
        let pairs = open.ledger.entries().iter().zip(closed.ledger.entries());
        let same = pairs.take_while(|(one, other)| one == other).count();
        let first = open.ledger.entries().len() / 20;
        assert!(same > first, "{name}: {same} entries");
        assert_ne!(open.ledger.entries(), closed.ledger.entries(), "{name}");
    }
}

#[test]
fn who_fights_writes_more_than_who_corrects_than_who_does_not_look() {
    for name in ["office", "field-service-day", "moves"] {
        let all = |temper| {
            let each =
                (0..3).map(|seed| operations(&lived(name, temper, seed, "last-writer-wins")));
            each.sum::<u64>()
        };
        let (fights, corrects) = (all("fighter"), all("corrector"));
        let (defers, oblivious) = (all("deferrer"), all("oblivious"));
        assert!(fights > corrects, "{name}: {fights} {corrects}");
        assert!(corrects > oblivious, "{name}: {corrects} {oblivious}");
        if name == "office" {
            assert_eq!(defers, oblivious, "{name}: who defers writes nothing");
        }
    }
}

/// Questions of the flag are answered by those who answer, and left by those
/// who do not.
#[test]
fn questions_are_answered_by_those_who_do() {
    let open = |temper| {
        let study = lived("sales", temper, 1, "flag");
        let state = folded(&study, self::named("flag"));
        let open = state
            .journal()
            .iter()
            .filter(|c| Conflict::is_open(c))
            .count();
        (open, state.journal().len())
    };
    let (answered, asked) = open("deferrer");
    let (left, _) = open("inattentive");
    assert!(asked > 10 && left > 10, "{asked} asked, {left} left");
    assert!(answered * 2 < left, "{answered} of {asked}, {left}");
}

/// Issues of server-wins are settled, and what was set aside is written again
/// by those who insist.
#[test]
fn issues_are_settled_and_work_is_done_again() {
    let of = |temper| {
        let study = lived("sales", temper, 1, "server-wins");
        let state = folded(&study, self::named("server-wins"));
        let unsettled = state.issues().iter().filter(|i| Issue::is_open(i)).count();
        let refused = state.issues().iter().filter(|i| i.is_rejection());
        let refused: Vec<&str> = refused.map(|issue| issue.what.as_str()).collect();
        (
            state.issues().len(),
            unsettled,
            operations(&study),
            refused.len(),
        )
    };
    let (raised, left, without, _) = of("inattentive");
    assert!(raised > 10 && left == raised, "{left} of {raised}");
    let (_, unsettled, with, refused) = of("fighter");
    assert!(unsettled * 4 < left, "{unsettled} against {left}");
    assert!(with > without);
    assert!(refused * 10 < left, "{refused}");
}

/// Every scene comes to rest under every policy, and flag loses nothing
/// silently there either.
#[test]
fn every_scene_comes_to_rest() {
    for name in SCENES {
        for policy in ["server-wins", "client-wins"] {
            let study = lived(name, "fighter", 3, policy);
            let written = operations(&study);
            let open = operations(&generate(scene(name), 3));
            assert!(written >= open, "{name} under {policy}");
            assert!(
                written < open * 4,
                "{name} under {policy}: {written} of {open}"
            );
        }
        let study = generate_closed(scene(name), 3, self::named("flag"));
        let tally = judge(
            &traced(&study),
            &folded(&study, self::named("flag")),
            &study.truth,
            false,
        );
        for (class, tally) in &tally.classes {
            let is_set = ["work_order.tags", "opportunity.rivals"].contains(&class.as_str());
            assert!(is_set || tally.whole.lost_silently == 0, "{name} {class}");
        }
    }
}
