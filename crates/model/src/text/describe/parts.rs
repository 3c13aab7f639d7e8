//! What is said of one thing, piece by piece.

use std::collections::BTreeSet;
use std::fmt::Display;

/// What is said of one thing, piece by piece.
#[derive(Default)]
pub(super) struct Parts(Vec<String>);

impl Parts {
    pub(super) fn add(&mut self, part: impl Into<String>) {
        self.0.push(part.into());
    }

    pub(super) fn add_if(&mut self, said: bool, part: impl FnOnce() -> String) {
        if said {
            self.add(part());
        }
    }

    pub(super) fn changed<T: PartialEq + Display>(&mut self, what: &str, old: &T, now: &T) {
        self.add_if(old != now, || format!("{what} {now} (was {old})"));
    }

    pub(super) fn optional<T: PartialEq + Display>(
        &mut self,
        what: &str,
        old: Option<T>,
        now: Option<T>,
    ) {
        match (old, now) {
            (Some(old), Some(now)) if old != now => self.add(format!("{what} {now} (was {old})")),
            (None, Some(now)) => self.add(format!("{what} {now}")),
            (Some(old), None) => self.add(format!("no {what} any more (was {old})")),
            _ => {}
        }
    }

    /// What a set of names gained and lost: `roles with a, without b`.
    pub(super) fn names(&mut self, what: &str, old: &BTreeSet<String>, now: &BTreeSet<String>) {
        let join = |names: Vec<&String>| {
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            names.join(", ")
        };
        let came = join(now.difference(old).collect());
        let went = join(old.difference(now).collect());
        self.add_if(!came.is_empty(), || format!("{what}with {came}"));
        self.add_if(!went.is_empty(), || format!("{what}without {went}"));
    }

    pub(super) fn retired(&mut self, old: bool, now: bool) {
        self.add_if(!old && now, || "retired".to_owned());
        self.add_if(old && !now, || "in use again".to_owned());
    }

    pub(super) fn joined(&self) -> String {
        self.0.join(", ")
    }
}
