//! What comes from outside. `deny.toml` states the rules for `cargo deny`; these tests hold the
//! tree to the same file with cargo alone.

use std::collections::BTreeSet;

use cairn_tests::workspace;
use toml_edit::{DocumentMut, Item, Value};

use crate::cargo::{self, Package};
use crate::expect_none;

/// How many foreign packages the program `cairn` may be made of, those that run while it is
/// compiled included. Each is code someone must trust and every build must wait for.
const FOREIGN_PACKAGES_MAX: usize = 238;

/// Crates that are held to one line of versions, and why.
const PINS: &[(&str, &str, &str)] = &[
    ("sled", "0.34.7", "the files on disk are its format"),
    (
        "bincode",
        "2.",
        "the bytes on the wire are its standard configuration",
    ),
];

fn deny() -> DocumentMut {
    workspace::file("deny.toml")
        .text
        .parse()
        .expect("deny.toml is TOML")
}

fn array(item: &Item) -> impl Iterator<Item = &Value> {
    item.as_array().expect("a list in deny.toml").iter()
}

fn key<'a>(entry: &'a Value, key: &str) -> &'a str {
    let found = entry
        .as_inline_table()
        .and_then(|table| table.get(key))
        .and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("deny.toml: {entry} has no {key}"))
}

fn foreign_packages() -> Vec<Package> {
    cargo::tree()
        .into_values()
        .filter(|package| package.foreign)
        .collect()
}

fn shown(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

#[test]
fn licences_are_on_the_list() {
    let deny = deny();
    let allowed: BTreeSet<&str> = array(&deny["licenses"]["allow"])
        .map(|name| name.as_str().expect("a name"))
        .collect();
    let exceptions = deny["licenses"]["exceptions"].as_array_of_tables();
    let is_exception = |package: &Package| {
        let mut exceptions = exceptions.iter().flat_map(|tables| tables.iter());
        exceptions.any(|entry| {
            let mut allowed = array(&entry["allow"]).map(Value::as_str);
            entry["crate"].as_str() == Some(&package.name)
                && allowed.any(|license| license == package.license.as_deref())
        })
    };
    let offences: Vec<_> = foreign_packages()
        .iter()
        .filter(|package| {
            let license = package.license.as_deref();
            !license.is_some_and(|license| permits(license, &allowed)) && !is_exception(package)
        })
        .map(|package| format!("{}: {:?}", shown(package), package.license))
        .collect();
    expect_none(
        "Every foreign package can be used under the licences that deny.toml allows.",
        "Cairn is given away under MIT or Apache-2.0 and can ask for no more than these",
        &offences,
    );
}

/// Whether a licence expression can be satisfied with the allowed licences: one of the
/// alternatives is there, or, of what is joined by AND, all.
fn permits(license: &str, allowed: &BTreeSet<&str>) -> bool {
    let license = license.replace('/', " OR ");
    let alternatives = split_outside_parentheses(&license, " OR ");
    alternatives.iter().any(|alternative| {
        split_outside_parentheses(alternative, " AND ")
            .iter()
            .all(|one| {
                match one
                    .strip_prefix('(')
                    .and_then(|inner| inner.strip_suffix(')'))
                {
                    Some(inner) => permits(inner, allowed),
                    None => allowed.contains(one),
                }
            })
    })
}

fn split_outside_parentheses<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let is_outside = |at: usize| {
        let before = &text[..at];
        before.matches('(').count() == before.matches(')').count()
    };
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text
        .match_indices(separator)
        .filter(|(at, _)| is_outside(*at))
    {
        parts.push(text[start..at].trim());
        start = at + separator.len();
    }
    parts.push(text[start..].trim());
    parts
}

#[test]
fn a_licence_expression_is_read_as_meant() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Zlib"]);
    for fine in [
        "MIT",
        "GPL-3.0 OR MIT",
        "Apache-2.0/MIT",
        "(GPL-3.0 OR MIT) AND ISC",
    ] {
        assert!(permits(fine, &allowed), "{fine}");
    }
    for refused in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "GPL-3.0/LGPL-3.0",
    ] {
        assert!(!permits(refused, &allowed), "{refused}");
    }
}

#[test]
fn banned_crates_stay_out() {
    let deny = deny();
    let banned: BTreeSet<&str> = array(&deny["bans"]["deny"])
        .map(|ban| key(ban, "crate"))
        .collect();
    let offences: Vec<_> = foreign_packages()
        .iter()
        .filter(|package| banned.contains(package.name.as_str()))
        .map(shown)
        .collect();
    expect_none(
        "No crate that deny.toml bans is in the tree.",
        "each was left out for the reason that deny.toml gives",
        &offences,
    );
}

#[test]
fn pinned_crates_keep_their_version() {
    let tree = foreign_packages();
    for (name, versions, reason) in PINS {
        let found = tree.iter().filter(|package| package.name == *name);
        let offences: Vec<_> = found
            .filter(|package| !package.version.starts_with(versions))
            .map(shown)
            .collect();
        expect_none(&format!("{name} stays at {versions}."), reason, &offences);
    }
    let deny = deny();
    let pinned: BTreeSet<&str> = array(&deny["bans"]["deny"])
        .filter_map(|ban| key(ban, "crate").split_once('@'))
        .map(|(name, _)| name)
        .collect();
    let named: BTreeSet<&str> = PINS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(
        named, pinned,
        "PINS and the versions that deny.toml bans are about the same crates"
    );
}

#[test]
fn an_accepted_advisory_goes_with_its_crate() {
    let tree: BTreeSet<String> = foreign_packages()
        .into_iter()
        .map(|package| package.name)
        .collect();
    let deny = deny();
    let offences: Vec<_> = array(&deny["advisories"]["ignore"])
        .filter(|entry| {
            let named = key(entry, "reason").split_once(": ").map(|(name, _)| name);
            !named.is_some_and(|name| tree.contains(name))
        })
        .map(|entry| format!("{}: {}", key(entry, "id"), key(entry, "reason")))
        .collect();
    expect_none(
        "An advisory is accepted for a crate of the tree, which its reason names first.",
        "an entry left behind would hide the advisory when the crate comes back",
        &offences,
    );
}

#[test]
fn the_program_stays_small() {
    let tree = cargo::tree();
    let (program, _) = tree
        .iter()
        .find(|(_, package)| package.name == "cairn-cli")
        .expect("the program's package");
    let mut reached = BTreeSet::new();
    let mut next = vec![program];
    while let Some(id) = next.pop() {
        if reached.insert(id) {
            next.extend(&tree[id].links);
        }
    }
    let foreign = reached.iter().filter(|id| tree[**id].foreign).count();
    assert!(
        foreign <= FOREIGN_PACKAGES_MAX,
        "cairn is made of {foreign} foreign packages and {FOREIGN_PACKAGES_MAX} are allowed. \
         `cargo tree -e normal` shows who brings them; raise the limit if the newcomer is worth it"
    );
}
