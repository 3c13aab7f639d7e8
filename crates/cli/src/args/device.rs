//! `cairn device`.

use clap::{Args, Subcommand, ValueEnum};

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
    /// Say when the device syncs by itself, and how things are around it
    #[command(after_help = "\
A device in mode `live` syncs whenever it can, one in mode `manual` only on
`cairn device sync`. What `cairn device run` cannot see for itself it is told
while it runs: whether the app is in front, what the network costs, whether the
device is locked, whether the sign-in has expired. A definition that came in the
background waits until it is accepted.

Examples:
  cairn device mode --dir amara --manual
  cairn device mode --dir amara --live --unmetered-only yes
  cairn device mode --dir amara --accept-definition")]
    Mode(ModeArgs),
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

/// What `cairn device mode` takes.
#[derive(Debug, Args)]
pub(crate) struct ModeArgs {
    /// Sync whenever it can
    #[arg(long, conflicts_with = "manual")]
    pub(crate) live: bool,
    /// Sync only on `cairn device sync`
    #[arg(long)]
    pub(crate) manual: bool,
    /// Sync by itself over unmetered networks only
    #[arg(long, value_enum, value_name = "yes|no")]
    pub(crate) unmetered_only: Option<YesNo>,
    /// The app is in the background: a new definition waits
    #[arg(long, conflicts_with = "foreground")]
    pub(crate) background: bool,
    /// The app is in front
    #[arg(long)]
    pub(crate) foreground: bool,
    /// The network costs by volume
    #[arg(long, conflicts_with = "unmetered")]
    pub(crate) metered: bool,
    /// The network does not
    #[arg(long)]
    pub(crate) unmetered: bool,
    /// The device is locked: no connection
    #[arg(long, conflicts_with = "unlock")]
    pub(crate) lock: bool,
    /// The device is unlocked
    #[arg(long)]
    pub(crate) unlock: bool,
    /// The sign-in has expired: no connection
    #[arg(long, conflicts_with = "signed_in")]
    pub(crate) sign_in_expired: bool,
    /// The person has signed in again
    #[arg(long)]
    pub(crate) signed_in: bool,
    /// Apply the definition that came in the background
    #[arg(long)]
    pub(crate) accept_definition: bool,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

impl From<YesNo> for bool {
    fn from(answer: YesNo) -> bool {
        match answer {
            YesNo::Yes => true,
            YesNo::No => false,
        }
    }
}
