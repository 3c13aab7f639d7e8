//! `cairn device`.

use crate::args::device::DeviceArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum DeviceCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum DeviceAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: DeviceCommand,
    _progress: Progress,
) -> Result<DeviceAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: DeviceArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn device` is not there yet"))
}
