//! What may be named as a history.

use crate::exit::{Exit, Failure};
use crate::settings::unusable;
use cairn_lab::compare::Subject;
use cairn_lab::door::Lists;
use cairn_lab::history::read::{self, ReadFault};
use cairn_lab::ledger::Budget;
use cairn_lab::synthetic::Scene;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes of a file that describes a workload.
const SCENE_BYTES_MAX: u64 = 64 * 1024;

/// How histories are taken.
pub(super) struct Taken {
    /// How often a synthetic one is lived.
    pub(super) seeds: u64,
    /// What lists in a folder are.
    pub(super) lists: Lists,
    /// Whether everything that was done is taken, not only what met.
    pub(super) whole: bool,
    /// What recorded ones may take.
    pub(super) budget: Option<Budget>,
}

/// The history of this name.
pub(super) fn subject(history: &str, taken: &Taken) -> Result<Subject, Failure> {
    if let Some(name) = history.strip_prefix("synthetic:") {
        return Ok(Subject::synthetic(scene(name)?, 0..taken.seeds));
    }
    if let Some(name) = history.strip_prefix("closed:") {
        return Ok(Subject::closed(scene(name)?, 0..taken.seeds));
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
    Ok(Subject::recorded(
        &name_of(&path),
        source,
        taken.budget,
        move || File::open(&path).map(BufReader::new),
    ))
}

/// The scene of this name, or that a file describes.
fn scene(name: &str) -> Result<Scene, Failure> {
    if let Some(scene) = Scene::named(name) {
        return Ok(scene);
    }
    let path = Path::new(name);
    let is_file = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    if !is_file {
        let lines: Vec<String> = Scene::names()
            .map(|(name, what)| format!("\n  {name}: {what}"))
            .collect();
        return Err(Failure::not_found(format!(
            "there is no synthetic history `{name}`; name a file of its parameters that ends with \
             .toml, or one of:{}",
            lines.concat()
        )));
    }
    let file = File::open(path).map_err(|error| unusable(path, "read", &error))?;
    let mut text = String::new();
    file.take(SCENE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| unusable(path, "read", &error))?;
    let fault = |what: String| Failure::new(Exit::Usage, format!("{name}: {what}"));
    if text.len() as u64 > SCENE_BYTES_MAX {
        return Err(fault(format!(
            "it has more than {SCENE_BYTES_MAX} bytes; the parameters of a workload take a few lines"
        )));
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    Scene::from_toml(stem.as_deref().unwrap_or(name), &text).map_err(fault)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn named(history: &str) -> Result<Subject, Failure> {
        let taken = Taken {
            seeds: 3,
            lists: Lists::Values,
            whole: false,
            budget: None,
        };
        subject(history, &taken)
    }

    fn refused(history: &str) -> String {
        match named(history) {
            Err(failure) => failure.to_string(),
            Ok(subject) => panic!("{} was taken", subject.name),
        }
    }

    #[test]
    fn a_scene_is_taken_in_either_loop() {
        for (name, _) in Scene::names() {
            let open = named(&format!("synthetic:{name}")).expect(name);
            let closed = named(&format!("closed:{name}")).expect(name);
            assert_eq!((open.name.as_str(), open.seeds.len()), (name, 3));
            assert_eq!(closed.name, format!("{name}, closed loop"));
            assert_ne!(open.source, closed.source);
        }
        assert!(refused("closed:nobody").contains("\n  sales: a week"));
    }

    #[test]
    fn a_file_of_parameters_is_taken_or_refused_with_its_name() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("depot.toml");
        let name = format!("synthetic:{}", path.display());
        assert!(refused(&name).contains("depot.toml"));
        std::fs::write(&path, "devices = 3\n").expect("it is written");
        assert_eq!(named(&name).expect("it is sound").name, "depot");
        std::fs::write(&path, "devices = 0\n").expect("it is written");
        let words = refused(&name);
        assert!(
            words.ends_with("depot.toml: `devices` is 0; 1 to 1000 is possible"),
            "{words}"
        );
        let long = "#".repeat(SCENE_BYTES_MAX as usize + 1);
        std::fs::write(&path, long).expect("it is written");
        assert!(refused(&name).contains("it has more than 65536 bytes"));
    }
}
