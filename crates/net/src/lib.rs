//! Drives the machines over QUIC, timers and a store.
//!
//! The transport knows keys, frames, lanes and limits. It never knows what a
//! frame means, whether a key is enrolled, or what to do when a session ends:
//! those are decisions, and decisions live in the machines.
//!
//! Entry points: [`listen()`] for a relay, [`Dialer`] for a device; both yield a
//! [`Session`], whose events arrive in the caller's own queue.
//!
//! Reading order: [`identity`], [`lane`], [`frame`], [`session`], then how a
//! session comes to be ([`dial`], [`mod@listen`]) and how it [`end`]s. Settings of
//! QUIC with their reasons are in `endpoint`, limits in [`limit`]. Clock,
//! randomness, sockets and storage thread come from a [`platform`].

mod address;
pub mod clock;
pub mod device_service;
pub mod dial;
pub mod end;
mod endpoint;
pub mod enrol;
pub mod frame;
mod held;
pub mod identity;
pub mod lane;
pub mod limit;
pub mod listen;
mod opening;
mod persister;
pub mod platform;
mod reader;
pub mod relay_service;
pub mod session;
mod socket;
pub mod wire;
mod writer;

pub use address::AddressError;
pub use device_service::{DeviceHandle, DeviceService, LinkEnd};
pub use dial::{DialError, DialLimits, Dialer};
pub use end::{CloseCode, SessionEnd};
pub use enrol::{EnrolError, Enrolled, enrol, enrol_on};
pub use held::{Held, Machine};
pub use identity::{Identity, KeyBytes};
pub use lane::Lane;
pub use listen::{Arrival, ListenError, ListenLimits, Listener, listen, listen_on};
pub use platform::{Platform, Storing, System};
pub use relay_service::{RelayHandle, RelayService, ServiceError};
pub use session::{Event, NotSent, Outbox, Received, Session, SessionId};
pub use wire::WireStats;
