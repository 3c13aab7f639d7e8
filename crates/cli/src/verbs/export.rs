//! `cairn export`: records as CSV or JSON Lines.

mod write;

use crate::args::export::ExportArgs;
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::editing::Place;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use crate::output::count;
use crate::record_ref;
use crate::verbs::import::Format;
use cairn_model::RecordType;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What shall be done. The file is written where the directory is held.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ExportCommand {
    types: Vec<String>,
    format: Format,
    out: Out,
    deleted: bool,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Out {
    /// Into this file.
    File(PathBuf),
    /// Into this folder, a file for each type.
    Folder(PathBuf),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportAnswer {
    /// Records written, by type.
    types: Vec<Exported>,
}

/// One type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Exported {
    #[serde(rename = "type")]
    record_type: String,
    records: u64,
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: ExportCommand,
    progress: Progress,
) -> Result<ExportAnswer, Failure> {
    let place = Place::from(host);
    let asked = command.types.clone();
    let types = place.look(move |holding| {
        if asked.is_empty() {
            let all = holding
                .definition()
                .types
                .values()
                .filter(|record_type| !record_type.retired);
            return Ok(all.cloned().collect::<Vec<RecordType>>());
        }
        asked
            .iter()
            .map(|name| record_ref::type_named(holding, name).cloned())
            .collect()
    });
    let types = types.await??;
    if command.format == Format::Csv && types.len() > 1 && is_file(&command.out) {
        return Err(Failure::usage(
            "a CSV file holds one record type; name one, or a folder with --out FOLDER/",
        ));
    }
    let mut exported = Vec::new();
    let total = types.len() as u64;
    let mut file = match &command.out {
        Out::File(path) => Some(create(path)?),
        Out::Folder(path) => {
            std::fs::create_dir_all(path).map_err(|error| unwritable(path, &error))?;
            None
        }
    };
    let several = types.len() > 1;
    for (number, record_type) in (0..).zip(types) {
        progress.step("types written", number, Some(total));
        let name = record_type.name.clone();
        let (format, deleted, tagged) =
            (command.format, command.deleted, several && file.is_some());
        let text = place
            .look(move |holding| write::records(holding, &record_type, format, deleted, tagged))
            .await??;
        let path = match &command.out {
            Out::File(path) => path.clone(),
            Out::Folder(folder) => folder.join(format!("{name}.{}", extension(command.format))),
        };
        exported.push(Exported {
            record_type: name,
            records: text.records(),
        });
        let written = match &mut file {
            Some(file) => text.write_to(file),
            None => text.write_to(create(&path)?),
        };
        written.map_err(|error| unwritable(&path, &error))?;
    }
    Ok(ExportAnswer { types: exported })
}

fn is_file(out: &Out) -> bool {
    match out {
        Out::File(_) => true,
        Out::Folder(_) => false,
    }
}

fn extension(format: Format) -> &'static str {
    match format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
    }
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::storage(format!("{} cannot be written: {error}", path.display()))
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let spool = context
        .directory
        .path
        .join(format!("export-{}.tmp", std::process::id()));
    let to_stdout = args.out.is_none();
    let out = args.out.as_deref().unwrap_or(&spool);
    let path = std::path::absolute(out).map_err(|error| unwritable(out, &error))?;
    let names_folder = out.as_os_str().to_string_lossy().ends_with('/') || path.is_dir();
    let command = ExportCommand {
        types: args.types,
        format: args.format.into(),
        out: if names_folder {
            Out::Folder(path.clone())
        } else {
            Out::File(path.clone())
        },
        deleted: args.deleted,
    };
    let answer = context.ask(Command::Export(command)).await;
    let shown = match &answer {
        Ok(Answer::Export(_)) if to_stdout => to_standard_output(&path),
        _ => Ok(()),
    };
    if to_stdout {
        std::fs::remove_file(&path).ok();
    }
    let Answer::Export(answer) = answer? else {
        return Err(Failure::other_answer());
    };
    shown?;
    if !to_stdout && context.output.json {
        context.output.json(&answer.types)?;
    } else {
        let records: u64 = answer.types.iter().map(|exported| exported.records).sum();
        let types = count(answer.types.len() as u64, "type");
        context
            .output
            .say(format!("{} of {types}.", count(records, "record")));
    }
    Ok(Exit::Done)
}

/// Whoever reads standard output may stop early; that is no failure.
fn to_standard_output(path: &Path) -> Result<(), Failure> {
    let copied =
        File::open(path).and_then(|mut file| io::copy(&mut file, &mut io::stdout().lock()));
    match copied {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::storage(format!(
            "the output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}
