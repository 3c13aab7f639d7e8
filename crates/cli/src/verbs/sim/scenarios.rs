//! Scenario files.

use crate::exit::Failure;
use cairn_sim::scenario::{Scenario, Tier};
use std::fs;
use std::path::{Path, PathBuf};

/// Where scenarios are looked for when none is named.
const FOLDER: &str = "simulations/scenarios";

/// The named scenarios, or all there are, in their own tier or in this one.
pub(super) fn read_all(named: &[PathBuf], tier: Option<Tier>) -> Result<Vec<Scenario>, Failure> {
    let found;
    let files = match named.is_empty() {
        false => named,
        true => {
            found = all()?;
            &found
        }
    };
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

fn all() -> Result<Vec<PathBuf>, Failure> {
    let missing = |error| {
        Failure::not_found(format!(
            "there are no scenarios in {FOLDER} ({error}); name a scenario file"
        ))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(FOLDER).map_err(missing)? {
        let path = entry.map_err(missing)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Failure::not_found(format!(
            "there are no scenarios in {FOLDER}; name a scenario file"
        ))),
        false => Ok(files),
    }
}
