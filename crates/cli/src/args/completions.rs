//! `cairn completions`.

use clap::Args;
use clap_complete::Shell;

/// What `cairn completions` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn completions bash > ~/.local/share/bash-completion/completions/cairn
  cairn completions zsh > ~/.zfunc/_cairn
  cairn completions fish > ~/.config/fish/completions/cairn.fish")]
pub(crate) struct CompletionsArgs {
    /// For which shell
    pub(crate) shell: Shell,
}
