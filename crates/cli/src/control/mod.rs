//! The socket in a directory through which a command line reaches the process
//! that holds it.

pub(crate) mod client;
pub(crate) mod progress;
pub(crate) mod protocol;
pub(crate) mod server;
#[cfg(test)]
mod tests;

pub(crate) use progress::Progress;
pub(crate) use protocol::{Answer, Command, Step};
