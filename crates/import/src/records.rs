//! From what a file says to the records it holds.

use crate::Plan;
use crate::format::Format;
use crate::key::{Inside, Rows, escaped, joined, named_by};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

/// What a record holds, by paths down to what is no map.
pub(crate) type Fields = BTreeMap<String, Json>;

/// Tells what records hold apart.
pub(crate) type Digest = [u8; 16];

/// A record of a file.
pub(crate) struct Record {
    /// What names it in its file.
    pub(crate) key: String,
    /// What it holds.
    pub(crate) fields: Fields,
    /// Equal where `fields` are.
    pub(crate) digest: Digest,
}

/// The records of a file.
pub(crate) struct Records {
    /// By their keys, each once.
    pub(crate) all: Vec<Record>,
    /// Keys of records or of members that are there several times; the last counts.
    pub(crate) doubled: Vec<String>,
    /// Records without a key, which are left out.
    pub(crate) nameless: u64,
}

/// Reads the records of a file, or tells why they cannot be read.
pub(crate) fn read(bytes: &[u8], format: Format, plan: &Plan) -> Result<Records, String> {
    let mut doubled = Vec::new();
    let json = format.read(bytes, &mut doubled)?;
    let json = plan.place.take(json).ok_or_else(|| {
        format!(
            "there is nothing at `{}`, where the records should be",
            plan.place
        )
    })?;
    let mut records = Records {
        all: Vec::new(),
        doubled,
        nameless: 0,
    };
    let mut take = |key: String, json: Json| {
        let fields = fields(json, &plan.rows);
        records.all.push(Record {
            key,
            digest: digest(&fields),
            fields,
        });
    };
    match (&plan.key.inside, json) {
        (Inside::Nothing | Inside::Value(_), Json::Null) => return Err("it is empty".to_owned()),
        (Inside::Nothing, json) => take(String::new(), json),
        (Inside::Value(pointer), json) => {
            let key = named_by(pointer.find(&json));
            let key = key.ok_or_else(|| format!("there is no key at `{pointer}`"))?;
            take(key, json);
        }
        // A file that was emptied holds no records.
        (_, Json::Null) => {}
        (Inside::Keys, Json::Object(members)) => {
            members.into_iter().for_each(|(key, json)| take(key, json));
        }
        (Inside::Columns(columns), Json::Array(list)) => {
            let mut nameless = 0;
            for json in list {
                match joined(columns, &json) {
                    Some(key) => take(key, json),
                    None => nameless += 1,
                }
            }
            records.nameless = nameless;
        }
        (Inside::Keys, _) => return Err("it is no map of records by their keys".to_owned()),
        (Inside::Columns(_), _) => return Err("it is no list of records".to_owned()),
    }
    // Sorting is stable: of those with one key, the last stays the last.
    records.all.sort_by(|a, b| a.key.cmp(&b.key));
    let doubled = &mut records.doubled;
    records.all.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            doubled.push(kept.key.clone());
            mem::swap(later, kept);
        }
        same
    });
    Ok(records)
}

/// What a record holds, laid flat.
fn fields(json: Json, rows: &[Rows]) -> Fields {
    let mut fields = Fields::new();
    match json {
        Json::Object(members) => {
            members_of(members, "", rows, &mut fields);
        }
        other => flatten(other, String::new(), rows, &mut fields),
    }
    fields
}

fn members_of(members: Map<String, Json>, prefix: &str, rows: &[Rows], fields: &mut Fields) {
    for (name, json) in members {
        flatten(json, format!("{prefix}/{}", escaped(&name)), rows, fields);
    }
}

fn flatten(json: Json, path: String, rows: &[Rows], fields: &mut Fields) {
    match json {
        Json::Object(members) if !members.is_empty() => members_of(members, &path, rows, fields),
        Json::Array(list) => match row_keys(&list, &path, rows) {
            Some(keys) => {
                for (key, row) in keys.into_iter().zip(list) {
                    flatten(row, format!("{path}/[{}]", escaped(&key)), rows, fields);
                }
            }
            None => {
                fields.insert(path, Json::Array(list));
            }
        },
        other => {
            fields.insert(path, other);
        }
    }
}

/// The keys of a list's rows, if rows have keys there and each has its own.
fn row_keys(list: &[Json], path: &str, rows: &[Rows]) -> Option<Vec<String>> {
    let rows = rows.iter().find(|rows| rows.list.as_str() == path)?;
    let keys = list.iter().map(|row| named_by(rows.key.find(row)));
    let keys: Vec<String> = keys.collect::<Option<_>>()?;
    let different: BTreeSet<&String> = keys.iter().collect();
    (!keys.is_empty() && different.len() == keys.len()).then_some(keys)
}

fn digest(fields: &Fields) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for (path, value) in fields {
        text(&mut hasher, path);
        hash(&mut hasher, value);
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}

fn text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// Members of a map have no order.
fn hash(hasher: &mut blake3::Hasher, value: &Json) {
    match value {
        Json::Array(list) => {
            hasher.update(b"[");
            hasher.update(&(list.len() as u64).to_le_bytes());
            list.iter().for_each(|item| hash(hasher, item));
        }
        Json::Object(members) => {
            hasher.update(b"{");
            hasher.update(&(members.len() as u64).to_le_bytes());
            let sorted: BTreeMap<&String, &Json> = members.iter().collect();
            for (name, member) in sorted {
                text(hasher, name);
                hash(hasher, member);
            }
        }
        other => {
            hasher.update(b".");
            text(hasher, &other.to_string());
        }
    }
}

#[cfg(test)]
mod tests;
