//! The three kinds of history, as comparisons take them.

use super::{CompareFault, Make, Prepared, Subject};
use crate::door::{self, Lists, Study};
use crate::history::{HistoryFault, Merge, Step};
use crate::ledger::{Archived, Budget};
use crate::synthetic::{Scene, generate, generate_closed};
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
    /// opens the same file each time, of which `source` is a hash. What is made
    /// of it stays within `budget`.
    pub fn recorded<R: Read>(
        name: &str,
        source: String,
        budget: Option<Budget>,
        open: impl Fn() -> io::Result<R> + Clone + Send + Sync + 'static,
    ) -> Subject {
        let subject = name.to_owned();
        lived(name, "recorded", source, move || {
            let ledger = Archived::new(open.clone()).map_err(|fault| CompareFault::Ledger {
                subject: subject.clone(),
                fault,
            })?;
            Ok(Prepared {
                ledger: Box::new(ledger.within(budget)),
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

    /// A scene, lived once for each seed; each seed is a block.
    pub fn synthetic(scene: impl Into<Scene>, seeds: impl IntoIterator<Item = u64>) -> Subject {
        let scene = scene.into();
        Subject {
            name: scene.name.clone(),
            kind: "synthetic",
            source: scene.source(),
            seeds: seeds.into_iter().collect(),
            make: Make::Once(Box::new(move |seed| Ok(generate(&scene, seed).into()))),
        }
    }

    /// A scene, lived once for each seed and policy by people who see what that
    /// shows them.
    pub fn closed(scene: impl Into<Scene>, seeds: impl IntoIterator<Item = u64>) -> Subject {
        let scene = scene.into();
        Subject {
            name: format!("{}{CLOSED}", scene.name),
            kind: CLOSED_LOOP,
            source: scene.source_closed(),
            seeds: seeds.into_iter().collect(),
            make: Make::Each(Box::new(move |seed, trial| {
                generate_closed(&scene, seed, trial).into()
            })),
        }
    }
}

/// The kind of histories in closed loop.
pub(super) const CLOSED_LOOP: &str = "closed loop";
/// What the name of a scene in closed loop has behind that of the open one.
pub(super) const CLOSED: &str = ", closed loop";

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
        make: Make::Once(Box::new(move |_| make())),
    }
}

fn told(subject: &str, fault: HistoryFault) -> CompareFault {
    CompareFault::Subject {
        subject: subject.to_owned(),
        reason: fault.to_string(),
    }
}
