//! The command `cairn`: arguments, settings, processes, and nothing else. It
//! decides nothing about records; that is the machines' and the fold's.
//!
//! Every verb works in one of two ways and behaves the same: nobody holds the
//! directory, and it is opened here; or `relay run` or `device run` holds it,
//! and the verb is executed there, asked for over the socket `control.sock`.
//!
//! Reading order: `args` (what may be typed), `settings` (what is where),
//! `session` (open or connect), `verbs` (one module for each noun), `control`
//! (the socket), `output`.

mod args;
mod clock;
mod context;
mod control;
mod editing;
mod exit;
mod fields;
mod folder;
mod holding;
mod host;
mod key_file;
mod output;
mod record_ref;
mod render;
mod session;
mod settings;
mod signals;
mod verbs;
#[cfg(test)]
mod world;

use args::{Cairn, Noun};
use clap::{CommandFactory, FromArgMatches, parser::ValueSource};
use context::Context;
use exit::{Exit, Failure};
use output::Output;
use settings::{Directory, Source};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let (cairn, source) = match typed() {
        Ok(typed) => typed,
        Err(error) => return refuse(&error),
    };
    log_to_stderr(cairn.global.verbose, matches!(cairn.noun, Noun::Sim(_)));
    let context = Context {
        directory: Directory {
            path: cairn.global.dir,
            source,
        },
        output: Output {
            json: cairn.global.json,
        },
    };
    match run(cairn.noun, &context) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                context.output.failure(&failure);
            }
            failure.exit.into()
        }
    }
}

/// What was typed, and where the directory was named.
fn typed() -> Result<(Cairn, Source), clap::Error> {
    let matches = Cairn::command().try_get_matches()?;
    let source = match matches.value_source("dir") {
        Some(ValueSource::CommandLine) => Source::Argument,
        Some(ValueSource::EnvVariable) => Source::Environment,
        _ => Source::Default,
    };
    Ok((Cairn::from_arg_matches(&matches)?, source))
}

/// Ends with what clap has to say: a program that asked for JSON is told a
/// mistake like any other failure.
fn refuse(error: &clap::Error) -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let json = arguments
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if !json || !error.use_stderr() {
        error.exit();
    }
    let mistake = Failure::usage(args::mistake(error));
    Output { json }.failure(&mistake);
    mistake.exit.into()
}

fn run(noun: Noun, context: &Context) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(1024 * 1024)
        .enable_all()
        .build()
        .map_err(|error| Failure::storage(format!("the program cannot start: {error}")))?;
    runtime.block_on(verbs::run(noun, context))
}

/// Logs go to stderr; secrets never into them. What simulated machines log is
/// no trouble of this one.
fn log_to_stderr(verbose: u8, simulated: bool) {
    let default = match verbose {
        0 if simulated => "off",
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let wanted = std::env::var("CAIRN_LOG").ok();
    let filter = wanted
        .as_deref()
        .map(EnvFilter::try_new)
        .unwrap_or_else(|| Ok(EnvFilter::new(default)));
    let filter = filter.unwrap_or_else(|error| {
        eprintln!("cairn: CAIRN_LOG is not understood ({error}); write it like info or cairn_net=debug,warn");
        EnvFilter::new(default)
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
