//! The records the story starts from: the built-in sample, or tables.

use super::world::World;
use crate::exit::Failure;
use cairn_model::{
    Change, Definition, DeviceId, Field, Kind, LogId, Mutation, OperationId, Value, Version, Write,
    sample,
};
use cairn_projection::document;
use cairn_relay::AdminRequest;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Portions of the sample, and what it is made up from.
const SAMPLE_SIZE: u32 = 1;
const SAMPLE_SEED: u64 = 1;
/// Records created in one operation.
const TOGETHER: usize = 40;

/// Loads the built-in sample at the relay.
pub(super) async fn sample(world: &World) -> Result<(), Failure> {
    let definition = world
        .host
        .look(|relay| Arc::clone(relay.state().definition()))
        .await?;
    let records = sample::field_service(&definition, SAMPLE_SIZE, SAMPLE_SEED);
    let mut creates = Vec::with_capacity(records.len());
    for record in records {
        creates.push(create(&definition, record)?);
    }
    let operations = creates.chunks(TOGETHER).map(<[Mutation]>::to_vec).collect();
    let verdicts = world
        .host
        .handle
        .admin(AdminRequest::Edit(operations))
        .await?;
    match verdicts.iter().find_map(|verdict| verdict.rejected) {
        Some(code) => Err(Failure::storage(format!(
            "a record of the sample was rejected: {}",
            code.code()
        ))),
        None => Ok(()),
    }
}

fn create(definition: &Definition, record: sample::SampleRecord) -> Result<Mutation, Failure> {
    let unfit = |reason: &dyn std::fmt::Display| {
        Failure::storage(format!("the sample does not fit the template: {reason}"))
    };
    let record_type = definition
        .type_named(&record.type_name)
        .ok_or_else(|| unfit(&record.type_name))?;
    // Each document of the sample is begun by an author of its own.
    let log = LogId {
        device: DeviceId(record.record.0),
        generation: 0,
    };
    let mut writes = Vec::new();
    for (name, json) in &record.fields {
        let field = record_type.field_named(name).ok_or_else(|| unfit(name))?;
        let operation = OperationId {
            log,
            sequence: u64::from(field.id.0) + 1,
        };
        writes.extend(
            write(field, json, &operation)
                .map_err(|reason| unfit(&reason))?
                .map(|write| (field.id, write)),
        );
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

/// Loads tables at the relay, as `cairn import` does.
pub(super) async fn tables(_world: &World, _data: &Path, _mapping: &Path) -> Result<(), Failure> {
    Err(Failure::usage("tables cannot be loaded yet"))
}
