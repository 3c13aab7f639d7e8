//! `cairn import`.

use crate::args::import::ImportArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ImportCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ImportAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: ImportCommand,
    _progress: Progress,
) -> Result<ImportAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: ImportArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn import` is not there yet"))
}
