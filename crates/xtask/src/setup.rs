//! What the steps need of the machine, looked for before the first of them starts.

use std::process::Command;

use crate::step::cargo;

/// One thing the steps need.
struct Need {
    what: &'static str,
    why: &'static str,
    command: Command,
    if_missing: &'static str,
}

fn needs() -> Vec<Need> {
    vec![
        Need {
            what: "cargo",
            why: "builds and runs everything",
            command: with_arguments(cargo(), &["--version"]),
            if_missing: "install Rust with rustup (https://rustup.rs)",
        },
        Need {
            what: "rustfmt",
            why: "step format",
            command: with_arguments(cargo(), &["fmt", "--version"]),
            if_missing: "rustup component add rustfmt",
        },
        Need {
            what: "clippy",
            why: "step clippy",
            command: with_arguments(cargo(), &["clippy", "--version"]),
            if_missing: "rustup component add clippy",
        },
        Need {
            what: "C compiler",
            why: "links every program; builds ring and zstd",
            command: c_compiler(),
            if_missing: "install one (Debian and Ubuntu: apt install gcc libc6-dev; Fedora: dnf \
                         install gcc; macOS: xcode-select --install), or name yours in CC",
        },
        Need {
            what: "crates",
            why: "exactly those of Cargo.lock, from the registry or cargo's cache",
            command: with_arguments(
                cargo(),
                &["fetch", "--quiet", "--locked", "--target", "host-tuple"],
            ),
            if_missing: "see cargo's words above: without a network the crates must already be \
                         in cargo's cache; if Cargo.lock is out of date, `cargo build` renews it",
        },
    ]
}

fn with_arguments(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

fn c_compiler() -> Command {
    let name = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    with_arguments(Command::new(name), &["--version"])
}

/// Looks for everything the steps need and prints what it finds. `Err` names what is missing.
pub(crate) fn check() -> Result<(), Vec<&'static str>> {
    let mut missing = Vec::new();
    for mut need in needs() {
        println!("   {} ({})", need.what, need.why);
        match answer(&mut need.command) {
            Ok(found) => println!("      found: {found}"),
            Err(said) => {
                println!("      MISSING: {said}");
                println!("      do this: {}", need.if_missing);
                missing.push(need.what);
            }
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing)
    }
}

/// The first line a command answers with when it succeeds, or why it does not.
fn answer(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    if output.status.success() {
        let first = String::from_utf8_lossy(&output.stdout)
            .lines()
            .next()
            .map(str::to_owned);
        Ok(first.unwrap_or_else(|| "all of them".to_owned()))
    } else {
        Err(String::from_utf8_lossy(&output.stderr)
            .trim()
            .replace('\n', "\n      "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let said = answer(&mut Command::new("no-such-compiler")).unwrap_err();
        assert!(said.starts_with("cannot run no-such-compiler: "), "{said}");
    }

    #[test]
    fn a_program_that_refuses_is_quoted() {
        let said = answer(cargo().arg("no-such-verb")).unwrap_err();
        assert!(said.contains("no-such-verb"), "{said}");
    }

    #[test]
    fn a_program_that_answers_is_shown_by_its_first_line() {
        let found = answer(cargo().arg("--version")).expect("cargo runs these tests");
        assert!(found.starts_with("cargo "), "{found}");
    }
}
