//! `cairn relay run`.

use crate::args::relay::RunArgs;
use crate::context::Context;
use crate::control::server::Server;
use crate::exit::{Exit, Failure};
use crate::host::RelayHost;
use crate::session::{self, Opening};
use crate::settings::RelaySettings;
use crate::signals::EndSignals;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Duration;

/// How often it is checked that the relay can still write.
const HEALTH_LOOK: Duration = Duration::from_secs(2);

/// What a program is told when the relay listens.
#[derive(Debug, Serialize)]
struct Listening {
    listening: String,
    key: String,
    organization: String,
}

pub(super) async fn run(args: RunArgs, context: &Context) -> Result<Exit, Failure> {
    let directory = &context.directory;
    if !directory.relay_file().exists() {
        return Err(directory.nothing_here());
    }
    let listen = match args.listen {
        Some(listen) => listen,
        None => RelaySettings::read(directory)?.listen,
    };
    let address = resolve(&listen).await?;
    let mut signals = EndSignals::take()?;
    let relay = session::hold(
        directory,
        Opening::Relay {
            listen: Some(address),
        },
    )
    .await?;
    let host = relay.host.relay()?.clone();
    let server = Server::start(&directory.socket(), relay.host.clone())?;
    announce(&host, context).await?;
    let ended = tokio::select! {
        () = signals.wait() => Ok(Exit::Done),
        failure = broken(&host) => Err(failure),
    };
    context.output.say("Writing a checkpoint and ending…");
    drop(server);
    tokio::select! {
        () = relay.stop() => {}
        () = signals.wait() => context.output.say("Ended without the checkpoint; the next start takes longer."),
    }
    ended
}

async fn resolve(listen: &str) -> Result<SocketAddr, Failure> {
    let found = tokio::net::lookup_host(listen)
        .await
        .ok()
        .and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| Failure::usage(format!("`{listen}` is no address to listen on; write HOST:PORT, such as 127.0.0.1:4433 or 0.0.0.0:4433")))
}

async fn announce(host: &RelayHost, context: &Context) -> Result<(), Failure> {
    let (name, key, organization) = host
        .look(|relay| {
            (
                relay.state().definition().name.clone(),
                relay.key().to_string(),
                relay.organization().to_string(),
            )
        })
        .await?;
    let address = host
        .listening
        .ok_or_else(|| Failure::relay("the relay does not listen"))?;
    let output = &context.output;
    if output.json {
        return output.json(&Listening {
            listening: address.to_string(),
            key,
            organization,
        });
    }
    output.line(format!("The relay of {name} listens on {address} (UDP)."))?;
    if address.ip().is_loopback() {
        output
            .say("Only this machine can reach it; --listen 0.0.0.0:4433 opens it to the network.");
    }
    output.say("Ctrl-C ends it.");
    Ok(())
}

/// Returns when the relay cannot write any more: going on would help nobody,
/// and a supervisor can start it again when the cause is mended.
async fn broken(host: &RelayHost) -> Failure {
    let mut ticks = tokio::time::interval(HEALTH_LOOK);
    loop {
        ticks.tick().await;
        match host.look(|relay| relay.failure().cloned()).await {
            Ok(None) => {}
            Ok(Some(error)) => return error.into(),
            Err(failure) => return failure,
        }
    }
}
