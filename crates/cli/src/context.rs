//! What was typed, resolved: what every verb is given.

use crate::control::{Answer, Command};
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

    /// Has one command done: in the process that holds the directory, or here.
    pub(crate) async fn ask(&self, command: Command) -> Result<Answer, Failure> {
        let mut session = self.session().await?;
        let answer = session.run(command).await;
        session.close().await;
        answer
    }
}
