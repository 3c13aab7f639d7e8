//! The relay as a machine without a motor: it verifies, orders, authorizes,
//! projects and serves, and does none of the input or output itself.
//!
//! Drive it like this: hand it one [`Input`] with the time, then take
//! [`Relay::poll_output`] until it is empty, in order. Carry out each
//! [`Output`]; answer a [`Output::Persist`] with [`Input::Persisted`] once the
//! batch is as durable as it asks. A promise to a peer comes out only after
//! the batch it rests on was persisted. While [`Relay::is_busy`], take no
//! further messages from peers.
//!
//! The relay never invents a device's edit: what it writes itself (the
//! definition, enrolments, imports) stands in a log of its own, under its own
//! key. It knows nothing of sockets, files or clocks.
//!
//! Reading order: [`machine`], [`session`] (what each device is sent),
//! [`admin`] (what an administrator asks), [`ask`] (who holds what, and would),
//! [`past`] (looks back).

pub mod admin;
pub mod ask;
mod directory;
mod era;
mod held;
pub mod machine;
pub mod past;
mod seen;
mod serve;
pub mod session;

pub use admin::{AdminError, AdminReply, AdminRequest, IssuedTicket};
pub use machine::{Input, Output, PersistId, Relay, ReplyId, SessionId};
pub use seen::Reader;
