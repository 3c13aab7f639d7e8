//! What was typed.

use crate::step::{self, STEPS, Step};

/// One call of `cargo xtask`.
#[derive(Debug, PartialEq)]
pub(crate) enum Invocation {
    Help,
    Test(Choice),
}

/// Which steps of `test` to run, and how long they may take.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Choice {
    pub(crate) long: bool,
    pub(crate) only: Option<&'static Step>,
}

impl Choice {
    pub(crate) fn steps(&self) -> &'static [Step] {
        self.only.map_or(STEPS, std::slice::from_ref)
    }
}

impl Invocation {
    pub(crate) fn parse(arguments: &[String]) -> Result<Invocation, String> {
        let mut arguments = arguments.iter().map(String::as_str);
        match arguments.next() {
            None | Some("help" | "--help" | "-h") => Ok(Invocation::Help),
            Some("test") => parse_test(arguments),
            Some(other) => Err(format!("There is no task `{other}`.")),
        }
    }
}

fn parse_test<'a>(mut arguments: impl Iterator<Item = &'a str>) -> Result<Invocation, String> {
    let mut choice = Choice::default();
    while let Some(argument) = arguments.next() {
        match argument {
            "--long" => choice.long = true,
            "--only" => choice.only = Some(chosen_step(arguments.next())?),
            "--help" | "-h" => return Ok(Invocation::Help),
            other => return Err(format!("`test` does not know `{other}`.")),
        }
    }
    Ok(Invocation::Test(choice))
}

fn chosen_step(name: Option<&str>) -> Result<&'static Step, String> {
    let name = name.ok_or_else(|| format!("`--only` needs a step: {}.", step::names()))?;
    step::named(name)
        .ok_or_else(|| format!("There is no step `{name}`. The steps: {}.", step::names()))
}

/// The text of `cargo xtask help`.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "cargo xtask test [--long] [--only STEP]\n\
         \x20   Checks what is needed, then runs every step and stops at the first that fails.\n\
         \x20   --long        the long form of the tests (sets CAIRN_LONG=1)\n\
         \x20   --only STEP   one step instead of all\n\
         cargo xtask help\n\
         \x20   This text.\n\n\
         Steps, in order:\n",
    );
    for step in STEPS {
        text.push_str(&format!("    {:<10}{}\n", step.name, step.shown()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, String> {
        let arguments: Vec<String> = line.split_whitespace().map(String::from).collect();
        Invocation::parse(&arguments)
    }

    fn test(line: &str) -> Choice {
        match parse(line) {
            Ok(Invocation::Test(choice)) => choice,
            other => panic!("`{line}` should be a test run, not {other:?}"),
        }
    }

    #[test]
    fn test_alone_means_every_step() {
        let names: Vec<_> = test("test").steps().iter().map(|step| step.name).collect();
        assert_eq!(
            names,
            [
                "format", "clippy", "docs", "tests", "features", "demo", "campaign"
            ]
        );
        assert!(!test("test").long);
    }

    #[test]
    fn only_means_one_step() {
        let choice = test("test --only docs --long");
        let names: Vec<_> = choice.steps().iter().map(|step| step.name).collect();
        assert_eq!(names, ["docs"]);
        assert!(choice.long);
    }

    #[test]
    fn a_mistake_says_what_was_meant_to_be_there() {
        assert_eq!(parse("tset"), Err("There is no task `tset`.".into()));
        assert_eq!(
            parse("test --fast"),
            Err("`test` does not know `--fast`.".into())
        );
        let missing = parse("test --only").unwrap_err();
        assert_eq!(
            missing,
            "`--only` needs a step: format, clippy, docs, tests, features, demo, campaign."
        );
        let unknown = parse("test --only lint").unwrap_err();
        assert!(unknown.starts_with("There is no step `lint`."), "{unknown}");
    }

    #[test]
    fn help_is_what_an_empty_line_gets() {
        assert_eq!(parse(""), Ok(Invocation::Help));
        assert_eq!(parse("help"), Ok(Invocation::Help));
    }
}
