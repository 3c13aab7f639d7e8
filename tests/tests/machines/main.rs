//! The machines together: one relay and several devices in memory, in virtual
//! time, with every message passed by hand. What the real programs do over
//! QUIC and sled is this, driven.

mod enrolment;
mod interval_walk;
mod intervals;
mod modes;
mod owner;
mod recovery;
mod relay_backup;
mod replay;
mod scope;
mod sync;
mod world;
