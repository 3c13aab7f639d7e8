//! `cairn sample`.

use crate::args::sample::SampleArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};

/// Makes it up and prints or loads it.
pub(crate) async fn run(_args: SampleArgs, _context: &Context) -> Result<Exit, Failure> {
    Err(Failure::usage("`cairn sample` is not there yet"))
}
