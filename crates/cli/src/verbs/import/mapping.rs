//! The mapping file: which columns become which fields.
//!
//! ```toml
//! [[table]]
//! file = "orders.jsonl.gz"        # beside the mapping, or under --data
//! type = "work_order"
//! key = "OrderID"                 # a second run finds the same records by it
//! [table.fields]
//! number = "OrderID"                                     # a column
//! summary = { text = "Order {OrderID} for {ShipName}" }  # columns in text
//! job = { value = "installation" }                       # a constant
//! account = { column = "CustomerID", lookup = "account.number" }
//! status = { column = "ShippedDate", map = { "" = "scheduled", "*" = "completed" } }
//! tags = { column = "Tags", split = ";" }
//! ```

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A mapping as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    /// Its tables, taken over in this order.
    #[serde(rename = "table")]
    pub(crate) tables: Vec<Table>,
}

/// One pass over one file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// The file; left out where the command names it.
    pub(crate) file: Option<PathBuf>,
    /// The record type, by name; left out where the command names it.
    #[serde(rename = "type")]
    pub(crate) record_type: Option<String>,
    /// How the file is written, where its name does not tell.
    pub(crate) format: Option<super::rows::Format>,
    /// What stands between cells of CSV, where the heading does not tell.
    pub(crate) delimiter: Option<char>,
    /// The columns that tell rows apart.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) key: Vec<String>,
    /// The column that holds record ids, as exports have it.
    pub(crate) id: Option<String>,
    /// Whether rows only change records that exist.
    #[serde(default)]
    pub(crate) update_only: bool,
    /// Fields by name.
    pub(crate) fields: BTreeMap<String, FieldSource>,
}

/// Where a field's value comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FieldSource {
    /// A column.
    pub(crate) column: Option<String>,
    /// Text with columns in braces.
    pub(crate) text: Option<String>,
    /// A constant.
    pub(crate) value: Option<serde_json::Value>,
    /// `type.field`: the lookup is the record that has the value there.
    pub(crate) lookup: Option<String>,
    /// Values instead of those in the file: `""` for an empty cell, `"*"` for
    /// any other that is not named.
    pub(crate) map: BTreeMap<String, serde_json::Value>,
    /// What stands between the elements of a set.
    pub(crate) split: Option<String>,
}

/// [`FieldSource`] as a table, with every mistyped word refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Detailed {
    column: Option<String>,
    text: Option<String>,
    value: Option<serde_json::Value>,
    lookup: Option<String>,
    #[serde(default)]
    map: BTreeMap<String, serde_json::Value>,
    split: Option<String>,
}

impl<'de> Deserialize<'de> for FieldSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = FieldSource;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name, or a table such as { column = \"City\" }")
            }
            fn visit_str<E>(self, column: &str) -> Result<FieldSource, E> {
                Ok(FieldSource {
                    column: Some(column.to_owned()),
                    ..FieldSource::default()
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldSource, A::Error> {
                let Detailed {
                    column,
                    text,
                    value,
                    lookup,
                    map,
                    split,
                } = Detailed::deserialize(MapAccessDeserializer::new(map))?;
                Ok(FieldSource {
                    column,
                    text,
                    value,
                    lookup,
                    map,
                    split,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a column's name, or a list of them")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(column) => vec![column],
        OneOrMany::Many(columns) => columns,
    })
}

impl Mapping {
    /// Reads a mapping. The error tells line and column.
    pub(crate) fn parse(text: &str) -> Result<Mapping, String> {
        toml_edit::de::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }
}
