//! What a policy made of a ledger, in numbers. [`judge`] makes [`Tally`]s: of
//! the whole, of each block, of each kind of field; each [`Metric`] says how it
//! follows from one. This is all it takes to work out the first three anew.
//!
//! *Operations.* Edits, in the order of the ledger, by which each has its
//! version. `o -> p` iff o is earlier and `o.version <= base` of p's change of
//! that record, or one device made both; else `o || p`.
//!
//! *`W`.* Every write that an edit makes, rejected edits included: one of the
//! record's life for a creation, a deletion, a restoration, or a resolution that
//! names it; one for each field it writes; of a set instead one for each element
//! it adds or removes. The key is the record's life, the field, or the element.
//!
//! *`key_conflict_rate`.* Writes that met another are those with `o || p` of one
//! key. A deletion also meets, both ways, every write of a field of its record
//! with `o || p`. Their number, of `|W|`.
//!
//! *`Sup(o)`*: there is a later write p with `o -> p` of the same key that is no
//! change of a counter or document; or, for a write of a field, p deletes the
//! record; or, for a deletion, p writes a field of the record. What p is there
//! for does not matter, nor whether p was rejected. Else o *stands*.
//!
//! *`effect(o)`* is in the state iff the record lives (`cairn record get`) and
//! the field shows the value, or is empty where it was emptied; the set has the
//! element. Of a change of a counter or document: the record lives and the edit
//! was not rejected. Of the life: the record lives, or it does not. A removal
//! of an element also holds where the record does not live.
//!
//! *`J`* has o where its edit was rejected (`cairn log show`) or set aside with an
//! issue to its author (`cairn issue list --all`), or where o is a side of a
//! conflict of its field, or of the life for writes of the life, whose outcome is
//! open, resolved or overwritten (`cairn conflict list --all`). Conflicts whose
//! outcome is superseded are in the journal, but nobody was told.
//!
//! *`silent_loss_rate`*: writes that stand, whose effect is not in the state and
//! that `J` does not have, of `|W|`. *`questions_asked`*: conflicts with an outcome
//! other than superseded, and issues with the code `conflict.superseded` that
//! name a record, for each 1,000 of `|W|`.
//!
//! *Besides.* F3, the cost curve, is [`Tally::cost`]; D5 is [`Tally::confluence`];
//! A5 takes a series of histories, as the lab's own tests of synthetic ones do.
//!
//! *Left out.* C5: rich text has no marks here. Bytes on the wire, compaction
//! and handshakes: no ledger knows of them. Time and memory of a projection:
//! they differ from run to run, so `cairn bench` measures them, not the lab.

mod confluence;
mod exposure;
mod judge;
mod lags;
mod metric;
mod promises;
pub mod sequence;
mod tally;
mod trust;
mod visibility;

pub use confluence::{Confluence, Invariant};
pub use exposure::Watch;
pub use judge::{Class, Judged, Sets, judge};
pub use lags::Lags;
pub use metric::Metric;
pub use tally::{Agreed, Tally};

#[cfg(test)]
mod tests;
