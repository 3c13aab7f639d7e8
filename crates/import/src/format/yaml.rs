//! YAML 1.2 with the core schema, within bounds.
//!
//! What is repeated by alias is counted again each time, so that a small file
//! cannot become a large one. Of members with one key, the last counts, as most
//! readers have it. Of YAML 1.1 only the merge key `<<` is known.

use super::{Budget, check_depth};
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Number, Value as Json};
use std::collections::HashMap;

pub(super) fn read(text: &str, doubled: &mut Vec<String>) -> Result<Json, String> {
    let mut loader = Loader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        budget: Budget::new(),
        doubled,
    };
    let mut documents = Vec::new();
    loop {
        match loader.next()? {
            Event::StreamEnd => break,
            Event::DocumentStart(_) => {
                loader.anchors.clear();
                let first = loader.next()?;
                documents.push(loader.value(first, 0)?);
            }
            _ => {}
        }
    }
    Ok(match documents.len() {
        0 => Json::Null,
        1 => documents.remove(0),
        _ => Json::Array(documents),
    })
}

struct Loader<'a, 't> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Json>,
    budget: Budget,
    doubled: &'a mut Vec<String>,
}

impl<'t> Loader<'_, 't> {
    fn next(&mut self) -> Result<Event<'t>, String> {
        match self.events.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(Event::StreamEnd),
        }
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Json, String> {
        check_depth(depth)?;
        self.budget.spend(1)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let suffix = tag.as_ref().filter(|tag| tag.is_yaml_core_schema());
                let suffix = suffix.map(|tag| tag.suffix.as_str());
                (anchor, scalar(&text, style, suffix))
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let value = known.ok_or("an alias repeats what it is part of")?;
                self.budget.spend(size(&value))?;
                check_depth(depth + height(&value))?;
                return Ok(value);
            }
            Event::SequenceStart(anchor, _) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => list.push(self.value(event, depth + 1)?),
                    }
                }
                (anchor, Json::Array(list))
            }
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            _ => return Err("it ends too early".to_owned()),
        };
        if anchor != 0 {
            self.budget.spend(size(&value))?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn map(&mut self, depth: usize) -> Result<Json, String> {
        let mut map = Map::new();
        let mut merged = Vec::new();
        loop {
            let (key, plain) = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(text, style, 0, _) => {
                    (text.into_owned(), style == ScalarStyle::Plain)
                }
                event => match self.value(event, depth + 1)? {
                    Json::String(text) => (text, false),
                    Json::Array(_) | Json::Object(_) => {
                        return Err("a key is a list or a map; only texts can be keys".to_owned());
                    }
                    other => (other.to_string(), false),
                },
            };
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            if plain && key == "<<" {
                merged.push(value);
                continue;
            }
            if map.contains_key(&key) {
                self.doubled.push(key.clone());
            }
            map.insert(key, value);
        }
        for value in merged {
            merge(&mut map, value)?;
        }
        Ok(Json::Object(map))
    }
}

/// What `<<` brings: whatever is not there already, the first of several first.
fn merge(map: &mut Map<String, Json>, value: Json) -> Result<(), String> {
    match value {
        Json::Object(members) => {
            for (key, value) in members {
                if !map.contains_key(&key) {
                    map.insert(key, value);
                }
            }
            Ok(())
        }
        Json::Array(maps) => maps.into_iter().try_for_each(|value| match value {
            Json::Object(_) => merge(map, value),
            _ => Err("`<<` merges something that is no map".to_owned()),
        }),
        _ => Err("`<<` merges something that is no map".to_owned()),
    }
}

fn size(value: &Json) -> usize {
    match value {
        Json::Array(list) => 1 + list.iter().map(size).sum::<usize>(),
        Json::Object(map) => 1 + map.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

fn height(value: &Json) -> usize {
    match value {
        Json::Array(list) => 1 + list.iter().map(height).max().unwrap_or(0),
        Json::Object(map) => 1 + map.values().map(height).max().unwrap_or(0),
        _ => 0,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Json {
    match (style, tag) {
        (_, Some("str")) => text.into(),
        (ScalarStyle::Plain, _) => plain(text),
        (_, Some("int" | "float" | "bool" | "null")) => plain(text),
        _ => text.into(),
    }
}

fn plain(text: &str) -> Json {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
        "true" | "True" | "TRUE" => return Json::Bool(true),
        "false" | "False" | "FALSE" => return Json::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| text.into(), Json::Number)
}

/// A number, if YAML calls it one and JSON can hold it.
fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(Number::from);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let looks = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned
            .chars()
            .all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
    if !looks {
        return None;
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    // Digits that a float would round are told apart as a text.
    if unsigned.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().and_then(Number::from_f64)
}
