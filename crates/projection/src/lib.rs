//! The fold: `ledger -> (records, verdicts, conflicts, issues)`.
//!
//! Pure and deterministic: the same ledger entries give the same [`State`] on
//! every machine, under any batching, from scratch or from a checkpoint. The
//! fold's only inputs are ledger entries; it never asks a clock, a file or a
//! peer, and it never invents an edit.
//!
//! Reading order: [`record`] and what its fields hold ([`register`], [`set`],
//! [`document`]); then [`state`] and how one entry is folded: [`fold`] asks
//! `admit` whether an operation may stand and has `apply` carry it out;
//! [`conflict`] and [`issue`] say what people are told. [`image`] and [`page`]
//! are records as bytes, [`checkpoint`] keeps a state in storage, [`digest`]
//! compares two, [`replay`] shows what each operation on a record changed, and
//! [`trial`] folds under other policies than those in force.

mod admit;
mod apply;
mod index;
mod publish;
mod records;
mod rules;

pub mod checkpoint;
pub mod conflict;
pub mod digest;
pub mod document;
pub mod fold;
pub mod history;
pub mod image;
pub mod issue;
pub mod page;
pub mod record;
pub mod register;
pub mod replay;
pub mod set;
pub mod state;
pub mod trial;
pub mod weight;

pub use conflict::{Conflict, Outcome, Side};
pub use image::Image;
pub use issue::{Code, Issue, Verdict};
pub use record::{FieldState, Origin, Record};
pub use state::{Device, State};
pub use trial::Trial;
