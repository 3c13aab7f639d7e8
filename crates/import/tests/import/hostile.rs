//! Repositories that would have something run or read.

use crate::repository::{Repository, Script, plan};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn simple() -> Repository {
    let mut script = Script::default();
    let filtered = [
        ("x.json", "{\"v\":1}"),
        (".gitattributes", "* filter=evil diff=evil merge=evil\n"),
    ];
    script.commit(&[], "ann", &filtered);
    script.commit(&[0], "ann", &[("x.json", "{\"v\":2}")]);
    script.build(1)
}

/// Whatever git would run at some time: nothing of it runs, and nothing is
/// written into the repository.
#[test]
fn nothing_that_a_repository_names_is_run() {
    let repository = simple();
    let trace = repository.beside("trace");
    let git = repository.path().join(".git");
    let script = format!("#!/bin/sh\ntouch '{}'\nexit 1\n", trace.display());
    let program = git.join("program");
    fs::write(&program, &script).unwrap();
    for hook in [
        "post-checkout",
        "reference-transaction",
        "pre-auto-gc",
        "post-index-change",
    ] {
        fs::write(git.join("hooks").join(hook), &script).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(git.join("hooks").join(hook), executable).unwrap();
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.display();
    let config = format!(
        "[core]\nfsmonitor = {program}\nsshCommand = {program}\nalternateRefsCommand = {program}\npager = {program}\neditor = {program}\nhooksPath = hooks\n\
         [filter \"evil\"]\nclean = {program}\nsmudge = {program}\nprocess = {program}\nrequired = true\n\
         [diff \"evil\"]\ntextconv = {program}\ncommand = {program}\n[merge \"evil\"]\ndriver = {program}\n\
         [diff]\nexternal = {program}\n[alias]\nlog = !{program}\n[credential]\nhelper = !{program}\n\
         [include]\npath = /dev/null\n[gpg]\nprogram = {program}\n[log]\nshowSignature = true\n\
         [uploadpack]\npackObjectsHook = {program}\n"
    );
    fs::write(git.join("config"), config).unwrap();
    let before = repository.listing();
    let history = repository.import(&plan("*.json", "file"));
    assert_eq!(history.summary.steps, 2);
    assert!(!trace.exists(), "a program of the repository was run");
    assert_eq!(repository.listing(), before);
}

/// Not even a configuration that nobody could read stands in the way.
#[test]
fn the_configuration_is_not_read() {
    let repository = simple();
    let config = repository.path().join(".git/config");
    fs::remove_file(&config).unwrap();
    fs::create_dir(&config).unwrap();
    assert_eq!(repository.import(&plan("*.json", "file")).summary.steps, 2);
}

#[test]
fn nothing_outside_of_a_repository_is_read() {
    let outside = simple();
    for break_out in [
        |git: &std::path::Path, outside: &std::path::Path| {
            let alternates = git.join("objects/info/alternates");
            fs::create_dir_all(alternates.parent().unwrap()).unwrap();
            fs::write(alternates, outside.join("objects").display().to_string()).unwrap();
            "it borrows objects from another repository"
        },
        |git: &std::path::Path, outside: &std::path::Path| {
            fs::remove_dir_all(git.join("objects")).unwrap();
            symlink(outside.join("objects"), git.join("objects")).unwrap();
            "objects is a link"
        },
        |git: &std::path::Path, outside: &std::path::Path| {
            let pack = git.join("objects/pack");
            fs::create_dir_all(&pack).unwrap();
            symlink(outside.join("HEAD"), pack.join("pack-1.idx")).unwrap();
            "pack-1.idx is a link"
        },
        |git: &std::path::Path, outside: &std::path::Path| {
            fs::remove_file(git.join("packed-refs")).ok();
            symlink(outside.join("HEAD"), git.join("packed-refs")).unwrap();
            "packed-refs is no plain file"
        },
    ] {
        let repository = simple();
        let told = break_out(
            &repository.path().join(".git"),
            &outside.path().join(".git"),
        );
        let said = repository.refuse(&plan("*.json", "file"));
        assert!(said.contains(told), "{said}");
    }
}
