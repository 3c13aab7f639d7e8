//! `cairn device run`.

use crate::context::Context;
use crate::control::server::Server;
use crate::exit::{Exit, Failure};
use crate::host::DeviceHost;
use crate::session::{self, Opening};
use crate::signals::EndSignals;
use cairn_proto::Refusal;
use serde::Serialize;
use std::time::Duration;

/// How often the link is looked at.
const LINK_LOOK: Duration = Duration::from_millis(500);

/// What a program is told when the device runs.
#[derive(Debug, Serialize)]
struct Running {
    running: String,
    user: String,
    address: String,
}

pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
    let directory = &context.directory;
    if !directory.device_file().exists() {
        return Err(directory.nothing_here());
    }
    let mut signals = EndSignals::take()?;
    let device = session::hold(directory, Opening::Device { running: true }).await?;
    let host = device.host.device()?.clone();
    let server = Server::start(&directory.socket(), device.host.clone())?;
    announce(&host, context)?;
    host.handle.online().await;
    let ended = tokio::select! {
        () = signals.wait() => Ok(Exit::Done),
        failure = watch_link(&host, context) => Err(failure),
    };
    drop(server);
    tokio::select! {
        () = device.stop() => {}
        () = signals.wait() => {}
    }
    ended
}

fn announce(host: &DeviceHost, context: &Context) -> Result<(), Failure> {
    let settings = &host.settings;
    let output = &context.output;
    if output.json {
        return output.json(&Running {
            running: settings.name.clone(),
            user: settings.user.clone(),
            address: settings.address.clone(),
        });
    }
    output.line(format!(
        "{} of {} keeps in sync with {}.",
        settings.name, settings.user, settings.address
    ))?;
    output.say("Ctrl-C ends it.");
    Ok(())
}

/// What there is to say about the link.
#[derive(PartialEq, Eq)]
enum Link {
    Connected,
    Revoked,
    Refused(Refusal),
    Waits(String),
    Lost,
}

/// Looks in a row that find no link before that is said: a moment without one
/// is nothing to report.
const LOST_LOOKS: u32 = 4;

/// Says when the link comes and goes. Returns when the device cannot go on.
async fn watch_link(host: &DeviceHost, context: &Context) -> Failure {
    let mut said = None;
    let mut lost = 0;
    let mut ticks = tokio::time::interval(LINK_LOOK);
    loop {
        ticks.tick().await;
        let looked = host
            .look(|agent| (agent.status(), agent.failure().cloned()))
            .await;
        let status = match looked {
            Ok((status, None)) => status,
            Ok((_, Some(error))) => return error.into(),
            Err(failure) => return failure,
        };
        let waiting = status.waiting.map(|waiting| waiting.words(status.unsent));
        let link = match (waiting, status.refused) {
            _ if status.revoked => Link::Revoked,
            _ if status.connected => Link::Connected,
            (Some(waiting), _) => Link::Waits(waiting),
            (None, Some(refusal)) => Link::Refused(refusal),
            (None, None) => Link::Lost,
        };
        lost = if link == Link::Lost { lost + 1 } else { 0 };
        let settled = lost == 0 || lost >= LOST_LOOKS;
        if settled && said.as_ref() != Some(&link) {
            context.output.say(words(&link));
            said = Some(link);
        }
    }
}

fn words(link: &Link) -> String {
    match link {
        Link::Connected => "Connected.".to_owned(),
        Link::Revoked => "Connected, but this device was revoked: what is unsent is handed in, and nothing more is received.".to_owned(),
        Link::Refused(refusal) => format!("Not connected. {}", refusal.words()),
        Link::Waits(waiting) => waiting.clone(),
        Link::Lost => "Not connected; trying again. Everything works meanwhile.".to_owned(),
    }
}
