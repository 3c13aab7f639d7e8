//! What the source of a pure crate never names.

use cairn_tests::code::{bracketed_length, code, find_word, is_test_file, line, without_tests};
use cairn_tests::workspace;

use crate::architecture::PURE;
use crate::expect_none;

struct Ban {
    reason: &'static str,
    words: &'static [&'static str],
}

const BANS: &[Ban] = &[
    Ban {
        reason: "IO belongs in a shell: a machine is handed bytes and gives bytes back, so that \
                 the simulator can run it on a faulty disk and network",
        words: &[
            "std::fs",
            "std::net",
            "std::os",
            "std::env",
            "std::process",
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
        ],
    },
    Ban {
        reason: "a machine has no motor of its own: whoever drives it decides when it runs",
        words: &["std::thread", "async", ".await"],
    },
    Ban {
        reason: "time is an input: the same ledger must fold to the same bytes on every machine, \
                 and the simulator turns the clock itself",
        words: &[
            "SystemTime",
            "Instant::now",
            "Timestamp::now",
            "Zoned::now",
            "TimeZone::system",
        ],
    },
    Ban {
        reason: "their order differs from run to run; BTreeMap and BTreeSet keep one",
        words: &["HashMap", "HashSet", "hash_map", "hash_set", "RandomState"],
    },
    Ban {
        reason: "randomness is an input: one seed must give one history",
        words: &[
            "thread_rng",
            "getrandom",
            "OsRng",
            "rand::rng",
            "rand::random",
        ],
    },
];

#[test]
fn pure_crates_name_no_io_clock_randomness_or_hash_order() {
    for ban in BANS {
        let mut offences = Vec::new();
        for package in PURE {
            for file in workspace::rust_files(&source_folder(package)) {
                if !is_test_file(&file.path) {
                    let code = spelled_out(&without_tests(&code(&file.text)));
                    offences.extend(named(ban, &file.path, &code));
                }
            }
        }
        let rule = format!("A pure crate never names {}.", ban.words.join(", "));
        expect_none(&rule, ban.reason, &offences);
    }
}

/// The one module of the simulator that runs several worlds at a time.
const CAMPAIGN: &str = "crates/sim/src/campaign.rs";

/// Tier `quic` of the simulator: runs the services, which wait, and keeps their directories. Its
/// clock is the paused one of its runtime. Randomness and orders are the world's there too.
const QUIC: &str = "crates/sim/src/quic";
const QUIC_MAY: [&str; 5] = ["std::fs", "std::net", "async", ".await", "Instant::now"];

/// What a part of the simulator names for its own reason.
fn is_excused(path: &str, offence: &str) -> bool {
    let names = |word: &str| offence.ends_with(&format!("names {word}"));
    match path {
        CAMPAIGN => names("std::thread"),
        path if path.starts_with(QUIC) => QUIC_MAY.into_iter().any(names),
        _ => false,
    }
}

/// Worlds know nothing of each other; each is as pure as what it runs, so that one seed is one
/// history on every machine.
#[test]
fn the_simulator_names_no_io_clock_randomness_or_hash_order() {
    for ban in BANS {
        let mut offences = Vec::new();
        for file in workspace::rust_files("crates/sim/src") {
            if !is_test_file(&file.path) {
                let code = spelled_out(&without_tests(&code(&file.text)));
                let found = named(ban, &file.path, &code);
                let offends = |offence: &String| !is_excused(&file.path, offence);
                offences.extend(found.into_iter().filter(offends));
            }
        }
        let rule = format!("The simulator never names {}.", ban.words.join(", "));
        expect_none(&rule, ban.reason, &offences);
    }
}

fn source_folder(package: &str) -> String {
    let folder = package
        .strip_prefix("cairn-")
        .expect("packages are named after their folder");
    if folder == "proto" {
        "proto/src".to_owned()
    } else {
        format!("crates/{folder}/src")
    }
}

fn named(ban: &Ban, path: &str, code: &str) -> Vec<String> {
    let places = |word: &&str| {
        let lines = find_word(code, word).into_iter().map(|at| line(code, at));
        lines
            .map(|line| format!("{path}:{line} names {word}"))
            .collect::<Vec<_>>()
    };
    ban.words.iter().flat_map(places).collect()
}

/// `code` with the modules of `std::{fs, io}` spelled out as `std::fs std::io` where they stand.
fn spelled_out(code: &str) -> String {
    let group = "std::{";
    let mut spelled = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(group) {
        let open = at + group.len() - 1;
        let length = bracketed_length(&rest[open..]);
        spelled.push_str(&rest[..at]);
        for item in outermost_items(&rest[open + 1..open + length - 1]) {
            let blank = item.len() - item.trim_start().len();
            spelled.push_str(&item[..blank]);
            spelled.push_str(&format!("std::{} ", item.trim_start()));
        }
        rest = &rest[open + length..];
    }
    spelled + rest
}

/// The items of a use group, split at its outermost commas.
fn outermost_items(group: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(c) = group[at..].chars().next() {
        match c {
            '{' => at += bracketed_length(&group[at..]),
            ',' => {
                items.push(&group[start..at]);
                at += 1;
                start = at;
            }
            _ => at += c.len_utf8(),
        }
    }
    items.push(&group[start..]);
    items
}

#[test]
fn a_use_group_hides_nothing() {
    let code = spelled_out("use std::{\n collections::{A, B},\n fs,\n};\nx");
    assert_eq!(find_word(&code, "std::fs").len(), 1);
    assert_eq!(line(&code, code.find("std::fs").unwrap()), 3);
    assert_eq!(line(&code, code.find('x').unwrap()), 5);
}
