//! Where in the text each part of a definition stands, so that what
//! [`Definition::faults`](crate::Definition::faults) finds is told by file and line.

use super::file::{File, Folder, Span};
use super::section::Section;
use crate::definition::DefinitionFault;
use std::collections::BTreeMap;

/// Places by the names that faults use: `work_order.status`.
#[derive(Default)]
pub(super) struct Places<'a>(BTreeMap<String, Place<'a>>);

struct Place<'a> {
    file: &'a File<'a>,
    name: Span,
    section: Option<Section<'a>>,
}

/// Which part of a section a fault is about, by a phrase of it.
const PARTS: &[(&str, &str)] = &[
    ("its default", "default"),
    ("cannot have a default", "default"),
    ("cannot be required", "required"),
    ("its title", "title"),
    ("points at", "target"),
    ("a set of", "of"),
    ("option", "options"),
    ("min ", "min"),
    ("no name", "name"),
    ("fields are", "fields"),
    ("conflict policy", "policy"),
    ("becomes empty", "on_delete"),
    ("not a currency", "currency"),
];

impl<'a> Places<'a> {
    /// Notes that `section` is what faults call `place`.
    pub(super) fn add(&mut self, place: String, section: Section<'a>) {
        let (file, name) = (section.file, section.name_span());
        self.0.insert(
            place,
            Place {
                file,
                name,
                section: Some(section),
            },
        );
    }

    /// Notes that what faults call `place, part` is the value of that key.
    pub(super) fn add_parts(&mut self, place: &str, section: Section<'a>, parts: &[&str]) {
        for part in parts {
            self.add_span(format!("{place}, {part}"), section.file, section.span(part));
        }
    }

    /// Notes that what faults call `place` stands at `span`.
    pub(super) fn add_span(&mut self, place: String, file: &'a File<'a>, span: Span) {
        self.0.insert(
            place,
            Place {
                file,
                name: span,
                section: None,
            },
        );
    }

    /// Notes `faults` where they are, unless a mistake in the text itself was
    /// noted there already: that is then the cause.
    ///
    /// Faults without a place belong to a file that is broken or missing, which
    /// was noted, too.
    pub(super) fn report(&self, folder: &Folder<'_>, faults: &[DefinitionFault]) {
        let located: Vec<(&File<'_>, Span, &DefinitionFault)> = faults
            .iter()
            .filter_map(|fault| {
                let place = self.of(&fault.place)?;
                let span = place.span_of(fault);
                (!place.file.has_fault_in(&span)).then_some((place.file, span, fault))
            })
            .collect();
        for (file, span, fault) in &located {
            file.fault(span.clone(), fault.wrong.clone(), fault.instead.clone());
        }
        if let (true, false, Some(organization)) = (
            located.is_empty(),
            folder.has_faults(),
            &folder.organization,
        ) {
            for fault in faults {
                let wrong = format!("{}: {}", fault.place, fault.wrong);
                organization.fault(0..0, wrong, fault.instead.clone());
            }
        }
    }

    /// Where `place` stands, or else what it is a part of.
    fn of(&self, place: &str) -> Option<&Place<'a>> {
        let found = self.0.get(place);
        found.or_else(|| self.of(place.rsplit_once(", ")?.0))
    }
}

impl Place<'_> {
    fn span_of(&self, fault: &DefinitionFault) -> Span {
        let part = PARTS
            .iter()
            .find(|(phrase, _)| fault.wrong.contains(phrase));
        match (self.section, part) {
            (Some(section), Some((_, part))) => section.span(part),
            _ => self.name.clone(),
        }
    }
}
