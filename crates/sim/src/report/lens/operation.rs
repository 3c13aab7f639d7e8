//! The operations on one record, and which of them their authors had seen.

use crate::report::lens::field_name;
use crate::report::words;
use cairn_model::{Definition, Operation, RecordId, Version, Write};
use serde_json::{Value as Json, json};

/// An operation, as far as it is about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// By whom.
    pub(super) host: usize,
    /// Its place in its log.
    pub(super) sequence: u64,
    /// When its author was told that it is safe.
    pub(super) at: Option<u64>,
    /// When it came to stand in the ledger.
    pub(super) arrived: Option<u64>,
    /// Where.
    pub(super) version: Option<u64>,
    /// Why it was rejected, if it was.
    pub(super) rejected: Option<&'static str>,
    base: u64,
    change: &'static str,
    fields: Vec<(String, String)>,
    clock: u64,
}

impl Written {
    /// What an operation does to a record.
    pub(super) fn of(
        host: usize,
        sequence: u64,
        operation: &Operation,
        record: RecordId,
        definition: &Definition,
    ) -> Written {
        let about = operation.mutations().iter().filter(|m| m.record == record);
        let mut written = Written {
            host,
            sequence,
            at: None,
            arrived: None,
            version: None,
            rejected: None,
            base: 0,
            change: "",
            fields: Vec::new(),
            clock: operation.time.wall().0,
        };
        for mutation in about {
            written.base = mutation.base.0;
            written.change = mutation.change.name();
            for (field, write) in mutation.change.writes() {
                let name = field_name(definition, mutation.record_type, *field);
                written.fields.push((name, in_words(write)));
            }
        }
        written
    }

    /// The ledger was set back to a version.
    pub(super) fn undo(&mut self, version: Version) {
        if self.version.is_some_and(|own| own > version.0) {
            self.version = None;
            self.arrived = None;
            self.rejected = None;
        }
    }

    /// Whether the author of `self` had seen `other`.
    fn has_seen(&self, other: &Written) -> bool {
        let own = self.host == other.host && other.sequence < self.sequence;
        own || other.version.is_some_and(|version| version <= self.base)
    }

    pub(super) fn finish(&self, causes: Vec<usize>) -> Json {
        json!({
            "host": self.host,
            "sequence": self.sequence,
            "at": self.at,
            "arrived": self.arrived,
            "version": self.version,
            "base": self.base,
            "change": self.change,
            "fields": self.fields,
            "rejected": self.rejected,
            "clock": self.clock,
            "causes": causes,
        })
    }
}

fn in_words(write: &Write) -> String {
    match write {
        Write::Set(value) => words::shortened(&value.to_string()),
        Write::Clear => "(emptied)".to_owned(),
        Write::Add(amount) => format!("{amount:+}"),
        Write::Change { add, remove } => {
            let gained = add.iter().map(|element| format!("+{element}"));
            let lost = remove.iter().map(|element| format!("-{element}"));
            gained.chain(lost).collect::<Vec<_>>().join(" ")
        }
        Write::Merge(_) => "(written into)".to_owned(),
    }
}

/// For each operation, those its author had seen, without those seen through
/// another.
pub(super) fn causes(operations: &[Written]) -> Vec<Vec<usize>> {
    let seen: Vec<Vec<usize>> = operations
        .iter()
        .map(|written| {
            let others = operations.iter().enumerate();
            let seen = others.filter(|(_, other)| written.has_seen(other));
            seen.map(|(place, _)| place).collect()
        })
        .collect();
    seen.iter()
        .map(|own| {
            let through = |cause: &usize| own.iter().any(|other| seen[*other].contains(cause));
            own.iter()
                .copied()
                .filter(|cause| !through(cause))
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(host: usize, sequence: u64, version: u64, base: u64) -> Written {
        Written {
            host,
            sequence,
            at: None,
            arrived: None,
            version: Some(version),
            rejected: None,
            base,
            change: "update",
            fields: Vec::new(),
            clock: 0,
        }
    }

    #[test]
    fn causes_are_what_was_seen_last_on_every_side() {
        // One creates; two change it without knowing of each other; a fourth
        // has seen both.
        let operations = [
            written(1, 1, 1, 0),
            written(1, 2, 2, 1),
            written(2, 1, 3, 1),
            written(3, 1, 4, 3),
        ];
        let expected = vec![vec![], vec![0], vec![0], vec![1, 2]];
        assert_eq!(causes(&operations), expected);
    }
}
