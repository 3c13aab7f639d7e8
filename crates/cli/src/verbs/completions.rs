//! `cairn completions`.

use crate::args::Cairn;
use crate::args::completions::CompletionsArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use clap::CommandFactory;

/// Prints the script that completes `cairn` in a shell.
pub(crate) fn run(args: &CompletionsArgs, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cairn::command(), "cairn", &mut script);
    context.output.raw(&script)?;
    Ok(Exit::Done)
}
