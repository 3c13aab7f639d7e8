//! Draws what happens in a plan into a schedule.

mod rights;

use super::choice::QUIC_PACKET_BYTES;
use super::plan::{FaultPlan, Plan};
use crate::host::Host;
use crate::laws::Law;
use crate::organization::{CREW, KINDS, definition};
use crate::schedule::{
    Action, AddressChange, ClockFault, DefinitionStep, Direction, DiskFault, Face, Fault,
    HostileAct, Program, Schedule,
};
use crate::streams::{Stream, Streams};
use crate::time::{DAY, HOUR, MINUTE, SECOND, VirtualTime};
use crate::workload;
use serde::de::DeserializeOwned;
use std::ops::RangeInclusive;

/// The kinds of fault, by their names in a scenario.
pub const FAULT_KINDS: [&str; 27] = [
    "address",
    "backup",
    "checkpoint",
    "clock",
    "clone",
    "corrupt",
    "crash",
    "cut",
    "duplicate",
    "face",
    "fail-sync",
    "full",
    "hang-up",
    "hostile",
    "mtu",
    "partition",
    "pause",
    "program",
    "publish",
    "restore",
    "revoke",
    "rot",
    "slow",
    "slow-disk",
    "stop",
    "wipe",
    "offline",
];

/// Packets that a path may be narrowed or widened to, in bytes: from what every
/// host must take to what an address family can name.
const PACKETS: RangeInclusive<i64> = 68..=65_535;
/// Times one fault happens at most in a run.
const TIMES_MAX: usize = 10_000;
/// An absence that a person rather announces than suffers.
const LONG: u64 = 30 * MINUTE;

/// The schedule of a plan.
///
/// # Errors
/// In words, when the plan's organization is none.
pub(super) fn schedule(plan: &Plan) -> Result<Schedule, String> {
    let streams = Streams::of(plan.seed);
    let definition = definition(&plan.organization, plan.topology.users)?;
    let mut schedule = Schedule::default();
    reach(plan, &streams, &mut schedule);
    workload::draw(plan, &definition, &streams, &mut schedule);
    for (number, fault) in plan.faults.iter().enumerate() {
        let mut stream = streams.stream(&format!("fault/{number}/{}", fault.kind));
        for at in times(fault, plan.chaos, &mut stream) {
            for target in targets(fault, plan, &mut stream) {
                let action = action(fault, plan, target, &mut stream)?;
                schedule.push(VirtualTime(at), action);
            }
        }
    }
    schedule.sort();
    Ok(schedule)
}

/// When devices come into reach and go out of it.
fn reach(plan: &Plan, streams: &Streams, schedule: &mut Schedule) {
    let early = plan.topology.devices;
    let offline = &plan.offline;
    let mut together: Vec<(u64, u64)> = Vec::new();
    for device in 0..early + plan.topology.late {
        let mut stream = streams.stream(&format!("reach/{device}"));
        let mut at = 0;
        if device >= early {
            at = stream.below(plan.chaos * 7 / 10);
            schedule.push(VirtualTime(at), Action::Enrol { device });
        } else if !stream.chance(offline.begin_online) {
            at = offline.offline.sample(&mut stream);
        }
        while at < plan.chaos {
            schedule.push(VirtualTime(at), Action::Online { device });
            let Some(online) = &offline.online else { break };
            at = at.saturating_add(online.sample(&mut stream).max(SECOND));
            let away = offline.offline.sample(&mut stream).max(SECOND);
            if at >= plan.chaos {
                break;
            }
            let announced = stream.chance(if away > LONG { 800_000 } else { 300_000 });
            let action = match announced {
                true => Action::HangUp { device },
                false => Action::Offline { device },
            };
            schedule.push(VirtualTime(at), action);
            if device == 0 && stream.chance(offline.together) {
                together.push((at, at.saturating_add(away)));
            }
            at = at.saturating_add(away);
        }
    }
    for (from, to) in together {
        for device in 1..early {
            schedule.push(VirtualTime(from), Action::Offline { device });
            if to < plan.chaos {
                schedule.push(VirtualTime(to), Action::Online { device });
            }
        }
    }
}

/// When a fault happens: at its time, and then as often as it says.
fn times(fault: &FaultPlan, chaos: u64, stream: &mut Stream) -> Vec<u64> {
    let mut at = match (fault.at, &fault.every) {
        (Some(at), _) => at,
        (None, Some(every)) => every.sample(stream),
        (None, None) => stream.below(chaos),
    };
    let mut times = Vec::new();
    while at < chaos && times.len() < TIMES_MAX {
        times.push(at);
        let Some(every) = &fault.every else { break };
        at = at.saturating_add(every.sample(stream).max(SECOND));
    }
    times
}

/// The hosts it strikes this time.
fn targets(fault: &FaultPlan, plan: &Plan, stream: &mut Stream) -> Vec<Host> {
    let people = plan.topology.devices + plan.topology.late;
    let drawn = |stream: &mut Stream| Host::Device(stream.below(u64::from(people)) as u32);
    if fault.kind == "hostile" {
        let hostile = u64::from(plan.topology.hostile);
        let number = people + stream.below(hostile) as u32;
        return vec![Host::Device(if hostile == 0 { 0 } else { number })];
    }
    match fault.target.as_deref().unwrap_or("device") {
        "relay" => vec![Host::Relay],
        "devices" => (0..plan.topology.devices).map(Host::Device).collect(),
        "any" if stream.below(u64::from(people) + 1) == 0 => vec![Host::Relay],
        "any" | "device" => vec![drawn(stream)],
        numbered => {
            let number = numbered.strip_prefix("device:");
            let number = number.and_then(|number| number.parse().ok());
            vec![number.map_or_else(|| drawn(stream), Host::Device)]
        }
    }
}

fn lasts(fault: &FaultPlan, stream: &mut Stream, otherwise: Law) -> u64 {
    fault.lasts.as_ref().unwrap_or(&otherwise).sample(stream)
}

/// A mode by its name, or one drawn from all there are.
fn mode<T: DeserializeOwned>(
    fault: &FaultPlan,
    stream: &mut Stream,
    all: &[&str],
) -> Result<T, String> {
    let drawn = stream.pick(all).copied().unwrap_or_default();
    let name = fault.mode.as_deref().unwrap_or(drawn);
    serde_json::from_value(serde_json::Value::String(name.to_owned()))
        .map_err(|_| format!("mode `{name}` is none of {}", all.join(", ")))
}

const DIRECTIONS: [&str; 3] = ["both", "up", "down"];
const ADDRESS_CHANGES: [&str; 2] = ["port", "network"];
const FACES: [&str; 4] = ["withhold", "silent", "reorder", "rewind"];
const CLOCKS: [&str; 5] = ["step", "drift", "freeze", "dead", "right"];
const PROGRAMS: [&str; 2] = ["other-protocol", "older"];
const CRASHES: [&str; 2] = ["now", "boundary"];
const STEPS: [&str; 6] = [
    "policy",
    "granularity",
    "add-field",
    "retire-field",
    "require",
    "access",
];
/// Every mode of a publication.
const PUBLICATIONS: [&str; 17] = [
    "policy",
    "granularity",
    "add-field",
    "retire-field",
    "require",
    "access",
    "role",
    "member",
    "unit",
    "user",
    "depth",
    "secure",
    "trust",
    "filter",
    "columns",
    "profile",
    "offline",
];
const ACTS: [&str; 12] = [
    "forge",
    "impersonate",
    "replay",
    "equivocate",
    "gap",
    "back-date",
    "future-date",
    "future-base",
    "oversized",
    "usurp",
    "garbage",
    "noise",
];

/// Whether a fault of a scenario can be drawn.
pub(super) fn check(fault: &FaultPlan) -> Result<(), String> {
    let modes: &[&str] = match fault.kind.as_str() {
        "crash" => &CRASHES,
        "partition" | "corrupt" => &DIRECTIONS,
        "address" => &ADDRESS_CHANGES,
        "face" => &FACES,
        "clock" => &CLOCKS,
        "publish" => &PUBLICATIONS,
        "program" => &PROGRAMS,
        "hostile" => &ACTS,
        _ => &[],
    };
    let devices_only = [
        "partition",
        "cut",
        "slow",
        "corrupt",
        "duplicate",
        "wipe",
        "clone",
        "face",
        "program",
        "offline",
        "hang-up",
        "mtu",
        "address",
        "revoke",
    ];
    if devices_only.contains(&fault.kind.as_str())
        && matches!(fault.target.as_deref(), Some("relay" | "any"))
    {
        return Err("it strikes devices only".to_owned());
    }
    if let ("mtu", Some(bytes)) = (fault.kind.as_str(), fault.amount)
        && !PACKETS.contains(&bytes)
    {
        return Err(format!(
            "its amount is the bytes of the largest packet, {} to {}, not {bytes}",
            PACKETS.start(),
            PACKETS.end()
        ));
    }
    match fault.mode.as_deref() {
        Some(mode) if modes.is_empty() => Err(format!("it has no mode `{mode}`")),
        Some(mode) if !modes.contains(&mode) => {
            Err(format!("mode `{mode}` is none of {}", modes.join(", ")))
        }
        _ => Ok(()),
    }
}

fn action(
    fault: &FaultPlan,
    plan: &Plan,
    host: Host,
    stream: &mut Stream,
) -> Result<Action, String> {
    let device = match host {
        Host::Device(number) => number,
        Host::Relay => 0,
    };
    let short = Law::Exponential {
        min: SECOND,
        mean: 10 * MINUTE,
    };
    let fault = match fault.kind.as_str() {
        "offline" => return Ok(Action::Offline { device }),
        "hang-up" => return Ok(Action::HangUp { device }),
        "revoke" => return Ok(Action::Revoke { device }),
        "checkpoint" => return Ok(Action::Checkpoint),
        "publish" => {
            let change = step(fault, plan, stream)?;
            return Ok(Action::Publish { change });
        }
        "crash" => {
            let drawn = if stream.chance(500_000) {
                "now"
            } else {
                "boundary"
            };
            let boundary = fault.mode.as_deref().unwrap_or(drawn) == "boundary";
            Fault::Crash {
                host,
                after_outputs: boundary.then(|| stream.between(1, 12) as u32),
                down: lasts(fault, stream, short),
            }
        }
        "stop" => Fault::Stop {
            host,
            down: lasts(fault, stream, short),
        },
        "pause" => Fault::Pause {
            host,
            lasts: lasts(fault, stream, short),
        },
        "partition" => Fault::Block {
            device,
            direction: mode::<Direction>(fault, stream, &DIRECTIONS)?,
            lasts: lasts(fault, stream, short),
        },
        "cut" => Fault::Cut { device },
        "slow" => Fault::Slow {
            device,
            factor: fault.amount.unwrap_or(20).clamp(1, 100_000) as u32,
            lasts: lasts(fault, stream, short),
        },
        "corrupt" => Fault::Corrupt {
            device,
            direction: mode::<Direction>(fault, stream, &DIRECTIONS)?,
        },
        "duplicate" => Fault::Duplicate { device },
        "mtu" => Fault::Mtu {
            device,
            bytes: mtu(fault, stream),
            lasts: lasts(fault, stream, short),
        },
        "address" => Fault::Address {
            device,
            change: mode::<AddressChange>(fault, stream, &ADDRESS_CHANGES)?,
        },
        "fail-sync" => disk(host, DiskFault::FailSync),
        "full" => disk(
            host,
            DiskFault::Full {
                lasts: lasts(fault, stream, short),
            },
        ),
        "rot" => disk(
            host,
            DiskFault::Rot {
                pick: stream.below(1 << 31) as u32,
            },
        ),
        "slow-disk" => disk(
            host,
            DiskFault::Slow {
                factor: fault.amount.unwrap_or(100).clamp(1, 100_000) as u32,
                lasts: lasts(fault, stream, short),
            },
        ),
        "backup" => Fault::Backup { host },
        "restore" => Fault::Restore { host },
        "wipe" => Fault::Wipe { device },
        "clone" => Fault::Clone { device },
        "clock" => Fault::Clock {
            host,
            clock: clock(fault, stream),
        },
        "hostile" => Fault::Hostile {
            device,
            act: mode::<HostileAct>(fault, stream, &ACTS)?,
        },
        "program" => Fault::Program {
            device,
            program: mode::<Program>(fault, stream, &PROGRAMS)?,
            lasts: lasts(fault, stream, short),
        },
        "face" => Fault::Face {
            device,
            face: mode::<Face>(fault, stream, &FACES)?,
            lasts: lasts(fault, stream, short),
        },
        other => return Err(format!("there is no fault `{other}`")),
    };
    Ok(Action::Fault { fault })
}

fn mtu(fault: &FaultPlan, stream: &mut Stream) -> u32 {
    let drawn = stream.between(QUIC_PACKET_BYTES.into(), 1_500);
    fault
        .amount
        .and_then(|bytes| u32::try_from(bytes).ok())
        .unwrap_or(drawn as u32)
}

fn disk(host: Host, disk: DiskFault) -> Fault {
    Fault::Disk { host, disk }
}

fn clock(fault: &FaultPlan, stream: &mut Stream) -> ClockFault {
    let drawn = stream.pick(&CLOCKS).copied().unwrap_or_default();
    // A span of up to 400 days, either way; more often a small one.
    let span = crate::laws::between_evenly_scaled(stream, SECOND, 400 * DAY) as i64 / 1_000;
    let sign = if stream.chance(500_000) { 1 } else { -1 };
    let drift = stream.between(0, 400) as i32 - 200;
    match fault.mode.as_deref().unwrap_or(drawn) {
        "drift" => ClockFault::Drift {
            million: fault
                .amount
                .unwrap_or(drift.into())
                .clamp(-500_000, 500_000) as i32,
        },
        "freeze" => ClockFault::Freeze {
            lasts: lasts(
                fault,
                stream,
                Law::Exponential {
                    min: MINUTE,
                    mean: HOUR,
                },
            ),
        },
        "dead" => ClockFault::Dead,
        "right" => ClockFault::Right,
        _ => ClockFault::Step {
            milliseconds: fault.amount.unwrap_or(sign * span),
        },
    }
}

/// A change of the definition: the one that is named, or one that is drawn.
fn step(fault: &FaultPlan, plan: &Plan, stream: &mut Stream) -> Result<DefinitionStep, String> {
    let definition = definition(&plan.organization, plan.topology.users)?;
    let fields: Vec<(String, String)> = definition
        .types
        .values()
        .flat_map(|known| {
            let fields = known.live_fields();
            fields.map(|field| (known.name.clone(), field.name.clone()))
        })
        .collect();
    let (drawn_type, drawn_field) = stream.pick(&fields).cloned().unwrap_or_default();
    let policies = cairn_policy::ids();
    let drawn_policy = stream.pick(&policies).copied().unwrap_or_default();
    let drawn_kind = stream.pick(&KINDS).copied().unwrap_or_default();
    let coin = stream.chance(500_000);
    let user = stream.below(u64::from(plan.topology.users.max(1))) as u32;
    let number = stream.below(6);
    let named = fault
        .field
        .as_deref()
        .map(|name| name.split_once('.').unwrap_or((name, "")));
    let record_type = named.map_or(drawn_type, |(record_type, _)| record_type.to_owned());
    let field = named.map_or(drawn_field, |(_, field)| field.to_owned());
    let value = |otherwise: &str| fault.value.clone().unwrap_or_else(|| otherwise.to_owned());
    let yes = |otherwise: bool| fault.value.as_deref().map_or(otherwise, |v| v == "true");
    let drawn = stream.pick(&STEPS).copied().unwrap_or_default();
    let drawn = match plan.organization.template == CREW && stream.chance(700_000) {
        true => stream.pick(&rights::STEPS).copied().unwrap_or_default(),
        false => drawn,
    };
    let mode = fault.mode.as_deref().unwrap_or(drawn);
    if rights::STEPS.contains(&mode) {
        return Ok(rights::step(mode, fault, plan, stream));
    }
    Ok(match mode {
        "granularity" => DefinitionStep::Granularity {
            granularity: value(if coin { "field" } else { "record" }),
        },
        "add-field" => DefinitionStep::AddField {
            record_type,
            field: named.map_or_else(|| format!("extra{number}"), |_| field),
            kind: value(drawn_kind),
        },
        "retire-field" => DefinitionStep::RetireField {
            record_type,
            field,
            retired: yes(coin),
        },
        "require" => DefinitionStep::Require {
            record_type,
            field,
            required: yes(coin),
        },
        "access" => DefinitionStep::Access {
            user,
            edit: yes(coin),
        },
        _ => DefinitionStep::Policy {
            record_type: (named.is_some() || coin).then_some(record_type),
            field: (named.is_some() || coin).then_some(field),
            policy: value(drawn_policy),
        },
    })
}
