//! `cairn demo`: what Cairn is for, on real parts in one process.
//!
//! Reading order: `cast` (who), `scene` (what happens), `round` (one day under
//! one set of rules), then what that needs: `world` (relay and devices),
//! `departure` (who holds what), `load` and `props` (records), `sight` (what became of it), `narration`.

mod cast;
mod departure;
mod load;
mod narration;
mod props;
mod round;
mod scene;
mod sight;
mod world;

use crate::args::demo::DemoArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::settings::{make_private_directory, unusable};
use crate::verbs::bench::scratch::Scratch;
use departure::Departure;
use round::{Opening, Round, Rules, Source, Stage};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The demo, for programs.
#[derive(Debug, Serialize)]
struct Demo {
    opening: Opening,
    rounds: Vec<Round>,
    departure: Departure,
    agree: bool,
    seconds: f64,
}

/// Plays it.
pub(crate) async fn run(args: DemoArgs, context: &Context) -> Result<Exit, Failure> {
    let source = match (args.data, args.mapping) {
        (Some(data), Some(mapping)) => Source::Tables { data, mapping },
        _ => Source::Sample,
    };
    match args.keep {
        Some(folder) => {
            make_room(&folder)?;
            let exit = play(&folder, &source, context).await?;
            if !context.output.json {
                narration::kept(&folder.display().to_string(), context.output)?;
            }
            Ok(exit)
        }
        None => {
            let scratch = Scratch::new(None)?;
            play(scratch.path(), &source, context).await
        }
    }
}

/// A folder that is empty, so that nothing of somebody else's is mixed up.
fn make_room(folder: &PathBuf) -> Result<(), Failure> {
    make_private_directory(folder)?;
    let mut inside = std::fs::read_dir(folder).map_err(|error| unusable(folder, "read", &error))?;
    match inside.next() {
        None => Ok(()),
        Some(_) => Err(Failure::usage(format!(
            "{} is not empty; name a new folder with --keep",
            folder.display()
        ))),
    }
}

async fn play(folder: &Path, source: &Source, context: &Context) -> Result<Exit, Failure> {
    let output = context.output;
    let start = Instant::now();
    let mut opening = None;
    let mut rounds = Vec::new();
    for (number, rules) in (1..).zip(Rules::all()) {
        let (stage, first) = Stage::set(rules, &folder.join(rules.folder()), source).await?;
        if opening.is_none() {
            if !output.json {
                narration::opening(&first, output)?;
            }
            opening = Some(first);
        }
        let round = stage.play().await?;
        if !output.json {
            narration::round(number, &round, rounds.first(), output)?;
        }
        rounds.push(round);
    }
    let departure = departure::play(&folder.join("who-holds-what"), source).await?;
    let agree = rounds.iter().all(|round| round.agree);
    let seconds = start.elapsed().as_secs_f64();
    match opening {
        Some(opening) if output.json => output.json(&Demo {
            opening,
            rounds,
            agree,
            seconds,
            departure: departure.clone(),
        })?,
        _ => {
            narration::closing(&rounds, seconds, output)?;
            narration::departure(&departure, output)?;
        }
    }
    let came_back = departure.came_back;
    Ok(if agree && came_back {
        Exit::Done
    } else {
        Exit::No
    })
}
