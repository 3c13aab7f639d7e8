//! Every case that was kept: the product keeps its promises in it, and the
//! variant that it names does not.

use cairn_sim::kept::{CASE, EVENTS, Kept, PAGE, SCHEDULE};
use cairn_sim::trace::Event;
use std::fs;
use std::path::{Path, PathBuf};

/// Entries of a schedule that a person can still follow.
const ENTRIES_MAX: usize = 10;

/// Every folder by its name, in their order.
fn folders() -> Vec<(String, PathBuf)> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../simulations/regressions");
    let entries = fs::read_dir(place).expect("the folder of regressions");
    let mut folders: Vec<(String, PathBuf)> = entries
        .map(|entry| {
            let path = entry.expect("an entry of it").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), path)
        })
        .collect();
    folders.sort();
    folders
}

fn text(folder: &Path, name: &str) -> String {
    let file = folder.join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn kept(folder: &Path) -> Kept {
    Kept::read(&text(folder, CASE), &text(folder, SCHEDULE))
        .unwrap_or_else(|words| panic!("{}: {words}", folder.display()))
}

/// What is wrong with the kept cases that `of` gives something for.
fn wrong(of: impl Fn(&Kept) -> Option<String>) -> Vec<String> {
    let folders = folders().into_iter();
    folders
        .filter_map(|(name, folder)| Some(format!("{name}: {}", of(&kept(&folder))?)))
        .collect()
}

#[test]
fn every_kept_case_is_short_and_says_how_it_is_run_again() {
    let folders = folders();
    assert!(folders.len() >= 8, "{} cases are kept", folders.len());
    for (name, folder) in folders {
        let page = text(&folder, PAGE);
        let command = format!("cairn sim replay simulations/regressions/{name}");
        assert!(page.contains(&command), "{name}: {page}");
        let kept = kept(&folder);
        assert!(kept.story.ends_with('.'), "{name}: {}", kept.story);
        assert!(page.starts_with(&kept.story), "{name}: {page}");
        for line in text(&folder, EVENTS).lines() {
            let event: Result<Event, _> = serde_json::from_str(line);
            assert!(event.is_ok(), "{name}: {line}: {event:?}");
        }
        let entries = kept.case.schedule.entries.len();
        assert!(entries <= ENTRIES_MAX, "{name}: {entries} entries");
    }
}

#[test]
fn the_product_keeps_its_promises_in_every_kept_case() {
    let broken = wrong(|kept| {
        let found = kept.found_in_the_product()?;
        Some(format!("{}: {}", found.checker, found.words))
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_variant_breaks_the_promise_in_the_case_that_names_it() {
    let kept_after_all = wrong(|kept| {
        let name = kept.mutant.as_ref()?;
        let found = kept.found_in_the_mutant();
        let right = found
            .as_ref()
            .is_some_and(|f| f.checker == kept.found.checker);
        (!right).then(|| format!("{name} gives {found:?}, not {:?}", kept.found))
    });
    assert!(kept_after_all.is_empty(), "{}", kept_after_all.join("\n"));
}
