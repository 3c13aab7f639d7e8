//! The long table: a number a line, for whoever works with them further.

use super::Outcome;
use crate::metrics::{Metric, Tally};

/// The table as CSV: `scenario,seed,block,policy,metric,key_class,value,unit`. An
/// empty block is the whole history, an empty class every kind of field. A
/// metric that nothing can be said about has no line.
pub(super) fn of(outcomes: &[Outcome]) -> String {
    let mut table = "scenario,seed,block,policy,metric,key_class,value,unit\n".to_owned();
    for outcome in outcomes {
        for (policy, judged) in &outcome.policies {
            let mut add = |block: &str, class: &str, tally: &Tally| {
                let seed = outcome.seed.to_string();
                for metric in Metric::ALL {
                    let Some(value) = metric.of(tally) else {
                        continue;
                    };
                    let value = value.to_string();
                    let line = [
                        &outcome.subject,
                        &seed,
                        block,
                        policy,
                        metric.id(),
                        class,
                        &value,
                        metric.unit(),
                    ];
                    table.push_str(&line.map(quoted).join(","));
                    table.push('\n');
                }
            };
            add("", "", &judged.whole);
            for (block, tally) in &judged.blocks {
                let name = outcome.blocks.get(*block as usize);
                add(name.map_or("unknown", String::as_str), "", tally);
            }
            for (class, tally) in &judged.classes {
                add("", class, tally);
            }
        }
    }
    table
}

/// A field of a line, in quotes where it needs them (RFC 4180).
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
