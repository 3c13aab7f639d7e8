//! What a device and a relay say to each other, and the ticket that introduces
//! them.
//!
//! Messages are bincode in frames; [`limit`] names every bound. The written
//! specification, rule by rule, is `proto/README.md`. This crate never opens a
//! socket and never decides anything.

pub mod limit;
pub mod message;
pub mod ticket;

pub use message::{
    Ack, ClientMessage, Directory, DirectoryDevice, DirectoryPart, Era, HeldDigest, Hello,
    HistoryEntry, Incorporated, Lag, Leave, LeaveReason, Refusal, ServerMessage, View, Welcome,
    Wish,
};
pub use ticket::{Ticket, TicketError};

/// The protocol's name in the TLS handshake. A new incompatible version gets a
/// new name, and a relay can offer several.
pub const ALPN: &[u8] = b"cairn/1";
