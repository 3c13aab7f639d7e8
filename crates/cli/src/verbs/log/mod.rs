//! `cairn log`.

mod check;
mod damaged;
mod export;
mod import;
mod read;
mod show;
mod words;

use crate::args::log::{LogArgs, LogVerb};
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::host::Host;
use crate::session::Session;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum LogCommand {
    /// Say whose log it is and where it ends; a device seals its tail first.
    About,
    /// Give some entries of the ledger.
    Entries {
        /// From this position.
        from: u64,
        /// To this one at most.
        to: u64,
    },
    /// Give some bundles of the device's log.
    Bundles {
        /// After the one of this key.
        after: Option<String>,
    },
    /// Give operations in words.
    Operations {
        /// From this version or place; otherwise the last ones.
        from: Option<u64>,
        /// How many.
        limit: usize,
    },
    /// Take in bundles that travelled by hand.
    TakeIn(Vec<read::Bytes>),
    /// Fold the ledger from the beginning and compare.
    Fold,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum LogAnswer {
    /// Whose log it is.
    About(Box<read::About>),
    /// Entries.
    Entries(Vec<read::WireEntry>),
    /// Bundles.
    Bundles(Vec<read::WireBundle>),
    /// Operations.
    Operations(Vec<show::OperationRow>),
    /// How many operations were new, and how many of them were rejected.
    TakenIn(import::TakenIn),
    /// Whether the fold from the beginning agrees.
    Folded(check::Folded),
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: LogCommand,
    _progress: Progress,
) -> Result<LogAnswer, Failure> {
    Ok(match command {
        LogCommand::About => LogAnswer::About(Box::new(read::about(host).await?)),
        LogCommand::Entries { from, to } => {
            let storage = host.relay()?.look(|relay| relay.storage().clone()).await?;
            LogAnswer::Entries(read::entries(&*storage, from, to)?)
        }
        LogCommand::Bundles { after } => {
            let storage = host.device()?.look(|agent| agent.storage().clone()).await?;
            LogAnswer::Bundles(read::bundles(&*storage, after.as_deref())?)
        }
        LogCommand::Operations { from, limit } => {
            LogAnswer::Operations(show::operations(host, from, limit).await?)
        }
        LogCommand::TakeIn(bundles) => {
            LogAnswer::TakenIn(import::take_in(host.relay()?, bundles).await?)
        }
        LogCommand::Fold => LogAnswer::Folded(check::fold(host.relay()?).await?),
    })
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: LogArgs, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        LogVerb::Show(args) => show::run(&args, context).await,
        LogVerb::Verify(args) => check::run(args, context).await,
        LogVerb::Export(args) => export::run(&args, context).await,
        LogVerb::Import(args) => import::run(&args, context).await,
    }
}

/// Has one command done and its answer unpacked.
async fn ask(session: &mut Session, command: LogCommand) -> Result<LogAnswer, Failure> {
    match session.run(Command::Log(command)).await? {
        Answer::Log(answer) => Ok(answer),
        _ => Err(Failure::other_answer()),
    }
}
