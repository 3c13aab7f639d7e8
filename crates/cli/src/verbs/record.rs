//! `cairn record`: records made, changed and looked at.

mod conditions;
mod edit;
mod follow;
mod history;
mod left;
mod list;
mod look;
mod share;
#[cfg(test)]
mod tests;

use crate::args::record::{RecordArgs, RecordVerb};
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::fields::Assignment;
use crate::host::Host;
use crate::render::RecordView;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RecordCommand {
    /// Create one.
    Create {
        /// Its type.
        record_type: String,
        /// Its fields.
        fields: Vec<Assignment>,
        /// Its id, if not a new one.
        id: Option<String>,
    },
    /// Change one.
    Set {
        /// Which.
        reference: String,
        /// The fields to change.
        fields: Vec<Assignment>,
        /// The version that was looked at.
        base: Option<u64>,
    },
    /// Delete one.
    Delete(String),
    /// Restore one.
    Restore(String),
    /// Show one.
    Get {
        /// Which.
        reference: String,
        /// When.
        as_of: Option<String>,
    },
    /// List some.
    List(list::Listing),
    /// List those that left, of a type or all.
    Left {
        /// The type.
        record_type: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// Keep one offline, or no longer.
    Follow {
        /// Which.
        reference: String,
        /// Whether to keep it.
        keep: bool,
    },
    /// Give one to a user or a team.
    Assign {
        /// Which.
        reference: String,
        /// To whom.
        whom: String,
    },
    /// Share one, or end that.
    Share {
        /// Which.
        reference: String,
        /// With whom.
        whom: String,
        /// How.
        access: share::Sharing,
    },
    /// Show the operations on one.
    History {
        /// Which.
        reference: String,
        /// Whether to connect for that.
        sync: bool,
    },
    /// Show the operations behind its values.
    Blame {
        /// Which.
        reference: String,
        /// Whether to connect for that.
        sync: bool,
    },
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RecordAnswer {
    /// An edit is durable.
    Edited(edit::EditedView),
    /// A record.
    Record(Box<RecordView>),
    /// Records.
    Listed(list::Listed),
    /// A record that is not here any more.
    Left(left::LeftView),
    /// Records that are not here any more.
    AllLeft(left::AllLeft),
    /// The operations on a record.
    History(history::HistoryView),
    /// The operations behind its values.
    Blame(history::BlameView),
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: RecordCommand,
    progress: Progress,
) -> Result<RecordAnswer, Failure> {
    Ok(match command {
        RecordCommand::Create {
            record_type,
            fields,
            id,
        } => RecordAnswer::Edited(edit::create(host, record_type, fields, id).await?),
        RecordCommand::Set {
            reference,
            fields,
            base,
        } => RecordAnswer::Edited(edit::set(host, reference, fields, base).await?),
        RecordCommand::Delete(reference) => {
            RecordAnswer::Edited(edit::delete(host, reference).await?)
        }
        RecordCommand::Restore(reference) => {
            RecordAnswer::Edited(edit::restore(host, reference).await?)
        }
        RecordCommand::Get { reference, as_of } => {
            match look::get(host, reference.clone(), as_of).await {
                Ok(view) => RecordAnswer::Record(Box::new(view)),
                Err(missing) => RecordAnswer::Left(left::get(host, reference, missing).await?),
            }
        }
        RecordCommand::List(listing) => RecordAnswer::Listed(list::list(host, listing).await?),
        RecordCommand::Left { record_type, limit } => {
            RecordAnswer::AllLeft(left::list(host, record_type, limit).await?)
        }
        RecordCommand::Follow { reference, keep } => {
            RecordAnswer::Edited(follow::follow(host, reference, keep).await?)
        }
        RecordCommand::Assign { reference, whom } => {
            RecordAnswer::Edited(share::assign(host, reference, whom).await?)
        }
        RecordCommand::Share {
            reference,
            whom,
            access,
        } => RecordAnswer::Edited(share::share(host, reference, whom, access).await?),
        RecordCommand::History { reference, sync } => {
            RecordAnswer::History(history::history(host, reference, sync, &progress).await?)
        }
        RecordCommand::Blame { reference, sync } => {
            RecordAnswer::Blame(history::blame(host, reference, sync, &progress).await?)
        }
    })
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: RecordArgs, context: &Context) -> Result<Exit, Failure> {
    let command = match args.verb {
        RecordVerb::Create(args) => RecordCommand::Create {
            record_type: args.record_type,
            fields: args.fields,
            id: args.id,
        },
        RecordVerb::Set(args) => RecordCommand::Set {
            reference: args.reference,
            fields: args.fields,
            base: args.base,
        },
        RecordVerb::Delete(args) => RecordCommand::Delete(args.reference),
        RecordVerb::Restore(args) => RecordCommand::Restore(args.reference),
        RecordVerb::Get(args) => RecordCommand::Get {
            reference: args.reference,
            as_of: args.as_of,
        },
        RecordVerb::List(mut args) => match args.record_type.take() {
            Some(record_type) if !args.left => {
                RecordCommand::List(list::Listing::here(record_type, args))
            }
            record_type => RecordCommand::Left {
                record_type,
                limit: args.limit,
            },
        },
        RecordVerb::Follow(args) => RecordCommand::Follow {
            reference: args.reference,
            keep: true,
        },
        RecordVerb::Unfollow(args) => RecordCommand::Follow {
            reference: args.reference,
            keep: false,
        },
        RecordVerb::Assign(args) => RecordCommand::Assign {
            reference: args.reference,
            whom: args.whom,
        },
        RecordVerb::Share(args) => RecordCommand::Share {
            reference: args.reference,
            whom: args.whom,
            access: match args.write {
                true => share::Sharing::Write,
                false => share::Sharing::Read,
            },
        },
        RecordVerb::Unshare(args) => RecordCommand::Share {
            reference: args.reference,
            whom: args.whom,
            access: share::Sharing::None,
        },
        RecordVerb::History(args) => RecordCommand::History {
            reference: args.reference,
            sync: args.sync,
        },
        RecordVerb::Blame(args) => RecordCommand::Blame {
            reference: args.reference,
            sync: args.sync,
        },
    };
    let Answer::Record(answer) = context.ask(Command::Record(command)).await? else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    match answer {
        _ if output.json => match &answer {
            RecordAnswer::Edited(view) => output.json(view),
            RecordAnswer::Record(view) => output.json(view),
            RecordAnswer::Listed(view) => output.json(&view.records),
            RecordAnswer::Left(view) => output.json(view),
            RecordAnswer::AllLeft(view) => output.json(&view.records),
            RecordAnswer::History(view) => output.json(view),
            RecordAnswer::Blame(view) => output.json(view),
        },
        RecordAnswer::Edited(view) => view.show(output),
        RecordAnswer::Record(view) => view.show(output),
        RecordAnswer::Listed(view) => view.show(output),
        RecordAnswer::Left(view) => view.show(output),
        RecordAnswer::AllLeft(view) => view.show(output),
        RecordAnswer::History(view) => view.show(output),
        RecordAnswer::Blame(view) => view.show(output),
    }?;
    Ok(Exit::Done)
}
