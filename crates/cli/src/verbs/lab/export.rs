//! `cairn lab export`.

use super::compare::entrants;
use super::failure;
use super::history::{self, Taken};
use super::memory;
use crate::args::lab::ExportArgs;
use crate::exit::{Exit, Failure};
use cairn_lab::compare::lines::{self, Kind};
use cairn_lab::door::Lists;
use serde_json::Value as Json;
use std::io::{self, BufWriter, ErrorKind, Write};

/// Writes the lines to standard output.
pub(super) fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    let taken = Taken {
        seeds: 1,
        lists: match args.sets {
            true => Lists::Sets,
            false => Lists::Values,
        },
        whole: args.whole,
        budget: memory::budget(None),
    };
    let entrants = entrants(&args.policies, args.granularity)?;
    let subject = history::subject(&args.history, &taken)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut closed = false;
    let mut take = |policy: Option<&str>, kind: Kind, line: Json| {
        let mut whole = serde_json::Map::new();
        whole.insert("line".to_owned(), kind.name().into());
        if let Some(policy) = policy {
            whole.insert("policy".to_owned(), policy.into());
        }
        if let Json::Object(line) = line {
            whole.extend(line);
        }
        let written = writeln!(out, "{}", Json::Object(whole));
        closed |= matches!(&written, Err(error) if error.kind() == ErrorKind::BrokenPipe);
        written
    };
    let written = lines::write(&subject, &entrants, args.seed, &mut take);
    // Whoever reads no further has read enough.
    if closed {
        return Ok(Exit::Done);
    }
    written.map_err(failure)?;
    out.flush()
        .map_err(|error| Failure::storage(format!("the lines cannot be written: {error}")))?;
    Ok(Exit::Done)
}
