//! What a reader may see: of records, of the operations behind them, and of
//! the words about both.

use crate::machine::Relay;
use cairn_model::{FieldId, Mutation, Operation, RecordId, TypeId};
use cairn_oplog::bundle::decode_operation;
use cairn_projection::{Issue, Record};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader<'a> {
    /// The relay's own operator, who has the ledger anyway.
    Operator,
    /// A user.
    User(&'a str),
}

/// In place of words that a reader may not see.
const WITHHELD: &str =
    "What it was about may not be shown to you any more. What you wrote is kept with this issue.";

impl Relay {
    /// A record as a user's devices have it.
    pub(crate) fn seen(&self, user: &str, ordinal: u32) -> Option<Cow<'_, Record>> {
        let record = self.state.record(self.scopes.record(ordinal))?;
        Some(record.without(&self.scopes.hidden(user, record.record_type)))
    }

    /// Whether a reader may see an operation: every record that it names, and
    /// every field that it writes. Its signature stands for all of it, so that
    /// it is shown whole or not at all.
    pub(crate) fn shows_operation(&self, reader: Reader<'_>, operation: &Operation) -> bool {
        let Reader::User(user) = reader else {
            return true;
        };
        operation.mutations().iter().all(|mutation| {
            self.may_see(user, mutation.record, mutation.record_type)
                && self.may_see_writes(user, mutation)
        })
    }

    /// An issue as its user may see it. What they wrote themselves stays.
    pub(crate) fn issue_as_seen(&self, issue: &Issue) -> Issue {
        let user = &issue.user;
        let is_open = |mutation: &Mutation| {
            let of = mutation.record_type;
            // Its own words tell of nothing that is not there.
            let is_there = self.state.record(mutation.record).is_some();
            (!is_there || self.may_see(user, mutation.record, of))
                && self.may_see_writes(user, mutation)
        };
        let operation = decode_operation(&issue.payload);
        let seen = operation.is_ok_and(|operation| operation.mutations().iter().all(is_open));
        let mut issue = issue.clone();
        if !seen {
            WITHHELD.clone_into(&mut issue.what);
        }
        issue
    }

    fn may_see(&self, user: &str, record: RecordId, record_type: TypeId) -> bool {
        let held = self.state.record(record);
        held.is_some_and(|held| held.record_type == record_type && self.scopes.may_read(user, held))
    }

    fn may_see_writes(&self, user: &str, mutation: &Mutation) -> bool {
        let security = self.scopes.security();
        let secured: BTreeSet<FieldId> = security.hidden_fields(user, mutation.record_type);
        let writes = mutation.change.writes();
        secured.is_empty() || writes.iter().all(|(field, _)| !secured.contains(field))
    }
}
