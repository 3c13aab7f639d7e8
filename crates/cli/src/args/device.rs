//! `cairn device`.

use clap::{Args, Subcommand};

/// What `cairn device` takes.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: DeviceVerb,
}

/// What can be done with a device.
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceVerb {
    /// Make a device and enrol it with a ticket of the relay
    #[command(after_help = "\
Examples:
  cairn device enroll --dir amara CAIRN1...  --name \"Amara's phone\"
  cairn device enroll --dir amara - < ticket.txt

Cut in between, run it again with the same ticket.")]
    Enroll(EnrollArgs),
    /// Stay connected and keep in sync until Ctrl-C
    #[command(after_help = "\
Example:
  cairn device run --dir amara")]
    Run,
    /// Send and receive everything once
    #[command(after_help = "\
Example:
  cairn device sync --dir amara

Ends with exit code 6 when an issue waits for you (`cairn issue list`).")]
    Sync,
    /// Give up what came from the relay and take what it has now; your own work stays
    #[command(after_help = "\
For a device that a relay turns away because it was restored from an old backup:
the two remember different things. What you wrote and the relay no longer has is
sent again. What others wrote, and only this device still shows, is gone then;
`cairn export` writes it to files before.

Example:
  cairn device start-over --dir amara && cairn device sync --dir amara")]
    StartOver,
    /// Say how the device stands
    #[command(after_help = "\
Example:
  cairn device status --dir amara --digest")]
    Status(StatusArgs),
}

/// What `cairn device enroll` takes.
#[derive(Debug, Args)]
pub(crate) struct EnrollArgs {
    /// The ticket, as `cairn relay ticket` printed it; `-` reads it from standard input
    pub(crate) ticket: String,
    /// What people shall call the device (this machine's name)
    #[arg(long)]
    pub(crate) name: Option<String>,
}

/// What `cairn device status` takes.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Compute the digest of all records, to compare with the relay's
    #[arg(long)]
    pub(crate) digest: bool,
}
