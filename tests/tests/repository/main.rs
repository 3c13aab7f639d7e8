//! The rules of the repository, each with its reason.
//!
//! A rule that fails says where, what it saw and why the rule is there.

mod architecture;
mod cargo;
mod dependencies;
mod purity;
mod tidy;

/// Fails with the rule, its reason and every place that breaks it.
#[track_caller]
fn expect_none(rule: &str, reason: &str, offences: &[String]) {
    assert!(
        offences.is_empty(),
        "\n{rule}\n  because {reason}.\n  Broken here:\n    {}\n",
        offences.join("\n    ")
    );
}
