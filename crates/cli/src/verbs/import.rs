//! `cairn import`: records from CSV and JSON Lines.
//!
//! Reading order: `mapping` (what a person writes), `plan` (checked against
//! the definition), `rows` with `csv` and `jsonl` (what a file has), `planner`
//! with `index` (what rows come to, given what is there), `load` (carrying it
//! out), `report`. `load::import` is what other verbs use.

mod csv;
mod index;
mod input;
mod jsonl;
mod load;
mod mapping;
mod plan;
mod planner;
mod report;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use load::import;
pub(crate) use mapping::Mapping;
pub(crate) use report::{Report, TableReport};
pub(crate) use rows::Format;

use crate::args::import::ImportArgs;
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::editing::Place;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use crate::output::count;
use input::Input;
use rows::Rows;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is typed for standard input.
const STANDARD_INPUT: &str = "-";

/// Rows looked at to learn the columns of a file without a heading.
const ROWS_LOOKED_AT: usize = 1000;

/// What shall be done. Files are read where the directory is held.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ImportCommand {
    file: Option<PathBuf>,
    record_type: Option<String>,
    /// The mapping's path, for messages, and its text.
    mapping: Option<(PathBuf, String)>,
    key: Vec<String>,
    base: PathBuf,
    format: Option<Format>,
    delimiter: Option<char>,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ImportAnswer {
    report: Report,
    /// Whether the relay has yet to judge it.
    on_device: bool,
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: ImportCommand,
    progress: Progress,
) -> Result<ImportAnswer, Failure> {
    let place = Place::from(host);
    let on_device = !place.is_relay();
    let report = match &command.mapping {
        Some((path, text)) => {
            let wrong = |words: String| Failure::usage(format!("{}: {words}", path.display()));
            let mut mapping = Mapping::parse(text).map_err(wrong)?;
            for table in &mut mapping.tables {
                table.file = table.file.take().or_else(|| command.file.clone());
                table.record_type = table
                    .record_type
                    .take()
                    .or_else(|| command.record_type.clone());
                table.format = table.format.or(command.format);
                table.delimiter = table.delimiter.or(command.delimiter);
            }
            import(&place, &mapping, &command.base, &progress).await?
        }
        None => import_by_heading(&place, &command, &progress).await?,
    };
    Ok(ImportAnswer { report, on_device })
}

async fn import_by_heading(
    place: &Place,
    command: &ImportCommand,
    progress: &Progress,
) -> Result<Report, Failure> {
    let (Some(file), Some(type_name)) = (command.file.clone(), command.record_type.clone()) else {
        return Err(Failure::usage(
            "name a file and its record type (--type), or a mapping (--mapping)",
        ));
    };
    let path = command.base.join(&file);
    let heading = heading(&path, command.format, command.delimiter).map_err(Failure::usage)?;
    let (format, key) = (command.format, command.key.clone());
    let planned = place
        .look(move |holding| {
            let record_type =
                crate::record_ref::type_named(holding, &type_name).map_err(Failure::not_found)?;
            plan::plan_by_heading(file, format, record_type, &heading, &key).map_err(Failure::usage)
        })
        .await?;
    let (mut plan, unknown) = planned?;
    plan.delimiter = command.delimiter;
    let mut report = load::import_plans(place, vec![plan], &command.base, progress).await?;
    if let Some(table) = report.tables.first_mut() {
        let left =
            |column: &String| format!("column `{column}` was left out: no field is called so");
        table.notes.extend(unknown.iter().map(left));
    }
    Ok(report)
}

/// The columns of a file: its heading, or what its first rows have.
fn heading(
    path: &Path,
    format: Option<Format>,
    delimiter: Option<char>,
) -> Result<Vec<String>, String> {
    let rows = Rows::open(path, format, delimiter)?;
    if let Some(heading) = &rows.heading {
        return Ok(heading.clone());
    }
    let mut columns: Vec<String> = Vec::new();
    for row in rows.take(ROWS_LOOKED_AT).flatten() {
        for column in row.cells.keys() {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
    }
    Ok(columns)
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: ImportArgs, context: &Context) -> Result<Exit, Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    };
    let mapping = match &args.mapping {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!(
                    "{}: the mapping cannot be read: {error}",
                    path.display()
                ))
            })?;
            Some((path.clone(), text))
        }
    };
    let beside = args
        .mapping
        .as_deref()
        .and_then(Path::parent)
        .unwrap_or(Path::new("."));
    let base = args
        .data
        .as_deref()
        .unwrap_or(if beside.as_os_str().is_empty() {
            Path::new(".")
        } else {
            beside
        });
    let input = Input::of(args.file.as_deref(), context)?;
    let file = input.as_ref().map(Input::path).or(args.file.as_deref());
    let command = ImportCommand {
        file: file.map(absolute).transpose()?,
        record_type: args.record_type,
        mapping,
        key: args.key,
        base: absolute(base)?,
        format: args.format.map(Format::from),
        delimiter: args.delimiter,
    };
    let answer = match context.ask(Command::Import(command)).await {
        Ok(Answer::Import(answer)) => Ok(answer),
        Ok(_) => Err(Failure::other_answer()),
        Err(failure) => Err(failure),
    };
    let answer = match input {
        Some(input) => input.named(answer),
        None => answer,
    };
    show(&answer?, context)
}

fn show(answer: &ImportAnswer, context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let report = &answer.report;
    let exit = if report.left_out() > 0 {
        Exit::Usage
    } else {
        Exit::Done
    };
    if output.json {
        output.json(report)?;
        return Ok(exit);
    }
    let counts = |table: &TableReport| {
        let numbers = [
            table.rows,
            table.created,
            table.updated,
            table.unchanged,
            table.left_out,
        ];
        let names = [short(&table.file), table.record_type.clone()];
        names
            .into_iter()
            .chain(numbers.map(|number| number.to_string()))
            .collect()
    };
    let heading = [
        "file",
        "type",
        "rows",
        "created",
        "changed",
        "unchanged",
        "left out",
    ];
    output.table(&heading, report.tables.iter().map(counts).collect())?;
    let faults: Vec<Vec<String>> = report.tables.iter().flat_map(fault_rows).collect();
    if !faults.is_empty() {
        output.line("")?;
        output.table(&["file", "row", "column", "reason"], faults)?;
    }
    for table in &report.tables {
        for note in &table.notes {
            output.say(format!("{}: {note}", short(&table.file)));
        }
    }
    if report.left_out() > 0 {
        output.say(format!(
            "{} left out; correct what is wrong and run the import again: it doubles nothing.",
            count(report.left_out(), "row")
        ));
    }
    if answer.on_device
        && report
            .tables
            .iter()
            .any(|table| table.created + table.updated > 0)
    {
        output.say("The relay judges it when the device syncs; `cairn issue list` then shows what it rejects.");
    }
    Ok(exit)
}

fn fault_rows(table: &TableReport) -> Vec<Vec<String>> {
    let told = table.faults.iter().map(|fault| {
        vec![
            short(&table.file),
            fault.row.to_string(),
            fault.column.clone().unwrap_or_default(),
            fault.reason.clone(),
        ]
    });
    let more = table.left_out - table.faults.len() as u64;
    let rest = (more > 0).then(|| {
        vec![
            short(&table.file),
            "…".to_owned(),
            String::new(),
            format!("and {more} more"),
        ]
    });
    told.chain(rest).collect()
}

/// A file's name without its folders.
fn short(file: &str) -> String {
    Path::new(file).file_name().map_or_else(
        || file.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}
