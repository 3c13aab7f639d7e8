//! `cairn sim`: the machines of the product in a simulated world.
//!
//! Reading order: `scenarios` (the files), `run` (campaigns), `failure` (what
//! becomes of a broken promise), then one module for each other verb.

mod bench;
mod determinism;
mod failure;
mod merge;
mod mutants;
mod replay;
mod report;
mod run;
mod scenarios;

use crate::args::sim::{SimArgs, SimVerb};
use crate::context::Context;
use crate::exit::{Exit, Failure};

/// Does what was typed. Nothing here waits for anything but the processor.
pub(crate) fn run(args: SimArgs, context: &Context) -> Result<Exit, Failure> {
    if let SimVerb::Run(_) | SimVerb::CheckDeterminism(_) | SimVerb::Mutants(_) = args.verb {
        // A panic inside of their runs is a finding, and is told as one.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let output = context.output;
    let verb = move || match args.verb {
        SimVerb::Run(args) => run::run(&args, output),
        SimVerb::Replay(args) => replay::run(&args, output),
        SimVerb::CheckDeterminism(args) => determinism::run(&args, output),
        SimVerb::Mutants(args) => mutants::run(&args, output),
        SimVerb::Bench(args) => bench::run(&args, output),
        SimVerb::Merge(args) => merge::run(&args, output),
        SimVerb::Report(args) => report::run(&args, output),
    };
    // A world of tier `quic` has a runtime of its own, which cannot stand on a
    // thread of another.
    std::thread::spawn(verb)
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Runs at a time.
pub(crate) fn jobs(wanted: Option<usize>) -> usize {
    wanted
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
        .clamp(1, 1_024)
}
