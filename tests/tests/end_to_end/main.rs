//! Relay and devices at work in this process: real QUIC on loopback, real
//! storage. Nothing here sleeps; everything waits for what it needs.

mod enrolment;
mod faults;
mod faulty;
mod hostile;
mod raw;
mod reconnect;
mod sync;
mod world;
