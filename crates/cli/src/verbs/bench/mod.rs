//! `cairn bench`.

use crate::args::bench::BenchArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};

/// Runs it.
pub(crate) async fn run(_args: BenchArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn bench` is not there yet"))
}
