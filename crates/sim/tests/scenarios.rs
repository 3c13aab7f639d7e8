//! The scenario files of the repository.

use cairn_sim::check::{Checker, SameVersionSameDigest};
use cairn_sim::run::run;
use cairn_sim::scenario::{Scenario, Tier};
use cairn_sim::wiring::Straight;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// What belongs to no story: every seed is another world.
const SWARM: &str = "swarm.toml";
/// The seed that every story is run with here; campaigns run many.
const SEED: u64 = 1;

/// Every file by its name, in their order.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../simulations/scenarios");
    let entries = fs::read_dir(folder).expect("the folder of scenarios");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.expect("an entry of it").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a scenario file");
            (name.into_owned(), text)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_file_is_read_and_says_what_it_expects() {
    let files = files();
    assert!(files.len() > 25, "{} scenarios", files.len());
    for (name, text) in files {
        let scenario = Scenario::parse(&name, &text).unwrap_or_else(|fault| panic!("{fault}"));
        let case = scenario
            .case(SEED)
            .unwrap_or_else(|words| panic!("{name}: {words}"));
        assert!(!case.schedule.entries.is_empty(), "{name}: nothing happens");
        assert!(
            !scenario.expectations.is_empty(),
            "{name}: expects nothing in words"
        );
        let counted = scenario.expect.keys().map(|name| name.0.as_str());
        let counted: Vec<&str> = counted.collect();
        for cost in ["messages", "bytes", "conflicts", "issues"] {
            assert!(
                name == SWARM || counted.contains(&cost),
                "{name}: expects no {cost}"
            );
        }
    }
}

#[test]
fn every_story_comes_out_as_it_expects() {
    let files = Mutex::new(files());
    let broken: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = files.lock().expect("the files").pop();
            let Some((name, text)) = next else { return };
            let case = Scenario::parse(&name, &text).unwrap().case(SEED).unwrap();
            if case.plan.tier == Tier::Quic && cfg!(not(feature = "quic")) {
                continue;
            }
            let mut checkers: Vec<Box<dyn Checker>> = vec![Box::new(SameVersionSameDigest)];
            let (outcome, _) = run(&case, Box::new(Straight), &mut checkers, false);
            if let Some(violation) = outcome.violation {
                let told = format!("{name}: {}: {}", violation.checker, violation.words);
                broken.lock().expect("the list").push(told);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let broken = broken.into_inner().expect("the list");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
