//! `cairn sim check-determinism`.

use super::run::cannot_write;
use super::{jobs, scenarios};
use crate::args::sim::DeterminismArgs;
use crate::control::Step;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_model::Hash;
use cairn_sim::campaign::{Extent, Findings, campaign};
use cairn_sim::coverage::Seen;
use cairn_sim::run::{Case, Outcome};
use cairn_sim::scenario::Tier;
use cairn_sim::wiring::Straight;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What a run came to, as it is written for another build: a line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Digest {
    scenario: String,
    tier: Tier,
    seed: u64,
    /// Over every event.
    trace: Hash,
    /// Over when, whence, whither and how long every datagram was.
    shape: Option<Hash>,
}

/// Digests by their seeds: each seed is of one scenario.
type Digests = BTreeMap<u64, Digest>;

/// Runs every seed twice and compares, or once and compares with what another
/// build wrote.
pub(super) fn run(args: &DeterminismArgs, output: Output) -> Result<Exit, Failure> {
    let other = args.against.as_deref().map(read).transpose()?;
    let (findings, digests) = digests(args, other.is_none(), output)?;
    if let Some(file) = &args.out {
        write(file, &digests)?;
    }
    let differed = match &other {
        None => findings.differed.clone(),
        Some(other) => differences(&digests, other)?,
    };
    let name = match other {
        None => "double runs",
        Some(_) => "runs compared",
    };
    let hash = hash_of(&digests).to_string();
    if output.json {
        output.json(&json!({
            "runs": findings.total(),
            "differed": differed,
            "traces": hash,
        }))?;
    } else {
        output.facts(&[
            (name, findings.total().to_string()),
            ("differed", differed.len().to_string()),
            ("traces", hash),
        ])?;
    }
    for (scenario, seed) in &differed {
        output.say(format!("seed {seed} of {scenario} gave two different runs"));
    }
    Ok(match differed.is_empty() {
        true => Exit::Done,
        false => Exit::No,
    })
}

fn digests(
    args: &DeterminismArgs,
    twice: bool,
    output: Output,
) -> Result<(Findings, Digests), Failure> {
    let scenarios = scenarios::read_all(&args.scenarios, args.tier)?;
    let extent = Extent {
        first: args.first,
        seeds: args.seeds,
        jobs: jobs(args.jobs),
        shard: 0,
        shards: 1,
        twice_every: u64::from(twice),
    };
    let bar = Mutex::new(output.bar());
    let go_on = |done| {
        let step = Step {
            what: if twice { "double runs" } else { "runs" }.to_owned(),
            done,
            total: Some(args.seeds),
            aloud: false,
        };
        bar.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .show(&step);
        true
    };
    let digests = Mutex::new(Digests::new());
    let one = |case: &Case| {
        let (outcome, _) = cairn_sim::run::run(case, Box::new(Straight), &mut [], false);
        let digest = Digest::of(case, &outcome);
        let mut digests = digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests.insert(digest.seed, digest);
        (outcome, Seen::default())
    };
    let findings = campaign(&scenarios, &extent, &one, &go_on).map_err(Failure::usage)?;
    let digests = digests.into_inner();
    Ok((findings, digests.unwrap_or_else(PoisonError::into_inner)))
}

impl Digest {
    fn of(case: &Case, outcome: &Outcome) -> Digest {
        Digest {
            scenario: case.plan.name.clone(),
            tier: case.plan.tier,
            seed: case.plan.seed,
            trace: outcome.trace,
            shape: outcome.shape,
        }
    }
}

fn hash_of(digests: &Digests) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for (seed, digest) in digests {
        hasher.update(&seed.to_le_bytes());
        hasher.update(&digest.trace.0);
        hasher.update(&digest.shape.unwrap_or(Hash([0; 32])).0);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// Runs that came to something else, by scenario and seed.
fn differences(digests: &Digests, other: &Digests) -> Result<Vec<(String, u64)>, Failure> {
    let mut differed = Vec::new();
    for (seed, digest) in digests {
        let before = other
            .get(seed)
            .filter(|other| (&other.scenario, other.tier) == (&digest.scenario, digest.tier));
        let Some(before) = before else {
            return Err(Failure::usage(format!(
                "the list to compare with has no run of seed {seed} of {} in tier {}; write it \
                 with the same scenarios, tier and seeds",
                digest.scenario,
                digest.tier.name()
            )));
        };
        if before != digest {
            differed.push((digest.scenario.clone(), *seed));
        }
    }
    Ok(differed)
}

fn write(file: &Path, digests: &Digests) -> Result<(), Failure> {
    let mut text = String::new();
    for digest in digests.values() {
        let line = serde_json::to_string(digest).map_err(Failure::usage)?;
        writeln!(text, "{line}").map_err(Failure::usage)?;
    }
    fs::write(file, text).map_err(|error| cannot_write(file, &error))
}

fn read(file: &Path) -> Result<Digests, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::not_found(format!("{} cannot be read: {error}", file.display()))
    })?;
    let digest = |(number, line): (usize, &str)| {
        let digest: Digest = serde_json::from_str(line).map_err(|error| {
            Failure::usage(format!(
                "{}:{number}: {error}; such a list is written with --out",
                file.display()
            ))
        })?;
        Ok((digest.seed, digest))
    };
    (1..).zip(text.lines()).map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(traces: [u8; 3]) -> Digests {
        let digest = |(seed, trace): (u64, u8)| {
            let digest = Digest {
                scenario: "ferry".to_owned(),
                tier: Tier::Quic,
                seed,
                trace: Hash([trace; 32]),
                shape: Some(Hash([9; 32])),
            };
            (seed, digest)
        };
        (7..).zip(traces).map(digest).collect()
    }

    #[test]
    fn a_list_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.jsonl");
        write(&file, &digests([1, 2, 3])).unwrap();
        assert_eq!(read(&file).unwrap(), digests([1, 2, 3]));
        fs::write(&file, "{}\n").unwrap();
        let told = read(&file).unwrap_err().to_string();
        assert!(told.contains("list.jsonl:1: "), "{told}");
        assert!(told.contains("written with --out"), "{told}");
    }

    #[test]
    fn runs_that_came_to_something_else_are_named() {
        let here = digests([1, 2, 3]);
        assert_eq!(differences(&here, &digests([1, 2, 3])).unwrap(), []);
        let differed = differences(&here, &digests([1, 5, 3])).unwrap();
        assert_eq!(differed, [("ferry".to_owned(), 8)]);
        let mut fewer = digests([1, 2, 3]);
        fewer.remove(&9);
        let told = differences(&here, &fewer).unwrap_err().to_string();
        assert!(
            told.contains("no run of seed 9 of ferry in tier quic"),
            "{told}"
        );
    }
}
