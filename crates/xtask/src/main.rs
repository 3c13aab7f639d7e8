//! The project's own tasks. `cargo xtask test` sets up, then runs every check there is.
//!
//! Knows cargo and the names of the steps, and nothing of the crates it runs them on.
//! Read `step` for what is run, `setup` for what that needs, `run` for how it is told.

use std::process::ExitCode;

mod invocation;
mod run;
mod setup;
mod step;

use invocation::Invocation;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Invocation::parse(&arguments) {
        Ok(Invocation::Help) => {
            print!("{}", invocation::help());
            ExitCode::SUCCESS
        }
        Ok(Invocation::Test(choice)) => run::test(&choice),
        Err(mistake) => {
            eprintln!("{mistake}\n\n{}", invocation::help());
            ExitCode::from(2)
        }
    }
}
