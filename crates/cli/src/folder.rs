//! An organization definition in a folder of files.

use crate::exit::Failure;
use crate::settings::unusable;
use cairn_model::text::{self, SourceFile};
use std::fs;
use std::path::Path;

/// Folders inside folders that are looked into.
const DEPTH_MAX: usize = 4;
/// Bytes of one file: far above any definition, far below what hurts.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files of one definition.
const FILES_MAX: usize = 4_000;

/// The files of the folder, or of the template of that name.
pub(crate) fn read_or_template(folder: &Path) -> Result<Vec<SourceFile>, Failure> {
    if !folder.exists()
        && let Some(files) = folder.to_str().and_then(text::template)
    {
        return Ok(files);
    }
    read(folder)
}

/// The files of the folder.
pub(crate) fn read(folder: &Path) -> Result<Vec<SourceFile>, Failure> {
    if !folder.is_dir() {
        return Err(Failure::not_found(format!(
            "{} is no folder; `cairn org template field-service {}` makes one to start from",
            folder.display(),
            folder.display()
        )));
    }
    let mut files = Vec::new();
    gather(folder, "", DEPTH_MAX, &mut files)?;
    if files.is_empty() {
        return Err(Failure::not_found(format!(
            "{} holds no definition: organization.toml and types/*.toml are expected",
            folder.display()
        )));
    }
    files.sort_by(|one: &SourceFile, other| one.path.cmp(&other.path));
    Ok(files)
}

fn gather(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<SourceFile>,
) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| unusable(folder, "read", &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unusable(folder, "read", &error))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let about = fs::metadata(&path).map_err(|error| unusable(&path, "read", &error))?;
        if about.is_dir() && depth > 0 {
            gather(&path, &format!("{prefix}{name}/"), depth - 1, files)?;
        } else if about.is_file() && name.ends_with(".toml") {
            if about.len() > FILE_BYTES_MAX || files.len() == FILES_MAX {
                return Err(Failure::usage(format!(
                    "{} is too much for a definition; is this the right folder?",
                    path.display()
                )));
            }
            let text =
                fs::read_to_string(&path).map_err(|error| unusable(&path, "read", &error))?;
            files.push(SourceFile {
                path: format!("{prefix}{name}"),
                text,
            });
        }
    }
    Ok(())
}

/// Writes the files into a folder that holds no definition yet.
pub(crate) fn write(folder: &Path, files: &[SourceFile]) -> Result<(), Failure> {
    if folder.join("organization.toml").exists() {
        return Err(Failure::usage(format!(
            "{} holds a definition already; name another folder, or remove this one first",
            folder.display()
        )));
    }
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| unusable(parent, "made", &error))?;
        }
        fs::write(&path, &file.text).map_err(|error| unusable(&path, "written", &error))?;
    }
    Ok(())
}
