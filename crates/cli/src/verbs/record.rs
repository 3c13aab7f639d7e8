//! `cairn record`.

use crate::args::record::RecordArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RecordCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RecordAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: RecordCommand,
    _progress: Progress,
) -> Result<RecordAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: RecordArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn record` is not there yet"))
}
