//! Where a repository's history ends: its refs, as files.

use gix_hash::ObjectId;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Bytes of the files that list refs or commits.
const LIST_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Folders of refs in each other.
const DEPTH_MAX: usize = 32;
/// Digits of an object's name in a repository of the newer kind.
const SHA256_HEX: usize = 64;
/// Refs that mean refs.
const SYMBOLIC_MAX: usize = 5;

pub(super) struct Refs {
    /// What the repository's own branch means, if it has a commit.
    pub(super) head: Option<ObjectId>,
    /// What the refs mean that belong to its history.
    pub(super) others: Vec<ObjectId>,
}

/// A ref as its file says it.
enum Meaning {
    Object(ObjectId),
    Ref(String),
}

pub(super) fn read(folder: &Path) -> Result<Refs, String> {
    if folder.join("reftable").exists() {
        return Err("it keeps its refs in a reftable, which cannot be read; `git refs migrate --ref-format=files` makes files of it".to_owned());
    }
    let mut all = packed(folder)?;
    loose(folder, "refs", 0, &mut all)?;
    let mut head = small_file(&folder.join("HEAD"))?
        .map(|text| meaning(&text, "HEAD"))
        .transpose()?;
    for _ in 0..SYMBOLIC_MAX {
        match head {
            Some(Meaning::Ref(name)) => {
                head = all.get(&name).map(|meant| match meant {
                    Meaning::Object(id) => Meaning::Object(*id),
                    Meaning::Ref(name) => Meaning::Ref(name.clone()),
                });
            }
            _ => break,
        }
    }
    let head = match head {
        Some(Meaning::Object(id)) => Some(id),
        _ => None,
    };
    // What a symbolic ref means is there under its own name.
    let others = all.into_iter().filter_map(|(name, meant)| match meant {
        Meaning::Object(id) if belongs(&name) => Some(id),
        _ => None,
    });
    Ok(Refs {
        head,
        others: others.collect(),
    })
}

/// Whether a ref is of the history: of what people did, not of what programs
/// tried or put aside.
fn belongs(name: &str) -> bool {
    let proposed = |folder: &str| name.starts_with(folder) && name.ends_with("/head");
    ["refs/heads/", "refs/remotes/", "refs/tags/"]
        .iter()
        .any(|folder| name.starts_with(folder))
        || proposed("refs/pull/")
        || proposed("refs/merge-requests/")
}

fn packed(folder: &Path) -> Result<BTreeMap<String, Meaning>, String> {
    let mut refs = BTreeMap::new();
    let text = small_file(&folder.join("packed-refs"))?.unwrap_or_default();
    for line in text.lines() {
        // What a tag means follows after `^`; the objects say that too.
        if line.starts_with(['#', '^']) || line.is_empty() {
            continue;
        }
        let (id, name) = line
            .split_once(' ')
            .ok_or_else(|| format!("packed-refs has a line that names no ref: `{line}`"))?;
        refs.insert(name.to_owned(), Meaning::Object(object_id(id, name)?));
    }
    Ok(refs)
}

/// Loose refs stand before packed ones. Links are not followed.
fn loose(
    folder: &Path,
    name: &str,
    depth: usize,
    refs: &mut BTreeMap<String, Meaning>,
) -> Result<(), String> {
    let here = folder.join(name);
    let said = |error: std::io::Error| format!("{} cannot be read: {error}", here.display());
    let entries = match fs::read_dir(&here) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(said)?,
    };
    if depth > DEPTH_MAX {
        return Err(format!("{} lies too deep", here.display()));
    }
    for entry in entries {
        let entry = entry.map_err(said)?;
        let kind = entry.file_type().map_err(said)?;
        // Git makes no ref with a name that is no UTF-8 text of its own.
        let Ok(last) = entry.file_name().into_string() else {
            continue;
        };
        let name = format!("{name}/{last}");
        if kind.is_dir() {
            loose(folder, &name, depth + 1, refs)?;
        } else if kind.is_file() && !last.ends_with(".lock") {
            let text = small_file(&entry.path())?.unwrap_or_default();
            refs.insert(name.clone(), meaning(&text, &name)?);
        }
    }
    Ok(())
}

fn meaning(text: &str, name: &str) -> Result<Meaning, String> {
    match text.trim().strip_prefix("ref:") {
        Some(other) => Ok(Meaning::Ref(other.trim().to_owned())),
        None => object_id(text, name).map(Meaning::Object),
    }
}

pub(super) fn object_id(text: &str, name: &str) -> Result<ObjectId, String> {
    let text = text.trim();
    if text.len() == SHA256_HEX {
        return Err(
            "its objects are named by SHA-256, which cannot be read; convert it to SHA-1"
                .to_owned(),
        );
    }
    ObjectId::from_hex(text.as_bytes()).map_err(|_| {
        format!(
            "its `{name}` names no object (`{}`); mend or remove it",
            short(text)
        )
    })
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The text of a file that cannot be large; `None` if it is not there.
pub(super) fn small_file(path: &Path) -> Result<Option<String>, String> {
    let said = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(said)?,
    };
    if !found.is_file() {
        return Err(format!("{} is no plain file", path.display()));
    }
    let file = File::open(path).map_err(said)?;
    let mut text = String::new();
    let read = file.take(LIST_BYTES_MAX).read_to_string(&mut text);
    match read.map_err(said)? as u64 == LIST_BYTES_MAX {
        true => Err(format!("{} is too large", path.display())),
        false => Ok(Some(text)),
    }
}
