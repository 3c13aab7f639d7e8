//! `cairn issue`: work that was rejected or set aside, and what its author
//! does about it.

use crate::args::issue::{IssueArgs, IssueVerb};
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::fields::{self, Assignment};
use crate::host::{DeviceHost, Host};
use crate::output::Output;
use crate::render::IssueView;
use cairn_agent::{Agent, FieldEdit, Reply, Request};
use cairn_model::{Change, FieldId};
use cairn_oplog::StorageError;
use cairn_oplog::bundle::decode_operation;
use cairn_projection::State;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum IssueCommand {
    /// List open ones, or all.
    List {
        /// Settled ones too.
        all: bool,
    },
    /// Show one.
    Show(u64),
    /// Do the work again.
    Resubmit {
        /// Which.
        number: u64,
        /// Fields to write otherwise.
        fields: Vec<Assignment>,
    },
    /// Give the work up.
    Discard(u64),
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum IssueAnswer {
    /// Issues.
    Listed(Vec<IssueView>),
    /// One.
    Shown(Box<IssueView>),
    /// It is settled.
    Settled(Settled),
}

/// An issue that is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    issue: u64,
    /// `resubmitted` or `discarded`.
    outcome: String,
    /// The records of the work that was done again.
    records: Vec<String>,
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: IssueCommand,
    _progress: Progress,
) -> Result<IssueAnswer, Failure> {
    Ok(match command {
        IssueCommand::List { all } => {
            let views = views(host)
                .await?
                .into_iter()
                .filter(|view| all || view.is_open());
            IssueAnswer::Listed(views.collect())
        }
        IssueCommand::Show(number) => {
            let found = views(host)
                .await?
                .into_iter()
                .find(|view| view.number == number);
            let missing = || {
                Failure::not_found(format!(
                    "there is no issue {number} here; `cairn issue list --all` shows them"
                ))
            };
            IssueAnswer::Shown(Box::new(found.ok_or_else(missing)?))
        }
        IssueCommand::Resubmit { number, fields } => {
            IssueAnswer::Settled(resubmit(author_device(host)?, number, fields).await?)
        }
        IssueCommand::Discard(number) => {
            IssueAnswer::Settled(discard(author_device(host)?, number).await?)
        }
    })
}

fn author_device(host: &Host) -> Result<&DeviceHost, Failure> {
    match host {
        Host::Device(device) => Ok(device),
        Host::Relay(_) => Err(Failure::usage(
            "an issue is settled by its author: run this on a device of that user (`cairn issue show` says whose it is)",
        )),
    }
}

async fn views(host: &Host) -> Result<Vec<IssueView>, Failure> {
    let views = match host {
        Host::Relay(relay) => relay.look(|relay| of_everyone(relay.state())).await?,
        Host::Device(device) => device.look(of_this_user).await?,
    };
    Ok(views?)
}

fn of_everyone(state: &State) -> Result<Vec<IssueView>, StorageError> {
    state
        .issues()
        .iter()
        .map(|issue| IssueView::of(state, issue, false))
        .collect()
}

fn of_this_user(agent: &Agent) -> Result<Vec<IssueView>, StorageError> {
    agent
        .issues()
        .map(|issue| IssueView::of(agent, issue, agent.is_settled_here(issue.version)))
        .collect()
}

async fn resubmit(
    device: &DeviceHost,
    number: u64,
    given: Vec<Assignment>,
) -> Result<Settled, Failure> {
    let instead = device
        .look(move |agent| instead(agent, number, &given))
        .await??;
    let reply = device
        .handle
        .request(Request::Resubmit {
            issue: number,
            instead,
        })
        .await?;
    let records = match reply {
        Reply::Logged { records, .. } => records.iter().map(ToString::to_string).collect(),
        Reply::History(_) | Reply::StartedOver | Reply::ModeSet => Vec::new(),
    };
    Ok(Settled {
        issue: number,
        outcome: "resubmitted".to_owned(),
        records,
    })
}

/// The fields to write otherwise, of the first record that the work made or
/// changed.
fn instead(
    agent: &Agent,
    number: u64,
    given: &[Assignment],
) -> Result<Vec<(FieldId, FieldEdit)>, Failure> {
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let issue = agent
        .issues()
        .find(|issue| issue.number == number)
        .ok_or_else(|| unknown(number))?;
    let operation = decode_operation(&issue.payload).map_err(|_| {
        Failure::usage(format!(
            "issue {number} holds nothing that can be resubmitted; discard it"
        ))
    })?;
    let first = operation
        .mutations()
        .iter()
        .find_map(|mutation| match mutation.change {
            Change::Create(_) => Some((mutation, true)),
            Change::Update(_) => Some((mutation, false)),
            _ => None,
        });
    let nothing = || {
        Failure::usage(format!(
            "issue {number} wrote no fields; resubmit it as it is, or discard it"
        ))
    };
    let (mutation, creates) = first.ok_or_else(nothing)?;
    let definition = &agent.directory().definition;
    let record_type = definition
        .types
        .get(&mutation.record_type)
        .ok_or_else(nothing)?;
    let held = if creates {
        None
    } else {
        agent.record(mutation.record)?
    };
    Ok(fields::edits(agent, record_type, held.as_ref(), given)?)
}

fn unknown(number: u64) -> Failure {
    cairn_agent::EditError::UnknownIssue(number).into()
}

async fn discard(device: &DeviceHost, number: u64) -> Result<Settled, Failure> {
    device
        .handle
        .request(Request::Discard { issue: number })
        .await?;
    Ok(Settled {
        issue: number,
        outcome: "discarded".to_owned(),
        records: Vec::new(),
    })
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: IssueArgs, context: &Context) -> Result<Exit, Failure> {
    let (command, check) = match args.verb {
        IssueVerb::List(args) => (IssueCommand::List { all: args.all }, args.check),
        IssueVerb::Show { number } => (IssueCommand::Show(number), false),
        IssueVerb::Resubmit(args) => (
            IssueCommand::Resubmit {
                number: args.number,
                fields: args.fields,
            },
            false,
        ),
        IssueVerb::Discard { number } => (IssueCommand::Discard(number), false),
    };
    let Answer::Issue(answer) = context.ask(Command::Issue(command)).await? else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    match answer {
        IssueAnswer::Listed(views) => {
            if output.json {
                output.json(&views)?;
            } else {
                output.table(
                    &IssueView::COLUMNS,
                    views.iter().map(IssueView::row).collect(),
                )?;
            }
            let open = views.iter().any(IssueView::is_open);
            return Ok(if check && open {
                Exit::Person
            } else {
                Exit::Done
            });
        }
        IssueAnswer::Shown(view) if output.json => output.json(&view)?,
        IssueAnswer::Shown(view) => view.show(output)?,
        IssueAnswer::Settled(settled) if output.json => output.json(&settled)?,
        IssueAnswer::Settled(settled) => settled.show(output)?,
    }
    Ok(Exit::Done)
}

impl Settled {
    fn show(&self, output: &Output) -> Result<(), Failure> {
        self.records
            .iter()
            .try_for_each(|record| output.line(record))?;
        output.say(format!(
            "Issue {} is {}; the relay knows after the next sync.",
            self.issue, self.outcome
        ));
        Ok(())
    }
}
