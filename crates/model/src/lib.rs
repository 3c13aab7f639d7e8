//! The words every other crate speaks: ids, time, values, the organization
//! definition, and operations.
//!
//! This crate is pure. It never opens a file or a socket, never reads a clock,
//! never draws a random number: all of these are inputs handed in by a shell.
//!
//! Reading order: [`id`], [`time`], [`value`], [`definition`], [`operation`],
//! [`security`] (who may do what), then [`expression`] for filters over
//! records, [`text`] for the organization definition as a person writes it and
//! [`sample`] for records to try it on.

pub mod codec;
pub mod definition;
pub mod expression;
pub mod id;
pub mod limit;
pub mod operation;
pub mod sample;
pub mod security;
pub mod text;
pub mod time;
pub mod value;

pub use definition::{
    Access, AlternateKey, Definition, DefinitionChange, Field, Granularity, Kind, OnDelete,
    RecordType, Team, User,
};
pub use id::{
    AuthorId, DeviceId, FieldId, Hash, KeyId, LogId, OperationId, OrganizationId, PublicKey,
    RecordId, TypeId, Version,
};
pub use operation::{Action, Change, Mutation, Operation, SettleOutcome, Write};
pub use security::Security;
pub use time::{HybridClock, HybridTime, Timestamp};
pub use value::{Decimal, FileRef, Money, Value};
