//! `cairn export`.

use crate::args::export::ExportArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ExportCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ExportAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: ExportCommand,
    _progress: Progress,
) -> Result<ExportAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: ExportArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn export` is not there yet"))
}
