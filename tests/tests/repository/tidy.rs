//! How files look.

use std::collections::BTreeSet;

use cairn_tests::code::{bracketed_length, code, find_word, is_test_file, line, without_tests};
use cairn_tests::workspace::{self, TextFile};

use crate::expect_none;

const FILE_LINES_MAX: usize = 800;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "misc", "manager", "types",
];

/// Folders of one machine. Written in pieces, or this line would break its own rule.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/t", "mp/"),
    concat!("/wo", "rk/"),
];

fn sources() -> Vec<TextFile> {
    ["crates", "proto", "tests"]
        .into_iter()
        .flat_map(workspace::rust_files)
        .collect()
}

/// Every place where `offence` finds something in the code of a source file.
fn places(offence: impl Fn(&TextFile, &str) -> Vec<usize>, what: &str) -> Vec<String> {
    let mut places = Vec::new();
    for file in sources() {
        let code = code(&file.text);
        let at = offence(&file, &code).into_iter();
        places.extend(at.map(|at| format!("{}:{} {what}", file.path, line(&code, at))));
    }
    places
}

#[test]
fn files_stay_short() {
    let offences: Vec<_> = sources()
        .iter()
        .map(|file| (&file.path, file.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect();
    expect_none(
        &format!("A source file has at most {FILE_LINES_MAX} lines."),
        "a longer one holds two concepts; give each its own module",
        &offences,
    );
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["todo!", "dbg!", "unimplemented!", "#[ignore"];
    let offences: Vec<_> = words
        .into_iter()
        .flat_map(|word| places(|_, code| find_word(code, word), word))
        .collect();
    expect_none(
        "No todo!, dbg!, unimplemented! or #[ignore].",
        "what is in the tree works and is run; an open question goes to the issue it belongs to",
        &offences,
    );
}

#[test]
fn tests_do_not_sleep() {
    let sleeps = |file: &TextFile, code: &str| {
        let outside_tests = without_tests(code);
        let product = if is_test_file(&file.path) {
            ""
        } else {
            &outside_tests
        };
        let in_product: BTreeSet<_> = find_word(product, "sleep").into_iter().collect();
        find_word(code, "sleep")
            .into_iter()
            .filter(|at| !in_product.contains(at))
            .collect()
    };
    expect_none(
        "A test does not sleep.",
        "a sleep is too short on a slow machine and wasted on a fast one; wait on the condition \
         itself, with a deadline",
        &places(sleeps, "sleeps"),
    );
}

#[test]
fn matches_is_asserted() {
    let bare = |_: &TextFile, code: &str| {
        let is_bare = |at: &usize| {
            let opens = code[..*at].trim_end().ends_with([';', '{', '}']);
            let call = *at + "matches!".len();
            opens
                && code[call + bracketed_length(&code[call..])..]
                    .trim_start()
                    .starts_with(';')
        };
        find_word(code, "matches!")
            .into_iter()
            .filter(is_bare)
            .collect()
    };
    expect_none(
        "matches!(...) is never a statement of its own.",
        "its answer is dropped, so it checks nothing; write assert!(matches!(...))",
        &places(bare, "drops the answer of matches!"),
    );
}

#[test]
fn modules_are_named_after_their_concept() {
    let is_empty_name = |path: &str| {
        let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
        EMPTY_NAMES.contains(&stem.rsplit('/').next().unwrap_or(stem))
    };
    let files = sources()
        .into_iter()
        .map(|file| file.path)
        .filter(|path| is_empty_name(path));
    let inline = EMPTY_NAMES.iter().flat_map(|name| {
        let declaration = format!("mod {name}");
        places(|_, code| find_word(code, &declaration), &declaration)
    });
    expect_none(
        &format!("No module is called {}.", EMPTY_NAMES.join(", ")),
        "such a name takes in anything; a module is a noun of the domain",
        &files.chain(inline).collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    let mut offences = Vec::new();
    for file in workspace::files_ending("", &["rs", "toml", "md", "sh", "json"]) {
        for (number, text) in (1..).zip(file.text.lines()) {
            let named = MACHINE_FOLDERS
                .iter()
                .filter(|folder| names_folder(text, folder));
            offences.extend(named.map(|folder| format!("{}:{number} names {folder}", file.path)));
        }
    }
    expect_none(
        "No file names an absolute folder of one machine.",
        "it is not there on the next one; take the folder as an argument or make a temporary one",
        &offences,
    );
}

/// Whether `text` holds `folder` as the start of a path and not as its middle.
fn names_folder(text: &str, folder: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || "._-~}>".contains(c);
    text.match_indices(folder)
        .any(|(at, _)| !text[..at].ends_with(continues))
}

#[test]
fn a_path_is_absolute_only_at_its_start() {
    let folder = MACHINE_FOLDERS[1];
    assert!(names_folder(&format!("see `{folder}x`"), folder));
    assert!(!names_folder(&format!("target{folder}x"), folder));
}

#[test]
fn every_crate_opens_with_its_job() {
    let is_root = |path: &str| path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    let offences: Vec<_> = sources()
        .into_iter()
        .filter(|file| is_root(&file.path) && !file.text.starts_with("//! "))
        .map(|file| format!("{} starts with something else", file.path))
        .collect();
    expect_none(
        "The root of a crate opens with //! documentation.",
        "whoever arrives reads there what the crate is for and what it must not know",
        &offences,
    );
}

#[test]
fn the_map_of_the_crates_names_exactly_the_folders() {
    let map = workspace::file("crates/README.md").text;
    let mut mapped: Vec<String> = map.lines().filter_map(mapped_folder).collect();
    mapped.sort();
    let mut folders = workspace::crate_folders();
    folders.extend(["proto".to_owned(), "tests".to_owned()]);
    folders.sort();
    assert_eq!(
        mapped, folders,
        "crates/README.md has one row for each folder of the workspace"
    );
}

/// The folder a row of the map is about: its first cell, as in "| `model` | ...".
fn mapped_folder(row: &str) -> Option<String> {
    let (folder, _) = row.strip_prefix("| `")?.split_once("` |")?;
    Some(folder.trim_end_matches('/').to_owned())
}
