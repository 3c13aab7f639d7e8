//! `cairn org`.

use crate::args::org::{OrgArgs, OrgVerb};
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::folder;
use crate::host::{Host, RelayHost};
use cairn_model::Definition;
use cairn_model::text::{self, SourceFile, TextFault};
use cairn_relay::AdminRequest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A file's path in the folder, and its text.
pub(crate) type FileText = (String, String);

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum OrgCommand {
    /// Say what publishing this folder would change.
    Diff(Vec<FileText>),
    /// Publish this folder.
    Publish {
        /// Its files.
        files: Vec<FileText>,
        /// The organization's name, in place of the one in the files.
        name: Option<String>,
    },
    /// Give the definition in force as a folder.
    Export,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum OrgAnswer {
    /// What would change.
    Diff(Difference),
    /// What changed.
    Published(Difference),
    /// The folder.
    Folder(Vec<FileText>),
}

/// How a folder differs from the definition in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// The definition in force, by number; after publishing, the new one.
    pub(crate) definition: u32,
    /// One sentence for each change.
    pub(crate) changes: Vec<String>,
}

/// A mistake, for programs.
#[derive(Debug, Serialize)]
struct Fault {
    file: String,
    line: usize,
    column: usize,
    wrong: String,
    instead: String,
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: OrgCommand,
    _progress: Progress,
) -> Result<OrgAnswer, Failure> {
    match command {
        OrgCommand::Diff(files) => {
            let base = definition(host).await?;
            let target = read_definition(&sources(files), &base)?;
            Ok(OrgAnswer::Diff(difference(&base, &target)?))
        }
        OrgCommand::Publish { files, name } => publish(host.relay()?, &sources(files), name)
            .await
            .map(OrgAnswer::Published),
        OrgCommand::Export => {
            let files = text::export(&definition(host).await?);
            Ok(OrgAnswer::Folder(texts(files)))
        }
    }
}

async fn definition(host: &Host) -> Result<Definition, Failure> {
    let definition = match host {
        Host::Relay(relay) => {
            relay
                .look(|relay| (**relay.state().definition()).clone())
                .await?
        }
        Host::Device(device) => {
            device
                .look(|agent| agent.directory().definition.clone())
                .await?
        }
    };
    match (definition.number, host) {
        (0, Host::Device(_)) => Err(cairn_agent::EditError::NoDefinition.into()),
        _ => Ok(definition),
    }
}

fn difference(base: &Definition, target: &Definition) -> Result<Difference, Failure> {
    let changes = base.changes_to(target);
    base.changed(&changes).map_err(Failure::usage)?;
    Ok(Difference {
        definition: base.number,
        changes: text::describe(&changes, base),
    })
}

async fn publish(
    host: &RelayHost,
    files: &[SourceFile],
    name: Option<String>,
) -> Result<Difference, Failure> {
    let base = host
        .look(|relay| (**relay.state().definition()).clone())
        .await?;
    let mut target = read_definition(files, &base)?;
    if let Some(name) = name {
        target.name = name;
    }
    let mut published = difference(&base, &target)?;
    if published.changes.is_empty() {
        return Ok(published);
    }
    published.definition = put_in_force(host, target).await?;
    Ok(published)
}

/// Publishes a definition; gives its number.
pub(crate) async fn put_in_force(host: &RelayHost, target: Definition) -> Result<u32, Failure> {
    let verdicts = host
        .handle
        .admin(AdminRequest::Publish(Box::new(target)))
        .await?;
    if let Some(code) = verdicts.iter().find_map(|verdict| verdict.rejected) {
        let (code, hint) = (code.code(), code.admin_can());
        let message = format!("the change was not published ({code}): {hint}");
        return Err(Failure::rejected(message, code, hint));
    }
    host.look(|relay| relay.state().definition().number).await
}

/// The definition that the files describe, as what follows `base`.
///
/// # Errors
/// Every mistake at once, a line each.
pub(crate) fn read_definition(
    files: &[SourceFile],
    base: &Definition,
) -> Result<Definition, Failure> {
    text::parse(files, base, &cairn_policy::ids()).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Failure::usage(format!(
            "the definition has {}\n{}",
            mistakes(faults.len()),
            lines.join("\n")
        ))
    })
}

fn mistakes(count: usize) -> String {
    if count == 1 {
        "1 mistake:".to_owned()
    } else {
        format!("{count} mistakes:")
    }
}

pub(crate) fn sources(files: Vec<FileText>) -> Vec<SourceFile> {
    files
        .into_iter()
        .map(|(path, text)| SourceFile { path, text })
        .collect()
}

pub(crate) fn texts(files: Vec<SourceFile>) -> Vec<FileText> {
    files
        .into_iter()
        .map(|file| (file.path, file.text))
        .collect()
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: OrgArgs, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        OrgVerb::Check { folder } => check(&folder, context),
        OrgVerb::Diff { folder } => run_diff(&folder, context).await,
        OrgVerb::Publish { folder } => run_publish(&folder, context).await,
        OrgVerb::Export { folder } => run_export(folder, context).await,
        OrgVerb::Template { name, folder } => run_template(&name, &folder, context),
    }
}

fn check(folder: &Path, context: &Context) -> Result<Exit, Failure> {
    let files = folder::read_or_template(folder)?;
    let output = &context.output;
    let faults = match text::parse(&files, &Definition::default(), &cairn_policy::ids()) {
        Ok(definition) => {
            if output.json {
                output.json(&Vec::<Fault>::new())?;
            }
            output.say(format!(
                "{} is right: {} record types, {} users, {} teams.",
                definition.name,
                definition.types.len(),
                definition.users.len(),
                definition.teams.len()
            ));
            return Ok(Exit::Done);
        }
        Err(faults) => faults,
    };
    if output.json {
        let faults: Vec<Fault> = faults
            .into_iter()
            .map(|fault| fault_of(fault, folder))
            .collect();
        output.json(&faults)?;
    } else {
        for fault in &faults {
            output.line(folder.join(fault.to_string()).display().to_string())?;
        }
        output.say(format!(
            "{} in {}.",
            mistakes(faults.len()).trim_end_matches(':'),
            folder.display()
        ));
    }
    Ok(Exit::No)
}

fn fault_of(fault: TextFault, folder: &Path) -> Fault {
    Fault {
        file: folder.join(&fault.path).display().to_string(),
        line: fault.line,
        column: fault.column,
        wrong: fault.wrong,
        instead: fault.instead,
    }
}

async fn ask(command: OrgCommand, context: &Context) -> Result<OrgAnswer, Failure> {
    match context.ask(Command::Org(command)).await? {
        Answer::Org(answer) => Ok(answer),
        _ => Err(Failure::other_answer()),
    }
}

async fn run_diff(folder: &Path, context: &Context) -> Result<Exit, Failure> {
    let OrgAnswer::Diff(difference) =
        ask(OrgCommand::Diff(texts(folder::read(folder)?)), context).await?
    else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    if output.json {
        output.json(&difference)?;
        return Ok(Exit::Done);
    }
    difference
        .changes
        .iter()
        .try_for_each(|change| output.line(change))?;
    output.say(match difference.changes.len() {
        0 => format!(
            "Nothing differs from definition {}, which is in force.",
            difference.definition
        ),
        count => format!(
            "{count} {} to definition {}; `cairn org publish {}` publishes them.",
            if count == 1 { "change" } else { "changes" },
            difference.definition,
            folder.display()
        ),
    });
    Ok(Exit::Done)
}

async fn run_publish(folder: &Path, context: &Context) -> Result<Exit, Failure> {
    let command = OrgCommand::Publish {
        files: texts(folder::read(folder)?),
        name: None,
    };
    let OrgAnswer::Published(published) = ask(command, context).await? else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    if output.json {
        output.json(&published)?;
        return Ok(Exit::Done);
    }
    published
        .changes
        .iter()
        .try_for_each(|change| output.line(change))?;
    output.say(match published.changes.len() {
        0 => format!(
            "Nothing to publish: definition {} is like this already.",
            published.definition
        ),
        _ => format!(
            "Published as definition {}. Devices get it with their next sync.",
            published.definition
        ),
    });
    Ok(Exit::Done)
}

async fn run_export(folder: PathBuf, context: &Context) -> Result<Exit, Failure> {
    let OrgAnswer::Folder(files) = ask(OrgCommand::Export, context).await? else {
        return Err(Failure::other_answer());
    };
    write(&folder, &sources(files), context)
}

fn run_template(name: &str, folder: &Path, context: &Context) -> Result<Exit, Failure> {
    let files = text::template(name)
        .ok_or_else(|| Failure::not_found(format!("there is no template `{name}`")))?;
    write(folder, &files, context)
}

fn write(folder: &Path, files: &[SourceFile], context: &Context) -> Result<Exit, Failure> {
    folder::write(folder, files)?;
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    if context.output.json {
        context.output.json(&paths)?;
    } else {
        context.output.line(format!(
            "Wrote {} files to {}.",
            paths.len(),
            folder.display()
        ))?;
        context.output.say(format!(
            "Check it with `cairn org check {}`.",
            folder.display()
        ));
    }
    Ok(Exit::Done)
}
