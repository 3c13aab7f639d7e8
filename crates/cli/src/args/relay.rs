//! `cairn relay`.

use super::duration;
use crate::settings::LISTEN_DEFAULT;
use cairn_model::text::TEMPLATES;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// What `cairn relay` takes.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: RelayVerb,
}

/// What can be done with a relay.
#[derive(Debug, Subcommand)]
pub(crate) enum RelayVerb {
    /// Make a relay and publish its organization definition
    #[command(after_help = "\
Examples:
  cairn relay init --dir hq --name \"Elm Grove Service\"
  cairn relay init --dir hq --org my-organization")]
    Init(InitArgs),
    /// Serve devices until Ctrl-C
    #[command(after_help = "\
Examples:
  cairn relay run --dir hq                            on this machine only
  cairn relay run --dir hq --listen 0.0.0.0:4433      for the network")]
    Run(RunArgs),
    /// Issue a one-time ticket that enrols one device
    #[command(after_help = "\
Example:
  cairn relay ticket --dir hq --user amara --address relay.example:4433 --qr")]
    Ticket(TicketArgs),
    /// List or revoke devices
    Device(DevicesArgs),
    /// Say how the relay stands
    #[command(after_help = "\
Example:
  cairn relay status --dir hq --digest")]
    Status(StatusArgs),
}

/// What `cairn relay init` takes.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Start from a built-in organization definition (field-service unless --org is given)
    #[arg(long, value_parser = TEMPLATES.to_vec(), conflicts_with = "org")]
    pub(crate) template: Option<String>,
    /// Start from the organization definition in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) org: Option<PathBuf>,
    /// The organization's name, in place of the one in the definition
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where the relay listens unless `relay run` says otherwise
    #[arg(long, default_value = LISTEN_DEFAULT, value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// Where devices reach the relay, if that is somewhere else
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
}

/// What `cairn relay run` takes.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where to listen; 127.0.0.1:4433 unless set at `relay init`
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
}

/// What `cairn relay ticket` takes.
#[derive(Debug, Args)]
pub(crate) struct TicketArgs {
    /// Whose device it will be: a login of the organization definition
    #[arg(long)]
    pub(crate) user: String,
    /// Where the device reaches the relay
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
    /// How long the ticket can be used: 30m, 24h, 7d
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = duration)]
    pub(crate) valid: Duration,
    /// Show it as a QR code too
    #[arg(long)]
    pub(crate) qr: bool,
}

/// What `cairn relay device` takes.
#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: DevicesVerb,
}

/// What can be done with enrolled devices.
#[derive(Debug, Subcommand)]
pub(crate) enum DevicesVerb {
    /// List every device that was ever enrolled
    #[command(after_help = "\
Example:
  cairn relay device list --dir hq")]
    List,
    /// Revoke a device: later work of it is rejected, and it is sent nothing more
    #[command(after_help = "\
Examples:
  cairn relay device revoke --dir hq \"Amara's phone\"
  cairn relay device revoke --dir hq 3f9a12c4")]
    Revoke {
        /// Its name, its id, or the beginning of its id
        device: String,
    },
}

/// What `cairn relay status` takes.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Compute the digest of all records, to compare with devices'
    #[arg(long)]
    pub(crate) digest: bool,
}
