//! `cairn org`.

use crate::args::org::OrgArgs;
use crate::context::Context;
use crate::control::Progress;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum OrgCommand {}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum OrgAnswer {}

/// Does it where the directory is held.
pub(crate) async fn execute(
    _host: &Host,
    command: OrgCommand,
    _progress: Progress,
) -> Result<OrgAnswer, Failure> {
    match command {}
}

/// Asks for it and shows the answer.
pub(crate) async fn run(_args: OrgArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn org` is not there yet"))
}
