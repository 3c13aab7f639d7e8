//! Who may depend on whom.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cargo::{self, list, text};
use crate::expect_none;

/// What a package of the workspace may depend on inside the workspace. Lower lines may use
/// higher ones, never the reverse.
const EDGES: &[(&str, &[&str])] = &[
    ("cairn-model", &[]),
    ("cairn-oplog", &["cairn-model"]),
    ("cairn-policy", &["cairn-model"]),
    (
        "cairn-projection",
        &["cairn-model", "cairn-oplog", "cairn-policy"],
    ),
    (
        "cairn-proto",
        &["cairn-model", "cairn-oplog", "cairn-projection"],
    ),
    (
        "cairn-scope",
        &["cairn-model", "cairn-oplog", "cairn-projection"],
    ),
    ("cairn-agent", MACHINE),
    (
        "cairn-relay",
        &[
            "cairn-model",
            "cairn-oplog",
            "cairn-policy",
            "cairn-projection",
            "cairn-proto",
            "cairn-scope",
        ],
    ),
    (
        "cairn-store",
        &["cairn-model", "cairn-oplog", "cairn-projection"],
    ),
    (
        "cairn-net",
        &[
            "cairn-model",
            "cairn-oplog",
            "cairn-projection",
            "cairn-proto",
            "cairn-agent",
            "cairn-relay",
            "cairn-store",
        ],
    ),
    ("cairn-sim", BENCH),
    ("cairn-lab", LAB),
    ("cairn-import", &["cairn-lab"]),
    ("cairn-cli", PRODUCT),
    ("cairn-tests", EVERYTHING),
    ("cairn-xtask", &[]),
];

/// The two machines use the same crates and never each other: they meet in messages. Which records
/// a device holds is the relay's alone to say.
const MACHINE: &[&str] = &[
    "cairn-model",
    "cairn-oplog",
    "cairn-policy",
    "cairn-projection",
    "cairn-proto",
];

/// The workbench stands on the pure crates: its disks and networks are its own. Its tier `quic`,
/// a feature, stands on the services and the store as they ship.
const BENCH: &[&str] = &[
    "cairn-model",
    "cairn-oplog",
    "cairn-policy",
    "cairn-projection",
    "cairn-proto",
    "cairn-agent",
    "cairn-relay",
    "cairn-store",
    "cairn-net",
];

/// The lab hands ledgers to the fold of the product, and its synthetic people work in the
/// simulator's world.
const LAB: &[&str] = &[
    "cairn-model",
    "cairn-oplog",
    "cairn-policy",
    "cairn-projection",
    "cairn-sim",
];

const PRODUCT: &[&str] = &[
    "cairn-model",
    "cairn-oplog",
    "cairn-policy",
    "cairn-projection",
    "cairn-proto",
    "cairn-scope",
    "cairn-agent",
    "cairn-relay",
    "cairn-store",
    "cairn-net",
    "cairn-sim",
    "cairn-lab",
    "cairn-import",
];

const EVERYTHING: &[&str] = &[
    "cairn-model",
    "cairn-oplog",
    "cairn-policy",
    "cairn-projection",
    "cairn-proto",
    "cairn-scope",
    "cairn-agent",
    "cairn-relay",
    "cairn-store",
    "cairn-net",
    "cairn-sim",
    "cairn-lab",
    "cairn-import",
    "cairn-cli",
];

/// The crates that take time, randomness and bytes as inputs.
pub(crate) const PURE: &[&str] = &[
    "cairn-model",
    "cairn-oplog",
    "cairn-policy",
    "cairn-projection",
    "cairn-proto",
    "cairn-scope",
    "cairn-agent",
    "cairn-relay",
];

/// What a pure crate may use from outside: libraries that compute and do nothing else.
const PURE_LIBRARIES: &[&str] = &[
    "automerge",
    "bincode",
    "blake3",
    "cel",
    "data-encoding",
    "ed25519-dalek",
    "jiff",
    "roaring",
    "rust_decimal",
    "serde",
    "serde_json",
    "thiserror",
    "toml_edit",
    "tracing",
    "zeroize",
    "zstd",
];

/// What the tests inside a pure crate may use besides. Time and randomness stay inputs there
/// too: proptest is seeded, and anything that needs a disk or a socket is tested from `tests/`.
const PURE_TEST_LIBRARIES: &[&str] = &["proptest"];

/// A dependency as a manifest names it.
struct Edge {
    from: String,
    to: String,
    only_for_tests: bool,
}

fn edges() -> Vec<Edge> {
    cargo::members().iter().flat_map(edges_of).collect()
}

fn edges_of(package: &Value) -> Vec<Edge> {
    let edge = |dependency: &Value| Edge {
        from: text(&package["name"]).to_owned(),
        to: text(&dependency["name"]).to_owned(),
        only_for_tests: dependency["kind"] == "dev",
    };
    list(&package["dependencies"]).iter().map(edge).collect()
}

fn allowed(package: &str) -> &'static [&'static str] {
    EDGES
        .iter()
        .find(|(name, _)| *name == package)
        .map_or(&[], |(_, allowed)| allowed)
}

#[test]
fn crates_depend_only_along_the_drawn_edges() {
    let inside = |edge: &Edge| edge.to.starts_with("cairn-");
    let drawn = |edge: &Edge| allowed(&edge.from).contains(&edge.to.as_str());
    let offences: Vec<_> = edges()
        .iter()
        .filter(|edge| inside(edge) && !drawn(edge))
        .map(|edge| format!("{} depends on {}", edge.from, edge.to))
        .collect();
    expect_none(
        "A crate depends only on the crates that EDGES allows it.",
        "decisions stay free of IO, and the two machines meet only in messages. Tests that need \
         several crates belong to the package in tests/",
        &offences,
    );
}

#[test]
fn every_package_has_its_line_of_edges() {
    let members = cargo::members();
    let members: BTreeSet<&str> = members.iter().map(|member| text(&member["name"])).collect();
    let lines: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        lines, members,
        "EDGES names exactly the packages of the workspace"
    );
}

#[test]
fn pure_crates_use_only_libraries_that_compute() {
    let fine = |edge: &Edge| {
        edge.to.starts_with("cairn-")
            || PURE_LIBRARIES.contains(&edge.to.as_str())
            || edge.only_for_tests && PURE_TEST_LIBRARIES.contains(&edge.to.as_str())
    };
    let offences: Vec<_> = edges()
        .iter()
        .filter(|edge| PURE.contains(&edge.from.as_str()) && !fine(edge))
        .map(|edge| format!("{} depends on {}", edge.from, edge.to))
        .collect();
    expect_none(
        "A pure crate uses only the libraries of PURE_LIBRARIES.",
        "product and simulator run the same code, so a library that reads the clock, the disk, \
         the network or the system's randomness belongs in a shell. One that only computes may \
         be added to the list",
        &offences,
    );
}
