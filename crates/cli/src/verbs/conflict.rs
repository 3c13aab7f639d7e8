//! `cairn conflict`.

use crate::args::conflict::ConflictArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ConflictCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ConflictAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: ConflictCommand,
    _progress: Progress,
) -> Result<ConflictAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: ConflictArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn conflict` is not there yet"))
}
