//! Every known-bad variant is found, and no checker is idle: what no variant
//! fails proves nothing.

use cairn_sim::check::all;
use cairn_sim::mutants::{Hunt, Kill, MUTANTS, Mutant, found_in, hunt, named};
use cairn_sim::run::Case;
use cairn_sim::scenario::Scenario;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

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

[disk]
synced = { law = "exponential", mean = "300us..1s" }

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
kind = "duplicate"
every = { law = "exponential", mean = "3m" }

[[fault]]
kind = "full"
target = "relay"
every = { law = "exponential", mean = "60m" }
lasts = "1m..10m"

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

/// Small worlds in which who may hold what changes all the time.
const CREW: &str = r#"
format = 1
story = "Four people of two units work on a few jobs, and who may hold what changes all the time."

[time]
chaos = "3h"
settle = "4h"

[topology]
devices = 4
late = 1

[organization]
template = "crew"
kinds = ["text", "integer"]
filter = ["mine", "my-teams", "soon", "soon", "all"]
records = 60

[offline]
online = { law = "exponential", min = "5s", mean = "15m" }
offline = { law = "exponential", min = "5s", mean = "10m" }

[workload]
pause = { law = "exponential", min = "200ms", mean = "5m" }
hot = 4
hot-share = "0.5"

[[fault]]
kind = "crash"
target = "any"
every = { law = "exponential", mean = "30m" }
lasts = "1s..20s"

[[fault]]
kind = "publish"
mode = "member"
every = { law = "exponential", mean = "20m" }

[[fault]]
kind = "publish"
mode = "role"
every = { law = "exponential", mean = "30m" }

[[fault]]
kind = "publish"
mode = "unit"
every = { law = "exponential", mean = "40m" }

[[fault]]
kind = "publish"
mode = "trust"
every = { law = "exponential", mean = "30m" }
"#;

/// Seeds a mutant may take here. The command tries a thousand of the swarm.
const SEEDS: u64 = 60;

fn world(mutant: &Mutant, seed: u64) -> Case {
    let text = if mutant.scoped { CREW } else { WORLD };
    let scenario = Scenario::parse("mutants.toml", text).expect("a scenario");
    scenario.case(seed).expect("a case")
}

/// What became of every mutant; they are hunted side by side.
fn hunts() -> Vec<Hunt> {
    let next = AtomicUsize::new(0);
    let hunts = Mutex::new(Vec::new());
    let work = || {
        while let Some(mutant) = MUTANTS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let hunt = hunt(mutant, 1..=SEEDS, |seed| world(mutant, seed));
            hunts.lock().expect("the list").push(hunt);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    hunts.into_inner().expect("the list")
}

/// Checkers that chance decides about, and the mutant that they are the first
/// to find in some seed: others find it too, where it does more harm.
const CLOSE: [(&str, &str); 2] = [("honest", "restored-writes-on"), ("order", "batch-seen")];

/// Whether this checker is the first to find a mutant.
fn is_first(checker: &str, kills: &[Kill]) -> bool {
    let finds = |mutant: &Mutant, seed| {
        let found = found_in(mutant, &world(mutant, seed));
        found.is_some_and(|violation| violation.checker == checker)
    };
    let close = CLOSE.iter().filter(|(name, _)| *name == checker);
    let mut close = close.filter_map(|(_, mutant)| named(mutant));
    kills.iter().any(|kill| kill.violation.checker == checker)
        || close.any(|mutant| (1..=SEEDS).any(|seed| finds(mutant, seed)))
}

#[test]
fn every_mutant_is_found_and_every_checker_is_the_first_to_find_one() {
    let hunts = hunts();
    let missed: Vec<&str> = hunts
        .iter()
        .filter(|hunt| hunt.kill.is_none())
        .map(|hunt| hunt.mutant)
        .collect();
    assert_eq!(missed, [""; 0]);
    let kills: Vec<Kill> = hunts.into_iter().filter_map(|hunt| hunt.kill).collect();
    let checkers = all();
    let checkers = checkers.iter().map(|checker| checker.name());
    let idle: Vec<&str> = checkers.filter(|name| !is_first(name, &kills)).collect();
    assert_eq!(idle, [""; 0], "without them as much would be found");
}
