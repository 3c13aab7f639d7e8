//! `cairn device start-over`.

use super::{DeviceAnswer, DeviceCommand, ask};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::DeviceHost;
use crate::output::count;
use cairn_agent::Request;
use serde::{Deserialize, Serialize};

/// What was given up, and what stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StartedOver {
    /// Records that the device had from the relay.
    records: u64,
    /// Operations of its own that are kept unsent.
    unsent: u64,
}

pub(super) async fn start(host: &DeviceHost) -> Result<StartedOver, Failure> {
    let before = host.look(|agent| agent.status()).await?;
    host.handle.request(Request::StartOver).await?;
    Ok(StartedOver {
        records: before.records as u64,
        unsent: before.unsent as u64,
    })
}

pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
    let DeviceAnswer::StartedOver(done) = ask(context, DeviceCommand::StartOver).await? else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    if output.json {
        output.json(&done)?;
    } else {
        output.line(format!(
            "Gave up {} from the relay and kept {} of your own that it has not seen. \
             `cairn device sync` takes what the relay has now.",
            count(done.records, "record"),
            count(done.unsent, "operation"),
        ))?;
    }
    Ok(Exit::Done)
}
