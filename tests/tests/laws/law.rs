//! What must hold for every history.

mod image;
mod loss;
mod merge;
mod order;
mod replay;
mod said_again;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::env;
use std::str::FromStr;

/// Tries a law on `cases` histories, always the same ones. `LAWS_CASES`
/// multiplies them and `LAWS_SEED` draws others, for a longer hunt.
#[track_caller]
pub(crate) fn holds<S: Strategy>(cases: u32, strategy: S, law: impl Fn(S::Value)) {
    let seed = setting("LAWS_SEED").unwrap_or(0u8);
    let cases = cases * setting("LAWS_CASES").unwrap_or(1u32);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, |history| {
        law(history);
        Ok::<(), TestCaseError>(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}
