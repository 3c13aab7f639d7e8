//! `cairn log export`.

use super::damaged;
use super::read::LogReader;
use crate::args::log::ExportArgs;
use crate::context::Context;
use crate::control::Step;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::output::count;
use crate::settings::unusable;
use cairn_oplog::archive::Writer;
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file that was written.
#[derive(Debug, Serialize)]
struct Exported {
    file: String,
    log: &'static str,
    bundles: u64,
}

pub(super) async fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let to_stdout = args.file == Path::new("-");
    if !to_stdout && !args.force && args.file.exists() {
        return Err(Failure::usage(format!(
            "{} exists; name another file, or replace it with --force",
            args.file.display()
        )));
    }
    let mut log = open(context).await?;
    let written = if to_stdout {
        write(&mut log, io::stdout(), context)
            .await
            .map(|(_, bundles)| bundles)
    } else {
        write_file(&mut log, &args.file, context).await
    };
    let ledger = log.about.checkpoint().is_some();
    log.close().await;
    let exported = Exported {
        file: args.file.display().to_string(),
        log: if ledger { "ledger" } else { "device" },
        bundles: written?,
    };
    if to_stdout {
        return Ok(Exit::Done);
    }
    if context.output.json {
        context.output.json(&exported)?;
    } else {
        context.output.line(format!(
            "Wrote {} to {}.",
            count(exported.bundles, "bundle"),
            exported.file
        ))?;
    }
    if ledger {
        context.output.say(format!(
            "Anybody can check it: cairn log verify {} --relay {}",
            exported.file,
            key(context)?
        ));
    } else {
        context.output.say(format!(
            "At the relay: cairn log import --dir DIR {}",
            exported.file
        ));
    }
    Ok(Exit::Done)
}

fn key(context: &Context) -> Result<String, Failure> {
    let key = super::check::pinned_relay(&context.directory)?;
    Ok(key.map_or_else(|| "KEY".to_owned(), |key| key.to_string()))
}

/// A damaged directory can still be read for what is left in it.
async fn open(context: &Context) -> Result<LogReader, Failure> {
    let failure = match LogReader::open(context).await {
        Err(failure) if failure.exit == Exit::Storage => failure,
        opened => return opened,
    };
    let Ok(left) = damaged::open(&context.directory) else {
        return Err(failure);
    };
    context.output.say(format!(
        "{failure}\nExporting what can still be read. {}",
        left.missing
    ));
    Ok(LogReader::of_damaged(left))
}

/// Writes a file that only its owner may read: whole, or not at all.
async fn write_file(log: &mut LogReader, path: &Path, context: &Context) -> Result<u64, Failure> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let refused = |error: io::Error| unusable(&draft, "written", &error);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(refused)?;
    let outcome = write(log, file, context).await;
    if outcome.is_err() {
        fs::remove_file(&draft).ok();
    }
    let (file, bundles): (File, u64) = outcome?;
    file.sync_all().map_err(refused)?;
    fs::rename(&draft, path).map_err(|error| unusable(path, "written", &error))?;
    Ok(bundles)
}

async fn write<W: Write>(
    log: &mut LogReader,
    output: W,
    context: &Context,
) -> Result<(W, u64), Failure> {
    let failed = |error: io::Error| {
        Failure::storage(format!(
            "the archive cannot be written: {error}; what there is of it is of no use"
        ))
    };
    let mut writer = Writer::new(BufWriter::new(output), &log.about.header()).map_err(failed)?;
    let mut bar = context.output.bar();
    let mut bundles = 0;
    if let Some(checkpoint) = log.about.checkpoint().copied() {
        loop {
            let page = log.entries().await?;
            if page.is_empty() {
                break;
            }
            for entry in page {
                if entry.position != bundles + 1 {
                    return Err(Failure::storage(format!(
                        "entry {} of the ledger is missing; restore the directory from a backup",
                        bundles + 1
                    )));
                }
                writer
                    .entry(entry.position, entry.received, &entry.bundle.0)
                    .map_err(failed)?;
                bundles = entry.position;
            }
            bar.show(&Step {
                what: "writing entries".into(),
                done: bundles,
                total: Some(checkpoint.position),
                aloud: false,
            });
        }
        if bundles != checkpoint.position {
            return Err(Failure::storage(format!(
                "the ledger ends at entry {bundles}, and {} were promised; restore the directory from a backup",
                checkpoint.position
            )));
        }
        writer.checkpoint(&checkpoint).map_err(failed)?;
    } else {
        loop {
            let page = log.bundles().await?;
            if page.is_empty() {
                break;
            }
            for bundle in page {
                writer.bundle(&bundle.bundle.0).map_err(failed)?;
                bundles += 1;
            }
            bar.show(&Step {
                what: "writing bundles".into(),
                done: bundles,
                total: None,
                aloud: false,
            });
        }
    }
    let output = writer
        .finish()
        .map_err(failed)?
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    Ok((output, bundles))
}
