//! `cairn log verify`.

use super::read::LogReader;
use super::{LogAnswer, LogCommand};
use crate::args::log::VerifyArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::host::{RelayHost, stopped};
use crate::key_file;
use crate::output::count;
use crate::settings::{DeviceSettings, Directory, Owner, unusable};
use cairn_model::PublicKey;
use cairn_oplog::StorageError;
use cairn_oplog::archive::{ArchiveFault, Header, Reader, Subject};
use cairn_oplog::verify::{DeviceVerifier, LedgerVerifier, Summary, VerifyFault, verify_archive};
use cairn_relay::Relay;
use cairn_relay::past::Moment;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// How the fold from the beginning compares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Folded {
    /// Up to which version.
    version: u64,
    /// The digest of everything the relay shows.
    shown: String,
    /// The digest of everything the ledger folds into.
    folded: String,
}

/// What was found, for programs.
#[derive(Debug, Serialize)]
struct Report {
    verified: bool,
    fault: Option<String>,
    log: &'static str,
    organization: String,
    relay: String,
    device: Option<String>,
    entries: Option<u64>,
    operations: Option<u64>,
    devices: Option<u64>,
    duplicates: Option<u64>,
    equivocations: Option<u64>,
    head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fold: Option<Folded>,
}

pub(super) async fn fold(host: &RelayHost) -> Result<Folded, Failure> {
    let look = |relay: &Relay| (relay.past(), relay.state().full_digest());
    let (past, shown) = host.look(look).await?;
    let again = tokio::task::spawn_blocking(move || {
        let version = past.version();
        let anew = past.as_of(Moment::Version(version))?;
        Ok::<_, StorageError>(Folded {
            version: version.0,
            shown: shown.to_string(),
            folded: anew.full_digest().to_string(),
        })
    });
    Ok(again.await.map_err(|_| stopped())??)
}

pub(super) async fn run(args: VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let pinned = match args.relay {
        Some(key) => Some(key),
        None => pinned_relay(&context.directory)?,
    };
    let (header, outcome, fold) = match &args.file {
        Some(file) => {
            let (header, outcome) = verify_file(file)?;
            (header, outcome, None)
        }
        None => verify_directory(args.fold, context).await?,
    };
    let foreign = pinned.filter(|key| *key != header.relay).map(|key| {
        format!(
            "it is of relay {}, and relay {key} was expected: somebody else's log",
            header.relay
        )
    });
    let fault = foreign
        .or_else(|| outcome.as_ref().err().map(ToString::to_string))
        .or_else(|| fold.as_ref().and_then(fold_fault));
    let report = report(&header, outcome.ok(), fault, fold);
    show(&report, pinned.is_some(), context)?;
    Ok(if report.verified {
        Exit::Done
    } else {
        Exit::No
    })
}

/// The key of the relay that the directory belongs to, if it belongs to any.
pub(super) fn pinned_relay(directory: &Directory) -> Result<Option<PublicKey>, Failure> {
    Ok(match directory.owner() {
        Some(Owner::Relay) => Some(key_file::read(&directory.relay_key())?.public()),
        Some(Owner::Device) => Some(DeviceSettings::read(directory)?.relay),
        None => None,
    })
}

/// Opens an archive and reads whose it is.
pub(super) fn open_archive(file: &Path) -> Result<Reader<BufReader<File>>, Failure> {
    let opened = File::open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::not_found(format!("there is no file {}", file.display()))
        }
        _ => unusable(file, "read", &error),
    })?;
    Reader::new(BufReader::new(opened)).map_err(|fault| match fault {
        ArchiveFault::NoArchive | ArchiveFault::NewerFormat { .. } => {
            Failure::usage(format!("{}: {fault}", file.display()))
        }
        _ => Failure::new(Exit::No, format!("{}: {fault}", file.display())),
    })
}

fn verify_file(file: &Path) -> Result<(Header, Result<Summary, VerifyFault>), Failure> {
    let mut archive = open_archive(file)?;
    let header = archive.header().clone();
    Ok((header, verify_archive(&mut archive)))
}

type Verified = (Header, Result<Summary, VerifyFault>, Option<Folded>);

async fn verify_directory(fold: bool, context: &Context) -> Result<Verified, Failure> {
    let mut log = LogReader::open(context).await?;
    let header = log.about.header();
    let outcome = match header.subject {
        Subject::Ledger => verify_ledger(&header, &mut log, context).await,
        Subject::Device { key, .. } => verify_device(&header, key, &mut log).await,
    };
    let mut folded = None;
    if fold && matches!(outcome, Ok(Ok(_))) {
        match log.ask(LogCommand::Fold).await? {
            LogAnswer::Folded(answer) => folded = Some(answer),
            _ => return Err(Failure::other_answer()),
        }
    }
    log.close().await;
    Ok((header, outcome?, folded))
}

async fn verify_ledger(
    header: &Header,
    log: &mut LogReader,
    context: &Context,
) -> Result<Result<Summary, VerifyFault>, Failure> {
    let Some(checkpoint) = log.about.checkpoint().copied() else {
        return Err(Failure::other_answer());
    };
    let mut verifier = LedgerVerifier::new(header.organization, header.relay);
    let mut bar = context.output.bar();
    loop {
        let page = log.entries().await?;
        let Some(last) = page.last() else { break };
        bar.show(&crate::control::Step {
            what: "checking entries".into(),
            done: last.position,
            total: Some(checkpoint.position),
            aloud: false,
        });
        for entry in &page {
            if let Err(fault) = verifier.entry(entry.position, entry.received, &entry.bundle.0) {
                return Ok(Err(fault));
            }
        }
    }
    Ok(verifier.finish(&checkpoint))
}

async fn verify_device(
    header: &Header,
    key: PublicKey,
    log: &mut LogReader,
) -> Result<Result<Summary, VerifyFault>, Failure> {
    let mut verifier = DeviceVerifier::new(header.organization, key);
    loop {
        let page = log.bundles().await?;
        if page.is_empty() {
            return Ok(Ok(verifier.finish()));
        }
        for bundle in &page {
            if let Err(fault) = verifier.bundle(&bundle.bundle.0) {
                return Ok(Err(fault));
            }
        }
    }
}

fn fold_fault(fold: &Folded) -> Option<String> {
    (fold.shown != fold.folded).then(|| {
        format!(
            "what the relay shows ({}) is not what its ledger folds into ({}); export the ledger, import it into a directory that has only relay.key and relay.toml, and report this",
            fold.shown, fold.folded
        )
    })
}

fn report(
    header: &Header,
    summary: Option<Summary>,
    fault: Option<String>,
    fold: Option<Folded>,
) -> Report {
    let (log, device) = match &header.subject {
        Subject::Ledger => ("ledger", None),
        Subject::Device { key, .. } => ("device", Some(key.device().to_string())),
    };
    Report {
        verified: fault.is_none(),
        fault,
        log,
        organization: header.organization.to_string(),
        relay: header.relay.to_string(),
        device,
        entries: summary.map(|summary| summary.entries),
        operations: summary.map(|summary| summary.operations),
        devices: summary.map(|summary| summary.devices),
        duplicates: summary.map(|summary| summary.duplicates),
        equivocations: summary.map(|summary| summary.equivocations),
        head: summary.map(|summary| summary.head.to_string()),
        fold,
    }
}

fn show(report: &Report, pinned: bool, context: &Context) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        return output.json(report);
    }
    if let Some(fault) = &report.fault {
        return output.line(format!("Not genuine: {fault}."));
    }
    let mut rows = vec![
        ("organization", report.organization.clone()),
        ("relay", report.relay.clone()),
    ];
    rows.extend(report.device.clone().map(|device| ("device", device)));
    let number = |found: Option<u64>, thing| count(found.unwrap_or_default(), thing);
    rows.push((
        "holds",
        format!(
            "{} in {}",
            number(report.operations, "operation"),
            number(report.entries, "bundle")
        ),
    ));
    if report.log == "ledger" {
        rows.push(("devices", report.devices.unwrap_or_default().to_string()));
        rows.push((
            "sent twice",
            report.duplicates.unwrap_or_default().to_string(),
        ));
        rows.push((
            "contradictions",
            report.equivocations.unwrap_or_default().to_string(),
        ));
    }
    rows.extend(report.head.clone().map(|head| ("head", head)));
    rows.extend(report.fold.as_ref().map(|fold| {
        (
            "folded anew",
            format!(
                "the same as the relay shows, up to version {}",
                fold.version
            ),
        )
    }));
    output.facts(&rows)?;
    output.say(match report.log {
        "ledger" => "Genuine: every signature, every hash and the relay's checkpoint are right.",
        _ => "Genuine: every signature and every hash is right.",
    });
    if !pinned {
        output.say("Compare the relay's key with one you know; --relay KEY does it for you.");
    }
    Ok(())
}
