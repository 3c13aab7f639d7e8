//! The text form, from mistakes to round trips.

mod describe;
mod identity;
mod mistakes;
mod round_trip;
mod security;
mod templates;

use super::{SourceFile, TextFault, parse};
use crate::definition::Definition;

/// The ids that the tests know of.
const POLICIES: &[&str] = &[
    "client-wins",
    "server-wins",
    "flag",
    "last-writer-wins",
    "first-writer-wins",
    "max",
    "min",
];

fn files(parts: &[(&str, &str)]) -> Vec<SourceFile> {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    };
    parts.iter().map(file).collect()
}

fn read(parts: &[(&str, &str)], base: &Definition) -> Result<Definition, Vec<TextFault>> {
    parse(&files(parts), base, POLICIES)
}

/// The definition, which has no faults.
fn read_whole(parts: &[(&str, &str)], base: &Definition) -> Definition {
    read(parts, base).unwrap_or_else(|faults| panic!("{}", shown(&faults)))
}

fn shown(faults: &[TextFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

const ORGANIZATION: (&str, &str) = ("organization.toml", "name = \"Test\"\n");
