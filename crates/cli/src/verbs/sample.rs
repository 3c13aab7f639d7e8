//! `cairn sample`.

use crate::args::sample::SampleArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::verbs::org::read_definition;
use cairn_model::sample::{self, SampleRecord};
use cairn_model::{Definition, text};
use serde_json::{Map, Value as Json};

/// Makes it up and prints or loads it.
pub(crate) async fn run(args: SampleArgs, context: &Context) -> Result<Exit, Failure> {
    if args.load {
        return Err(Failure::usage("`cairn sample --load` is not there yet"));
    }
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
