//! Situations that a campaign must have met, or it has not tried what it
//! claims to try.

use crate::host::Host;
use crate::time::DAY;
use crate::trace::{Event, Message, What};
use crate::world::{DeviceView, View};
use cairn_agent::Agent;
use cairn_model::Version;
use cairn_projection::{Outcome, State};

/// Something that must have happened in some run.
pub struct Situation {
    /// What, in words.
    pub name: &'static str,
    pub(super) met: Met,
}

/// When it is met.
pub(super) enum Met {
    /// At an event.
    When(fn(&Event, &View<'_>) -> bool),
    /// In the world at the end of a run.
    AtTheEnd(fn(&View<'_>) -> bool),
}

const fn when(name: &'static str, met: fn(&Event, &View<'_>) -> bool) -> Situation {
    Situation {
        name,
        met: Met::When(met),
    }
}

const fn at_the_end(name: &'static str, met: fn(&View<'_>) -> bool) -> Situation {
    Situation {
        name,
        met: Met::AtTheEnd(met),
    }
}

fn machine<'a>(event: &Event, view: &View<'a>) -> Option<&'a Agent> {
    match event.host? {
        Host::Device(number) => view.device(number)?.machine(),
        Host::Relay => None,
    }
}

fn state<'a>(view: &View<'a>) -> Option<&'a State> {
    Some(view.relay().machine()?.state())
}

fn some_device(view: &View<'_>, is: impl Fn(&DeviceView<'_>, &State) -> bool) -> bool {
    state(view).is_some_and(|state| view.devices().any(|device| is(&device, state)))
}

fn journal(view: &View<'_>, is: impl Fn(&cairn_projection::Conflict) -> bool) -> bool {
    state(view).is_some_and(|state| state.journal().iter().any(is))
}

fn rejected(view: &View<'_>, code: &str) -> bool {
    let issues = |state: &State| {
        let has = |issue: &cairn_projection::Issue| {
            issue.code.code() == code || code == "dependent" && !issue.dependents.is_empty()
        };
        state.issues().iter().any(has)
    };
    state(view).is_some_and(issues)
}

fn is_message(event: &Event, is: impl Fn(&Message) -> bool) -> bool {
    matches!(&event.what, What::Received { message, .. } if is(message))
}

fn disk(event: &Event, words: &str) -> bool {
    matches!(&event.what, What::Disk { words: told } if told.contains(words))
}

fn at_device(event: &Event) -> bool {
    matches!(event.host, Some(Host::Device(_)))
}

fn revoked(view: &View<'_>, is: impl Fn(&Agent) -> bool) -> bool {
    some_device(view, |device, state| {
        let known = state
            .author(&device.key().device())
            .and_then(|a| state.device(a));
        let machine = device.machine().filter(|machine| is(machine));
        known.is_some_and(|known| known.revoked.is_some()) && machine.is_some()
    })
}

/// All of them.
pub const SITUATIONS: &[Situation] = &[
    when("a device crashes", |e, _| {
        at_device(e) && matches!(e.what, What::Crashed { .. })
    }),
    when("a device crashes and loses a batch", |e, _| {
        at_device(e) && matches!(e.what, What::Crashed { lost } if lost > 0)
    }),
    when("the relay crashes", |e, _| {
        !at_device(e) && matches!(e.what, What::Crashed { .. })
    }),
    when("the relay starts with a ledger", |e, v| {
        e.host == Some(Host::Relay)
            && e.what == What::Started
            && state(v).is_some_and(|state| state.position() > 4)
    }),
    when("a device starts with work that was not sent", |e, v| {
        e.what == What::Started && machine(e, v).is_some_and(|m| m.status().unsent > 0)
    }),
    when("a person works offline", |e, v| {
        matches!(e.what, What::Acknowledged { .. })
            && machine(e, v).is_some_and(|m| !m.status().connected)
    }),
    when("a person works online", |e, v| {
        matches!(e.what, What::Acknowledged { .. })
            && machine(e, v).is_some_and(|m| m.status().connected)
    }),
    when(
        "a person has twenty operations that were not sent",
        |e, v| {
            matches!(e.what, What::Acknowledged { .. })
                && machine(e, v).is_some_and(|m| m.status().unsent >= 20)
        },
    ),
    when("a device comes back after a week", |e, v| {
        matches!(e.what, What::Connected { .. })
            && machine(e, v).is_some_and(|m| {
                let wall = match e.host {
                    Some(Host::Device(number)) => v.device(number).map(|d| d.wall()),
                    _ => None,
                };
                let synced = m.status().synced.zip(wall);
                synced.is_some_and(|(synced, wall)| wall.since(synced) > 7 * DAY / 1_000)
            })
    }),
    when(
        "a session ends while a bundle is not acknowledged",
        |e, v| {
            at_device(e)
                && matches!(e.what, What::Disconnected { .. })
                && machine(e, v).is_some_and(|m| m.status().unsent > 0)
        },
    ),
    when("an upload comes that the relay has", |e, v| {
        e.host == Some(Host::Relay)
            && is_message(e, |m| match m {
                Message::Upload { log, last, .. } => state(v)
                    .and_then(|state| state.device(state.author(&log.device)?))
                    .is_some_and(|d| d.generation == log.generation && d.head.sequence >= *last),
                _ => false,
            })
    }),
    when("a first download has several pages", |e, _| {
        is_message(e, |m| matches!(m, Message::Page { .. }))
    }),
    when("an acknowledgement stands for the images", |e, _| {
        is_message(e, |m| {
            matches!(
                m,
                Message::Ack {
                    incorporated: true,
                    ..
                }
            )
        })
    }),
    when("an acknowledgement tells of a rejection", |e, _| {
        is_message(
            e,
            |m| matches!(m, Message::Ack { rejected, .. } if *rejected > 0),
        )
    }),
    when("a device is told of an issue", |e, _| {
        is_message(
            e,
            |m| matches!(m, Message::Changes { issues, .. } if *issues > 0),
        )
    }),
    when("a device asks what the relay has of its log", |e, _| {
        is_message(e, |m| *m == Message::AskLogHashes)
    }),
    when("a message is corrupted", |e, _| {
        matches!(e.what, What::Corrupted { .. })
    }),
    when(
        "a link passes one way only",
        |e, _| matches!(e.what, What::Link { up, down } if up != down),
    ),
    when(
        "a path carries smaller packets",
        |e, _| matches!(&e.what, What::Path { words } if words.contains("carries")),
    ),
    when("a device's address changes in a session", |e, v| {
        matches!(&e.what, What::Path { words } if words.contains("begins at"))
            && machine(e, v).is_some_and(|m| m.status().connected)
    }),
    when("a host pauses", |e, _| e.what == What::Paused),
    when("a store is full", |e, _| disk(e, "no room")),
    when("a sync fails", |e, _| disk(e, "sync")),
    when("a stored value rots", |e, _| disk(e, "flipped")),
    when("a device is restored from a backup", |e, _| {
        at_device(e) && matches!(e.what, What::Restored { .. })
    }),
    when("the relay is restored from a backup", |e, _| {
        !at_device(e) && matches!(e.what, What::Restored { .. })
    }),
    when("a person starts over with what the relay has", |e, _| {
        e.what == What::StartedOver
    }),
    when("a device is wiped", |e, _| e.what == What::Wiped),
    when("a device is copied", |e, _| {
        matches!(e.what, What::Cloned { .. })
    }),
    when(
        "a clock runs days ahead",
        |e, _| matches!(e.what, What::Clock { off } if off > (DAY / 1_000) as i64),
    ),
    when(
        "a clock runs days behind",
        |e, _| matches!(e.what, What::Clock { off } if off < -((DAY / 1_000) as i64)),
    ),
    when("a key is misused", |e, _| {
        matches!(e.what, What::Hostile { .. })
    }),
    when(
        "a program of another version is turned away",
        |e, _| matches!(&e.what, What::Program { words } if words.contains("no common protocol")),
    ),
    when(
        "a program is too old for the definition",
        |e, _| matches!(&e.what, What::Program { words } if words.contains("cannot read")),
    ),
    when("the relay shows another face", |e, _| {
        matches!(e.what, What::Face { .. })
    }),
    when("a device without sync gets its first definition", |e, _| {
        is_message(e, |m| matches!(m, Message::Directory { .. }))
    }),
    when("somebody works under an older definition", |e, v| {
        matches!(e.what, What::Acknowledged { .. })
            && machine(e, v).zip(state(v)).is_some_and(|(m, state)| {
                m.directory().definition.number < state.definition().number
            })
    }),
    when("a revoked device still has work", |_, v| {
        revoked(v, |m| m.status().unsent > 0)
    }),
    when("a revoked device is told so", |e, v| {
        matches!(e.what, What::Received { .. }) && machine(e, v).is_some_and(|m| m.status().revoked)
    }),
    at_the_end("a conflict is open", |v| {
        journal(v, |entry| entry.is_open())
    }),
    at_the_end("a conflict was resolved", |v| {
        journal(v, |entry| matches!(entry.outcome, Outcome::Resolved { .. }))
    }),
    at_the_end("a conflict was overwritten", |v| {
        journal(v, |entry| {
            matches!(entry.outcome, Outcome::Overwritten { .. })
        })
    }),
    at_the_end("a conflict was decided by a policy", |v| {
        journal(v, |entry| entry.outcome == Outcome::Superseded)
    }),
    at_the_end("a deletion met an update", |v| {
        journal(v, |entry| entry.field.is_none())
    }),
    at_the_end("three writes met", |v| {
        journal(v, |entry| entry.sides.len() > 2)
    }),
    at_the_end("a write was set aside and its author told", |v| {
        rejected(v, "conflict.superseded")
    }),
    at_the_end("an operation built on a rejected one", |v| {
        rejected(v, "dependent")
    }),
    at_the_end("an operation came from a revoked device", |v| {
        rejected(v, "device.revoked")
    }),
    at_the_end("a log was written twice", |v| {
        rejected(v, "log.equivocation")
    }),
    at_the_end("a record was updated that was deleted", |v| {
        rejected(v, "record.deleted")
    }),
    at_the_end("an issue was settled", |v| {
        state(v).is_some_and(|state| state.issues().iter().any(|issue| !issue.is_open()))
    }),
    at_the_end("a device began a new log", |v| {
        state(v).is_some_and(|state| state.devices().iter().any(|d| d.generation > 0))
    }),
    at_the_end("the definition changed twice", |v| {
        state(v).is_some_and(|state| state.definition().number > 2)
    }),
    at_the_end("a field is retired", |v| {
        state(v).is_some_and(|state| {
            let types = state.definition().types.values();
            types
                .flat_map(|t| t.fields.values())
                .any(|field| field.retired)
        })
    }),
    at_the_end("a record is deleted", |v| {
        state(v).is_some_and(|state| state.records().any(|record| !record.is_alive()))
    }),
    at_the_end("every device has what the relay has", |v| {
        let all = |state: &State| {
            let at = |version: Version| version == state.version();
            v.devices()
                .all(|d| d.machine().is_some_and(|m| at(m.status().cursor)))
        };
        state(v).is_some_and(all)
    }),
];
