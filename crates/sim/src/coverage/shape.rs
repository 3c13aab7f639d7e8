//! Shapes: what is alike in two worlds whatever their names and numbers.

use crate::trace::{Event, What};
use crate::world::{DeviceView, View};
use cairn_model::Version;
use std::collections::BTreeMap;

/// How many alike are told apart.
const ALIKE: usize = 2;
/// Sides of a contest that are told apart.
const SIDES: usize = 4;

/// How the devices stand to the relay and so to each other: equal, behind,
/// with work of their own or both, up or down, with a change of rules or
/// rights that has not reached them.
pub(super) fn of_divergence(event: &Event, view: &View<'_>) -> Option<String> {
    let turns = matches!(
        event.what,
        What::Connected { .. } | What::Crashed { .. } | What::Started | What::Healed { .. }
    );
    let relay = view.relay().machine().filter(|_| turns)?;
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for device in view.devices().filter(DeviceView::is_enrolled) {
        *alike.entry(of_device(&device, relay.state())).or_default() += 1;
    }
    let told = alike
        .iter()
        .map(|(shape, count)| match (*count).min(ALIKE) {
            1 => shape.clone(),
            _ => format!("{shape}+"),
        });
    Some(told.collect::<Vec<_>>().join(" "))
}

fn of_device(device: &DeviceView<'_>, state: &cairn_projection::State) -> String {
    let Some(machine) = device.machine() else {
        return "down".to_owned();
    };
    let status = machine.status();
    let known = state
        .author(&device.key().device())
        .and_then(|author| state.device(author));
    let stands = match (status.cursor, status.unsent) {
        (Version(0), 0) => "new",
        (Version(0), _) => "new-own",
        (cursor, 0) if cursor == state.version() => "equal",
        (cursor, 0) if cursor > state.version() => "beyond",
        (_, 0) => "behind",
        (cursor, _) if cursor >= state.version() => "own",
        _ => "forked",
    };
    let marks = [
        ("~", status.connected),
        (
            "!",
            known.is_some_and(|known| known.revoked.is_some()) && !status.revoked,
        ),
        ("?", known.is_some_and(|known| known.quarantined.is_some())),
        (
            "#",
            machine.directory().definition.number < state.definition().number,
        ),
        ("'", status.generation > 0),
        ("*", status.open_issues > 0),
    ];
    let marks = marks.iter().filter(|(_, applies)| *applies);
    marks.fold(stands.to_owned(), |told, (mark, _)| told + mark)
}

/// What was contested, how, and what became of it.
pub(super) fn of_contests(view: &View<'_>) -> Vec<String> {
    let Some(relay) = view.relay().machine() else {
        return Vec::new();
    };
    let journal = relay.state().journal().iter();
    journal
        .map(|entry| {
            let place = if entry.field.is_none() {
                "life"
            } else {
                "field"
            };
            let sides = entry.sides.len().min(SIDES);
            let (policy, outcome) = (&entry.policy, entry.outcome.name());
            format!("contest of a {place} by {policy}: {sides} sides, {outcome}")
        })
        .collect()
}
