//! What may be named as a history.

use crate::exit::{Exit, Failure};
use crate::settings::unusable;
use cairn_lab::compare::Subject;
use cairn_lab::door::Lists;
use cairn_lab::history::read::{self, ReadFault};
use cairn_lab::synthetic::Workload;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// How histories are taken.
pub(super) struct Taken {
    /// How often a synthetic one is lived.
    pub(super) seeds: u64,
    /// What lists in a folder are.
    pub(super) lists: Lists,
    /// Whether everything that was done is taken, not only what met.
    pub(super) whole: bool,
}

/// The history of this name.
pub(super) fn subject(history: &str, taken: &Taken) -> Result<Subject, Failure> {
    if let Some(name) = history.strip_prefix("synthetic:") {
        let workload = Workload::named(name).ok_or_else(|| {
            let lines = Workload::NAMES.map(|(name, what)| format!("\n  {name}: {what}"));
            Failure::not_found(format!(
                "there is no synthetic history `{name}`; there are:{}",
                lines.concat()
            ))
        })?;
        return Ok(Subject::synthetic(workload, 0..taken.seeds));
    }
    let path = PathBuf::from(history);
    if path.is_dir() {
        return folder(history, &path, taken);
    }
    if !path.exists() {
        return Err(Failure::not_found(format!(
            "{history} is not there; name a file that `cairn log export` wrote, a folder with \
             merges.jsonl and outcomes.jsonl, or synthetic:office"
        )));
    }
    let source = hash(&[&path], "recorded")?;
    Ok(Subject::recorded(&name_of(&path), source, move || {
        File::open(&path).map(BufReader::new)
    }))
}

/// A folder in the form of the public histories.
fn folder(history: &str, folder: &Path, taken: &Taken) -> Result<Subject, Failure> {
    let name = name_of(folder);
    let fault = |fault: ReadFault| {
        let exit = match fault {
            ReadFault::Io { .. } => Exit::Storage,
            _ => Exit::Usage,
        };
        Failure::new(exit, format!("{history}: {fault}"))
    };
    if taken.whole {
        let ops = file(folder, "ops")?;
        let source = hash(&[&ops], "whole")?;
        let steps = read::steps(opened(&ops, "ops.jsonl")?).map_err(fault)?;
        return Ok(Subject::whole(&name, source, steps));
    }
    let (merges, outcomes) = (file(folder, "merges")?, file(folder, "outcomes")?);
    let form = match taken.lists {
        Lists::Values => "merges, lists are values",
        Lists::Sets => "merges, lists are sets",
    };
    let source = hash(&[&merges, &outcomes], form)?;
    let read = read::merges(
        opened(&merges, "merges.jsonl")?,
        opened(&outcomes, "outcomes.jsonl")?,
    );
    Ok(Subject::merges(
        &name,
        source,
        read.map_err(fault)?,
        taken.lists,
    ))
}

/// A file of a folder, compressed or not.
fn file(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let forms = ["jsonl", "jsonl.zst"];
    let paths = forms.map(|form| folder.join(format!("{name}.{form}")));
    let found = paths.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::not_found(format!(
            "{} has neither {name}.jsonl nor {name}.jsonl.zst; is it a history?",
            folder.display()
        ))
    })
}

fn opened<'a>(path: &Path, name: &'a str) -> Result<read::File<'a>, Failure> {
    let file = File::open(path).map_err(|error| unusable(path, "read", &error))?;
    Ok(read::File {
        name,
        bytes: Box::new(file),
    })
}

/// A hash over files and the form they are taken in.
fn hash(files: &[&Path], form: &str) -> Result<String, Failure> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(form.as_bytes());
    for path in files {
        let mut one = blake3::Hasher::new();
        let file = File::open(path).map_err(|error| unusable(path, "read", &error))?;
        one.update_reader(file)
            .map_err(|error| unusable(path, "read", &error))?;
        hasher.update(one.finalize().as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The last part of a path: results do not say where somebody keeps things.
fn name_of(path: &Path) -> String {
    let whole = path.canonicalize();
    let name = whole.as_deref().unwrap_or(path).file_name();
    name.map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
