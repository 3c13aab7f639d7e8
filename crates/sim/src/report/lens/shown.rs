//! What each host showed of one record, over time.

use crate::report::words;
use crate::time::VirtualTime;
use cairn_model::Definition;
use cairn_projection::Record;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Different states of a record that are told apart, and changes that are kept
/// for each host.
const STATES: usize = 400;
const CHANGES: usize = 800;

/// It does not run, or cannot read.
const OFF: i64 = -1;
/// It has no such record.
const NOTHING: i64 = -2;
/// There were too many states to tell this one apart.
const ANOTHER: i64 = -3;

/// The screens of all hosts.
#[derive(Default)]
pub(super) struct Screens {
    states: Vec<Json>,
    known: BTreeMap<String, i64>,
    /// By host: since when which state.
    shown: BTreeMap<usize, Vec<(u64, i64)>>,
    /// What a host showed last, to see quickly whether it changed.
    last: BTreeMap<usize, Record>,
}

impl Screens {
    pub(super) fn is_off(&mut self, host: usize, at: VirtualTime) {
        self.last.remove(&host);
        self.push(host, at, OFF);
    }

    pub(super) fn shows(
        &mut self,
        host: usize,
        at: VirtualTime,
        record: Option<&Record>,
        definition: &Definition,
    ) {
        let Some(record) = record else {
            self.last.remove(&host);
            return self.push(host, at, NOTHING);
        };
        if self.last.get(&host) == Some(record) {
            return;
        }
        self.last.insert(host, record.clone());
        let state = read(record, definition);
        let text = state.to_string();
        let next = self.states.len() as i64;
        let number = match self.known.get(&text) {
            Some(number) => *number,
            None if self.states.len() == STATES => ANOTHER,
            None => {
                self.states.push(state);
                self.known.insert(text, next);
                next
            }
        };
        self.push(host, at, number);
    }

    fn push(&mut self, host: usize, at: VirtualTime, state: i64) {
        let shown = self.shown.entry(host).or_default();
        let full = shown.len() >= CHANGES;
        match shown.last_mut() {
            Some((_, last)) if *last == state => {}
            Some((since, last)) if *since == at.0 => *last = state,
            _ if full => {}
            _ => shown.push((at.0, state)),
        }
    }

    pub(super) fn finish(self) -> Json {
        json!({ "states": self.states, "shown": self.shown })
    }
}

/// What a person reads.
fn read(record: &Record, definition: &Definition) -> Json {
    let mut fields = Map::new();
    let record_type = definition.types.get(&record.record_type);
    for field in record_type
        .into_iter()
        .flat_map(|known| known.live_fields())
    {
        if let Some(state) = record.field(field.id) {
            let text = words::shortened(&state.to_text(&field.kind));
            if !text.is_empty() {
                fields.insert(field.name.clone(), text.into());
            }
        }
    }
    json!({
        "alive": record.is_alive(),
        "conflict": record.in_conflict(),
        "fields": fields,
    })
}
