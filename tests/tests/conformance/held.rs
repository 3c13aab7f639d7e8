//! One process holds a directory.

use crate::subject::open;
use cairn_oplog::storage::StorageError;
use cairn_store::{Options, SledStorage};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const DIRECTORY: &str = "CAIRN_CHILD_DIRECTORY";

/// Starts the test `name` of this binary as a process on `directory`.
pub(crate) fn child(name: &str, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The directory this process was started on; `None` in an ordinary run.
pub(crate) fn directory_of_child() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

#[test]
fn a_second_process_is_refused_and_told_who_holds_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = child("held::holds_until_killed", directory.path());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let holds = lines.map(|line| line.unwrap()).any(|line| line == "held");
    assert!(holds, "the child opened the directory");
    let refused = SledStorage::open(directory.path(), Options::default()).unwrap_err();
    child.kill().unwrap();
    child.wait().unwrap();
    let holder = format!(" (process {})", child.id());
    let expected = StorageError::Locked(directory.path().display().to_string(), holder);
    assert_eq!(refused, expected);
    // The kernel let go of it for the killed process.
    open(directory.path());
}

/// What the process that holds the directory does.
#[test]
fn holds_until_killed() {
    let Some(directory) = directory_of_child() else {
        return;
    };
    let _storage = open(&directory);
    println!("\nheld");
    // Ends when it is killed, or with the process that started it.
    loop {
        std::thread::park();
    }
}

#[test]
fn a_directory_is_free_again_as_soon_as_it_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..10 {
        let storage = open(directory.path());
        let refused = SledStorage::open(directory.path(), Options::default()).unwrap_err();
        assert!(matches!(refused, StorageError::Locked(..)), "{refused}");
        drop(storage);
    }
}
