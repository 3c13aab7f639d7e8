//! The three kinds of history, as comparisons take them.

use super::{CompareFault, Prepared, Subject};
use crate::door::{self, Lists, Study};
use crate::history::{HistoryFault, Merge, Step};
use crate::ledger::Archived;
use crate::synthetic::{Workload, generate};
use std::io::{self, Read};

impl From<Study> for Prepared {
    fn from(study: Study) -> Prepared {
        Prepared {
            ledger: Box::new(study.ledger),
            truth: study.truth,
        }
    }
}

impl Subject {
    /// A ledger that a relay recorded, as `cairn log export` wrote it. `open`
    /// opens the same file each time, of which `source` is a hash.
    pub fn recorded<R: Read>(
        name: &str,
        source: String,
        open: impl Fn() -> io::Result<R> + Clone + Send + Sync + 'static,
    ) -> Subject {
        let subject = name.to_owned();
        lived(name, "recorded", source, move || {
            let ledger = Archived::new(open.clone()).map_err(|fault| CompareFault::Ledger {
                subject: subject.clone(),
                fault,
            })?;
            Ok(Prepared {
                ledger: Box::new(ledger),
                truth: Default::default(),
            })
        })
    }

    /// What met in the merges of a real history; each merge is a block.
    pub fn merges(name: &str, source: String, merges: Vec<Merge>, lists: Lists) -> Subject {
        let subject = name.to_owned();
        lived(name, "real", source, move || {
            let study = door::merges(&subject, &merges, lists);
            study
                .map(Prepared::from)
                .map_err(|fault| told(&subject, fault))
        })
    }

    /// Everything that was done in a real history.
    pub fn whole(name: &str, source: String, steps: Vec<Step>) -> Subject {
        let subject = name.to_owned();
        lived(name, "real", source, move || {
            let study = door::whole(&subject, &steps);
            study
                .map(|(study, _)| Prepared::from(study))
                .map_err(|fault| told(&subject, fault))
        })
    }

    /// A workload, lived once for each seed; each seed is a block.
    pub fn synthetic(workload: Workload, seeds: impl IntoIterator<Item = u64>) -> Subject {
        let laws = serde_json::to_vec(&workload).unwrap_or_default();
        Subject {
            name: workload.name.clone(),
            kind: "synthetic",
            source: blake3::hash(&laws).to_hex().to_string(),
            seeds: seeds.into_iter().collect(),
            make: Box::new(move |seed| Ok(generate(&workload, seed).into())),
        }
    }
}

/// A history that was lived once.
fn lived(
    name: &str,
    kind: &'static str,
    source: String,
    make: impl Fn() -> Result<Prepared, CompareFault> + Sync + 'static,
) -> Subject {
    Subject {
        name: name.to_owned(),
        kind,
        source,
        seeds: vec![0],
        make: Box::new(move |_| make()),
    }
}

fn told(subject: &str, fault: HistoryFault) -> CompareFault {
    CompareFault::Subject {
        subject: subject.to_owned(),
        reason: fault.to_string(),
    }
}
