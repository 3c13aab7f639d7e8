//! The program, built once, and its processes.

use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long anything is waited for: far longer than it ever takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Tries until it holds, and fails when that takes for ever.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(began.elapsed() < WAIT_MAX, "waited too long until {what}");
        std::thread::yield_now();
    }
}

/// The program, of the profile and in the folder that this test is built in.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let program = PROGRAM.get_or_init(build).as_deref();
    program.expect("cargo builds the program")
}

fn build() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2)?;
    let name = match profile.file_name()?.to_str()? {
        "debug" => "dev",
        name => name,
    };
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test about its package would make build scripts that
    // look at it run anew, and then everything above them.
    let package = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_"];
    let told = std::env::vars_os().map(|(name, _)| name);
    let told = told.filter(|name| {
        let name = name.to_string_lossy();
        package.iter().any(|prefix| name.starts_with(prefix))
    });
    for name in told {
        cargo.env_remove(name);
    }
    let built = cargo
        .args(["build", "--quiet", "--package", "cairn-cli"])
        .args(["--profile", name, "--target-dir"])
        .arg(profile.parent()?)
        .current_dir(cairn_tests::workspace::root())
        .status();
    built.unwrap().success().then(|| profile.join("cairn"))
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Its output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert!(self.code == 0 || self.code == 6, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Its failure as JSON: one object, and nothing else anywhere.
    #[track_caller]
    pub(crate) fn failure(&self) -> Value {
        assert_eq!(self.out, "", "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        let failure: Value = serde_json::from_str(&self.err).unwrap();
        assert_eq!(failure["exit"], self.code, "{self:?}");
        failure
    }

    /// Asserts how it ended, and what it said.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words), "`{words}` is missing in {self:?}");
        assert_eq!(self.out, "", "nothing is on standard output");
        assert!(!self.err.contains("panicked"), "{self:?}");
    }
}

/// A command line, ready to run.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .env_remove("CAIRN_DIR")
        .env_remove("CAIRN_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn cairn(arguments: &[&str]) -> Done {
    done(command(arguments).output().unwrap())
}

/// Runs a command to its end, with something on standard input.
pub(crate) fn cairn_fed(arguments: &[&str], input: &str) -> Done {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    done(child.wait_with_output().unwrap())
}

/// Runs a line as a person types it: by a shell, in a folder, where `cairn` is
/// known and `directory` is the one meant when none is named.
pub(crate) fn typed(line: &str, folder: &Path, directory: &str) -> Done {
    let known = program().parent().unwrap().display();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", format!("{known}:{path}"))
        .env("CAIRN_DIR", directory)
        .env_remove("CAIRN_LOG")
        .stdin(Stdio::null())
        .output();
    done(output.unwrap())
}

fn done(output: Output) -> Done {
    Done {
        code: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `relay run` or `device run`, killed at the latest when dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts `noun run` on a directory; gives what it ended with if it did.
    pub(crate) fn start(noun: &str, directory: &Path) -> Result<Running, Done> {
        let log = directory.with_extension("stderr");
        let mut child = command(&[noun, "run", "--json", "--dir"])
            .arg(directory)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        if said.is_empty() {
            return Err(Done {
                code: child.wait().unwrap().code().expect("it was not killed"),
                out: said,
                err: std::fs::read_to_string(&log).unwrap(),
            });
        }
        let said: Value = serde_json::from_str(&said).unwrap();
        assert!(said.is_object(), "{said}");
        Ok(Running { child })
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As a supervisor ends it; gives its exit code.
    pub(crate) fn terminate(mut self) -> i32 {
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(asked.unwrap().success());
        until("the process ends", || self.child.try_wait().unwrap())
            .code()
            .expect("it ended in order")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone, as it should be in most tests.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
