//! JSON. Of members with one key, the last counts.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};
use std::cell::RefCell;
use std::fmt;

pub(super) fn read(text: &str, doubled: &mut Vec<String>) -> Result<Json, String> {
    let seen = RefCell::default();
    let mut input = serde_json::Deserializer::from_str(text);
    let json = Value(&seen).deserialize(&mut input);
    let json = json.and_then(|json| input.end().map(|()| json));
    doubled.append(&mut seen.take());
    json.map_err(|error| error.to_string())
}

/// Any value, and where keys that are there twice are told. Depth is bounded by serde_json, and the number of values by the
/// length of the file.
#[derive(Clone, Copy)]
struct Value<'a>(&'a RefCell<Vec<String>>);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<Json, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Json, E> {
        Ok(Json::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                self.0.borrow_mut().push(key.clone());
            }
            let value = members.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Json::Object(map))
    }
}
