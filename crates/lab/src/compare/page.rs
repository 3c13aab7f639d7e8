//! The page for people: one HTML file that needs nothing else to be opened.
//! Its figures are also kept beside it, for papers.
//!
//! Everything that comes from data goes through [`escaped`].

mod figure;
mod gap;
mod promises;
mod sentences;
mod words;

use super::{
    ByPolicy, FieldSummary, Manifest, PolicySummary, Summary, can_be_chosen, cheapest,
    level_of_each,
};
use crate::metrics::Metric;
use figure::Figure;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use words::{escaped, number, p_value, per_thousand, share};

const STYLE: &str = include_str!("page/page.css");
/// Kinds of fields that the page shows of a history: those with most conflicts.
const FIELDS_MAX: usize = 40;
/// Costs of a wrong decision, in questions, that fields are weighed at.
const WEIGHED_AT: [f64; 3] = [1.0, 10.0, 100.0];

/// The page, and its figures by file name.
pub(super) struct Page {
    pub(super) html: String,
    pub(super) figures: Vec<(String, String)>,
}

type Policies = BTreeMap<String, PolicySummary>;

pub(super) fn of(manifest: &Manifest, summary: &Summary) -> Page {
    let mut html = String::new();
    let mut figures = Vec::new();
    opening(&mut html, manifest);
    let mut drawn = |html: &mut String, file: String, figure: Option<Figure>| {
        let Some(Figure { svg, caption }) = figure else {
            return;
        };
        add(
            html,
            &format!("<figure>{svg}<figcaption>{caption}</figcaption></figure>"),
        );
        figures.push((format!("figures/{file}.svg"), svg));
    };
    for (number, subject) in (1..).zip(&manifest.subjects) {
        let Some(policies) = summary.scenarios.get(&subject.name) else {
            continue;
        };
        let kind = escaped(&subject.kind);
        let name = escaped(&subject.name);
        add(
            &mut html,
            &format!("<section><h2>{name} <small>{kind}</small></h2>"),
        );
        if let Some(block) = summary.blocks.get(&subject.name) {
            add(
                &mut html,
                &format!("<p>A block is a {}.</p>", escaped(block)),
            );
        }
        sentences::add_all(&mut html, manifest, policies);
        policy_table(&mut html, manifest, policies);
        promises::add_table(&mut html, manifest, policies);
        let figures = [
            ("differences", figure::differences(manifest, policies)),
            ("costs", figure::costs(manifest, policies)),
            ("pareto", figure::pareto(manifest, policies)),
        ];
        for (what, figure) in figures {
            drawn(&mut html, format!("{number:04}-{what}"), figure);
        }
        let fields = summary.fields.get(&subject.name);
        field_table(&mut html, fields.unwrap_or(&BTreeMap::new()));
        add(&mut html, "</section>");
    }
    gap::add_all(&mut html, &summary.gaps);
    if let forest @ Some(_) = figure::forest(manifest, summary) {
        add(&mut html, "<section><h2>All histories</h2>");
        drawn(&mut html, "forest".to_owned(), forest);
        add(&mut html, "</section>");
    }
    closing(&mut html, manifest);
    Page { html, figures }
}

fn add(html: &mut String, text: &str) {
    html.push_str(text);
    html.push('\n');
}

fn opening(html: &mut String, manifest: &Manifest) {
    add(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Conflict policies compared</title>",
    );
    add(html, &format!("<style>{STYLE}</style></head><body><main>"));
    add(html, "<h1>Conflict policies compared</h1>");
    let first = manifest.policies.first().map_or("", String::as_str);
    let text = format!(
        "<p>The same signed log, bit for bit, was folded under {} policies on {} histories; what \
         differs is the policy&rsquo;s alone. Every policy is held against <b>{}</b>. \
         <i>Silent loss</i>, the primary metric declared beforehand, is a write that nobody replaced, \
         that does not show, and of which nobody is told. A <i>question</i> is a conflict left open, \
         or an issue, that a person has to answer.</p>",
        manifest.policies.len(),
        manifest.subjects.len(),
        escaped(first)
    );
    add(html, &text);
}

const POLICY_HEADS: [&str; 9] = [
    "policy",
    "n",
    "silent loss per 1,000 writes",
    "difference [95 % BCa]",
    "p",
    "p<sub>Holm</sub>",
    "Cliff&rsquo;s &delta;",
    "no worse: p<sub>TOST</sub>",
    "questions per 1,000 writes",
];

fn policy_table(html: &mut String, manifest: &Manifest, policies: &Policies) {
    let known = |metric: Metric| {
        policies.values().any(|policy| {
            let estimate = policy.metrics.get(metric.id());
            estimate.is_some_and(|estimate| estimate.whole.is_some())
        })
    };
    let people = known(Metric::AgreementOnConflicts);
    add(html, "<div class=\"wide\"><table><thead><tr>");
    for head in POLICY_HEADS {
        add(html, &format!("<th>{head}</th>"));
    }
    if people {
        add(
            html,
            "<th>conflicts asked</th><th>of the others, as people decided</th>",
        );
    }
    add(html, "</tr></thead><tbody>");
    for name in &manifest.policies {
        if let Some(policy) = policies.get(name) {
            policy_row(html, name, policy, people);
        }
    }
    add(html, "</tbody></table></div>");
}

fn policy_row(html: &mut String, name: &str, policy: &PolicySummary, people: bool) {
    let none = || "&ndash;".to_owned();
    let of = |metric: Metric| policy.metrics.get(metric.id());
    let whole = |metric: Metric| of(metric).and_then(|estimate| estimate.whole);
    let loss = of(Metric::PRIMARY);
    let versus = loss.and_then(|loss| loss.versus.as_ref());
    let difference = versus.map(|versus| versus.comparison.difference);
    let mut lost = whole(Metric::PRIMARY).map_or_else(none, per_thousand);
    if let Some(most) = loss.and_then(|loss| loss.none_seen) {
        let _ = write!(lost, " <small>in at most {} of blocks</small>", share(most));
    }
    let mut cells = vec![
        escaped(name),
        loss.map_or_else(none, |loss| loss.n.to_string()),
        lost,
        difference.map_or_else(none, |d| {
            let (low, high) = (per_thousand(d.low), per_thousand(d.high));
            format!("{} [{low}, {high}]", per_thousand(d.estimate))
        }),
        versus.map_or_else(none, |versus| p_value(versus.comparison.test.p)),
        versus.map_or_else(none, |versus| p_value(versus.p_holm)),
        versus.map_or_else(none, |versus| number(versus.comparison.delta)),
        policy
            .no_worse
            .map_or_else(none, |test| p_value(test.p_high)),
        whole(Metric::QuestionsAsked).map_or_else(none, number),
    ];
    if people {
        for metric in [Metric::ConflictsAsked, Metric::AccuracyOnConflicts] {
            cells.push(whole(metric).map_or_else(none, share));
        }
    }
    let cells: String = cells
        .iter()
        .map(|cell| format!("<td>{cell}</td>"))
        .collect();
    add(html, &format!("<tr>{cells}</tr>"));
}

/// Which policy for which kind of field.
fn field_table(html: &mut String, fields: &BTreeMap<String, ByPolicy>) {
    let sets = |policies: &ByPolicy| {
        let sets = policies.values().map(|summary| summary.conflict_sets);
        sets.max().unwrap_or(0)
    };
    let mut met: Vec<(&String, &ByPolicy)> = fields
        .iter()
        .filter(|(_, policies)| sets(policies) > 0)
        .collect();
    met.sort_by_key(|(name, policies)| (std::cmp::Reverse(sets(policies)), *name));
    add(html, "<h3>Which policy for which field</h3>");
    if met.is_empty() {
        add(html, "<p>Nothing met that does not commute.</p>");
        return;
    }
    let is_judged =
        |(_, policies): &&(&String, &ByPolicy)| policies.values().any(FieldSummary::is_enough);
    let level = level_of_each(met.iter().filter(is_judged).count());
    let text = format!(
        "<p>Where a wrong decision costs k questions: the policy that costs least here, with those that \
         are not told apart from it. Conflicts of one block are taken for alike (Korn and \
         Graubard&rsquo;s intervals), and all rows together are right with 95 % (Bonferroni). With \
         fewer than {} conflict sets, or sets in fewer than {} blocks, nothing is said.</p>",
        super::SETS_MIN,
        super::BLOCKS_MIN
    );
    add(html, &text);
    add(
        html,
        "<div class=\"wide\"><table><thead><tr><th>kind of field</th><th>conflict sets</th>\
         <th>k = 1</th><th>k = 10</th><th>k = 100</th><th>wrong without asking / asked</th>\
         </tr></thead><tbody>",
    );
    for (name, policies) in met.iter().take(FIELDS_MAX) {
        let weighed = WEIGHED_AT
            .map(|k| choice(policies, k, level))
            .map(|c| format!("<td>{c}</td>"));
        let counts = policies.iter().filter(|(name, _)| can_be_chosen(name));
        let counts: Vec<String> = counts.map(|(name, s)| counted(name, s)).collect();
        let row = format!(
            "<tr><td>{}</td><td>{}</td>{}<td><small>{}</small></td></tr>",
            escaped(name),
            sets(policies),
            weighed.concat(),
            counts.join(", ")
        );
        add(html, &row);
    }
    add(html, "</tbody></table></div>");
    if met.len() > FIELDS_MAX {
        let more = met.len() - FIELDS_MAX;
        add(
            html,
            &format!("<p>{more} kinds of fields with fewer conflicts are in summary.json.</p>"),
        );
    }
}

fn counted(name: &str, summary: &FieldSummary) -> String {
    format!("{}&nbsp;{}/{}", escaped(name), summary.wrong, summary.asked)
}

/// The cheapest policies in a few words.
fn choice(policies: &ByPolicy, k: f64, level: f64) -> String {
    let cheapest = cheapest(policies, k, level);
    match cheapest.as_slice() {
        [] => "<small>too few</small>".to_owned(),
        [one] => format!("<b>{}</b>", escaped(one)),
        [one, other] => format!("{} or {}", escaped(one), escaped(other)),
        [one, rest @ ..] => format!("{} or {} others", escaped(one), rest.len()),
    }
}

fn closing(html: &mut String, manifest: &Manifest) {
    add(
        html,
        "<section><h2>What to know before believing it</h2><ul>",
    );
    for threat in &manifest.threats {
        add(html, &format!("<li>{}</li>", escaped(threat)));
    }
    add(html, "</ul><h2>How it was computed</h2>");
    let text = format!(
        "<p>Blocks (n) are seeds of a synthetic history, merges of a real one, and of a recorded one the \
         longest spans of time (weeks, days, hours, minutes) of which at least {} have a conflict: a \
         record is of the span in which it first met one. Every policy saw the same blocks, so that differences are within them: policy less baseline, the mean over blocks of \
         which each weighs the same; plain rates are over all writes. Intervals: BCa bootstrap, {} \
         resamples. p: Wilcoxon&rsquo;s signed-rank test, two-sided; p<sub>Holm</sub>: \
         for silent loss adjusted for the number of policies on that history, for the rest for all \
         other comparisons on it. Where few blocks differ, an interval may \
         leave zero out and p still be large: p decides. No worse: one-sided test against a \
         margin of {} of 1,000 writes. &delta; is positive where the policy is smaller within more \
         blocks. Where nothing was seen, the bound is exact, with 95 % confidence. Cost: (asked + k \
         &times; wrong) / conflict sets; wrong is what differs from what a person decided, or, where \
         nobody knows, what silently displaces somebody.</p>",
        super::SPANS_MIN,
        manifest.resamples,
        per_thousand(manifest.margin)
    );
    add(html, &text);
    let text = format!(
        "<p>Lab {}, comparison {}. What decides the results is in manifest.json, every number in \
         metrics.csv, all other metrics with their intervals in summary.json, the figures in \
         figures/.</p><table><thead><tr><th>history</th><th>kind</th><th>seeds</th><th>BLAKE3 of its \
         source</th></tr></thead><tbody>",
        escaped(&manifest.lab),
        escaped(&manifest.plan)
    );
    add(html, &text);
    for subject in &manifest.subjects {
        let row = format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            escaped(&subject.name),
            escaped(&subject.kind),
            subject.seeds.len(),
            escaped(&subject.source)
        );
        add(html, &row);
    }
    add(html, "</tbody></table></section></main></body></html>");
}
