//! The long table: a number a line, for whoever works with them further.

#[cfg(feature = "parquet")]
mod parquet;

#[cfg(feature = "parquet")]
pub(super) use parquet::of as parquet;

use super::Outcome;
use crate::metrics::{Metric, Tally};

/// What the columns are called.
const COLUMNS: [&str; 8] = [
    "scenario",
    "seed",
    "block",
    "policy",
    "metric",
    "key_class",
    "value",
    "unit",
];

/// A row of the table. An empty block is the whole history, an empty class every
/// kind of field.
struct Row<'a> {
    scenario: &'a str,
    seed: u64,
    block: &'a str,
    policy: &'a str,
    metric: &'static str,
    key_class: &'a str,
    value: f64,
    unit: &'static str,
}

/// Gives every row, in order. A metric that nothing can be said about has none.
fn each<'a>(outcomes: &'a [Outcome], mut row: impl FnMut(Row<'a>)) {
    for outcome in outcomes {
        for (policy, judged) in &outcome.policies {
            let mut add = |block: &'a str, key_class: &'a str, tally: &Tally| {
                for metric in Metric::ALL {
                    let Some(value) = metric.of(tally) else {
                        continue;
                    };
                    row(Row {
                        scenario: &outcome.subject,
                        seed: outcome.seed,
                        block,
                        policy,
                        metric: metric.id(),
                        key_class,
                        value,
                        unit: metric.unit(),
                    });
                }
            };
            add("", "", &judged.whole);
            for (block, tally) in &judged.blocks {
                let name = outcome.blocks.get(*block as usize);
                add(name.map_or("unknown", String::as_str), "", tally);
            }
            for (name, class) in &judged.classes {
                add("", name, &class.whole);
            }
        }
    }
}

/// The table as CSV.
pub(super) fn csv(outcomes: &[Outcome]) -> String {
    let mut table = COLUMNS.join(",") + "\n";
    each(outcomes, |row| {
        let (seed, value) = (row.seed.to_string(), row.value.to_string());
        let line = [
            row.scenario,
            &seed,
            row.block,
            row.policy,
            row.metric,
            row.key_class,
            &value,
            row.unit,
        ];
        table.push_str(&line.map(quoted).join(","));
        table.push('\n');
    });
    table
}

/// A field of a line, in quotes where it needs them (RFC 4180).
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
