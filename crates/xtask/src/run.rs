//! Runs the steps and says how each went.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::invocation::Choice;
use crate::setup;
use crate::step::Step;

/// `cargo xtask test`: set-up, then the chosen steps up to the first that fails.
pub(crate) fn test(choice: &Choice) -> ExitCode {
    let mut times = Times::default();
    let outcome = every_step(choice, &mut times);
    println!();
    match outcome {
        Ok(()) => {
            println!("All passed: {times}");
            ExitCode::SUCCESS
        }
        Err(Stopped { at, why, again }) => {
            println!("Stopped at {at}: {why}. To run it again: {again}");
            println!("Failed at {at}: {times}");
            ExitCode::FAILURE
        }
    }
}

/// The step that failed, why, and the command that runs just it.
struct Stopped {
    at: &'static str,
    why: String,
    again: String,
}

fn every_step(choice: &Choice, times: &mut Times) -> Result<(), Stopped> {
    headline("setup", "what the steps need");
    times
        .measure("setup", setup::check)
        .map_err(|missing| Stopped {
            at: "setup",
            why: format!("missing {}", missing.join(", ")),
            again: "cargo xtask test".to_owned(),
        })?;
    for step in choice.steps() {
        headline(step.name, &step.shown());
        times
            .measure(step.name, || succeed(step, choice.long))
            .map_err(|why| Stopped {
                at: step.name,
                why,
                again: format!("cargo xtask test --only {}", step.name),
            })?;
    }
    Ok(())
}

fn headline(name: &str, what: &str) {
    println!("\n== {name}: {what}");
}

fn succeed(step: &Step, long: bool) -> Result<(), String> {
    match step.command(long).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(format!("cargo could not be started: {error}")),
    }
}

/// How long each step took, in the order they ran.
#[derive(Default)]
struct Times(Vec<(&'static str, Duration)>);

impl Times {
    fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let taken = start.elapsed();
        println!("   {name}: {:.1} s", taken.as_secs_f64());
        self.0.push((name, taken));
        result
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, taken) in &self.0 {
            write!(f, "{name} {:.1} s, ", taken.as_secs_f64())?;
        }
        let total: Duration = self.0.iter().map(|(_, taken)| *taken).sum();
        write!(f, "total {:.1} s", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_lists_the_steps_and_their_sum() {
        let times = Times(vec![
            ("setup", Duration::from_millis(300)),
            ("format", Duration::from_millis(1200)),
        ]);
        assert_eq!(times.to_string(), "setup 0.3 s, format 1.2 s, total 1.5 s");
    }
}
