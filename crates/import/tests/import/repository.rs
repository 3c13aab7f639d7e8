//! Repositories to import, commit by commit, and what comes of them.

use cairn_import::{Format, ImportFault, Patterns, Plan, Summary, import};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Files by their paths.
pub(crate) type Files<'a> = &'a [(&'a str, &'a str)];

/// When commit 0 was made; each of the others comes a minute later.
const BEGIN: u64 = 1_600_000_000;

/// A repository that git is told of in one go: commits with all their files.
#[derive(Default)]
pub(crate) struct Script {
    stream: Vec<u8>,
    commits: usize,
}

impl Script {
    /// A commit with these files and no others, by this person. Gives its number.
    pub(crate) fn commit(&mut self, parents: &[usize], author: &str, files: Files<'_>) -> usize {
        let number = self.commits;
        self.commits += 1;
        let time = BEGIN + 60 * number as u64;
        let mut text = format!("commit refs/heads/c{number}\nmark :{}\n", number + 1);
        for role in ["author", "committer"] {
            writeln!(text, "{role} {author} <{author}@example.com> {time} +0000").unwrap();
        }
        text.push_str("data 0\n");
        for (at, parent) in parents.iter().enumerate() {
            let word = if at == 0 { "from" } else { "merge" };
            writeln!(text, "{word} :{}", parent + 1).unwrap();
        }
        text.push_str("deleteall\n");
        self.stream.extend(text.as_bytes());
        for (path, content) in files {
            let (mode, content) = match content.strip_prefix("link to ") {
                Some(target) => ("120000", target),
                None => ("100644", *content),
            };
            let file = format!("M {mode} inline {path}\ndata {}\n", content.len());
            self.stream.extend(file.as_bytes());
            self.stream.extend(content.as_bytes());
            self.stream.push(b'\n');
        }
        number
    }

    /// Adds what git's fast-import understands.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.stream.extend(bytes);
    }

    /// The repository, of which this commit is checked out.
    pub(crate) fn build(&self, head: usize) -> Repository {
        let repository = Repository::new();
        let mut child = command(&repository.path())
            .args(["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&self.stream).unwrap();
        assert!(child.wait().unwrap().success());
        repository.git(&[
            "update-ref",
            "refs/heads/main",
            &format!("refs/heads/c{head}"),
        ]);
        repository
    }
}

/// Git, told by nothing but its arguments.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "nobody")
        .env("GIT_AUTHOR_EMAIL", "nobody@example.com")
        .env("GIT_COMMITTER_NAME", "nobody")
        .env("GIT_COMMITTER_EMAIL", "nobody@example.com")
        .env("GIT_AUTHOR_DATE", "1600000000 +0000")
        .env("GIT_COMMITTER_DATE", "1600000000 +0000");
    command
}

/// A repository and a place for what comes of it.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    pub(crate) fn new() -> Repository {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository { folder };
        fs::create_dir(repository.path()).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What git says.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let done = command(&self.path()).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "git {arguments:?}: {said}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Every file of its own folder, with its bytes.
    pub(crate) fn listing(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.path()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
                }
            }
        }
        found
    }

    pub(crate) fn import(&self, plan: &Plan) -> History {
        History::import(&self.path(), plan, &self.beside("history"))
    }

    /// Why it cannot be imported. Nothing is left behind.
    pub(crate) fn refuse(&self, plan: &Plan) -> String {
        refuse(&self.path(), plan, &self.beside("refused"))
    }
}

/// Why a repository cannot be imported. Nothing is left behind.
pub(crate) fn refuse(repository: &Path, plan: &Plan, out: &Path) -> String {
    let around = out.parent().unwrap();
    let names = || {
        let entries = fs::read_dir(around).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let fault: ImportFault = import(repository, plan, out, &|_| ()).expect_err("it is refused");
    assert_eq!(names(), before, "{fault}");
    fault.to_string()
}

/// A plan, by what would be typed.
pub(crate) fn plan(path: &str, key: &str) -> Plan {
    Plan {
        paths: Patterns::new([path]).unwrap(),
        key: key.parse().unwrap(),
        format: None,
        place: "".parse().unwrap(),
        rows: Vec::new(),
        strict: false,
    }
}

/// The same for files of this format.
pub(crate) fn plan_of(format: Format, path: &str, key: &str) -> Plan {
    Plan {
        format: Some(format),
        ..plan(path, key)
    }
}

/// What came of a repository.
pub(crate) struct History {
    pub(crate) folder: PathBuf,
    pub(crate) summary: Summary,
    pub(crate) steps: Vec<Json>,
    pub(crate) commits: Vec<Json>,
    pub(crate) merges: Vec<Json>,
    pub(crate) outcomes: Vec<Json>,
}

impl History {
    pub(crate) fn import(repository: &Path, plan: &Plan, folder: &Path) -> History {
        let summary = import(repository, plan, folder, &|_| ()).unwrap_or_else(|e| panic!("{e}"));
        let lines = |name: &str| -> Vec<Json> {
            let text = fs::read_to_string(folder.join(name)).unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };
        History {
            folder: folder.to_owned(),
            summary,
            steps: lines("ops.jsonl"),
            commits: lines("commits.jsonl"),
            merges: lines("merges.jsonl"),
            outcomes: lines("outcomes.jsonl"),
        }
    }

    /// Each outcome as a line: merge, record, field, what it was, became on
    /// either side, and was left at.
    pub(crate) fn outcomes(&self) -> String {
        let mut text = String::new();
        for line in &self.outcomes {
            let word = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            let value = |name: &str| line.get(name).map_or("-".to_owned(), Json::to_string);
            if line["kind"] == "delete_edit" {
                let [merge, rec, by, git] = ["merge", "rec", "deleted_by", "git"].map(word);
                let (edited, resolved) = (value("edited"), word("resolved"));
                writeln!(
                    text,
                    "{merge} {rec} deleted by {by}, edited {edited}: {resolved}, {git}"
                )
                .unwrap();
                continue;
            }
            let [merge, rec, field, kind, how, git] =
                ["merge", "rec", "field", "kind", "how", "git"].map(word);
            let [base, left, right, resolved] = ["base", "left", "right", "resolved"].map(value);
            write!(
                text,
                "{merge} {rec} {field} {kind} {base} {left} {right} {resolved} {how} {git}"
            )
            .unwrap();
            if let Some(seq) = line.get("seq") {
                write!(text, " {}", seq.as_str().unwrap()).unwrap();
            }
            text.push('\n');
        }
        text
    }

    /// Each step as a line: commit, record, what it follows, what it does.
    pub(crate) fn steps(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let parents = step["parents"].as_array().unwrap();
            let parents: Vec<&str> = parents.iter().map(|p| p.as_str().unwrap()).collect();
            let word = |name: &str| step[name].as_str().unwrap().to_owned();
            write!(
                text,
                "{} {} {} {} {}",
                word("id"),
                word("commit"),
                word("rec"),
                word("kind"),
                parents.join("+")
            )
            .unwrap();
            for (mark, name) in [("new", "new"), ("gone", "gone")] {
                if step.get(name).is_some() {
                    write!(text, " {mark}").unwrap();
                }
            }
            for name in ["set", "del"] {
                if let Some(what) = step.get(name) {
                    write!(text, " {name}{what}").unwrap();
                }
            }
            text.push('\n');
        }
        text
    }
}
