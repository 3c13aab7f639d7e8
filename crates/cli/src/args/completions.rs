//! `cairn completions`.

use clap::Args;
use clap_complete::Shell;

/// What `cairn completions` takes.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    pub(crate) shell: Shell,
}
