//! What reactions change, in sentences and a table.

use super::add;
use super::words::{escaped, number, per_thousand};
use crate::compare::{Gap, GapOf};
use std::collections::BTreeMap;

/// A section for scenes that were lived in both loops.
pub(super) fn add_all(html: &mut String, gaps: &BTreeMap<String, Gap>) {
    if gaps.is_empty() {
        return;
    }
    add(
        html,
        "<section><h2>When people react</h2><p>In open loop one ledger is folded under every \
         policy. In closed loop people see what a policy shows them: they write again what it \
         displaced, fight over it, answer its questions, or never look. The gap is closed less \
         open, within each seed. The hindsight oracle needs a ledger that is finished, and is \
         left out.</p>",
    );
    for (name, gap) in gaps {
        add(html, &format!("<h3>{}</h3>", escaped(name)));
        table(html, gap);
        add(html, &format!("<p>{}</p>", ranking(gap)));
    }
    add(html, "</section>");
}

fn table(html: &mut String, gap: &Gap) {
    add(
        html,
        "<div class=\"wide\"><table><thead><tr><th>policy</th><th>n</th><th>silent loss per 1,000 \
         writes, open</th><th>closed</th><th>gap [95 % BCa]</th><th>operations, closed for each \
         open</th></tr></thead><tbody>",
    );
    for name in &gap.ranking_closed {
        if let Some(found) = gap.policies.get(name) {
            add(html, &row(name, found));
        }
    }
    add(html, "</tbody></table></div>");
}

fn row(name: &str, found: &GapOf) -> String {
    let between = match found.gap {
        None => "one seed only".to_owned(),
        Some(gap) => format!(
            "{} [{}, {}]",
            per_thousand(gap.estimate),
            per_thousand(gap.low),
            per_thousand(gap.high)
        ),
    };
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{between}</td><td>{}</td></tr>",
        escaped(name),
        found.n,
        per_thousand(found.open),
        per_thousand(found.closed),
        number(found.work)
    )
}

/// Whether another policy is better once people react.
fn ranking(gap: &Gap) -> String {
    if gap.turned.is_empty() {
        return "No two policies change places: what is better in open loop is no worse once \
                people react."
            .to_owned();
    }
    let pair = |proven: bool| {
        let turned = gap.turned.iter().filter(|turned| turned.proven == proven);
        let pairs: Vec<String> = turned
            .map(|turned| {
                let (open, closed) = (escaped(&turned.open), escaped(&turned.closed));
                format!("<b>{open}</b> loses less in open loop, <b>{closed}</b> once people react")
            })
            .collect();
        pairs.join("; ")
    };
    let (proven, open) = (pair(true), pair(false));
    match (proven.is_empty(), open.is_empty()) {
        (false, _) => format!(
            "<b>The ranking changes</b>: {proven}. What was found in open loop does not carry over."
        ),
        (true, _) => {
            format!("On average the order changes, but not beyond what chance explains: {open}.")
        }
    }
}
