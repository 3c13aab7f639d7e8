//! Bytes that nobody honest sent: random, cut, flipped, oversized, or right in
//! form and wrong in content. Whatever comes in, the answer is a typed error
//! or a verdict; nothing panics, and nothing grows beyond a named limit.
//!
//! The cases are the same in every run. `PROPTEST_CASES=100000` looks further.

mod documents;
mod folding;
mod hostile;
mod machines;
mod wire;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A runner that draws the same cases every time.
fn runner() -> TestRunner {
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}
