//! What was promised of every state, and where policies broke it.

use super::words::{escaped, share};
use super::{Manifest, Policies, add};
use crate::metrics::{Confluence, Invariant};

fn words(invariant: Invariant) -> &'static str {
    match invariant {
        Invariant::Unique => "keys are unique",
        Invariant::ForeignKey => "lookups lead to living records",
        Invariant::Bound => "numbers stay within bounds",
        Invariant::Acyclic => "lookups lead in no circle",
    }
}

/// A row for each kind of promise that a policy broke, or that operations could
/// break when they meet. What is safe by itself and was kept needs no row.
pub(super) fn add_table(html: &mut String, manifest: &Manifest, policies: &Policies) {
    let named = manifest.policies.iter();
    let found = named.filter_map(|name| Some((name, policies.get(name)?)));
    let rows = found.flat_map(|(name, policy)| {
        let told = |promise: &&Confluence| promise.broken > 0 || !promise.confluent;
        let rows = policy.promises.iter().filter(told);
        rows.map(move |promise| row(name, promise))
    });
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return;
    }
    add(
        html,
        "<p>What was promised of the state at the end, where operations of this history can break it \
         when they meet (Bailis et al. 2015); the share that may be broken is exact, with 95 % \
         confidence, and takes places for independent.</p>",
    );
    add(
        html,
        "<div class=\"wide\"><table><thead><tr><th>policy</th><th>promise</th><th>broken</th>\
         <th>of</th><th>at most</th></tr></thead><tbody>",
    );
    rows.iter().for_each(|row| add(html, row));
    add(html, "</tbody></table></div>");
}

fn row(policy: &str, promise: &Confluence) -> String {
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escaped(policy),
        words(promise.invariant),
        promise.broken,
        promise.places,
        share(promise.at_most)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::PolicySummary;

    fn promise(confluent: bool, broken: u64) -> Confluence {
        Confluence {
            invariant: Invariant::Acyclic,
            confluent,
            broken,
            places: 50,
            at_most: 0.2,
        }
    }

    #[test]
    fn only_what_can_be_broken_has_a_row() {
        let kept = row("flag", &promise(false, 0));
        assert!(
            kept.contains("in no circle</td><td>0</td><td>50</td><td>20 %"),
            "{kept}"
        );
        let policy = |promise| PolicySummary {
            promises: vec![promise],
            ..PolicySummary::default()
        };
        let manifest = Manifest {
            policies: vec!["flag".to_owned()],
            ..Manifest::default()
        };
        let page = |promise| {
            let mut html = String::new();
            add_table(
                &mut html,
                &manifest,
                &[("flag".to_owned(), policy(promise))].into(),
            );
            html
        };
        assert_eq!(page(promise(true, 0)), "");
        assert!(page(promise(true, 1)).contains("<td>1</td>"));
        assert!(page(promise(false, 0)).contains("<td>0</td>"));
    }
}
