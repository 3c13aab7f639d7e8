//! What reactions change, on a terminal.

use crate::exit::Failure;
use crate::output::Output;
use cairn_lab::compare::{Entrant, Plan, Summary};

/// Says so where a policy that needs hindsight is left out of a history in
/// closed loop.
pub(super) fn left_out(plan: &Plan, output: Output) {
    let hindsight = |entrant: &Entrant| matches!(entrant, Entrant::Oracle);
    let is_closed = plan
        .subjects
        .iter()
        .any(|subject| subject.kind == "closed loop");
    if is_closed && plan.entrants.iter().any(hindsight) {
        output.say(
            "The oracle needs a ledger that is finished, so it is left out of histories in closed loop.",
        );
    }
}

/// Open and closed loop beside each other.
pub(super) fn show(summary: &Summary, output: Output) -> Result<(), Failure> {
    for (name, gap) in &summary.gaps {
        output.line(format!("{name}, when people react:"))?;
        let rows = gap.ranking_closed.iter().filter_map(|policy| {
            let found = gap.policies.get(policy)?;
            let between = found.gap.map_or_else(String::new, |gap| {
                let [at, low, high] = [gap.estimate, gap.low, gap.high].map(|x| x * 1_000.0);
                format!("{at:+.2} [{low:+.2}, {high:+.2}]")
            });
            Some(vec![
                policy.clone(),
                format!("{:.2}", found.open * 1_000.0),
                format!("{:.2}", found.closed * 1_000.0),
                between,
                format!("{:.2}", found.work),
                found.n.to_string(),
            ])
        });
        let heading = ["policy", "open", "closed", "gap [95 %]", "work", "n"];
        output.table(&heading, rows.collect())?;
        for turned in gap.turned.iter().filter(|turned| turned.proven) {
            output.line(format!(
                "The ranking changes: {} loses less in open loop, {} once people react.",
                turned.open, turned.closed
            ))?;
        }
        output.line("")?;
    }
    Ok(())
}
