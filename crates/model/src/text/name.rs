//! Names of things that stand elsewhere in the text: a user's login, a role.

use super::file::File;
use super::section::{Section, Word};
use super::suggest::did_you_mean;
use std::collections::BTreeSet;

/// The things of one sort that the text may name.
pub(super) struct Names<'n> {
    sort: Sort,
    /// `None` while the file that they stand in cannot be read.
    known: Option<BTreeSet<&'n str>>,
}

/// What is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    User,
    Team,
    Role,
    BusinessUnit,
    Position,
}

impl<'n> Names<'n> {
    /// The names in a file, which may be missing.
    pub(super) fn of_file(sort: Sort, file: Option<&'n File<'n>>) -> Names<'n> {
        let known = match file {
            None => Some(BTreeSet::new()),
            Some(file) => file.root().map(|root| root.keys().collect()),
        };
        Names { sort, known }
    }

    /// Names that are known for sure.
    pub(super) fn of(sort: Sort, known: impl IntoIterator<Item = &'n str>) -> Names<'n> {
        let known = Some(known.into_iter().collect());
        Names { sort, known }
    }

    /// The thing that `key` names, if there is one.
    pub(super) fn one(&self, section: Section<'_>, key: &str) -> Option<String> {
        let text = section.text(key)?;
        let span = section.span(key);
        self.found(section.file, Word { text, span })
    }

    /// The things that `key` names in a list.
    pub(super) fn many(&self, section: Section<'_>, key: &str) -> BTreeSet<String> {
        let words = section.words(key).unwrap_or_default();
        words
            .into_iter()
            .filter_map(|word| self.found(section.file, word))
            .collect()
    }

    fn found(&self, file: &File<'_>, word: Word<'_>) -> Option<String> {
        let known = self.known.as_ref()?;
        if !known.contains(word.text) {
            let instead = did_you_mean(word.text, known.iter().copied(), || self.otherwise());
            file.fault(word.span, self.wrong(word.text), instead);
            return None;
        }
        Some(word.text.to_owned())
    }

    fn wrong(&self, name: &str) -> String {
        match self.sort {
            Sort::User => format!("`{name}` is no user"),
            Sort::Team => format!("there is no team `{name}`"),
            Sort::Role => format!("there is no role `{name}`"),
            Sort::BusinessUnit => format!("there is no business unit `{name}`"),
            Sort::Position => format!("there is no position `{name}`"),
        }
    }

    fn otherwise(&self) -> String {
        match self.sort {
            Sort::User => "name a user's login, or add the user to users.toml",
            Sort::Team => "name a team, or add it to teams.toml",
            Sort::Role => "name a role, or add it as roles/NAME.toml",
            Sort::BusinessUnit => "name a business unit, or add it to business_units.toml",
            Sort::Position => "name a position, or add it to positions.toml",
        }
        .to_owned()
    }
}

/// What offline profiles, field security, users and teams may name.
pub(super) struct People<'n> {
    pub(super) users: Names<'n>,
    pub(super) teams: Names<'n>,
    pub(super) roles: Names<'n>,
    pub(super) units: Names<'n>,
    pub(super) positions: Names<'n>,
}
