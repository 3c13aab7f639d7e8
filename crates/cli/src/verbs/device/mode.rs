//! `cairn device mode`.

use super::{DeviceAnswer, DeviceCommand, ask};
use crate::args::device::ModeArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::DeviceHost;
use cairn_agent::{Condition, ModeChange, Request, Status, SyncMode, Waiting};
use serde::{Deserialize, Serialize};

/// What shall be otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    sync: Option<SyncMode>,
    unmetered_only: Option<bool>,
    conditions: Vec<Condition>,
    accept_definition: bool,
}

/// How a device syncs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ModeReport {
    /// When it syncs by itself.
    mode: SyncMode,
    /// Whether over unmetered networks only.
    unmetered_only: bool,
    /// Whether nobody looks at it.
    background: bool,
    /// Why it does not sync by itself, if there is a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    /// The same, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_words: Option<String>,
}

impl ModeReport {
    pub(super) fn of(status: &Status) -> ModeReport {
        ModeReport {
            mode: status.mode.sync,
            unmetered_only: status.mode.unmetered_only,
            background: status.conditions.background,
            waiting: status.waiting,
            waiting_words: status.waiting.map(|waiting| waiting.words(status.unsent)),
        }
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let mut line = match self.mode {
            SyncMode::Live => "live",
            SyncMode::Manual => "manual",
        }
        .to_owned();
        if self.unmetered_only {
            line.push_str(", over unmetered networks only");
        }
        if self.background {
            line.push_str(", in the background");
        }
        if let Some(words) = &self.waiting_words {
            line.push_str(". ");
            line.push_str(words);
        }
        line
    }
}

impl From<&ModeArgs> for Change {
    fn from(args: &ModeArgs) -> Change {
        let either = |yes: bool, no: bool| (yes || no).then_some(yes);
        let sync = either(args.manual, args.live).map(|manual| match manual {
            true => SyncMode::Manual,
            false => SyncMode::Live,
        });
        let conditions = [
            either(args.background, args.foreground).map(Condition::Background),
            either(args.metered, args.unmetered).map(Condition::Metered),
            either(args.lock, args.unlock).map(Condition::Locked),
            either(args.sign_in_expired, args.signed_in).map(Condition::SignInExpired),
        ];
        Change {
            sync,
            unmetered_only: args.unmetered_only.map(Into::into),
            conditions: conditions.into_iter().flatten().collect(),
            accept_definition: args.accept_definition,
        }
    }
}

pub(super) async fn set(host: &DeviceHost, change: Change) -> Result<ModeReport, Failure> {
    if !change.conditions.is_empty() && !host.running {
        return Err(Failure::usage(
            "nothing runs this device, so there is nobody to tell how things are around it; \
             start `cairn device run` first",
        ));
    }
    for condition in change.conditions {
        host.handle.condition(condition).await;
    }
    if change.sync.is_some() || change.unmetered_only.is_some() {
        let mode = ModeChange {
            sync: change.sync,
            unmetered_only: change.unmetered_only,
        };
        host.handle.request(Request::Mode(mode)).await?;
    }
    if change.accept_definition {
        host.handle.request(Request::AcceptDefinition).await?;
    }
    let status = host.look(|agent| agent.status()).await?;
    Ok(ModeReport::of(&status))
}

pub(super) async fn run(args: &ModeArgs, context: &Context) -> Result<Exit, Failure> {
    let command = DeviceCommand::Mode(args.into());
    let DeviceAnswer::Mode(report) = ask(context, command).await? else {
        return Err(Failure::other_answer());
    };
    match context.output.json {
        true => context.output.json(&report)?,
        false => context.output.line(format!("Mode: {}", report.line()))?,
    }
    Ok(Exit::Done)
}
