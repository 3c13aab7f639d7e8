//! `cairn profile history` and `revert`.

use super::draft::{self, replaced};
use super::missing;
use crate::exit::Failure;
use crate::host::{RelayHost, stopped};
use crate::output::Output;
use crate::render::time_words;
use cairn_model::Definition;
use cairn_model::definition::Profile;
use cairn_oplog::StorageError;
use cairn_relay::ask::Publications;
use serde::{Deserialize, Serialize};

use super::super::org::Difference;

/// A version at which a profile changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(super) version: u64,
    pub(super) definition: u32,
    pub(super) received: String,
    /// What changed, a sentence for each.
    pub(super) changes: Vec<String>,
}

/// Reads what was published, beside the relay, which goes on meanwhile.
async fn read<R: Send + 'static>(
    relay: &RelayHost,
    look: impl FnOnce(&Publications) -> Result<R, StorageError> + Send + 'static,
) -> Result<R, Failure> {
    let publications = relay.look(|relay| relay.publications()).await?;
    let read = tokio::task::spawn_blocking(move || look(&publications));
    Ok(read.await.map_err(|_| stopped())??)
}

/// The versions at which a profile changed, oldest first.
pub(super) async fn changes(relay: &RelayHost, name: String) -> Result<Vec<Change>, Failure> {
    let collect = move |publications: &Publications| {
        let mut last = Definition::default();
        let mut found = Vec::new();
        publications.read(|publication| {
            let next = &publication.definition;
            if last.profiles.get(&name) != next.profiles.get(&name) {
                found.push(Change {
                    version: publication.version.0,
                    definition: next.number,
                    received: publication.received.to_string(),
                    changes: draft::changes(&last, next, Some(&name)),
                });
            }
            last.clone_from(next);
        })?;
        Ok(found)
    };
    read(relay, collect).await
}

pub(super) async fn history(relay: &RelayHost, name: String) -> Result<Vec<Change>, Failure> {
    let changes = changes(relay, name.clone()).await?;
    if changes.is_empty() {
        let definition = super::definition(relay).await?;
        let known = definition.profiles.keys().map(String::as_str);
        return Err(missing("profile", &name, known));
    }
    Ok(changes)
}

pub(super) async fn revert(
    relay: &RelayHost,
    name: String,
    to: u64,
) -> Result<Difference, Failure> {
    let changes = history(relay, name.clone()).await?;
    let wanted = name.clone();
    let (end, was) = read(relay, move |publications| {
        let mut was: Option<Profile> = None;
        publications.read(|publication| {
            if publication.version.0 <= to {
                was = publication.definition.profiles.get(&wanted).cloned();
            }
        })?;
        Ok((publications.version().0, was))
    })
    .await?;
    if to > end {
        return Err(Failure::not_found(format!(
            "the ledger ends at version {end}; there is no version {to}"
        )));
    }
    let Some(was) = was else {
        let first = changes.first().map_or(0, |change| change.version);
        return Err(Failure::not_found(format!(
            "there was no profile `{name}` at version {to}; it was first published at version {first}"
        )));
    };
    let base = super::definition(relay).await?;
    let next = Definition {
        profiles: replaced(&base, &name, Some(&was)),
        ..base.clone()
    };
    draft::put(relay, &base, next, Some(&name)).await
}

pub(super) fn show(changes: &[Change], output: &Output) -> Result<(), Failure> {
    for change in changes {
        output.line(format!(
            "version {}, definition {}, {}",
            change.version,
            change.definition,
            time_words(&change.received)
        ))?;
        for line in &change.changes {
            output.line(format!("  {line}"))?;
        }
    }
    Ok(())
}
