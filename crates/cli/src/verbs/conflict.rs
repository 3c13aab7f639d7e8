//! `cairn conflict`: concurrent writes that a person looks at and decides.

mod resolve;

use crate::args::conflict::{ConflictArgs, ConflictVerb};
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::editing::Place;
use crate::exit::{Exit, Failure};
use crate::fields::Assignment;
use crate::holding::Holding;
use crate::host::Host;
use crate::render::ConflictView;
use cairn_oplog::StorageError;
use cairn_projection::{Record, State};
pub(crate) use resolve::Choice;
use resolve::Resolved;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ConflictCommand {
    /// List open ones, or all.
    List {
        /// Settled ones too.
        all: bool,
    },
    /// Show one.
    Show(u64),
    /// Decide one.
    Resolve {
        /// Which.
        number: u64,
        /// How.
        choice: Choice,
    },
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ConflictAnswer {
    /// Conflicts.
    Listed(Vec<ConflictView>),
    /// One.
    Shown(Box<ConflictView>),
    /// It is decided.
    Resolved(Resolved),
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: ConflictCommand,
    _progress: Progress,
) -> Result<ConflictAnswer, Failure> {
    Ok(match command {
        ConflictCommand::List { all } => ConflictAnswer::Listed(list(host, all).await?),
        ConflictCommand::Show(number) => ConflictAnswer::Shown(Box::new(show(host, number).await?)),
        ConflictCommand::Resolve { number, choice } => {
            ConflictAnswer::Resolved(resolve::resolve(host, number, choice).await?)
        }
    })
}

async fn list(host: &Host, all: bool) -> Result<Vec<ConflictView>, Failure> {
    match host {
        Host::Relay(relay) => {
            let listed = relay.look(move |relay| journal(relay.state(), all)).await?;
            Ok(listed?)
        }
        Host::Device(_) if all => Err(Failure::usage(
            "settled conflicts are in the journal at the relay: run this in the relay's directory (--dir)",
        )),
        Host::Device(_) => Ok(Place::from(host).look(open).await??),
    }
}

fn journal(state: &State, all: bool) -> Result<Vec<ConflictView>, StorageError> {
    let listed = state
        .journal()
        .iter()
        .filter(|conflict| all || conflict.is_open());
    listed
        .map(|conflict| ConflictView::journal(state, conflict))
        .collect()
}

/// Open conflicts as the images tell them.
fn open(holding: &dyn Holding) -> Result<Vec<ConflictView>, StorageError> {
    let mut views = Vec::new();
    for record in in_conflict(holding)? {
        views.extend(ConflictView::open_of(holding, &record)?);
    }
    views.sort_by_key(|view| view.number);
    Ok(views)
}

fn in_conflict(holding: &dyn Holding) -> Result<Vec<Record>, StorageError> {
    let mut records = Vec::new();
    holding.visit(&mut |record| {
        if record.in_conflict() {
            records.push(record.clone());
        }
    })?;
    Ok(records)
}

async fn show(host: &Host, number: u64) -> Result<ConflictView, Failure> {
    match host {
        Host::Relay(relay) => {
            relay
                .look(move |relay| {
                    let state = relay.state();
                    let conflict = state
                        .journal()
                        .iter()
                        .find(|conflict| conflict.number == number);
                    let missing = || {
                        Failure::not_found(format!(
                            "there is no conflict {number}; `cairn conflict list --all` shows them"
                        ))
                    };
                    Ok(ConflictView::journal(state, conflict.ok_or_else(missing)?)?)
                })
                .await?
        }
        Host::Device(_) => {
            let open = Place::from(host).look(open).await??;
            let missing = || {
                Failure::not_found(format!(
                    "conflict {number} is not open on this device; `cairn conflict list` shows those that are, and the relay has the others"
                ))
            };
            open.into_iter()
                .find(|view| view.number == number)
                .ok_or_else(missing)
        }
    }
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: ConflictArgs, context: &Context) -> Result<Exit, Failure> {
    let (command, check) = match args.verb {
        ConflictVerb::List(args) => (ConflictCommand::List { all: args.all }, args.check),
        ConflictVerb::Show { number } => (ConflictCommand::Show(number), false),
        ConflictVerb::Resolve(args) => {
            let choice = choice(args.take, args.fields, args.keep, args.delete_record)?;
            (
                ConflictCommand::Resolve {
                    number: args.number,
                    choice,
                },
                false,
            )
        }
    };
    let Answer::Conflict(answer) = context.ask(Command::Conflict(command)).await? else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    match answer {
        ConflictAnswer::Listed(views) => {
            if output.json {
                output.json(&views)?;
            } else {
                output.table(
                    &ConflictView::COLUMNS,
                    views.iter().map(ConflictView::row).collect(),
                )?;
            }
            let open = views.iter().any(ConflictView::is_open);
            Ok(if check && open {
                Exit::Person
            } else {
                Exit::Done
            })
        }
        ConflictAnswer::Shown(view) if output.json => output.json(&view).map(|()| Exit::Done),
        ConflictAnswer::Shown(view) => view.show(output).map(|()| Exit::Done),
        ConflictAnswer::Resolved(resolved) if output.json => {
            output.json(&resolved).map(|()| Exit::Done)
        }
        ConflictAnswer::Resolved(resolved) => resolved.show(output).map(|()| Exit::Done),
    }
}

fn choice(
    take: Option<String>,
    fields: Vec<Assignment>,
    keep: bool,
    delete: bool,
) -> Result<Choice, Failure> {
    match (take, keep, delete) {
        (Some(take), _, _) => Choice::take(&take),
        (None, true, _) => Ok(Choice::Keep(true)),
        (None, false, true) => Ok(Choice::Keep(false)),
        (None, false, false) if fields.is_empty() => Err(Failure::usage(
            "say how: --take VERSION, NAME=VALUE, --keep or --delete-record",
        )),
        (None, false, false) => Ok(Choice::Values(fields)),
    }
}
