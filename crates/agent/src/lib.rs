//! The device as a machine without a motor: it takes a person's edits, keeps
//! them safe, shows records with those edits on top, and agrees with the relay
//! whenever there is one.
//!
//! Drive it like this: hand it one [`Input`] with the time, then take
//! [`Agent::poll_output`] until it is empty, in order. Carry out each
//! [`Output`]; answer a [`Output::Persist`] with [`Input::Persisted`] once the
//! batch is as durable as it asks. Then wait for the next input, or until
//! [`Agent::deadline`] and hand it [`Input::Tick`].
//!
//! The agent never decides a conflict: policies are applied where the ledger
//! is folded. It knows nothing of sockets, files or clocks.
//!
//! Reading order: [`machine`], [`edit`] (from a person's wish to an operation),
//! `resubmit` (one that was rejected, again), [`view`] (what is shown), then
//! [`mode`] (when the device talks with the relay), `link` (the talk), `images`
//! (what the relay sends), `lag` (what comes in intervals), [`left`] (records
//! that went again), `restart` (a device restored from a backup) and
//! `start_over` (a relay restored from one).

mod directory;
mod images;
mod lag;
pub mod left;
mod link;
mod restart;
mod resubmit;
mod start_over;

pub mod edit;
pub mod machine;
pub mod mode;
pub mod pending;
pub mod view;

pub use edit::{EditError, FieldEdit, RecordEdit, RecordEditKind, Request};
pub use left::{LeftRecord, has_traces, traces_are_gone};
pub use machine::{Agent, Config, Input, Output, PersistId, Reply, ReplyId};
pub use mode::{Condition, Conditions, Mode, ModeChange, SyncMode, Waiting};
pub use view::Status;
