//! `cairn device`.

mod enroll;
mod mode;
mod serve;
mod start_over;
mod status;
mod sync;

use crate::args::device::{DeviceArgs, DeviceVerb};
use crate::context::Context;
use crate::control::{Answer, Command, Progress};
use crate::exit::{Exit, Failure};
use crate::host::Host;
use serde::{Deserialize, Serialize};

pub(crate) use sync::synced;

/// What shall be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum DeviceCommand {
    /// Say how the device stands.
    Status {
        /// With the digest of all records.
        digest: bool,
    },
    /// Send and receive everything once.
    Sync,
    /// Say when it syncs by itself.
    Mode(mode::Change),
    /// Give up what came from the relay.
    StartOver,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum DeviceAnswer {
    /// How the device stands.
    Status(Box<status::DeviceStatus>),
    /// What was sent and received.
    Synced(sync::SyncReport),
    /// How the device syncs.
    Mode(mode::ModeReport),
    /// What came from the relay is given up.
    StartedOver(start_over::StartedOver),
}

/// Does it where the directory is held.
pub(crate) async fn execute(
    host: &Host,
    command: DeviceCommand,
    progress: Progress,
) -> Result<DeviceAnswer, Failure> {
    let device = host.device()?;
    Ok(match command {
        DeviceCommand::Status { digest } => {
            DeviceAnswer::Status(Box::new(status::look(device, digest).await?))
        }
        DeviceCommand::Sync => DeviceAnswer::Synced(sync::sync(device, &progress).await?),
        DeviceCommand::Mode(change) => DeviceAnswer::Mode(mode::set(device, change).await?),
        DeviceCommand::StartOver => DeviceAnswer::StartedOver(start_over::start(device).await?),
    })
}

/// Asks for it and shows the answer.
pub(crate) async fn run(args: DeviceArgs, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        DeviceVerb::Enroll(args) => enroll::run(args, context).await,
        DeviceVerb::Run => serve::run(context).await,
        DeviceVerb::Sync => sync::run(context).await,
        DeviceVerb::Mode(args) => mode::run(&args, context).await,
        DeviceVerb::StartOver => start_over::run(context).await,
        DeviceVerb::Status(args) => status::run(&args, context).await,
    }
}

/// Has one command done and its answer unpacked.
async fn ask(context: &Context, command: DeviceCommand) -> Result<DeviceAnswer, Failure> {
    match context.ask(Command::Device(command)).await? {
        Answer::Device(answer) => Ok(answer),
        _ => Err(Failure::other_answer()),
    }
}
