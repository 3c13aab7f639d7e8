//! The steps of `cargo xtask test`, each one call of cargo.

use std::path::Path;
use std::process::Command;

/// One check: a cargo command and the environment it needs.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// Every step, the quick ones first. The first three and `tests` share the dev profile, so a
/// dependency is checked once and built once for all of them; `features` tests what is not on by
/// default; `demo` and `campaign` run what a user builds: a minute of every scenario, as far as the machine gets.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "format",
        arguments: &["fmt", "--all", "--check"],
        environment: &[],
    },
    Step {
        name: "clippy",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "docs",
        arguments: &["doc", "--workspace", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step {
        name: "tests",
        arguments: &["test", "--workspace"],
        environment: &[],
    },
    Step {
        name: "features",
        arguments: &[
            "test",
            "-p",
            "cairn-lab",
            "--features",
            "parquet",
            "--lib",
            "parquet",
        ],
        environment: &[],
    },
    Step {
        name: "demo",
        arguments: &["run", "--release", "--", "demo"],
        environment: &[],
    },
    Step {
        name: "campaign",
        arguments: &[
            "run",
            "--release",
            "--",
            "sim",
            "run",
            "simulations/scenarios",
            "--minutes",
            "1",
            "--seeds",
            "500",
            "--jobs",
            "2",
            "--out",
            "target/campaign",
        ],
        environment: &[],
    },
];

pub(crate) fn named(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// The names of all steps, as a sentence lists them.
pub(crate) fn names() -> String {
    let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
    names.join(", ")
}

impl Step {
    /// The step as one would type it.
    pub(crate) fn shown(&self) -> String {
        let settings = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}='{value}' "));
        format!(
            "{}cargo {}",
            settings.collect::<String>(),
            self.arguments.join(" ")
        )
    }

    pub(crate) fn command(&self, long: bool) -> Command {
        let mut command = cargo();
        command
            .args(self.arguments)
            .envs(self.environment.iter().copied());
        if long {
            command.env("CAIRN_LONG", "1");
        }
        command
    }
}

/// Cargo at the root of the workspace, with what an outer `cargo run` says about this package
/// taken out of the environment: build scripts that watch those variables would run again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(Path::new(&package).join("../.."));
    }
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(describes_this_package) {
            command.env_remove(name);
        }
    }
    command
}

fn describes_this_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_as_one_would_type_it() {
        let docs = named("docs").expect("docs is a step");
        assert_eq!(
            docs.shown(),
            "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps"
        );
    }

    #[test]
    fn long_reaches_the_step_as_a_variable() {
        let tests = named("tests").expect("tests is a step");
        let value = |long: bool| {
            let command = tests.command(long);
            let found = command.get_envs().find(|(name, _)| *name == "CAIRN_LONG");
            found
                .and_then(|(_, value)| value)
                .map(|value| value.to_owned())
        };
        assert_eq!(value(true), Some("1".into()));
        assert_eq!(value(false), None);
    }
}
