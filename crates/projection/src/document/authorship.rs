//! Which change put in each letter of a rich text, and what it had seen.

use super::{DocumentError, TEXT, guarded, load};
use automerge::{ObjId, ROOT, ReadDoc};
use cairn_model::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// Who wrote what is left of a text. Changes have numbers: those that a change
/// had seen have smaller ones than itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorship {
    /// By letter, the change that put it in.
    pub letters: Vec<usize>,
    /// By change, those that it had seen.
    pub seen: Vec<BTreeSet<usize>>,
}

/// Says who wrote what is left of a saved rich text.
pub fn authorship(saved: &[u8]) -> Result<Authorship, DocumentError> {
    guarded(|| {
        let mut document = load(&Kind::RichText, saved)?;
        let changes = document.get_changes(&[]);
        let mut by_hash = BTreeMap::new();
        let mut by_actor = BTreeMap::new();
        let mut seen: Vec<BTreeSet<usize>> = Vec::with_capacity(changes.len());
        for (number, change) in changes.iter().enumerate() {
            let mut own = BTreeSet::new();
            for before in change.deps().iter().filter_map(|hash| by_hash.get(&hash.0)) {
                own.insert(*before);
                own.extend(&seen[*before]);
            }
            by_hash.insert(change.hash().0, number);
            // One operation is one change, and has an actor of its own.
            by_actor.insert(change.actor_id().clone(), number);
            seen.push(own);
        }
        let text = document.get(ROOT, TEXT)?.map(|(_, text)| text);
        let change = |letter: ObjId| match letter {
            ObjId::Id(_, actor, _) => by_actor.get(&actor).copied(),
            ObjId::Root => None,
        };
        let letters = text.iter().flat_map(|text| document.list_range(text, ..));
        Ok(Authorship {
            letters: letters.filter_map(|letter| change(letter.id())).collect(),
            seen,
        })
    })
}
