//! `cairn relay`.

mod devices;
mod init;
mod serve;
mod status;
mod ticket;

use crate::args::relay::{DevicesVerb, RelayArgs, RelayVerb};
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RelayCommand {
    /// Say how the relay stands.
    Status {
        /// With the digest of all records.
        digest: bool,
    },
    /// Issue a ticket.
    Ticket {
        /// Whose device it will be.
        user: String,
        /// Where the device reaches the relay, if not where it is set to.
        address: Option<String>,
        /// How long it can be used.
        valid_ms: u64,
    },
    /// List the devices.
    Devices,
    /// Revoke a device.
    Revoke {
        /// By name, id or beginning of the id.
        device: String,
    },
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RelayAnswer {
    /// How the relay stands.
    Status(Box<status::RelayStatus>),
    /// A ticket.
    Ticket(ticket::IssuedTicket),
    /// The devices.
    Devices(Vec<devices::DeviceRow>),
    /// This device is revoked now.
    Revoked(devices::DeviceRow),
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: RelayCommand,
    _progress: Progress,
) -> Result<RelayAnswer, Failure> {
    let relay = host.relay()?;
    Ok(match command {
        RelayCommand::Status { digest } => {
            RelayAnswer::Status(Box::new(status::look(relay, digest).await?))
        }
        RelayCommand::Ticket {
            user,
            address,
            valid_ms,
        } => RelayAnswer::Ticket(ticket::issue(relay, user, address, valid_ms).await?),
        RelayCommand::Devices => RelayAnswer::Devices(devices::list(relay).await?),
        RelayCommand::Revoke { device } => {
            RelayAnswer::Revoked(devices::revoke(relay, &device).await?)
        }
    })
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: RelayArgs, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        RelayVerb::Init(args) => init::run(args, context).await,
        RelayVerb::Run(args) => serve::run(args, context).await,
        RelayVerb::Ticket(args) => ticket::run(args, context).await,
        RelayVerb::Device(args) => match args.verb {
            DevicesVerb::List => devices::run_list(context).await,
            DevicesVerb::Revoke { device } => devices::run_revoke(device, context).await,
        },
        RelayVerb::Status(args) => status::run(&args, context).await,
    }
}

/// Has one command done and its answer unpacked.
async fn ask(context: &Context, command: RelayCommand) -> Result<RelayAnswer, Failure> {
    match context.ask(Command::Relay(command)).await? {
        Answer::Relay(answer) => Ok(answer),
        _ => Err(Failure::other_answer()),
    }
}
