//! Observed-remove sets: an element is in as long as one addition of it stands
//! that no removal had seen.

use cairn_model::{AuthorId, Value, Version};
use std::collections::{BTreeMap, BTreeSet};

/// Elements, each with the versions of the additions that stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ElementSet {
    /// Standing additions by element; never empty lists.
    pub additions: BTreeMap<Value, Vec<Version>>,
}

impl ElementSet {
    /// The elements.
    pub fn elements(&self) -> impl Iterator<Item = &Value> {
        self.additions.keys()
    }

    /// Applies one write: removes the additions of `remove` that the author had
    /// seen, then adds `add`. An addition replaces the additions it dominates.
    pub fn change(
        &mut self,
        add: &BTreeSet<Value>,
        remove: &BTreeSet<Value>,
        version: Version,
        author: AuthorId,
        base: Version,
        author_of: impl Fn(Version) -> AuthorId,
    ) {
        let unseen = |addition: &Version| *addition > base && author_of(*addition) != author;
        for element in remove.iter().chain(add) {
            if let Some(additions) = self.additions.get_mut(element) {
                additions.retain(unseen);
                if additions.is_empty() {
                    self.additions.remove(element);
                }
            }
        }
        for element in add {
            self.additions
                .entry(element.clone())
                .or_default()
                .push(version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(name: &str) -> BTreeSet<Value> {
        [Value::Text(name.to_owned())].into()
    }

    #[test]
    fn a_removal_takes_only_what_its_author_had_seen() {
        let author_of = |version: Version| AuthorId(version.0 as u32);
        let none = BTreeSet::new();
        let mut set = ElementSet::default();
        set.change(
            &element("urgent"),
            &none,
            Version(1),
            AuthorId(1),
            Version(0),
            author_of,
        );
        set.change(
            &element("urgent"),
            &none,
            Version(2),
            AuthorId(2),
            Version(0),
            author_of,
        );
        set.change(
            &none,
            &element("urgent"),
            Version(3),
            AuthorId(3),
            Version(1),
            author_of,
        );
        assert_eq!(
            set.elements().count(),
            1,
            "the addition of version 2 was not seen"
        );
        set.change(
            &none,
            &element("urgent"),
            Version(4),
            AuthorId(4),
            Version(2),
            author_of,
        );
        assert_eq!(set.elements().count(), 0);
    }
}
