//! `cairn relay ticket`.

use super::{RelayAnswer, RelayCommand, ask};
use crate::args::relay::TicketArgs;
use crate::clock::now;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::RelayHost;
use crate::key_file;
use cairn_proto::Ticket;
use cairn_relay::AdminRequest;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// A ticket, ready to hand over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IssuedTicket {
    /// The text to give to the device.
    ticket: String,
    /// Whose device it will be.
    user: String,
    /// Where the device reaches the relay.
    address: String,
    /// Until when it can be used.
    expires: String,
}

pub(super) async fn issue(
    host: &RelayHost,
    user: String,
    address: Option<String>,
    valid_ms: u64,
) -> Result<IssuedTicket, Failure> {
    let address = reachable(host, address)?;
    let secret: [u8; 16] = key_file::random()?;
    let expires = now().plus(valid_ms);
    let (organization, relay) = host
        .look(|relay| (relay.organization(), relay.key()))
        .await?;
    host.handle
        .admin(AdminRequest::Ticket {
            user: user.clone(),
            secret,
            expires,
        })
        .await?;
    let ticket = Ticket {
        address: address.clone(),
        relay,
        organization,
        secret,
        expires,
    };
    Ok(IssuedTicket {
        ticket: ticket.to_string(),
        user,
        address,
        expires: expires.to_string(),
    })
}

/// The address a device shall use: the one named, or else the one set, or else
/// where the relay listens.
fn reachable(host: &RelayHost, named: Option<String>) -> Result<String, Failure> {
    let listening = || {
        host.listening.map_or_else(
            || host.settings.listen.clone(),
            |address| address.to_string(),
        )
    };
    let address = named
        .or_else(|| host.settings.address.clone())
        .unwrap_or_else(listening);
    let port = address
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .and_then(|(_, port)| port.parse::<u16>().ok());
    let everywhere = address
        .parse::<SocketAddr>()
        .is_ok_and(|address| address.ip().is_unspecified());
    match port {
        None => Err(Failure::usage(format!(
            "`{address}` is no address; write HOST:PORT, such as relay.example:4433"
        ))),
        Some(_) if everywhere => Err(Failure::usage(format!(
            "the relay listens on every address of this machine ({address}); say which one the device shall use: --address HOST:PORT"
        ))),
        Some(0) => Err(Failure::usage(format!(
            "the relay takes a free port when it starts ({address}); issue the ticket while `cairn relay run` runs, or name --address HOST:PORT"
        ))),
        Some(_) => Ok(address),
    }
}

pub(super) async fn run(args: TicketArgs, context: &Context) -> Result<Exit, Failure> {
    let valid_ms = u64::try_from(args.valid.as_millis()).unwrap_or(u64::MAX);
    let command = RelayCommand::Ticket {
        user: args.user,
        address: args.address,
        valid_ms,
    };
    let RelayAnswer::Ticket(issued) = ask(context, command).await? else {
        return Err(Failure::other_answer());
    };
    let output = &context.output;
    if output.json {
        output.json(&issued)?;
    } else {
        output.line(&issued.ticket)?;
        if args.qr {
            output.line(qr_code(&issued.ticket)?)?;
        }
        output.say(format!(
            "For one device of {}, until {}. On the device: cairn device enroll --dir DIR {}",
            issued.user, issued.expires, "TICKET"
        ));
    }
    if is_loopback(&issued.address) {
        output.say(format!(
            "It leads to {}, which only this machine can reach; for other machines issue it with --address HOST:PORT.",
            issued.address
        ));
    }
    Ok(Exit::Done)
}

/// Two modules in one character, light on dark turned round, so that it reads
/// on dark terminals.
fn qr_code(ticket: &str) -> Result<String, Failure> {
    let code = QrCode::new(ticket).map_err(|error| {
        Failure::usage(format!("the ticket is too long for a QR code: {error}"))
    })?;
    Ok(code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build())
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
