//! `cairn log import`.

use super::check::{open_archive, pinned_relay};
use super::read::Bytes;
use super::{LogAnswer, LogCommand, ask};
use crate::args::log::ImportArgs;
use crate::context::Context;
use crate::control::Step;
use crate::exit::{Exit, Failure};
use crate::host::RelayHost;
use crate::output::count;
use crate::settings::{Owner, RelaySettings, make_private_directory};
use cairn_model::PublicKey;
use cairn_oplog::archive::{Frame, Header, Subject};
use cairn_oplog::storage::{Batch, Durability, Storage};
use cairn_oplog::verify::{Summary, verify_archive};
use cairn_oplog::{LedgerHead, Parsed, StorageError, ledger_log};
use cairn_relay::AdminRequest;
use cairn_store::{Options, SledStorage};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Bundles handed over at a time.
const BUNDLES_AT_ONCE: usize = 64;

/// What became of bundles that were handed over.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct TakenIn {
    /// Operations the relay did not have.
    new: u64,
    /// Those of them that it rejected: each waits for its author as an issue.
    rejected: u64,
}

/// What was imported, for programs.
#[derive(Debug, Serialize)]
struct Imported {
    log: &'static str,
    operations: u64,
    new: u64,
    rejected: u64,
}

pub(super) async fn take_in(host: &RelayHost, bundles: Vec<Bytes>) -> Result<TakenIn, Failure> {
    let bundles = bundles.into_iter().map(|bytes| bytes.0).collect();
    let verdicts = host.handle.admin(AdminRequest::TakeIn(bundles)).await?;
    let rejected = verdicts
        .iter()
        .filter(|verdict| verdict.rejected.is_some())
        .count();
    Ok(TakenIn {
        new: verdicts.len() as u64,
        rejected: rejected as u64,
    })
}

pub(super) async fn run(args: &ImportArgs, context: &Context) -> Result<Exit, Failure> {
    match context.directory.owner() {
        Some(Owner::Relay) => {}
        Some(Owner::Device) => {
            return Err(Failure::usage(
                "logs are imported at the relay, which judges what is in them; name its directory with --dir",
            ));
        }
        None => return Err(context.directory.nothing_here()),
    }
    let (header, summary) = genuine(&args.file, context)?;
    let imported = match header.subject {
        Subject::Device { .. } => {
            let taken = hand_over(&args.file, &summary, context).await?;
            Imported {
                log: "device",
                operations: summary.operations,
                new: taken.new,
                rejected: taken.rejected,
            }
        }
        Subject::Ledger => {
            let new = restore(&args.file, &header, context)?;
            Imported {
                log: "ledger",
                operations: summary.operations,
                new,
                rejected: 0,
            }
        }
    };
    show(&imported, context)?;
    Ok(if imported.rejected > 0 {
        Exit::Person
    } else {
        Exit::Done
    })
}

/// Checks the whole file before anything of it is taken in.
fn genuine(file: &Path, context: &Context) -> Result<(Header, Summary), Failure> {
    let no = |why: String| Failure::new(Exit::No, format!("{}: {why}", file.display()));
    let mut archive = open_archive(file)?;
    let header = archive.header().clone();
    let organization = RelaySettings::read(&context.directory)?.organization;
    let relay: Option<PublicKey> = pinned_relay(&context.directory)?;
    if header.organization != organization || Some(header.relay) != relay {
        return Err(no(
            "it is of another organization or another relay; nothing was imported".to_owned(),
        ));
    }
    let summary = verify_archive(&mut archive)
        .map_err(|fault| no(format!("{fault}; nothing was imported")))?;
    Ok((header, summary))
}

async fn hand_over(file: &Path, summary: &Summary, context: &Context) -> Result<TakenIn, Failure> {
    let mut archive = open_archive(file)?;
    let mut session = context.session().await?;
    let mut bar = context.output.bar();
    let mut sum = TakenIn::default();
    let mut done = 0;
    let mut more = true;
    while more {
        let mut bundles = Vec::new();
        while bundles.len() < BUNDLES_AT_ONCE && more {
            match archive.next_frame().map_err(Failure::usage)? {
                Some(Frame::Bundle(bytes)) => bundles.push(Bytes(bytes)),
                Some(_) => {}
                None => more = false,
            }
        }
        done += bundles.len() as u64;
        match ask(&mut session, LogCommand::TakeIn(bundles)).await? {
            LogAnswer::TakenIn(taken) => {
                sum.new += taken.new;
                sum.rejected += taken.rejected;
            }
            _ => return Err(Failure::other_answer()),
        }
        bar.show(&Step {
            what: "taking in bundles".into(),
            done,
            total: Some(summary.entries),
            aloud: false,
        });
    }
    session.close().await;
    Ok(sum)
}

/// Continues the relay's ledger with what the archive has beyond it, as it was
/// received then. The relay must not run: this is its storage, not its work.
fn restore(file: &Path, header: &Header, context: &Context) -> Result<u64, Failure> {
    make_private_directory(&context.directory.data())?;
    let storage = SledStorage::open(context.directory.data(), Options::default()).map_err(
        |error| match error {
            StorageError::Locked(..) => Failure::storage(format!(
                "{error}; a ledger is imported while the relay does not run"
            )),
            other => other.into(),
        },
    )?;
    let mut head = ledger_log::head(&header.organization, &header.relay, &storage)?;
    let before = head;
    let mut seen = LedgerHead::genesis(&header.organization, &header.relay);
    let mut archive = open_archive(file)?;
    let mut batch = Batch::default();
    let mut waiting = 0;
    while let Some(frame) = archive.next_frame().map_err(Failure::usage)? {
        let Frame::Entry {
            position,
            received,
            bundle,
        } = frame
        else {
            continue;
        };
        let bundle = Parsed::parse(bundle)
            .map_err(Failure::usage)?
            .trust_own_storage();
        seen = seen.after(received, bundle.bytes(), bundle.slots().len() as u64);
        if position == before.position && seen.head != before.head {
            return Err(other_ledger());
        }
        if position > before.position {
            ledger_log::append(&mut head, received, &bundle, &mut batch);
            waiting += 1;
        }
        if waiting == BUNDLES_AT_ONCE {
            ledger_log::put_head(&head, &mut batch);
            storage.commit(std::mem::take(&mut batch), Durability::Synced)?;
            waiting = 0;
        }
    }
    ledger_log::put_head(&head, &mut batch);
    storage.commit(batch, Durability::Synced)?;
    Ok(head.version - before.version)
}

fn other_ledger() -> Failure {
    Failure::new(
        Exit::No,
        "this relay's ledger went another way than the archive's: two relays used one key; keep both directories and ask for help",
    )
}

fn show(imported: &Imported, context: &Context) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        return output.json(imported);
    }
    output.line(format!(
        "{} in the file, {} new here, {} rejected.",
        count(imported.operations, "operation"),
        imported.new,
        imported.rejected
    ))?;
    if imported.rejected > 0 {
        output.say("What was rejected is kept, and waits for its author as an issue.");
    }
    Ok(())
}
