//! `cairn demo`.

use crate::args::demo::DemoArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};

/// Runs it.
pub(crate) async fn run(_args: DemoArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn demo` is not there yet"))
}
