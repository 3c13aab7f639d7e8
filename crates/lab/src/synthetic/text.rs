//! Texts that several people write: notes of which the newest is on top, where
//! what was written line by line on two devices can come to stand alternately;
//! and texts that are written on at the end and mended in the middle.

use super::domain::{Desk, Domain, Draft, Role, document, record, record_type, text, weighed};
use super::laws::{HOUR, Law, Line, MINUTE};
use crate::stats::Stream;
use cairn_model::{FieldId, Kind, RecordType, TypeId};
use serde::Serialize;

const PAPER: TypeId = TypeId(1);
const TITLE: FieldId = FieldId(1);
const NOTES: FieldId = FieldId(2);
const BODY: FieldId = FieldId(3);

/// Lines that somebody writes before turning to another paper.
const LINES: usize = 6;
/// What lines begin with: each unlike the one before, so that a line is put in
/// as a whole, as somebody who types it would.
const PARTS: [&str; LINES] = ["Pump", "Valve", "Filter", "Hose", "Gauge", "Motor"];

#[derive(Debug, Clone, Serialize)]
pub(super) struct Texts {
    pub(super) people: usize,
    pub(super) papers: usize,
    pub(super) acts: usize,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts {
            people: 4,
            papers: 3,
            acts: 40,
        }
    }
}

/// Takes out a word, or puts one in behind it.
fn mended(before: &str, desk: &Desk<'_>, stream: &mut Stream) -> String {
    let mut words: Vec<String> = before.split(' ').map(str::to_owned).collect();
    let at = stream.below(words.len());
    match stream.share() < 0.4 && words.len() > 8 {
        true => drop(words.remove(at)),
        false => words.insert(at + 1, format!("really{}", desk.person)),
    }
    words.join(" ")
}

impl Domain for Texts {
    fn types(&self) -> Vec<RecordType> {
        vec![record_type(
            PAPER,
            "paper",
            &[
                ("title", Kind::text()),
                ("notes", Kind::RichText),
                ("body", Kind::RichText),
            ],
        )]
    }

    fn people(&self) -> Vec<Role> {
        let person = Role {
            name: "writer",
            weight: 1,
            site: None,
            line: Line::OnAndOff {
                offline: Law::Weibull {
                    scale: 40 * MINUTE,
                    shape: 0.8,
                },
                online: Law::Lognormal {
                    median: 5 * MINUTE,
                    sigma: 0.8,
                },
                every: Law::Exponential { mean: MINUTE },
            },
            pause: Law::Exponential { mean: 5 * MINUTE },
            hours: None,
            acts: self.acts,
            until: 30 * 24 * HOUR,
            skew: 2_000,
        };
        vec![person; self.people]
    }

    fn begin(&self) -> Vec<Draft> {
        let paper = |number: usize| {
            let puts = vec![
                text(TITLE, format!("Paper {number}")),
                document(NOTES, "Notes begin here.\n"),
                document(
                    BODY,
                    "We met on site and looked at the pump, the valve and the log.",
                ),
            ];
            Draft::create(PAPER, record("paper", number), puts)
        };
        (0..self.papers).map(paper).collect()
    }

    fn act(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let turn = desk.person + desk.acts / LINES;
        let paper = record("paper", turn % self.papers.max(1));
        let what = weighed(&[60, 20, 15, 5], stream);
        let by = format!("{} no. {}", desk.person, desk.acts);
        match what {
            0 => {
                let part = PARTS[desk.acts % LINES];
                let line = format!("{part} at {} bar, says {by}\n", 1 + stream.below(9));
                let before = desk.text(paper, NOTES);
                let notes = document(NOTES, format!("{line}{before}"));
                Draft {
                    piece: Some(line),
                    ..Draft::update(PAPER, paper, vec![notes])
                }
            }
            1 => {
                let body = desk.text(paper, BODY);
                let body = format!("{body} Then {by} went on.");
                Draft::update(PAPER, paper, vec![document(BODY, body)])
            }
            2 => {
                let body = mended(&desk.text(paper, BODY), desk, stream);
                Draft::update(PAPER, paper, vec![document(BODY, body)])
            }
            _ => Draft::update(PAPER, paper, vec![text(TITLE, format!("Paper of {by}"))]),
        }
    }
}
