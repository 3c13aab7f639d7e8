//! Signed, hash-chained device logs, the ledger they are ordered in, and the
//! storage port both live behind.
//!
//! Untrusted, checked and trusted bytes are different types: bytes become a
//! [`bundle::Parsed`] by their form, and a [`bundle::Verified`] by their
//! signature. Signatures are checked over the received bytes, which are kept.
//!
//! This crate knows nothing of what operations mean (the fold's job), of
//! sockets, or of the database behind [`storage::Storage`].
//!
//! Reading order: [`key`], [`bundle`], [`ledger`], [`storage`], then the
//! layouts over it, [`device_log`] and [`ledger_log`], then [`archive`] and
//! [`verify`]. [`packing`] makes values smaller.

pub mod archive;
pub mod bundle;
pub mod device_log;
pub mod key;
pub mod ledger;
pub mod ledger_log;
pub mod memory;
pub mod packing;
pub mod storage;
pub mod verify;

pub use bundle::{BundleFault, LogHead, Parsed, Verified};
pub use key::SecretKey;
pub use ledger::{Checkpoint, Entry, LedgerHead};
pub use storage::{Batch, Durability, Storage, StorageError, Table};
