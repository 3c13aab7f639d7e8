//! A tree of tasks. Nobody moves a task under itself or under what is below
//! it, as far as they know; two who move apart can make a circle all the same.

use super::domain::{
    Desk, Domain, Draft, Role, lookup, parsed, pick, record, record_type, set, text, weighed,
};
use super::laws::{HOUR, Law, Line, MINUTE};
use crate::stats::Stream;
use cairn_model::{FieldId, Kind, RecordId, RecordType, TypeId, Value};
use serde::Serialize;
use std::collections::BTreeSet;

const TASK: TypeId = TypeId(1);
const TITLE: FieldId = FieldId(1);
const PARENT: FieldId = FieldId(2);
const RANK: FieldId = FieldId(3);
const DONE: FieldId = FieldId(4);
const ESTIMATE: FieldId = FieldId(5);

#[derive(Debug, Clone, Serialize)]
pub(super) struct Moves {
    pub(super) people: usize,
    pub(super) tasks: usize,
    pub(super) acts: usize,
}

impl Default for Moves {
    fn default() -> Moves {
        Moves {
            people: 5,
            tasks: 24,
            acts: 40,
        }
    }
}

/// Whether `task` is `top` or somewhere below it.
fn is_below(desk: &Desk<'_>, task: RecordId, top: RecordId) -> bool {
    let mut seen = BTreeSet::new();
    let mut at = Some(task);
    while let Some(here) = at.filter(|here| seen.insert(*here)) {
        if here == top {
            return true;
        }
        at = desk.lookup(here, PARENT);
    }
    false
}

impl Domain for Moves {
    fn types(&self) -> Vec<RecordType> {
        let fields = [
            ("title", Kind::text()),
            ("parent", lookup(TASK)),
            ("rank", Kind::integer()),
            ("done", Kind::Boolean),
            ("estimate", Kind::decimal()),
        ];
        vec![record_type(TASK, "task", &fields)]
    }

    fn people(&self) -> Vec<Role> {
        let person = Role {
            name: "planner",
            weight: 1,
            site: None,
            line: Line::OnAndOff {
                offline: Law::Weibull {
                    scale: HOUR,
                    shape: 0.8,
                },
                online: Law::Lognormal {
                    median: 10 * MINUTE,
                    sigma: 0.8,
                },
                every: Law::Exponential { mean: MINUTE },
            },
            pause: Law::Exponential { mean: 5 * MINUTE },
            hours: None,
            acts: self.acts,
            until: 30 * 24 * HOUR,
            skew: 60_000,
        };
        vec![person; self.people]
    }

    fn begin(&self) -> Vec<Draft> {
        let task = |number: usize| {
            let mut puts = vec![
                text(TITLE, format!("Task {number}")),
                set(RANK, Value::Integer(number as i64)),
                set(DONE, Value::Boolean(false)),
            ];
            if number > 0 {
                let parent = record("task", (number - 1) / 3);
                puts.push(set(PARENT, Value::Lookup(parent)));
            }
            Draft::create(TASK, record("task", number), puts)
        };
        (0..self.tasks).map(task).collect()
    }

    fn act(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let tasks = desk.records(TASK);
        let what = weighed(&[70, 10, 10, 10], stream);
        let task = record("task", 1 + stream.below(self.tasks.max(2) - 1));
        let puts = match what {
            0 => {
                let elsewhere = |other: &RecordId| !is_below(desk, *other, task);
                let others: Vec<RecordId> = tasks.into_iter().filter(elsewhere).collect();
                let Some(parent) = pick(&others, stream) else {
                    return Draft::nothing();
                };
                let rank = stream.below(100) as i64;
                vec![
                    set(PARENT, Value::Lookup(parent)),
                    set(RANK, Value::Integer(rank)),
                ]
            }
            1 => vec![text(
                TITLE,
                format!("Task of {} no. {}", desk.person, desk.acts),
            )],
            2 => vec![set(DONE, Value::Boolean(stream.share() < 0.7))],
            _ => {
                let days = format!("{}.5", stream.below(20));
                vec![set(ESTIMATE, parsed(&Kind::decimal(), &days))]
            }
        };
        Draft::update(TASK, task, puts)
    }
}
