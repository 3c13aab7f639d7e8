//! `cairn sim replay`.

use super::failure::told;
use crate::args::sim::ReplayArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_agent::Agent;
use cairn_model::Definition;
use cairn_projection::{Issue, Record};
use cairn_sim::check::{self, Checker, Violation};
use cairn_sim::kept::{CASE, Kept, SCHEDULE};
use cairn_sim::run::{Glance, look};
use cairn_sim::time::VirtualTime;
use cairn_sim::trace::Event;
use cairn_sim::wiring::{Straight, Wiring};
use cairn_sim::world::{DeviceView, View};
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;

/// Runs a case again, as far as asked, and shows what was asked for.
pub(super) fn run(args: &ReplayArgs, output: Output) -> Result<Exit, Failure> {
    let kept = kept(&args.case)?;
    let (wiring, mut checkers) = program(&kept, args)?;
    let until = args.until.map(VirtualTime);
    let show = |glance: Glance<'_>| show(args, &glance, output);
    look(&kept.case, wiring, &mut checkers, until, show).map_err(Failure::usage)?
}

fn show(args: &ReplayArgs, glance: &Glance<'_>, output: Output) -> Result<Exit, Failure> {
    let view = glance.view;
    let shown = match &args.show {
        Some(host) => Some(host_shown(host, &view)?),
        None => None,
    };
    let violation = &glance.violation;
    if output.json {
        output.json(&json!({
            "at": view.now().to_string(),
            "violation": violation,
            "counts": glance.counts,
            "shown": shown,
            "events": args.events.then(|| view.trace().events()),
        }))?;
    } else {
        if args.events {
            for event in view.trace().events() {
                output.line(line(event))?;
            }
        }
        if let Some(shown) = &shown {
            let text = serde_json::to_string_pretty(shown).map_err(Failure::usage)?;
            output.line(text)?;
        }
        tell(violation.as_ref(), &view, output)?;
    }
    Ok(match violation {
        None => Exit::Done,
        Some(_) => Exit::No,
    })
}

/// What is run: the product, or the variant that the case names.
type Program = (Box<dyn Wiring>, Vec<Box<dyn Checker>>);

fn program(kept: &Kept, args: &ReplayArgs) -> Result<Program, Failure> {
    if !args.mutant {
        return Ok((Box::new(Straight), check::all()));
    }
    let mutant = kept.mutant().ok_or_else(|| {
        Failure::not_found(match &kept.mutant {
            None => "the case names no variant; leave --mutant out".to_owned(),
            Some(name) => format!("this program knows no variant `{name}`, which the case names"),
        })
    })?;
    Ok((mutant.wiring(), mutant.checkers()))
}

/// The case in a folder that a campaign wrote, or that was kept.
pub(super) fn kept(place: &Path) -> Result<Kept, Failure> {
    let folder = match place.file_name() {
        Some(name) if name == CASE => place.parent().unwrap_or(place),
        _ => place,
    };
    let text = |name: &str| {
        let file = folder.join(name);
        fs::read_to_string(&file).map_err(|error| {
            Failure::not_found(format!("{} cannot be read: {error}", file.display()))
        })
    };
    Kept::read(&text(CASE)?, &text(SCHEDULE)?)
        .map_err(|words| Failure::usage(format!("{} is no case: {words}", folder.display())))
}

fn tell(violation: Option<&Violation>, view: &View<'_>, output: Output) -> Result<(), Failure> {
    match violation {
        Some(violation) => output.line(told(violation)),
        None => output.line(format!("Every promise was kept up to {}.", view.now())),
    }
}

fn line(event: &Event) -> String {
    let host = event.host.map(|host| host.to_string()).unwrap_or_default();
    let what = serde_json::to_string(&event.what).unwrap_or_default();
    format!("{:>16}  {host:<10}  {what}", event.at.to_string())
}

fn host_shown(host: &str, view: &View<'_>) -> Result<Json, Failure> {
    if host == "relay" {
        return Ok(relay_shown(view));
    }
    let device = host.parse().ok().and_then(|number| view.device(number));
    let device = device.ok_or_else(|| {
        let last = view.devices().count().saturating_sub(1);
        Failure::not_found(format!(
            "there is no host `{host}`; say `relay`, or 0 to {last}"
        ))
    })?;
    Ok(device_shown(&device))
}

fn relay_shown(view: &View<'_>) -> Json {
    let relay = view.relay();
    let Some(machine) = relay.machine() else {
        return json!({ "down": relay.failure().map(ToString::to_string) });
    };
    let state = machine.state();
    let records = state.records();
    json!({
        "clock": relay.wall().to_string(),
        "version": state.version().0,
        "records": records.map(|r| record(r, state.definition())).collect::<Vec<_>>(),
        "conflicts": state.journal().len(),
        "issues": state.issues().iter().map(issue).collect::<Vec<_>>(),
        "devices": state.devices().iter().map(|known| json!({
            "user": known.user,
            "generation": known.generation,
            "sequence": known.head.sequence,
            "revoked": known.revoked.is_some(),
        })).collect::<Vec<_>>(),
    })
}

fn device_shown(device: &DeviceView<'_>) -> Json {
    let Some(machine) = device.machine() else {
        return json!({ "down": device.failure().map(ToString::to_string) });
    };
    let status = machine.status();
    json!({
        "clock": device.wall().to_string(),
        "connected": status.connected,
        "cursor": status.cursor.0,
        "log": { "generation": status.generation, "sequence": status.sequence },
        "refused": status.refused.map(|refusal| refusal.words()),
        "outbox": machine.unsent().map(|(sequence, operation)| json!({
            "sequence": sequence,
            "time": operation.time.wall().to_string(),
            "does": operation.mutations().iter().map(|mutation| {
                format!("{} {}", mutation.change.name(), mutation.record)
            }).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "records": records(machine),
        "issues": machine.issues().map(issue).collect::<Vec<_>>(),
    })
}

fn records(machine: &Agent) -> Json {
    let mut records = Vec::new();
    let definition = &machine.directory().definition;
    match machine.visit(|shown| records.push(record(&shown, definition))) {
        Ok(()) => Json::Array(records),
        Err(error) => Json::String(error.to_string()),
    }
}

fn record(shown: &Record, definition: &Definition) -> Json {
    json!({
        "id": shown.id.to_string(),
        "version": shown.version.0,
        "deleted": !shown.is_alive(),
        "in-conflict": shown.in_conflict(),
        "fields": shown.to_json(definition),
    })
}

fn issue(issue: &Issue) -> Json {
    json!({
        "number": issue.number,
        "user": issue.user,
        "code": issue.code.code(),
        "what": issue.what,
        "open": issue.is_open(),
    })
}
