//! Issues: what a person must know or decide about their own work.

use cairn_model::{AuthorId, FieldId, OperationId, RecordId, SettleOutcome, Version};
use cairn_oplog::bundle::decode_operation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A rejected operation, or one whose writes a policy set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// From 1, dense.
    pub number: u64,
    /// The operation, by its version.
    pub version: Version,
    /// The operation in its author's log.
    pub operation: OperationId,
    /// Its author's device; `None` when the device was never enrolled.
    pub author: Option<AuthorId>,
    /// Its author's user.
    pub user: String,
    /// Why.
    pub code: Code,
    /// The record and field the reason is about, where there is one.
    pub record: Option<RecordId>,
    /// The field.
    pub field: Option<FieldId>,
    /// What is wrong, in words, with names and values.
    pub what: String,
    /// The operation as its author signed it, to edit and resubmit.
    pub payload: Vec<u8>,
    /// Later operations rejected because they build on this one.
    pub dependents: Vec<Dependent>,
    /// How the author settled it, and by which operation.
    pub settled: Option<(SettleOutcome, Version)>,
    /// The newest version that changed this issue.
    pub changed: Version,
}

/// An operation rejected because it builds on another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    /// Its place in the ledger.
    pub version: Version,
    /// The operation as its author signed it.
    pub payload: Vec<u8>,
}

impl Issue {
    /// Whether its author has not settled it yet.
    pub fn is_open(&self) -> bool {
        self.settled.is_none()
    }

    /// The records it is about: those of the operation, and of what depends
    /// on it.
    pub fn records(&self) -> BTreeSet<RecordId> {
        let dependents = self.dependents.iter().map(|dependent| &dependent.payload);
        let payloads = std::iter::once(&self.payload).chain(dependents);
        let operations = payloads.filter_map(|payload| decode_operation(payload).ok());
        let mut records: BTreeSet<RecordId> = self.record.into_iter().collect();
        for operation in operations {
            records.extend(operation.mutations().iter().map(|mutation| mutation.record));
        }
        records
    }

    /// Whether the operation was rejected, not only set aside by a policy.
    pub fn is_rejection(&self) -> bool {
        self.code != Code::Superseded
    }
}

/// The outcome of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The operation, by its version.
    pub version: Version,
    /// `None` when it was admitted.
    pub rejected: Option<Code>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $user:literal, $admin:literal;)*) => {
        /// Why an operation was rejected or set aside. Codes are stable; words may improve.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The stable code, for programs and documentation.
            pub fn code(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// What the author can do.
            pub fn user_can(self) -> &'static str {
                match self { $(Code::$name => $user,)* }
            }

            /// What an administrator can do.
            pub fn admin_can(self) -> &'static str {
                match self { $(Code::$name => $admin,)* }
            }
        }
    };
}

codes! {
    /// The bytes are no operation.
    Malformed, "structure.malformed",
        "Update the app on this device, then make the change again.",
        "Find out which program wrote this: it is damaged or newer than the relay.";
    /// Over a limit.
    Limit, "limit.exceeded",
        "Make the change smaller, or in several steps.",
        "Raise the field's limit if the value is legitimate.";
    /// The device was never enrolled.
    DeviceUnknown, "device.unknown",
        "Enrol this device with a ticket from your administrator.",
        "Issue a ticket, or refuse the device.";
    /// The device is revoked at this position.
    DeviceRevoked, "device.revoked",
        "Ask your administrator: this device was revoked before the change arrived.",
        "Look at the change; make it on the user's behalf if it is good, or enrol the device anew.";
    /// The log has a gap.
    Gap, "log.gap",
        "Sync again; nothing is lost on the device.",
        "Report this: the relay should have asked for the missing part.";
    /// Two different operations stand at one sequence.
    Equivocation, "log.equivocation",
        "Stop using this device and ask your administrator: its log was written twice, by a copy or by somebody else.",
        "Revoke the device, find out who has a copy of its key, and enrol it anew.";
    /// The log is quarantined after equivocation.
    Quarantined, "log.quarantined",
        "Ask your administrator to enrol this device anew; your change is kept here.",
        "Revoke the device and enrol it anew, then resubmit its changes.";
    /// A newer generation of the log has begun.
    LogClosed, "log.closed",
        "Sync again; the change is carried over to the device's new log.",
        "Nothing, unless it happens again: then two devices use one key.";
    /// The author works under a definition nobody published.
    DefinitionUnknown, "definition.unknown",
        "Sync to get the current forms, then make the change again.",
        "Check that the relay was not restored from an old backup.";
    /// The record type does not exist or takes no new records.
    TypeUnknown, "type.unknown",
        "This kind of record is not in use; use another one.",
        "Publish the record type, or tell the user which one to use.";
    /// The field does not exist.
    FieldUnknown, "field.unknown",
        "This field is not in use; leave it out.",
        "Publish the field if it should exist.";
    /// The user may not do this.
    PrivilegeDenied, "privilege.denied",
        "Ask your administrator for the right to change this.",
        "Grant the right and have the user resubmit, or tell them why not.";
    /// Only the relay's own log may do this.
    NotAdministrative, "privilege.administration",
        "Definitions and devices are changed at the relay, not from a device.",
        "Use `cairn org publish` or `cairn relay device` at the relay.";
    /// A record is created that exists.
    RecordExists, "record.exists",
        "Open the existing record and change it.",
        "Nothing; this is the user's to decide.";
    /// The record does not exist.
    RecordMissing, "record.missing",
        "Create the record again, or discard the change.",
        "Look in the record's history for what became of it.";
    /// The record was deleted, and the author knew.
    RecordDeleted, "record.deleted",
        "Restore the record first, or discard the change.",
        "Restore the record if the deletion was a mistake.";
    /// The record is not deleted.
    RecordAlive, "record.alive",
        "Nothing: the record is there already.",
        "Nothing.";
    /// A mutation names another type than the record's.
    TypeMismatch, "record.type",
        "Update the app on this device, then make the change again.",
        "Find out which program wrote this.";
    /// Another record points at the one to delete.
    RecordReferenced, "record.referenced",
        "Point the other record elsewhere or delete it first.",
        "Change the lookup's on_delete if deletion should be possible.";
    /// A value is of the wrong kind or out of range.
    ValueInvalid, "value.invalid",
        "Correct the value and resubmit.",
        "Change the field's limits if the value is legitimate.";
    /// A required field is empty.
    ValueRequired, "value.required",
        "Fill in the field and resubmit.",
        "Make the field optional if it may be empty.";
    /// A lookup points at nothing.
    LookupMissing, "lookup.missing",
        "Choose another record and resubmit.",
        "Restore the record the lookup points at, if it should exist.";
    /// An alternate key is taken.
    KeyTaken, "key.taken",
        "Choose another value, or open the record that has this one.",
        "Merge the two records if they mean the same thing.";
    /// A rich text or JSON edit does not apply.
    DocumentInvalid, "document.invalid",
        "Make the edit again on the current text.",
        "Find out which program wrote this.";
    /// There is no conflict to resolve.
    NothingToResolve, "conflict.none",
        "Nothing: somebody has resolved it already. Change the field if you want another value.",
        "Nothing.";
    /// Builds on a rejected operation.
    Dependent, "dependent",
        "Settle the first rejected change; this one goes with it.",
        "Help the user with the first rejected change.";
    /// A published change does not fit the definition in force.
    PublishRefused, "definition.refused",
        "Nothing: this is the administrator's.",
        "Run `cairn org diff` again and publish on top of what is in force.";
    /// There is no such issue of the author's.
    IssueUnknown, "issue.unknown",
        "Sync; the issue may be settled already.",
        "Nothing.";
    /// A policy kept what the ledger already had.
    Superseded, "conflict.superseded",
        "Look at what stands now; resubmit your value on top of it, or discard it.",
        "Choose another policy for the field if people should decide, with `flag`.";
    /// No role lets the user create such a record for its owner.
    PrivilegeCreate, "privilege.create",
        "Create it for an owner you may create records for, or ask your administrator for the right.",
        "Grant `create` with the depth that is named, and have the user resubmit.";
    /// No role lets the user read the record.
    PrivilegeRead, "privilege.read",
        "Ask the owner to share the record with you, or your administrator for the right.",
        "Grant `read` with the depth that is named, or share the record with the user.";
    /// No role lets the user change the record.
    PrivilegeWrite, "privilege.write",
        "Ask the owner to share the record with you, or your administrator for the right; your change is kept here.",
        "Grant `write` with the depth that is named or share the record with the user, and have the user resubmit.";
    /// No role lets the user delete the record.
    PrivilegeDelete, "privilege.delete",
        "Ask the owner to delete it, or your administrator for the right.",
        "Grant `delete` with the depth that is named, and have the user resubmit.";
    /// No role lets the user change whose the record is.
    PrivilegeAssign, "privilege.assign",
        "Ask the owner to assign it, or your administrator for the right.",
        "Grant `assign` with the depth that is named, or assign the record yourself.";
    /// No role lets the user change whom the record is shared with.
    PrivilegeShare, "privilege.share",
        "Ask the owner to share it, or your administrator for the right.",
        "Grant `share` with the depth that is named, or share the record yourself.";
    /// No role lets the user point at the record.
    PrivilegeAppend, "privilege.append",
        "Choose a record you may point at, or ask your administrator for the right.",
        "Grant `append` with the depth that is named on the type that is pointed at.";
    /// The field is secured, and not for the user to change.
    PrivilegeField, "privilege.field",
        "Leave the field out and resubmit, or ask your administrator for the right to it.",
        "Name the user, a team or a role under `update` in field_security.toml.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_every_one_says_what_to_do() {
        let mut codes: Vec<&str> = Code::ALL.iter().map(|code| code.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(
            Code::ALL
                .iter()
                .all(|code| code.user_can().ends_with('.') && code.admin_can().ends_with('.'))
        );
    }
}
