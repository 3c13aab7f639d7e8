//! What is no repository, or not a whole one.

use crate::repository::{History, Repository, Script, plan, refuse};
use std::fs;

fn simple() -> Repository {
    let mut script = Script::default();
    for (parents, v) in [
        (&[][..], "1"),
        (&[0], "2"),
        (&[0], "3"),
        (&[1, 2], "2"),
        (&[3], "4"),
    ] {
        let file = format!("{{\"v\":{v}}}");
        script.commit(parents, "ann", &[("x.json", &file)]);
    }
    script.build(4)
}

/// Loose or packed, bare or not, once or twice: the same bytes.
#[test]
fn the_same_history_gives_the_same_files() {
    let repository = simple();
    let bytes = |history: &History| {
        let names = [
            "ops.jsonl",
            "commits.jsonl",
            "merges.jsonl",
            "outcomes.jsonl",
            "summary.json",
        ];
        names.map(|name| fs::read(history.folder.join(name)).unwrap())
    };
    let plan = plan("*.json", "file");
    let first = repository.import(&plan);
    assert_eq!((first.summary.steps, first.summary.merges), (5, 1));
    repository.git(&["gc", "--quiet", "--aggressive", "--prune=now"]);
    repository.git(&["tag", "-a", "-m", "signed", "v1", "main"]);
    repository.git(&["update-ref", "refs/pull/1/head", "main"]);
    let packed = History::import(&repository.path(), &plan, &repository.beside("packed"));
    assert_eq!(bytes(&packed), bytes(&first));
    repository.git(&["clone", "--quiet", "--mirror", "--no-local", ".", "../bare"]);
    let bare = repository.beside("bare");
    let bare = History::import(&bare, &plan, &repository.beside("of-bare"));
    assert_eq!(bytes(&bare), bytes(&first));
}

/// Stashes, notes and trial merges are not what people did.
#[test]
fn only_refs_of_the_history_count() {
    let repository = simple();
    let plan = plan("*.json", "file");
    let commits = repository.import(&plan).summary.commits_seen;
    let tree = repository.git(&["rev-parse", "main^{tree}"]);
    let stray = repository.git(&["commit-tree", "-m", "stray", "-p", "main", &tree]);
    for name in [
        "refs/stash",
        "refs/notes/commits",
        "refs/pull/7/merge",
        "refs/original/x",
    ] {
        repository.git(&["update-ref", name, &stray]);
    }
    let again = History::import(&repository.path(), &plan, &repository.beside("again"));
    assert_eq!(again.summary.commits_seen, commits);
    repository.git(&["update-ref", "refs/pull/7/head", &stray]);
    let more = History::import(&repository.path(), &plan, &repository.beside("more"));
    assert_eq!(more.summary.commits_seen, commits + 1);
}

#[test]
fn a_shallow_clone_ends_where_it_says() {
    let repository = simple();
    let url = format!("file://{}", repository.path().display());
    // All of it; down to both sides, of which the last common commit was left
    // behind; down to their merge.
    for (depth, steps, merges, cut) in [("4", 5, 1, 0), ("3", 4, 0, 1), ("2", 2, 0, 0)] {
        let clone = format!("../clone{depth}");
        repository.git(&[
            "clone", "--quiet", "--depth", depth, "--branch", "main", &url, &clone,
        ]);
        let clone = repository.beside(&format!("clone{depth}"));
        let out = repository.beside(&format!("history{depth}"));
        let summary = History::import(&clone, &plan("*.json", "file"), &out).summary;
        assert_eq!((summary.steps, summary.merges), (steps, merges), "{depth}");
        let left_out = &summary.left_out;
        assert_eq!(
            (left_out.merges_cut, left_out.merges_of_strangers),
            (cut, 0),
            "{depth}"
        );
    }
}

#[test]
fn what_is_no_repository_is_told() {
    let repository = Repository::new();
    let plan = plan("*.json", "file");
    let said = repository.refuse(&plan);
    assert!(said.contains("no commit yet"), "{said}");
    let refuse = |path: &std::path::Path| refuse(path, &plan, &repository.beside("refused"));
    let said = refuse(&repository.beside("nowhere"));
    assert!(said.contains("nowhere: it is not there"), "{said}");
    let said = refuse(&repository.path().join(".git/objects"));
    assert!(said.contains("it is no git repository"), "{said}");

    let repository = simple();
    repository.git(&["worktree", "add", "--quiet", "../tree", "main", "--force"]);
    let said = refuse(&repository.beside("tree"));
    assert!(said.contains("name that repository"), "{said}");
    fs::write(repository.path().join(".git/refs/heads/odd"), "nonsense\n").unwrap();
    let said = repository.refuse(&plan);
    assert!(
        said.contains("`refs/heads/odd` names no object (`nonsense`)"),
        "{said}"
    );
    fs::write(
        repository.path().join(".git/refs/heads/odd"),
        "1".repeat(64),
    )
    .unwrap();
    let said = repository.refuse(&plan);
    assert!(said.contains("SHA-256"), "{said}");
}

#[test]
fn objects_that_are_missing_or_broken_are_named() {
    let plan = plan("*.json", "file");
    for name in ["main~1", "main^{tree}", "main:x.json"] {
        let repository = simple();
        let id = repository.git(&["rev-parse", name]);
        let object = repository
            .path()
            .join(".git/objects")
            .join(&id[..2])
            .join(&id[2..]);
        fs::remove_file(&object).unwrap();
        let said = repository.refuse(&plan);
        assert!(
            said.contains(&id) && said.contains("is not in the repository"),
            "{said}"
        );
        fs::write(&object, b"nonsense").unwrap();
        let said = repository.refuse(&plan);
        assert!(
            said.contains("cannot be read") && said.contains("git fsck"),
            "{said}"
        );
    }
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let repository = simple();
    let plan = plan("*.json", "file");
    let taken = repository.beside("taken");
    fs::create_dir(&taken).unwrap();
    let history = History::import(&repository.path(), &plan, &taken);
    assert_eq!(history.summary.steps, 5);
    let said = refuse(&repository.path(), &plan, &taken);
    assert!(said.contains("is there already and not empty"), "{said}");
}
