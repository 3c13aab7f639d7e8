//! `cairn sim check-determinism`.

use super::{jobs, scenarios};
use crate::args::sim::DeterminismArgs;
use crate::control::Step;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_model::Hash;
use cairn_sim::campaign::{Extent, campaign};
use cairn_sim::coverage::Seen;
use cairn_sim::run::Case;
use cairn_sim::wiring::Straight;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Runs every seed twice and compares.
pub(super) fn run(args: &DeterminismArgs, output: Output) -> Result<Exit, Failure> {
    let scenarios = scenarios::read_all(&args.scenarios, args.tier)?;
    let extent = Extent {
        first: args.first,
        seeds: args.seeds,
        jobs: jobs(args.jobs),
        shard: 0,
        shards: 1,
        twice_every: 1,
    };
    let bar = Mutex::new(output.bar());
    let go_on = |done| {
        let step = Step {
            what: "double runs".to_owned(),
            done,
            total: Some(args.seeds),
            aloud: false,
        };
        bar.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .show(&step);
        true
    };
    let traces = Mutex::new(BTreeMap::new());
    let one = |case: &Case| {
        let (outcome, _) = cairn_sim::run::run(case, Box::new(Straight), &mut [], false);
        let mut traces = traces.lock().unwrap_or_else(PoisonError::into_inner);
        traces.insert(case.plan.seed, (outcome.trace, outcome.shape));
        (outcome, Seen::default())
    };
    let findings = campaign(&scenarios, &extent, &one, &go_on).map_err(Failure::usage)?;
    drop(bar);
    let mut hasher = blake3::Hasher::new();
    for (seed, (trace, shape)) in traces.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        hasher.update(&seed.to_le_bytes());
        hasher.update(&trace.0);
        hasher.update(&shape.unwrap_or(Hash([0; 32])).0);
    }
    let hash = hasher.finalize().to_hex().to_string();
    let differed = findings.differed.len();
    if output.json {
        output.json(&json!({
            "runs": findings.total(),
            "differed": findings.differed,
            "traces": hash,
        }))?;
    } else {
        output.facts(&[
            ("double runs", findings.total().to_string()),
            ("differed", differed.to_string()),
            ("traces", hash),
        ])?;
    }
    for (scenario, seed) in &findings.differed {
        output.say(format!("seed {seed} of {scenario} gave two different runs"));
    }
    Ok(if differed == 0 { Exit::Done } else { Exit::No })
}
