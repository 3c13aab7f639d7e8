//! The storage port on sled: durable, checksummed, poisoned on failure.
//!
//! Everything that is kept goes through [`SledStorage`], which holds one
//! directory for one process. sled's types never leave this crate, and this
//! crate knows nothing of what the bytes mean: layouts are pure code over the
//! port, in the crates that own them.
//!
//! What it adds to sled: batches that survive a power cut when they say so,
//! one write to the disk for all who wait for one, a check at every start that
//! the content is exactly what the last batch left, a checksum on every value,
//! and refusals instead of surprises when the disk is full, the directory is
//! taken, or a write has failed.
//!
//! Reading order: `storage`, then what it is made of: `staging`, `entry`,
//! `lookup`, `content`, `tree`, `guard`, `round`, `directory`, `confirmed`; and
//! `rewrite`, for what must leave no trace.

mod confirmed;
mod content;
mod directory;
mod entry;
mod guard;
mod lookup;
mod rewrite;
mod round;
mod staging;
mod storage;
mod tree;

pub use directory::RESERVE_BYTES;
pub use rewrite::rewrite;
pub use storage::{FORMAT, Options, SledStorage};
