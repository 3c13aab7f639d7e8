//! `cairn relay`.

use crate::args::relay::RelayArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RelayCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RelayAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: RelayCommand,
    _progress: Progress,
) -> Result<RelayAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: RelayArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn relay` is not there yet"))
}
