//! `cairn issue`.

use crate::args::issue::IssueArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum IssueCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum IssueAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: IssueCommand,
    _progress: Progress,
) -> Result<IssueAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: IssueArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn issue` is not there yet"))
}
