//! What may be typed: one definition for each option.

mod bandwidth;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod conflict;
pub(crate) mod demo;
pub(crate) mod device;
mod duration;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod issue;
pub(crate) mod lab;
pub(crate) mod log;
pub(crate) mod org;
pub(crate) mod profile;
pub(crate) mod record;
pub(crate) mod relay;
pub(crate) mod sample;
pub(crate) mod sim;

pub(crate) use bandwidth::bandwidth;
pub(crate) use duration::duration;

use crate::settings::DIR_VARIABLE;
use clap::error::ErrorKind;
use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;

/// Offline-first record sync: a relay, devices that always work from local
/// data, and the tools around them.
#[derive(Debug, Parser)]
#[command(
    name = "cairn",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES,
)]
pub(crate) struct Cairn {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the answer is no: digests differ, something does not verify, the relay rejected it
  2  the command or its input is wrong
  3  there is no such record, issue, device or directory
  4  the directory is in use, or its storage is damaged, full or not accessible
  5  the relay cannot be reached, or refuses
  6  a conflict or an issue waits for a person

With --json, a command that fails says so in one JSON object, the last line of
standard error: {\"error\": \"a sentence\", \"exit\": 5}, and with \"code\" and \"hint\"
where the relay rejected something.

Example: see it all at work, on this machine alone
  cairn demo";

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Directory of the relay or device
    #[arg(long, global = true, value_name = "DIR", env = DIR_VARIABLE, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Answers and failures as JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more of what happens; twice for even more (CAIRN_LOG sets it in detail)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What a command is about.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Set up and run the server that devices sync with
    Relay(relay::RelayArgs),
    /// Enrol, run and sync a device
    Device(device::DeviceArgs),
    /// Create, change and look at records
    Record(record::RecordArgs),
    /// See and decide conflicts
    Conflict(conflict::ConflictArgs),
    /// See and settle what waits for you: rejected and superseded work
    Issue(issue::IssueArgs),
    /// Take records in from CSV or JSON Lines
    Import(import::ImportArgs),
    /// Write records out as CSV or JSON Lines
    Export(export::ExportArgs),
    /// Look at, check and carry the signed log
    Log(log::LogArgs),
    /// Check, compare and publish the organization definition
    Org(org::OrgArgs),
    /// See, preview and publish who holds what offline, and ask why
    Profile(profile::ProfileArgs),
    /// Records to try things on
    Sample(sample::SampleArgs),
    /// See it all at work: a relay, four devices, and what goes wrong in the field
    Demo(demo::DemoArgs),
    /// Prove the sync in a simulated world: faults, seeds, replays
    Sim(sim::SimArgs),
    /// Compare conflict policies on one log: what each loses in silence and asks
    Lab(lab::LabArgs),
    /// Measure, against what the machine can do
    Bench(bench::BenchArgs),
    /// A script that completes `cairn` commands in your shell
    Completions(completions::CompletionsArgs),
}

/// What is wrong with a command line, in a sentence.
pub(crate) fn mistake(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "the command is not whole; --help says what it takes".to_owned();
    }
    let text = error.render().to_string();
    let said = text.trim_start_matches("error: ");
    let end = said
        .find("\n\nUsage:")
        .or_else(|| said.find("\n\nFor more"));
    let said = &said[..end.unwrap_or(said.len())];
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, CommandFactory};

    #[test]
    fn the_definition_of_the_command_line_is_right() {
        Cairn::command().debug_assert();
    }

    fn leaves(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
        let path = format!("{path} {}", command.get_name());
        let below: Vec<&Command> = command
            .get_subcommands()
            .filter(|below| below.get_name() != "help" && !below.is_hide_set())
            .collect();
        if below.is_empty() {
            found.push((path.trim().to_owned(), command.clone()));
        }
        below
            .into_iter()
            .for_each(|below| leaves(below, &path, found));
    }

    #[test]
    fn every_verb_says_what_it_does_and_shows_an_example() {
        let mut found = Vec::new();
        leaves(&Cairn::command(), "", &mut found);
        assert!(found.len() > 15);
        // Nouns that have no verbs yet.
        let empty = [
            "cairn record",
            "cairn conflict",
            "cairn issue",
            "cairn import",
            "cairn export",
        ];
        found.retain(|(path, _)| !empty.contains(&path.as_str()));
        for (path, command) in found {
            assert!(
                command.get_about().is_some(),
                "{path} does not say what it does"
            );
            let example = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                example.contains(&path),
                "{path} --help shows no example of `{path}`: {example:?}"
            );
        }
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        let before =
            Cairn::try_parse_from(["cairn", "--dir", "hq", "--json", "relay", "status"]).unwrap();
        let after =
            Cairn::try_parse_from(["cairn", "relay", "status", "--json", "--dir", "hq"]).unwrap();
        assert_eq!(before.global.dir, after.global.dir);
        assert!(before.global.json && after.global.json);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let wrong = [
            &[
                "cairn",
                "relay",
                "init",
                "--template",
                "sales",
                "--org",
                "folder",
            ][..],
            &["cairn", "relay", "init", "--template", "bakery"],
            &["cairn", "relay", "ticket"],
            &[
                "cairn", "relay", "ticket", "--user", "amara", "--valid", "soon",
            ],
            &["cairn", "log", "verify", "file", "--fold"],
            &["cairn", "log", "verify", "--relay", "xyz"],
            &["cairn", "device", "enroll"],
            &["cairn", "record", "list"],
            &["cairn", "record", "list", "--left", "--deleted"],
            &["cairn", "profile", "explain", "--user", "amara"],
            &["cairn", "profile", "preview", "--bandwidth", "fast"],
            &["cairn", "profile", "preview", "--against", "yesterday"],
        ];
        for line in wrong {
            let error = Cairn::try_parse_from(line).unwrap_err();
            assert_ne!(error.kind(), ErrorKind::DisplayHelp, "{line:?}");
        }
    }
}
