//! The script: what happens while nobody is connected.

use super::cast::Who;
use super::props::{Entry, NEW_NUMBER, Prop, Props};
use cairn_agent::{Agent, RecordEdit, RecordEditKind};
use cairn_projection::Record;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    /// The start and the end of one job are moved.
    Times,
    /// One field is set twice.
    Status,
    /// A record is deleted and changed.
    Delete,
    /// Two people type in one text.
    Typing,
    /// A counter is moved on three devices.
    Counter,
    /// An alternate key is taken twice.
    Key,
    /// A device is revoked while there is work on it.
    Revoked,
}

impl Scene {
    /// All of them, in order.
    pub(super) const ALL: [Scene; 7] = [
        Scene::Times,
        Scene::Status,
        Scene::Delete,
        Scene::Typing,
        Scene::Counter,
        Scene::Key,
        Scene::Revoked,
    ];

    /// What it is called in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Scene::Times => "times",
            Scene::Status => "status",
            Scene::Delete => "delete",
            Scene::Typing => "typing",
            Scene::Counter => "counter",
            Scene::Key => "number",
            Scene::Revoked => "revoked",
        }
    }

    /// What happens, in words.
    pub(super) fn told(self, props: &Props) -> String {
        match self {
            Scene::Times => format!(
                "Priya moves the start of {0} to 08:00; Callum moves the end of {0} to 12:30.",
                props.planned.called
            ),
            Scene::Status => format!(
                "Priya puts {0} on hold; Callum completes {0}.",
                props.running.called
            ),
            Scene::Delete => format!(
                "Priya strikes “{}” off {}; Farah notes that she used two.",
                props.part.called, props.part_of
            ),
            Scene::Typing => {
                format!(
                    "Callum and Farah both add to the instructions of {}.",
                    props.described.called
                )
            }
            Scene::Counter => format!(
                "Priya, Callum and Farah each take one “{}” of {}.",
                props.shelf.called, props.on_hand
            ),
            Scene::Key => {
                format!("Callum and Farah each open a new work order and number it {NEW_NUMBER}.")
            }
            Scene::Revoked => format!(
                "Jonas completes {}; his phone has been reported stolen and is revoked meanwhile.",
                props.lost.called
            ),
        }
    }

    /// Who does what.
    pub(super) fn edits(self, props: &Props) -> Vec<(Who, RecordEdit)> {
        match self {
            Scene::Times => vec![
                (
                    Who::Priya,
                    props.update(
                        &props.planned,
                        &[("window_starts_at", Entry::Value("2026-06-04T08:00:00Z"))],
                    ),
                ),
                (
                    Who::Callum,
                    props.update(
                        &props.planned,
                        &[("window_ends_at", Entry::Value("2026-06-04T12:30:00Z"))],
                    ),
                ),
            ],
            Scene::Status => vec![
                (
                    Who::Priya,
                    props.update(&props.running, &[("status", Entry::Value("on hold"))]),
                ),
                (
                    Who::Callum,
                    props.update(&props.running, &[("status", Entry::Value("completed"))]),
                ),
            ],
            Scene::Delete => vec![
                (Who::Priya, props.edit(&props.part, RecordEditKind::Delete)),
                (
                    Who::Farah,
                    props.update(
                        &props.part,
                        &[
                            ("quantity", Entry::Value("2")),
                            ("status", Entry::Value("used")),
                        ],
                    ),
                ),
            ],
            Scene::Typing => {
                let (before, after) = ("Ring 15 minutes ahead. ", " Permit is in the van.");
                let text = |text: String| [("instructions", Entry::Text(text.trim().to_owned()))];
                vec![
                    (
                        Who::Callum,
                        props.update(
                            &props.described,
                            &text(format!("{before}{}", props.instructions)),
                        ),
                    ),
                    (
                        Who::Farah,
                        props.update(
                            &props.described,
                            &text(format!("{}{after}", props.instructions)),
                        ),
                    ),
                ]
            }
            Scene::Counter => [Who::Priya, Who::Callum, Who::Farah]
                .map(|who| {
                    (
                        who,
                        props.update(&props.shelf, &[("on_hand", Entry::Add(-1))]),
                    )
                })
                .into(),
            Scene::Key => {
                let order = |prop: &Prop, summary| {
                    let entries = [
                        ("number", Entry::Value(NEW_NUMBER)),
                        ("summary", Entry::Value(summary)),
                        ("account", Entry::Lookup(props.account)),
                    ];
                    props.create(prop, &entries)
                };
                vec![
                    (
                        Who::Callum,
                        order(&props.new[0], "Dripping valve, boiler room"),
                    ),
                    (Who::Farah, order(&props.new[1], "Noise in the ventilation")),
                ]
            }
            Scene::Revoked => vec![(
                Who::Jonas,
                props.update(&props.lost, &[("status", Entry::Value("completed"))]),
            )],
        }
    }

    /// The records it is about.
    pub(super) fn records(self, props: &Props) -> Vec<&Prop> {
        match self {
            Scene::Times => vec![&props.planned],
            Scene::Status => vec![&props.running],
            Scene::Delete => vec![&props.part],
            Scene::Typing => vec![&props.described],
            Scene::Counter => vec![&props.shelf],
            Scene::Key => props.new.iter().collect(),
            Scene::Revoked => vec![&props.lost],
        }
    }

    /// What a device shows of it.
    pub(super) fn seen(self, props: &Props, agent: &Agent) -> String {
        let shown: Vec<String> = self
            .records(props)
            .into_iter()
            .filter_map(|prop| Some(self.seen_of(props, prop, &agent.record(prop.record).ok()??)))
            .collect();
        if shown.is_empty() {
            "nothing".to_owned()
        } else {
            shown.join("; ")
        }
    }

    fn seen_of(self, props: &Props, prop: &Prop, record: &Record) -> String {
        let reads = |field| props.reads(prop, field, record);
        let open = if record.in_conflict() { " ⚑" } else { "" };
        let deleted = if record.is_alive() { "" } else { "deleted" };
        let shown = match self {
            Scene::Times => format!(
                "{} to {}",
                clock_time(&reads("window_starts_at")),
                clock_time(&reads("window_ends_at"))
            ),
            Scene::Status | Scene::Revoked => reads("status"),
            Scene::Delete if record.is_alive() => {
                format!("{} {}", reads("quantity"), reads("status"))
            }
            Scene::Delete => String::new(),
            Scene::Typing => both_ends(&reads("instructions")),
            Scene::Counter => format!("{} on hand", reads("on_hand")),
            Scene::Key => format!("{}: {}", reads("number"), reads("summary")),
        };
        format!("{shown}{deleted}{open}")
    }
}

/// Hours and minutes of a time in RFC 3339.
pub(super) fn clock_time(text: &str) -> &str {
    text.get(11..16).unwrap_or("none")
}

/// The beginning and the end of a long text.
fn both_ends(text: &str) -> String {
    const END_CHARACTERS: usize = 22;
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 2 * END_CHARACTERS + 3 {
        return text.to_owned();
    }
    let (front, back) = (
        &characters[..END_CHARACTERS],
        &characters[characters.len() - END_CHARACTERS..],
    );
    format!(
        "{} … {}",
        String::from_iter(front).trim(),
        String::from_iter(back).trim()
    )
}
