//! Tables of texts under a line of names.

use serde_json::{Map, Value as Json};

/// A list of records. A cell in which nothing stands is a field that is absent.
pub(super) fn read(text: &str, separator: u8) -> Result<Json, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let said = |error: csv::Error| error.to_string();
    let names = reader.headers().map_err(said)?.clone();
    for (at, name) in names.iter().enumerate() {
        if names.iter().take(at).any(|other| other == name) {
            return Err(format!("the column `{name}` is there twice"));
        }
    }
    let mut budget = super::Budget::new();
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.map_err(said)?;
        budget.spend(row.len())?;
        let cells = names.iter().zip(row.iter());
        let full = cells.filter(|(_, cell)| !cell.is_empty());
        let record: Map<String, Json> = full
            .map(|(name, cell)| (name.to_owned(), cell.into()))
            .collect();
        records.push(Json::Object(record));
    }
    Ok(Json::Array(records))
}
