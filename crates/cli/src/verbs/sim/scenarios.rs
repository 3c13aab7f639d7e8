//! Scenario files.

use crate::exit::Failure;
use cairn_sim::scenario::{Scenario, Tier};
use std::fs;
use std::path::{Path, PathBuf};

/// Where scenarios are looked for when none is named.
const FOLDER: &str = "simulations/scenarios";

/// The named scenarios and those of the named folders, or all there are, in
/// their own tier or in this one.
pub(super) fn read_all(named: &[PathBuf], tier: Option<Tier>) -> Result<Vec<Scenario>, Failure> {
    let mut files = Vec::new();
    for place in named {
        match place.is_dir() {
            true => files.extend(all_of(place)?),
            false => files.push(place.clone()),
        }
    }
    if named.is_empty() {
        files = all_of(Path::new(FOLDER))?;
    }
    let read = |file: &PathBuf| {
        let scenario = read(file)?;
        Ok(match tier {
            Some(tier) => scenario.on(tier),
            None => scenario,
        })
    };
    files.iter().map(read).collect()
}

/// One scenario.
pub(super) fn read(file: &Path) -> Result<Scenario, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::not_found(format!("{} cannot be read: {error}", file.display()))
    })?;
    Scenario::parse(&file.display().to_string(), &text).map_err(Failure::usage)
}

/// The scenario files of a folder, in the order of their names.
fn all_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let missing = |why: &dyn std::fmt::Display| {
        Failure::not_found(format!(
            "there are no scenarios in {}{why}; name a scenario file",
            folder.display()
        ))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| missing(&format!(" ({error})")))? {
        let path = entry
            .map_err(|error| missing(&format!(" ({error})")))?
            .path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(missing(&"")),
        false => Ok(files),
    }
}
