//! The seam for checkers: they see every event as it happens, and every
//! machine and store as it is then.

pub mod agreement;
mod bounds;
mod durability;
mod held;
mod honest;
mod integrity;
mod judged;
mod leak;
mod liveness;
mod loss;
mod marks;
mod once;
mod order;
mod refold;
mod revocation;
mod rules;
mod session;
mod sight;
mod stored;

pub use bounds::Bounds;
pub use durability::Durability;
pub use held::HeldSet;
pub use honest::Honest;
pub use integrity::LogIntegrity;
pub use judged::{Judged, Told};
pub use leak::ScopeLeak;
pub use liveness::Agreement;
pub use loss::NoSilentLoss;
pub use once::Once;
pub use order::Order;
pub use refold::Refold;
pub use revocation::Revocation;
pub use rules::Rules;
pub use session::Session;

use crate::host::Host;
use crate::time::VirtualTime;
use crate::trace::{Event, What};
use crate::world::View;
use serde::{Deserialize, Serialize};

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which checker found it.
    pub checker: String,
    /// When.
    pub at: VirtualTime,
    /// At whom, where that can be said.
    pub host: Option<Host>,
    /// What is wrong, in words.
    pub words: String,
}

/// Watches a run.
pub trait Checker: Send {
    /// Its name, for reports.
    fn name(&self) -> &'static str;

    /// Sees an event. The view is of the world after the input that caused it,
    /// whose further events come next.
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation>;

    /// Sees the world at the end, when all is said and done.
    fn end(&mut self, view: &View<'_>) -> Result<(), Violation>;
}

/// Every checker.
pub fn all() -> Vec<Box<dyn Checker>> {
    judging(Judged::Product)
}

/// Every checker, with the fold they judge.
pub fn judging(judged: Judged) -> Vec<Box<dyn Checker>> {
    vec![
        Box::new(ScopeLeak::default()),
        Box::new(HeldSet::default()),
        Box::new(SameVersionSameDigest),
        Box::new(Durability::default()),
        Box::new(Session::default()),
        Box::new(Bounds::default()),
        Box::new(Revocation::of(judged)),
        Box::new(LogIntegrity::default()),
        Box::new(Rules::of(judged)),
        Box::new(NoSilentLoss::of(judged)),
        Box::new(Refold::default()),
        Box::new(Order::of(judged)),
        Box::new(Once::default()),
        Box::new(Honest::default()),
        Box::new(Agreement::default()),
    ]
}

fn violation(
    checker: &dyn Checker,
    view: &View<'_>,
    host: Option<Host>,
    words: String,
) -> Result<(), Violation> {
    Err(Violation {
        checker: checker.name().to_owned(),
        at: view.now(),
        host,
        words,
    })
}

/// Whenever a device and the relay stand at the same version, they hold the
/// same.
#[derive(Debug, Default)]
pub struct SameVersionSameDigest;

impl Checker for SameVersionSameDigest {
    fn name(&self) -> &'static str {
        "same-version-same-digest"
    }

    fn observe(&mut self, event: &Event, _: &View<'_>) -> Result<(), Violation> {
        match &event.what {
            What::Compared {
                version,
                device,
                relay,
            } if device != relay => Err(Violation {
                checker: self.name().to_owned(),
                at: event.at,
                host: event.host,
                words: format!(
                    "at version {version} the device's digest is {device} and the relay's {relay}"
                ),
            }),
            _ => Ok(()),
        }
    }

    fn end(&mut self, _: &View<'_>) -> Result<(), Violation> {
        Ok(())
    }
}
