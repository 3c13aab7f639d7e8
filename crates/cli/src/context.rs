//! What was typed, resolved: what every verb is given.

use crate::exit::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::settings::Directory;

/// What every verb is given.
pub(crate) struct Context {
    /// The directory of the relay or device.
    pub(crate) directory: Directory,
    /// Where output goes.
    pub(crate) output: Output,
}

impl Context {
    /// Connects to the process that holds the directory, or opens it here.
    pub(crate) async fn session(&self) -> Result<Session, Failure> {
        Session::open(&self.directory, self.output).await
    }
}
