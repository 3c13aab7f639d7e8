//! The repository as files.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
#[derive(Debug)]
pub struct TextFile {
    /// Where it is, from the root of the repository, with `/` between folders.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// The root of the repository. Asked of cargo at run time: builds of two checkouts may share a
/// target folder, and then a path fixed while compiling may be the other one's.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("tests are run through cargo");
    Path::new(&package)
        .parent()
        .expect("the package lies in the repository")
        .to_owned()
}

/// The names of the folders under `crates/`, sorted.
pub fn crate_folders() -> Vec<String> {
    entries(&root().join("crates"))
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|path| {
            path.file_name()
                .expect("an entry has a name")
                .display()
                .to_string()
        })
        .collect()
}

/// Every Rust file under `folder`, sorted by path.
pub fn rust_files(folder: &str) -> Vec<TextFile> {
    files_ending(folder, &["rs"])
}

/// Every file under `folder` whose name ends in one of `endings`, sorted by path. Hidden folders
/// and build output are left out.
pub fn files_ending(folder: &str, endings: &[&str]) -> Vec<TextFile> {
    let mut found = Vec::new();
    collect(&root().join(folder), endings, &mut found);
    found
}

/// The file at `path`, from the root of the repository.
pub fn file(path: &str) -> TextFile {
    read(&root().join(path))
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<TextFile>) {
    for path in entries(folder) {
        let name = path
            .file_name()
            .expect("an entry has a name")
            .to_string_lossy();
        let extension = path.extension().unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| extension == *ending) {
            found.push(read(&path));
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    let mut paths: Vec<_> = listing
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> TextFile {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let inside = path.strip_prefix(root()).expect("a path of the repository");
    TextFile {
        path: inside.display().to_string().replace('\\', "/"),
        text,
    }
}
