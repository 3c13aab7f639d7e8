//! What a policy made of a ledger, in numbers.
//!
//! [`judge`] holds a folded state against what is known of its ledger whatever
//! the policy ([`Trace`]) and of its people ([`Truth`]). The result is a
//! [`Tally`] for the whole, for each block and for each kind of field; each
//! [`Metric`] says how it follows from one.
//!
//! `W` is every write of the ledger. A write is *lost* where it stands (nobody
//! replaced it deliberately, see [`crate::trace`]) and its effect is not in the
//! state. A lost write is *surfaced* where the policy brought it before a
//! person: as a side of a conflict that was left open, or by an issue to its
//! author. Otherwise its loss is *silent*: the journal still has it, but nobody
//! is told to look.

mod judge;
mod metric;
pub mod sequence;
mod tally;

pub use judge::{Judged, judge};
pub use metric::Metric;
pub use tally::{Agreed, Tally};

#[cfg(doc)]
use crate::{door::Truth, trace::Trace};

#[cfg(test)]
mod tests;
