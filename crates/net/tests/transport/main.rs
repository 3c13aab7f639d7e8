//! Real QUIC on loopback. Nothing here sleeps: every wait is for an event, with
//! a deadline that only a failing test reaches.

mod early;
mod faults;
mod sessions;
mod stranger;
mod world;
