//! Which named thing of the text is which thing of the definition in force.

use std::collections::BTreeMap;

/// A thing as the text names it.
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) renamed_from: Option<&'a str>,
}

/// A thing in force.
pub(super) struct Known<'a> {
    pub(super) id: u16,
    pub(super) name: &'a str,
    pub(super) retired: bool,
}

/// What a thing of the text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// The thing in force with this id.
    Known(u16),
    /// A new thing, with a new id.
    New(u16),
    /// New for want of what it says it was renamed from; the reason.
    Lost(u16, LostReason),
    /// New, but every id was used already.
    Exhausted,
}

/// Why a rename found nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LostReason {
    /// Nothing in force has the old name.
    Unknown,
    /// Another entry carries on what had the old name.
    Taken,
}

impl Identity {
    /// The id, where there was one left.
    pub(super) fn id(&self) -> Option<u16> {
        match self {
            Identity::Known(id) | Identity::New(id) | Identity::Lost(id, _) => Some(*id),
            Identity::Exhausted => None,
        }
    }
}

/// Says for each of `entries` what it is.
///
/// A rename counts where the new name is not in force; after its publication
/// it is, and the same text means the same again. Renames may form a chain: in
/// `b` from `a` and `c` from `b`, the second leaves `b` to the first.
pub(super) fn identify(entries: &[Named<'_>], known: &[Known<'_>]) -> Vec<Identity> {
    let by_name = by_name(known);
    let mut claims = Claims {
        by_name: &by_name,
        of: BTreeMap::new(),
    };
    while entries
        .iter()
        .enumerate()
        .any(|(index, entry)| !claims.has_own(entry) && claims.claim(index, entry.renamed_from))
    {
    }
    for (index, entry) in entries.iter().enumerate() {
        claims.claim(index, Some(entry.name));
    }
    let mut identities: Vec<Option<Identity>> = vec![None; entries.len()];
    for (id, index) in &claims.of {
        identities[*index] = Some(Identity::Known(*id));
    }
    let mut last = known.iter().map(|thing| thing.id).max().unwrap_or(0);
    let fill = |(identity, entry): (Option<Identity>, &Named<'_>)| {
        identity.unwrap_or_else(|| {
            let Some(id) = last.checked_add(1) else {
                return Identity::Exhausted;
            };
            last = id;
            match entry.renamed_from {
                Some(old) if by_name.contains_key(old) => Identity::Lost(id, LostReason::Taken),
                Some(_) if !known.is_empty() => Identity::Lost(id, LostReason::Unknown),
                _ => Identity::New(id),
            }
        })
    };
    identities.into_iter().zip(entries).map(fill).collect()
}

/// The thing each name means: the one in use, else the last one retired.
fn by_name<'a>(known: &[Known<'a>]) -> BTreeMap<&'a str, u16> {
    let mut sorted: Vec<&Known<'_>> = known.iter().collect();
    sorted.sort_by_key(|thing| (!thing.retired, thing.id));
    sorted.iter().map(|thing| (thing.name, thing.id)).collect()
}

struct Claims<'a> {
    by_name: &'a BTreeMap<&'a str, u16>,
    /// Which entry carries on which id.
    of: BTreeMap<u16, usize>,
}

impl Claims<'_> {
    /// Whether the entry's own name is in force and nobody renamed it.
    fn has_own(&self, entry: &Named<'_>) -> bool {
        self.by_name
            .get(entry.name)
            .is_some_and(|id| !self.of.contains_key(id))
    }

    /// Makes the entry carry on what is called `name`; whether that worked.
    fn claim(&mut self, index: usize, name: Option<&str>) -> bool {
        let Some(id) = name.and_then(|name| self.by_name.get(name)) else {
            return false;
        };
        if self.of.contains_key(id) || self.of.values().any(|claimed| *claimed == index) {
            return false;
        }
        self.of.insert(*id, index);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(entries: &[(&str, Option<&str>)], known: &[(u16, &str, bool)]) -> Vec<Identity> {
        let entries: Vec<Named<'_>> = entries
            .iter()
            .map(|(name, renamed_from)| Named {
                name,
                renamed_from: *renamed_from,
            })
            .collect();
        let known: Vec<Known<'_>> = known
            .iter()
            .map(|(id, name, retired)| Known {
                id: *id,
                name,
                retired: *retired,
            })
            .collect();
        identify(&entries, &known)
    }

    #[test]
    fn a_rename_keeps_the_id_before_and_after_its_publication() {
        let text = [("new", Some("old")), ("other", None)];
        let expected = vec![Identity::Known(4), Identity::New(5)];
        assert_eq!(ids(&text, &[(4, "old", false)]), expected);
        let published = [(4, "new", false), (5, "other", false)];
        assert_eq!(
            ids(&text, &published),
            vec![Identity::Known(4), Identity::Known(5)]
        );
    }

    #[test]
    fn renames_in_a_chain_all_keep_their_ids() {
        let text = [("b", Some("a")), ("c", Some("b")), ("d", Some("c"))];
        let known = [(1, "a", false), (2, "b", false), (3, "c", false)];
        assert_eq!(
            ids(&text, &known),
            vec![Identity::Known(1), Identity::Known(2), Identity::Known(3)]
        );
    }

    #[test]
    fn a_rename_of_nothing_is_told_unless_nothing_is_in_force() {
        let lost = Identity::Lost(2, LostReason::Unknown);
        assert_eq!(ids(&[("a", Some("z"))], &[(1, "b", false)]), vec![lost]);
        assert_eq!(ids(&[("a", Some("z"))], &[]), vec![Identity::New(1)]);
        let text = [("a", Some("z")), ("b", Some("z"))];
        let taken = Identity::Lost(2, LostReason::Taken);
        assert_eq!(
            ids(&text, &[(1, "z", false)]),
            vec![Identity::Known(1), taken]
        );
    }

    #[test]
    fn a_name_means_what_is_in_use_before_what_is_retired() {
        let known = [(1, "a", false), (2, "a", true), (3, "b", true)];
        assert_eq!(
            ids(&[("a", None), ("b", None)], &known),
            vec![Identity::Known(1), Identity::Known(3)]
        );
    }

    #[test]
    fn ids_run_out_without_a_panic() {
        assert_eq!(
            ids(&[("a", None)], &[(u16::MAX, "b", false)]),
            vec![Identity::Exhausted]
        );
    }
}
