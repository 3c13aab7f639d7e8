//! `cairn profile`: who holds what offline, at the relay.

mod draft;
mod explain;
mod list;
mod members;
mod past;
mod preview;
mod show;
#[cfg(test)]
mod tests;
mod words;

use super::org::{Difference, FileText, texts};
use crate::args::profile::{ProfileArgs, ProfileVerb};
use crate::context::Context;
use crate::control::{Answer, Command};
use crate::exit::{Exit, Failure};
use crate::folder;
use crate::host::{Host, RelayHost};
use cairn_model::definition::Profile;
use cairn_model::{Definition, text};
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ProfileCommand {
    /// List the profiles.
    List,
    /// Say what one lets in.
    Show(String),
    /// Say how those of a folder differ.
    Diff {
        /// The folder's files.
        files: Vec<FileText>,
        /// Only this one.
        name: Option<String>,
    },
    /// Publish those of a folder.
    Publish {
        /// The folder's files.
        files: Vec<FileText>,
        /// Only this one.
        name: Option<String>,
    },
    /// Change whom one is for.
    Members(members::Membership),
    /// List the versions at which one changed.
    History(String),
    /// Publish again what one was.
    Revert {
        /// Which.
        name: String,
        /// Right after this version.
        to: u64,
    },
    /// Say why a user holds a record, or not.
    Explain {
        /// The user's login.
        user: String,
        /// The record.
        record: String,
    },
    /// Estimate what users would hold.
    Preview {
        /// A draft's files; without, what is published.
        files: Option<Vec<FileText>>,
        /// For whom; members of the profiles in question, if nobody is named.
        users: Vec<String>,
        /// Bits a second.
        bandwidth: u64,
    },
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ProfileAnswer {
    /// The profiles.
    Listed(list::Listed),
    /// What one lets in.
    Shown(Box<show::ProfileView>),
    /// What would change.
    Diff(Difference),
    /// What was published.
    Published(Difference),
    /// What was published, and who was moved.
    Joined(members::Joined),
    /// The versions at which one changed.
    History(Vec<past::Change>),
    /// Why a record is held, or not.
    Explained(Box<explain::ExplanationView>),
    /// What users would hold.
    Preview(Box<preview::PreviewView>),
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: ProfileCommand,
) -> Result<ProfileAnswer, Failure> {
    let relay = host.relay()?;
    Ok(match command {
        ProfileCommand::List => ProfileAnswer::Listed(list::list(relay).await?),
        ProfileCommand::Show(name) => {
            ProfileAnswer::Shown(Box::new(show::show(relay, name).await?))
        }
        ProfileCommand::Diff { files, name } => {
            ProfileAnswer::Diff(draft::diff(relay, files, name.as_deref()).await?)
        }
        ProfileCommand::Publish { files, name } => {
            ProfileAnswer::Published(draft::publish(relay, files, name.as_deref()).await?)
        }
        ProfileCommand::Members(change) => {
            ProfileAnswer::Joined(members::change(relay, change).await?)
        }
        ProfileCommand::History(name) => ProfileAnswer::History(past::history(relay, name).await?),
        ProfileCommand::Revert { name, to } => {
            ProfileAnswer::Published(past::revert(relay, name, to).await?)
        }
        ProfileCommand::Explain { user, record } => {
            ProfileAnswer::Explained(Box::new(explain::explain(relay, user, record).await?))
        }
        ProfileCommand::Preview {
            files,
            users,
            bandwidth,
        } => {
            let previewed = preview::preview(relay, files, users, bandwidth).await?;
            ProfileAnswer::Preview(Box::new(previewed))
        }
    })
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: ProfileArgs, context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let command = match args.verb {
        ProfileVerb::List => ProfileCommand::List,
        ProfileVerb::Show(args) => ProfileCommand::Show(args.name),
        ProfileVerb::Diff(args) => ProfileCommand::Diff {
            files: texts(folder::read(&args.folder)?),
            name: args.name,
        },
        ProfileVerb::Publish(args) => ProfileCommand::Publish {
            files: texts(folder::read(&args.folder)?),
            name: args.name,
        },
        ProfileVerb::Members(args) => ProfileCommand::Members(members::Membership {
            profile: args.name,
            add: args.add,
            remove: args.remove,
        }),
        ProfileVerb::History(args) => ProfileCommand::History(args.name),
        ProfileVerb::Revert(args) => ProfileCommand::Revert {
            name: args.name,
            to: args.to,
        },
        ProfileVerb::Explain(args) => ProfileCommand::Explain {
            user: args.user,
            record: args.record,
        },
        ProfileVerb::Preview(args) => ProfileCommand::Preview {
            files: match args.folder {
                Some(folder) => Some(texts(folder::read(&folder)?)),
                None => None,
            },
            users: args.users,
            bandwidth: args.bandwidth,
        },
    };
    let Answer::Profile(answer) = context.ask(Command::Profile(command)).await? else {
        return Err(Failure::other_answer());
    };
    let exit = match &answer {
        ProfileAnswer::Explained(view) if !view.held => Exit::No,
        _ => Exit::Done,
    };
    match answer {
        _ if output.json => match &answer {
            ProfileAnswer::Listed(view) => output.json(view),
            ProfileAnswer::Shown(view) => output.json(view),
            ProfileAnswer::Diff(view) | ProfileAnswer::Published(view) => output.json(view),
            ProfileAnswer::Joined(view) => output.json(view),
            ProfileAnswer::History(view) => output.json(view),
            ProfileAnswer::Explained(view) => output.json(view),
            ProfileAnswer::Preview(view) => output.json(view),
        },
        ProfileAnswer::Listed(view) => view.show(output),
        ProfileAnswer::Shown(view) => view.show(output),
        ProfileAnswer::Diff(view) => draft::show_diff(&view, output),
        ProfileAnswer::Published(view) => draft::show_published(&view, output),
        ProfileAnswer::Joined(view) => members::show(&view, output),
        ProfileAnswer::History(view) => past::show(&view, output),
        ProfileAnswer::Explained(view) => view.show(output),
        ProfileAnswer::Preview(view) => view.show(output),
    }?;
    Ok(exit)
}

/// The definition in force.
async fn definition(relay: &RelayHost) -> Result<Definition, Failure> {
    let definition = relay.look(|relay| (**relay.state().definition()).clone());
    definition.await
}

/// The profile of that name.
fn named<'a>(definition: &'a Definition, name: &str) -> Result<&'a Profile, Failure> {
    let known = definition.profiles.keys().map(String::as_str);
    definition
        .profiles
        .get(name)
        .ok_or_else(|| missing("profile", name, known))
}

/// That there is no such thing, and what was meant perhaps.
fn missing<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let all = || {
        let all: Vec<&str> = known.clone().take(KNOWN_SHOWN_MAX).collect();
        match all.len() {
            0 => format!("there is no {what} yet"),
            _ => format!("there are {}", all.join(", ")),
        }
    };
    let hint = text::did_you_mean(name, known.clone(), all);
    Failure::not_found(format!("there is no {what} `{name}`: {hint}"))
}

/// Names listed in a message.
const KNOWN_SHOWN_MAX: usize = 20;
