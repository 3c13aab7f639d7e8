//! `cairn device enroll`.

use super::sync::{SILENCE_MAX, no_answer};
use crate::args::device::EnrollArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure, with_causes};
use crate::key_file;
use crate::settings::{DeviceSettings, Directory, Owner, make_private_directory};
use cairn_net::{EnrolError, Enrolled};
use cairn_oplog::SecretKey;
use cairn_proto::Ticket;
use cairn_proto::limit::NAME_BYTES_MAX;
use serde::Serialize;
use std::io::Read;

/// Bytes of a ticket, far above any.
const TICKET_BYTES_MAX: u64 = 4096;

/// The device that was enrolled.
#[derive(Debug, Serialize)]
struct EnrolledDevice {
    directory: String,
    device: String,
    user: String,
    name: String,
    organization: String,
    address: String,
}

pub(super) async fn run(args: EnrollArgs, context: &Context) -> Result<Exit, Failure> {
    let directory = &context.directory;
    let ticket = read_ticket(args.ticket)?;
    let name = args.name.unwrap_or_else(machine_name);
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Failure::usage(format!(
            "a device's name has 1 to {NAME_BYTES_MAX} bytes, not {}",
            name.len()
        )));
    }
    match directory.owner() {
        Some(Owner::Relay) => {
            return Err(Failure::usage(format!(
                "{} is the directory of a relay; a device needs one of its own",
                directory.path.display()
            )));
        }
        Some(Owner::Device) => return already(&ticket, context),
        None => {}
    }
    make_private_directory(&directory.path)?;
    make_private_directory(&directory.data())?;
    let key = key_file::read_or_create(&directory.device_key())?;
    let enrolled = enrol(&ticket, &key, &name, context)
        .await
        .map_err(|error| Failure::relay(with_causes(&error)))?;
    let settings = DeviceSettings {
        organization: enrolled.organization,
        relay: ticket.relay,
        address: ticket.address,
        user: enrolled.user,
        name,
    };
    settings.write(directory)?;
    show(&settings, context)?;
    context.output.say(format!(
        "Next: cairn device sync --dir {}",
        directory.path.display()
    ));
    Ok(Exit::Done)
}

/// Enrols, and says what is waited for when that takes long.
async fn enrol(
    ticket: &Ticket,
    key: &SecretKey,
    name: &str,
    context: &Context,
) -> Result<Enrolled, EnrolError> {
    let mut enrolled = std::pin::pin!(cairn_net::enrol(ticket, key, name));
    tokio::select! {
        outcome = &mut enrolled => return outcome,
        () = tokio::time::sleep(SILENCE_MAX) => {}
    }
    if !context.output.json {
        context.output.say(no_answer(&ticket.address));
    }
    enrolled.await
}

fn read_ticket(argument: String) -> Result<Ticket, Failure> {
    let mut text = argument;
    if text == "-" {
        text = String::new();
        std::io::stdin()
            .take(TICKET_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| {
                Failure::usage(format!(
                    "the ticket cannot be read from standard input: {error}"
                ))
            })?;
    }
    text.parse().map_err(Failure::usage)
}

/// Enrolling again is no mistake when it is with the same relay; the relay may
/// have moved meanwhile.
fn already(ticket: &Ticket, context: &Context) -> Result<Exit, Failure> {
    let directory = &context.directory;
    let mut settings = DeviceSettings::read(directory)?;
    if settings.relay != ticket.relay || settings.organization != ticket.organization {
        return Err(Failure::usage(format!(
            "the device in {} is enrolled at another relay, as a device of {}; enrol in another directory",
            directory.path.display(),
            settings.user
        )));
    }
    if settings.address != ticket.address {
        settings.address.clone_from(&ticket.address);
        settings.write(directory)?;
        context.output.say(format!(
            "The relay's address is {} from now on.",
            settings.address
        ));
    }
    show(&settings, context)?;
    context
        .output
        .say("This device was enrolled already; nothing was asked of the relay.");
    Ok(Exit::Done)
}

fn show(settings: &DeviceSettings, context: &Context) -> Result<(), Failure> {
    let directory = &context.directory;
    let enrolled = EnrolledDevice {
        directory: directory.path.display().to_string(),
        device: device_id(directory)?,
        user: settings.user.clone(),
        name: settings.name.clone(),
        organization: settings.organization.to_string(),
        address: settings.address.clone(),
    };
    if context.output.json {
        return context.output.json(&enrolled);
    }
    context.output.facts(&[
        ("device", format!("{} ({})", enrolled.name, enrolled.device)),
        ("user", enrolled.user),
        ("relay", enrolled.address),
    ])
}

fn device_id(directory: &Directory) -> Result<String, Failure> {
    Ok(key_file::read(&directory.device_key())?
        .public()
        .device()
        .to_string())
}

fn machine_name() -> String {
    let read = |path| std::fs::read_to_string(path).ok();
    let name = read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .or_else(|| std::env::var("HOSTNAME").ok());
    name.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)
        .unwrap_or_else(|| "device".to_owned())
}
