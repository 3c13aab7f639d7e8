//! One module for each noun. In each: `run` turns arguments into commands and
//! shows the answers; `execute` does a command where the directory is held,
//! in this process or in another.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod conflict;
pub(crate) mod demo;
pub(crate) mod device;
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

use crate::args::Noun;
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::host::Host;

/// Runs what was typed.
pub(crate) async fn run(noun: Noun, context: &Context) -> Result<Exit, Failure> {
    match noun {
        Noun::Relay(args) => relay::run(args, context).await,
        Noun::Device(args) => device::run(args, context).await,
        Noun::Record(args) => record::run(args, context).await,
        Noun::Conflict(args) => conflict::run(args, context).await,
        Noun::Issue(args) => issue::run(args, context).await,
        Noun::Import(args) => import::run(args, context).await,
        Noun::Export(args) => export::run(args, context).await,
        Noun::Log(args) => log::run(args, context).await,
        Noun::Org(args) => org::run(args, context).await,
        Noun::Profile(args) => profile::run(args, context).await,
        Noun::Sample(args) => sample::run(args, context).await,
        Noun::Demo(args) => demo::run(args, context).await,
        Noun::Sim(args) => sim::run(args, context),
        Noun::Lab(args) => lab::run(args, context),
        Noun::Bench(args) => bench::run(args, context).await,
        Noun::Completions(args) => completions::run(&args, context),
    }
}

/// Does a command where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: Command,
    progress: Progress,
) -> Result<Answer, Failure> {
    Ok(match command {
        Command::Relay(command) => Answer::Relay(relay::execute(host, command, progress).await?),
        Command::Device(command) => Answer::Device(device::execute(host, command, progress).await?),
        Command::Record(command) => Answer::Record(record::execute(host, command, progress).await?),
        Command::Conflict(command) => {
            Answer::Conflict(conflict::execute(host, command, progress).await?)
        }
        Command::Issue(command) => Answer::Issue(issue::execute(host, command, progress).await?),
        Command::Import(command) => Answer::Import(import::execute(host, command, progress).await?),
        Command::Export(command) => Answer::Export(export::execute(host, command, progress).await?),
        Command::Log(command) => Answer::Log(log::execute(host, command, progress).await?),
        Command::Org(command) => Answer::Org(org::execute(host, command, progress).await?),
        Command::Profile(command) => Answer::Profile(profile::execute(host, command).await?),
        Command::Sample(command) => Answer::Sample(sample::execute(host, command, progress).await?),
    })
}
