//! Which records each user holds offline, and why.
//!
//! A scope is what a user may read, of that: what the filters of their profiles
//! let in, what is reached from there along relationships, what they follow,
//! what waits for their decision, and for a while what they have created. The
//! relay asks [`Engine`]; a device only obeys.
//!
//! This crate knows no device, no connection and no held set. Time is an input.
//!
//! Reading order: `rules` (a definition taken apart) and `person` (a user), then
//! `index` with what it is made of (`ordinals`, `whose`, `links`, `parts`),
//! `walk` (what one user holds) and `engine` with `watch` and `touch` (whom a
//! change concerns). Beside them `columns` (fields, order and intervals), and for
//! people `reason`, `explain` and `preview`.

mod columns;
mod engine;
mod explain;
mod eyes;
mod index;
mod keep;
mod links;
mod ordinals;
mod parts;
mod person;
mod preview;
mod reason;
mod rules;
mod touch;
mod walk;
mod watch;
mod whose;

pub use columns::Terms;
pub use engine::{Engine, Touched};
pub use explain::{Because, Explanation, Stop};
pub use preview::{Preview, TypePreview, UserPreview, Warning};
pub use reason::{Cause, Reason, Since};
