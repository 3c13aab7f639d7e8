//! The hand-written portion, out of three embedded TOML files.

use super::Draft;
use serde_json::{Value as Json, json};
use toml_edit::{Document, Item, Table, Value as Toml};

const PARTS: [&str; 3] = [
    include_str!("customers.toml"),
    include_str!("work.toml"),
    include_str!("desk.toml"),
];

/// The drafts in the order of the files.
pub(super) fn portion() -> Vec<Draft> {
    PARTS.into_iter().flat_map(drafts).collect()
}

fn drafts(text: &str) -> Vec<Draft> {
    let document = Document::parse(text).expect("the embedded sample is TOML");
    let mut drafts = Vec::new();
    for (type_name, records) in document.iter() {
        for (name, record) in table(records) {
            drafts.push(Draft {
                type_name: type_name.to_owned(),
                alias: format!("{type_name}.{name}"),
                fields: table(record)
                    .iter()
                    .map(|(field, item)| (field.to_owned(), value(item)))
                    .collect(),
            });
        }
    }
    drafts
}

fn table(item: &Item) -> &Table {
    item.as_table()
        .expect("the embedded sample has a table for each record")
}

fn value(item: &Item) -> Json {
    json(
        item.as_value()
            .expect("the embedded sample has values in its records"),
    )
}

/// Decimals go as text, so that they stay exact.
fn json(value: &Toml) -> Json {
    match value {
        Toml::String(text) => json!(text.value()),
        Toml::Integer(number) => json!(number.value()),
        Toml::Float(number) => json!(number.value().to_string()),
        Toml::Boolean(value) => json!(value.value()),
        Toml::Datetime(time) => json!(time.value().to_string()),
        Toml::Array(items) => items.iter().map(json).collect(),
        Toml::InlineTable(parts) => parts
            .iter()
            .map(|(key, part)| (key.to_owned(), json(part)))
            .collect(),
    }
}
