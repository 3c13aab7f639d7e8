//! What the relay remembers of a record beyond its image: which operations
//! touched it, and what its fields showed before.

use cairn_model::{FieldId, Value, Version};
use serde::{Deserialize, Serialize};

/// Earlier shown values kept per field. Conflicts with writes made on a base
/// older than these name no base value; the record's history still has it.
pub const PAST_VALUES_MAX: usize = 32;

/// A record's memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// Every operation that named the record, admitted or not, by version.
    pub touched: Vec<Version>,
    past: Vec<Past>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    field: FieldId,
    /// The version that ended each value's showing, and the value; oldest first.
    values: Vec<(Version, Option<Value>)>,
    /// Whether older ones were dropped.
    dropped: bool,
}

impl History {
    /// Notes that an operation named the record.
    pub fn touch(&mut self, version: Version) {
        if self.touched.last() != Some(&version) {
            self.touched.push(version);
        }
    }

    /// Notes that `field` showed `value` until `version`.
    pub fn ended(&mut self, field: FieldId, version: Version, value: Option<Value>) {
        let past = match self.past.iter_mut().find(|past| past.field == field) {
            Some(past) => past,
            None => {
                self.past.push(Past {
                    field,
                    values: Vec::new(),
                    dropped: false,
                });
                self.past.last_mut().expect("just pushed")
            }
        };
        past.values.push((version, value));
        if past.values.len() > PAST_VALUES_MAX {
            past.values.remove(0);
            past.dropped = true;
        }
    }

    /// What `field` showed as of `base`, given what it shows `now`. `None` when
    /// that is no longer known.
    pub fn shown_at(
        &self,
        field: FieldId,
        base: Version,
        now: Option<&Value>,
    ) -> Option<Option<Value>> {
        let Some(past) = self.past.iter().find(|past| past.field == field) else {
            return Some(now.cloned());
        };
        match past.values.iter().position(|(ended, _)| *ended > base) {
            Some(0) if past.dropped => None,
            Some(at) => Some(past.values[at].1.clone()),
            None => Some(now.cloned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_remembers_what_it_showed() {
        let value = |n| Some(Value::Integer(n));
        let mut history = History::default();
        let field = FieldId(1);
        history.ended(field, Version(3), value(1));
        history.ended(field, Version(7), value(2));
        let now = value(3);
        let at = |base| history.shown_at(field, Version(base), now.as_ref());
        assert_eq!(at(2), Some(value(1)));
        assert_eq!(at(3), Some(value(2)));
        assert_eq!(at(7), Some(value(3)));
        for version in 8..100 {
            history.ended(field, Version(version), value(0));
        }
        assert_eq!(history.shown_at(field, Version(2), None), None);
    }
}
