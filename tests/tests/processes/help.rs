//! `--help` of every command.

use crate::network::Network;
use crate::program::{cairn, typed};
use cairn_tests::workspace;

/// The commands below one, from its help.
fn below(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every command line that does something, below this one.
fn verbs(line: &[String], found: &mut Vec<(String, String)>) {
    let arguments: Vec<&str> = line.iter().map(String::as_str).chain(["--help"]).collect();
    let shown = cairn(&arguments);
    assert_eq!(shown.code, 0, "{shown:?}");
    let below = below(&shown.out);
    if below.is_empty() {
        found.push((line.join(" "), shown.out));
        return;
    }
    for name in below {
        verbs(&[line, &[name]].concat(), found);
    }
}

#[test]
fn every_verb_shows_an_example() {
    let mut found = Vec::new();
    verbs(&[], &mut found);
    assert!(found.len() > 25, "{found:?}");
    let lacking = found.iter().filter(|(line, help)| {
        let examples = help.split_once("\nExample").map(|(_, examples)| examples);
        !examples.is_some_and(|examples| examples.contains(&format!("cairn {line}")))
    });
    let lacking: Vec<&str> = lacking.map(|(line, _)| line.as_str()).collect();
    assert_eq!(lacking, [""; 0], "these show no example of themselves");
}

/// Verbs whose examples stand for themselves, on a relay with the sample and
/// amara's device. Those of the others name a ticket, a file or an issue that
/// nobody has, or take long.
const ON_THE_SAMPLE: &[&str] = &[
    "relay ticket",
    "relay device list",
    "relay status",
    "device sync",
    "device mode",
    "device status",
    "record",
    "conflict list",
    "issue list",
    "export",
    "log show",
    "log export",
    "lab check-policy",
    "org",
    "profile",
    "sample",
];

/// The command lines of the examples, without what is said beside them.
fn examples(help: &str) -> impl Iterator<Item = &str> {
    let (_, examples) = help.split_once("\nExample").unwrap_or_default();
    let lines = examples.lines().filter_map(|line| line.strip_prefix("  "));
    let lines = lines.filter(|line| line.starts_with("cairn "));
    lines.map(|line| line.split("    ").next().unwrap_or(line))
}

#[test]
fn the_examples_do_what_they_say() {
    let (network, _relay) = Network::with_devices(1);
    network.ok("hq", &["sample", "--load"]);
    network.sync("amara");
    let folder = network.path("");
    let organization = network.path("my-organization");
    // Examples name files of the checkout.
    let simulations = workspace::root().join("simulations");
    std::os::unix::fs::symlink(simulations, folder.join("simulations")).unwrap();
    let mut found = Vec::new();
    verbs(&[], &mut found);
    let stand_alone = |line: &str| ON_THE_SAMPLE.iter().any(|verb| line.starts_with(verb));
    let mut run = 0;
    for (verb, help) in found.iter().filter(|(line, _)| stand_alone(line)) {
        // No ledger was there at a moment that is written down.
        for line in examples(help).filter(|line| !line.contains("--as-of 2026")) {
            if organization.exists() {
                std::fs::remove_dir_all(&organization).unwrap();
            }
            if [
                "org check",
                "org diff",
                "org publish",
                "profile diff",
                "profile publish",
                "profile preview",
            ]
            .contains(&verb.as_str())
            {
                typed(
                    "cairn org template field-service my-organization",
                    &folder,
                    "hq",
                );
            }
            let done = typed(line, &folder, "amara");
            assert_eq!(done.code, 0, "{line}: {done:?}");
            run += 1;
        }
    }
    assert!(run > 30, "{run} examples");
}
