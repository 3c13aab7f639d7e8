//! Reports of runs.

use cairn_sim::check::{Checker, SameVersionSameDigest};
use cairn_sim::report::{Part, Report, Stage};
use cairn_sim::run::Case;
use cairn_sim::scenario::Scenario;
use cairn_sim::time::{HOUR, VirtualTime};
use cairn_sim::wiring::Straight;
use serde_json::Value as Json;

const STORM: &str = r#"
format = 1
story = "A </script><!-- story -> that tries & breaks <out>."
[time]
chaos = "6h"
[topology]
devices = 4
[organization]
policy = "flag"
kinds = ["text", "integer", "counter"]
records = 3
[offline]
online = { law = "exponential", min = "1m", mean = "40m" }
offline = { law = "exponential", min = "1m", mean = "30m" }
[workload]
pause = { law = "exponential", min = "5s", mean = "6m" }
hot = 1
hot-share = 0.9
[[fault]]
kind = "crash"
target = "any"
every = "50m"
[[fault]]
kind = "clock"
mode = "step"
amount = "+400d"
target = "device:1"
at = "1h"
[[fault]]
kind = "partition"
mode = "down"
target = "device:2"
at = "2h"
lasts = "20m"
"#;

fn case(text: &str) -> Case {
    let scenario = Scenario::parse("storm.toml", text).unwrap();
    scenario.case(4).unwrap()
}

fn report(case: &Case, part: Part) -> Report {
    let stage = Stage {
        wiring: &|| Box::new(Straight),
        checkers: &|| vec![Box::new(SameVersionSameDigest) as Box<dyn Checker>],
    };
    Report::of(case, &stage, part)
}

fn embedded(page: &str) -> Json {
    let start = "<script type=\"application/json\" id=\"data\">";
    let (_, rest) = page.split_once(start).unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

fn kinds(drawn: &Json) -> Vec<&str> {
    let list = drawn.as_array().unwrap();
    list.iter()
        .map(|thing| thing[1].as_str().unwrap())
        .collect()
}

#[test]
fn a_report_is_one_file_that_needs_nothing_else_and_is_always_the_same() {
    let case = case(STORM);
    let report = report(&case, Part::default());
    let page = report.to_html();
    for outside in ["http:", "https:", "src=", "@import", "url(", "fetch("] {
        assert!(!page.contains(outside), "the page has `{outside}`");
    }
    assert_eq!(embedded(&page), *report.data());
    assert_eq!(page.matches("</script").count(), 2, "the story breaks out");
    assert_eq!(page, self::report(&case, Part::default()).to_html());
}

#[test]
fn a_report_tells_what_happened() {
    let case = case(STORM);
    let report = report(&case, Part::default());
    let data = report.data();
    let outcome = report.outcome();
    assert_eq!(data["trace"], outcome.trace.to_string());
    assert_eq!(data["counts"]["edits"], outcome.counts["edits"]);
    let marks = kinds(&data["diagram"]["marks"]);
    for kind in ["edit", "crash", "clock", "synced"] {
        assert!(marks.contains(&kind), "no {kind} among {marks:?}");
    }
    let crashes = marks.iter().filter(|kind| **kind == "crash").count() as u64;
    assert_eq!(crashes, outcome.counts["crashes"]);
    let spans = kinds(&data["diagram"]["spans"]);
    for kind in ["away", "half", "session", "down", "clock"] {
        assert!(spans.contains(&kind), "no {kind} among {spans:?}");
    }
    let flights = data["diagram"]["flights"].as_array().unwrap();
    // What arrived at once belongs to the set-up, which is not counted.
    let arrived = |flight: &&Json| flight[3].as_u64().is_some_and(|at| at > 0);
    let arrived = flights.iter().filter(arrived).count() as u64;
    assert_eq!(arrived, outcome.counts["messages"]);
    // Whoever comes to agree in the end shares everything.
    let divergence = &data["divergence"];
    let lacking = divergence["lacking"].as_array().unwrap();
    let apart = |at: &Json| -> u64 {
        let cells = at.as_array().unwrap().iter();
        cells.map(|cell| cell.as_u64().unwrap()).sum()
    };
    assert!(lacking.iter().any(|at| apart(at) > 0), "nobody was apart");
    assert_eq!(outcome.violation, None);
    assert_eq!(apart(lacking.last().unwrap()), 0);
    // The record that everybody fought about is looked at first.
    let record = &data["lens"]["records"][0];
    assert_eq!(record["name"], "job 0");
    assert!(!record["conflicts"].as_array().unwrap().is_empty());
    let operations = record["operations"].as_array().unwrap();
    let merges = |operation: &Json| operation["causes"].as_array().unwrap().len() > 1;
    assert!(operations.iter().any(merges), "nobody saw two sides");
    let shown = record["screens"]["shown"].as_object().unwrap();
    let last = |host: &Json| host.as_array().unwrap().last().unwrap()[1].clone();
    let finally: Vec<Json> = shown.values().map(last).collect();
    assert_eq!(finally.len(), 5);
    assert!(
        finally.iter().all(|state| *state == finally[0]),
        "{finally:?}"
    );
}

#[test]
fn a_part_of_a_run_shows_only_that_part() {
    let case = case(STORM);
    let part = Part {
        from: Some(VirtualTime(HOUR)),
        until: Some(VirtualTime(2 * HOUR)),
    };
    let report = report(&case, part);
    let marks = report.data()["diagram"]["marks"].as_array().unwrap();
    assert!(!marks.is_empty());
    for mark in marks {
        let at = mark[2].as_u64().unwrap();
        assert!((HOUR..=2 * HOUR).contains(&at), "{mark}");
    }
}
