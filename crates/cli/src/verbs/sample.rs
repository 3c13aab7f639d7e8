//! `cairn sample`.

use crate::args::sample::SampleArgs;
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::host::Host;
use crate::output::count;
use crate::verbs::org::read_definition;
use cairn_agent::{FieldEdit, RecordEdit, RecordEditKind, Request};
use cairn_model::sample::{self, SampleRecord};
use cairn_model::{
    Change, Definition, DeviceId, Field, Kind, LogId, Mutation, OperationId, Value, Version, Write,
    text,
};
use cairn_projection::document;
use cairn_relay::AdminRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

/// Records created in one operation.
const TOGETHER: usize = 40;
/// Operations handed to the relay at a time: so many share one write to disk.
const OPERATIONS_AT_ONCE: usize = 16;

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum SampleCommand {
    /// Create the records.
    Load {
        /// How many portions.
        size: u32,
        /// What they are made up from.
        seed: u64,
    },
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum SampleAnswer {
    /// The records are there.
    Loaded(Loaded),
}

/// Records of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Loaded {
    /// Created now.
    created: u64,
    /// There before.
    known: u64,
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: SampleCommand,
    progress: Progress,
) -> Result<SampleAnswer, Failure> {
    let SampleCommand::Load { size, seed } = command;
    load(host, size, seed, &progress)
        .await
        .map(SampleAnswer::Loaded)
}

/// Creates the sample's records, but those that are there.
pub(crate) async fn load(
    host: &Host,
    size: u32,
    seed: u64,
    progress: &Progress,
) -> Result<Loaded, Failure> {
    let creations = creations(&definition(host).await?, size, seed)?;
    let records = creations
        .iter()
        .map(|creation| creation.record)
        .collect::<Vec<_>>();
    let known: Vec<bool> = match host {
        Host::Relay(relay) => {
            relay
                .look(move |relay| {
                    records
                        .iter()
                        .map(|id| relay.state().record(*id).is_some())
                        .collect()
                })
                .await?
        }
        Host::Device(device) => {
            device
                .look(move |agent| {
                    records
                        .iter()
                        .map(|id| agent.record_type_of(*id).is_some())
                        .collect()
                })
                .await?
        }
    };
    let new: Vec<Mutation> = creations
        .into_iter()
        .zip(&known)
        .filter(|(_, known)| !**known)
        .map(|(creation, _)| creation)
        .collect();
    let total = new.len() as u64;
    let mut done = 0;
    for some in new.chunks(TOGETHER * OPERATIONS_AT_ONCE) {
        create(host, some).await?;
        done += some.len() as u64;
        progress.step("creating records", done, Some(total));
    }
    Ok(Loaded {
        created: total,
        known: known.len() as u64 - total,
    })
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
    match definition.number {
        0 => Err(cairn_agent::EditError::NoDefinition.into()),
        _ => Ok(definition),
    }
}

async fn create(host: &Host, records: &[Mutation]) -> Result<(), Failure> {
    let operations = records.chunks(TOGETHER);
    match host {
        Host::Relay(relay) => {
            let request = AdminRequest::Edit(operations.map(<[Mutation]>::to_vec).collect());
            let verdicts = relay.handle.admin(request).await?;
            match verdicts.iter().find_map(|verdict| verdict.rejected) {
                Some(code) => {
                    let (code, hint) = (code.code(), code.admin_can());
                    let message = format!(
                        "records of the sample were rejected ({code}): {hint} A sample of another seed may be here already."
                    );
                    Err(Failure::rejected(message, code, hint))
                }
                None => Ok(()),
            }
        }
        Host::Device(device) => {
            for operation in operations {
                device
                    .handle
                    .request(Request::Edit(operation.iter().map(edit).collect()))
                    .await?;
            }
            Ok(())
        }
    }
}

fn edit(creation: &Mutation) -> RecordEdit {
    let writes = creation.change.writes().iter();
    RecordEdit {
        record: Some(creation.record),
        record_type: creation.record_type,
        kind: RecordEditKind::Create(
            writes
                .map(|(field, write)| (*field, FieldEdit::Write(write.clone())))
                .collect(),
        ),
        base: None,
    }
}

/// What creates the sample's records under a definition.
fn creations(definition: &Definition, size: u32, seed: u64) -> Result<Vec<Mutation>, Failure> {
    let records = sample::field_service(definition, size, seed);
    records
        .into_iter()
        .map(|record| creation(definition, record))
        .collect()
}

/// What creates a record of the sample under a definition.
pub(crate) fn creation(definition: &Definition, record: SampleRecord) -> Result<Mutation, Failure> {
    let unfit = |field: &str, reason: &str| {
        let place = format!("{}.{field}", record.type_name);
        Failure::usage(format!(
            "the sample does not fit this organization: {place}: {reason}; load it into one made from a template"
        ))
    };
    let record_type = definition
        .type_named(&record.type_name)
        .ok_or_else(|| unfit("", "there is no such type"))?;
    // Each document of the sample is begun by an author of its own.
    let log = LogId {
        device: DeviceId(record.record.0),
        generation: 0,
    };
    let mut writes = Vec::new();
    for (name, json) in &record.fields {
        let field = record_type
            .field_named(name)
            .ok_or_else(|| unfit(name, "there is no such field"))?;
        let operation = OperationId {
            log,
            sequence: u64::from(field.id.0) + 1,
        };
        let write = write(field, json, &operation).map_err(|reason| unfit(name, &reason))?;
        writes.extend(write.map(|write| (field.id, write)));
    }
    Ok(Mutation {
        record: record.record,
        record_type: record_type.id,
        base: Version(0),
        change: Change::Create(writes),
    })
}

fn write(field: &Field, json: &Json, operation: &OperationId) -> Result<Option<Write>, String> {
    let value =
        |kind: &Kind, json: &Json| Value::from_json(kind, json).map_err(|error| error.to_string());
    Ok(Some(match &field.kind {
        Kind::Counter => Write::Add(json.as_i64().ok_or("a counter starts from a number")?),
        Kind::Set { of } => {
            let elements = json.as_array().into_iter().flatten();
            let add = elements
                .map(|element| value(of, element))
                .collect::<Result<BTreeSet<Value>, String>>()?;
            Write::Change {
                add,
                remove: BTreeSet::new(),
            }
        }
        kind @ (Kind::RichText | Kind::Json) => {
            let changes =
                document::edit(kind, &[], json, operation).map_err(|error| error.to_string())?;
            return Ok(changes.map(Write::Merge));
        }
        kind => Write::Set(value(kind, json)?),
    }))
}

/// Asks for it, or prints it.
pub(crate) async fn run(args: SampleArgs, context: &Context) -> Result<Exit, Failure> {
    if !args.load {
        return print(&args, context);
    }
    let command = SampleCommand::Load {
        size: args.size,
        seed: args.seed,
    };
    let Answer::Sample(SampleAnswer::Loaded(loaded)) =
        context.ask(Command::Sample(command)).await?
    else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    if output.json {
        output.json(&loaded)?;
    } else {
        let known = if loaded.known > 0 {
            format!(" {} were there.", loaded.known)
        } else {
            String::new()
        };
        output.line(format!(
            "Created {}.{known}",
            count(loaded.created, "record")
        ))?;
    }
    Ok(Exit::Done)
}

fn print(args: &SampleArgs, context: &Context) -> Result<Exit, Failure> {
    let files = text::template(&args.template)
        .ok_or_else(|| Failure::not_found(format!("there is no template `{}`", args.template)))?;
    let definition = read_definition(&files, &Definition::default())?;
    for record in sample::field_service(&definition, args.size, args.seed) {
        context.output.line(json(record).to_string())?;
    }
    Ok(Exit::Done)
}

/// A record as `cairn export` writes it.
fn json(record: SampleRecord) -> Json {
    let mut object = Map::new();
    object.insert("id".to_owned(), record.record.to_string().into());
    object.insert("type".to_owned(), record.type_name.into());
    object.extend(record.fields);
    Json::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_fits_every_template() {
        for name in text::TEMPLATES {
            let files = text::template(name).unwrap();
            let definition = read_definition(&files, &Definition::default()).unwrap();
            let creations = creations(&definition, 3, 1).unwrap();
            assert!(
                creations.len() > 30,
                "{name} takes {} records",
                creations.len()
            );
        }
    }
}
