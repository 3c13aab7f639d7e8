//! `--help` of every command.

use crate::program::cairn;

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
