//! `cairn org`.

use cairn_model::text::TEMPLATES;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `cairn org` takes.
#[derive(Debug, Args)]
pub(crate) struct OrgArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: OrgVerb,
}

/// What can be done with an organization definition.
#[derive(Debug, Subcommand)]
pub(crate) enum OrgVerb {
    /// Report every mistake in a definition, with file and line
    #[command(after_help = "\
Examples:
  cairn org check my-organization
  cairn org check field-service      a built-in template")]
    Check {
        /// A folder, or the name of a template
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Say what publishing a definition would change
    #[command(after_help = "\
Example:
  cairn org diff --dir hq my-organization")]
    Diff {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Publish a definition at the relay
    #[command(after_help = "\
What the folder leaves out is retired, not dropped: a record type takes no new
records, a field is no longer shown, and both come back under their names. Users
and teams that it leaves out are removed.

Example:
  cairn org publish --dir hq my-organization")]
    Publish {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Write the definition in force into a folder
    #[command(after_help = "\
Example:
  cairn org export --dir hq my-organization")]
    Export {
        /// The folder; it must not hold a definition yet
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Write a built-in definition into a folder, to start from
    #[command(after_help = "\
Example:
  cairn org template sales my-organization")]
    Template {
        /// Which
        #[arg(value_parser = TEMPLATES.to_vec())]
        name: String,
        /// The folder; it must not hold a definition yet
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}
