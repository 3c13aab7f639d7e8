//! `cairn bench`: the budgets, measured on this machine, each beside its floor.
//!
//! Reading order: `measure` (a number, its floor, its target), `site` and
//! `light` (the relay that is measured, and the devices that stress it),
//! `floor` (what the machine reaches alone), then one module for each bench.

mod cold_start;
mod crowd;
mod disk;
mod first_sync;
mod floor;
mod idle;
mod ingest;
mod lab;
mod latency;
mod light;
pub(crate) mod measure;
mod organization;
mod scope;
pub(crate) mod scratch;
mod site;
mod wire;

use crate::args::bench::{BenchArgs, What};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use measure::Measure;
use scratch::Scratch;
use std::path::Path;
use tokio::process::Command;

/// What `all` measures, in this order, each with its own defaults.
const EACH: [&str; 9] = [
    "ingest",
    "latency",
    "first-sync",
    "cold-start",
    "wire",
    "disk",
    "idle",
    "scope",
    "lab",
];

/// Measures and shows; the exit code says whether the budgets are kept.
pub(crate) async fn run(args: BenchArgs, context: &Context) -> Result<Exit, Failure> {
    if let What::Crowd = args.what {
        return crowd::run().await;
    }
    let measures = match args.what {
        What::All => all(args.at.as_deref(), context).await?,
        what => one(&what, args.at.as_deref()).await?,
    };
    measure::show(&measures, context.output)?;
    Ok(Exit::Done)
}

async fn one(what: &What, at: Option<&Path>) -> Result<Vec<Measure>, Failure> {
    let scratch = Scratch::new(at)?;
    match what {
        What::Ingest(size) => ingest::run(size, &scratch).await,
        What::Latency(size) => latency::run(size, &scratch).await,
        What::FirstSync(size) => first_sync::run(size, &scratch).await,
        What::ColdStart(size) => cold_start::run(size, &scratch).await,
        What::Wire(size) => wire::run(size, &scratch).await,
        What::Disk(size) => disk::run(size, &scratch).await,
        What::Idle(size) => idle::run(size, &scratch).await,
        What::Scope(size) => scope::run(size),
        What::Lab(size) => lab::run(size, &scratch),
        What::All | What::Crowd => Ok(Vec::new()),
    }
}

/// Each in a process of its own, so that none finds the memory of another.
async fn all(at: Option<&Path>, context: &Context) -> Result<Vec<Measure>, Failure> {
    let program = std::env::current_exe().map_err(Failure::storage)?;
    let mut measures = Vec::new();
    for bench in EACH {
        context.output.say(format!("measuring {bench} …"));
        let mut command = Command::new(&program);
        command
            .args(["bench", bench, "--json"])
            .stderr(std::process::Stdio::inherit());
        if let Some(at) = at {
            command.arg("--at").arg(at);
        }
        let done = command.output().await.map_err(Failure::storage)?;
        if !done.status.success() {
            return Err(Failure::storage(format!(
                "`cairn bench {bench}` ended early; what it said is above"
            )));
        }
        let text = String::from_utf8_lossy(&done.stdout);
        let measured: Vec<Measure> = serde_json::from_str(&text).map_err(|error| {
            Failure::storage(format!(
                "`cairn bench {bench}` said something unreadable: {error}"
            ))
        })?;
        measures.extend(measured);
    }
    Ok(measures)
}
