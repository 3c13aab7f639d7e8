//! The files of the folder, and the mistakes found in them by position.

use super::section::Section;
use super::suggest::did_you_mean;
use super::{SourceFile, TextFault};
use std::cell::RefCell;
use std::ops::Range;
use toml_edit::Document;

/// Bytes of a file that something takes up.
pub(super) type Span = Range<usize>;

const ORGANIZATION: &str = "organization.toml";
const USERS: &str = "users.toml";
const TEAMS: &str = "teams.toml";
const BUSINESS_UNITS: &str = "business_units.toml";
const POSITIONS: &str = "positions.toml";
const FIELD_SECURITY: &str = "field_security.toml";
/// Files of which a definition has one at most.
const SINGLE: [&str; 6] = [
    ORGANIZATION,
    BUSINESS_UNITS,
    POSITIONS,
    USERS,
    TEAMS,
    FIELD_SECURITY,
];

/// The folder, sorted out.
pub(super) struct Folder<'a> {
    pub(super) organization: Option<File<'a>>,
    pub(super) users: Option<File<'a>>,
    pub(super) teams: Option<File<'a>>,
    pub(super) business_units: Option<File<'a>>,
    pub(super) positions: Option<File<'a>>,
    pub(super) field_security: Option<File<'a>>,
    /// By record type, in the order of their paths.
    pub(super) types: Vec<(&'a str, File<'a>)>,
    /// By role.
    pub(super) roles: Vec<(&'a str, File<'a>)>,
    /// By profile.
    pub(super) profiles: Vec<(&'a str, File<'a>)>,
    strays: Vec<File<'a>>,
}

/// A file while it is read.
pub(super) struct File<'a> {
    path: &'a str,
    text: &'a str,
    /// `None` where the text is no TOML.
    document: Option<Document<&'a str>>,
    faults: RefCell<Vec<Fault>>,
}

struct Fault {
    at: usize,
    wrong: String,
    instead: String,
}

impl<'a> Folder<'a> {
    /// Sorts out the files that belong to a definition. Files that are not
    /// TOML, such as a README, are nobody's business.
    pub(super) fn read(files: &'a [SourceFile]) -> Folder<'a> {
        let mut files: Vec<&SourceFile> = files.iter().collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut folder = Folder {
            organization: None,
            users: None,
            teams: None,
            business_units: None,
            positions: None,
            field_security: None,
            types: Vec::new(),
            roles: Vec::new(),
            profiles: Vec::new(),
            strays: Vec::new(),
        };
        for file in files
            .into_iter()
            .filter(|file| file.path.ends_with(".toml"))
        {
            match file.path.as_str() {
                ORGANIZATION => folder.organization = Some(File::parse(file)),
                USERS => folder.users = Some(File::parse(file)),
                TEAMS => folder.teams = Some(File::parse(file)),
                BUSINESS_UNITS => folder.business_units = Some(File::parse(file)),
                POSITIONS => folder.positions = Some(File::parse(file)),
                FIELD_SECURITY => folder.field_security = Some(File::parse(file)),
                path => match named_by(path) {
                    Some(("types", name)) => folder.types.push((name, File::parse(file))),
                    Some(("roles", name)) => folder.roles.push((name, File::parse(file))),
                    Some(("profiles", name)) => folder.profiles.push((name, File::parse(file))),
                    _ => folder.strays.push(File::stray(file)),
                },
            }
        }
        folder
    }

    fn files(&self) -> impl Iterator<Item = &File<'a>> {
        let single = [
            &self.organization,
            &self.business_units,
            &self.positions,
            &self.users,
            &self.teams,
            &self.field_security,
        ];
        let named = self.types.iter().chain(&self.roles).chain(&self.profiles);
        single
            .into_iter()
            .flatten()
            .chain(named.map(|(_, file)| file))
            .chain(&self.strays)
    }

    /// Whether a mistake was noted in any file.
    pub(super) fn has_faults(&self) -> bool {
        !self.faults().is_empty()
    }

    /// Every mistake noted in any file, in order.
    pub(super) fn faults(&self) -> Vec<TextFault> {
        let missing = self.organization.is_none().then(|| TextFault {
            path: ORGANIZATION.to_owned(),
            line: 1,
            column: 1,
            wrong: "this file is missing".to_owned(),
            instead: "write one with a `name`".to_owned(),
        });
        let mut faults: Vec<TextFault> = missing.into_iter().collect();
        for file in self.files() {
            faults.extend(file.faults.borrow().iter().map(|fault| file.located(fault)));
        }
        faults.sort();
        faults.dedup();
        faults
    }
}

/// The folder that a file is in, and its name there.
fn named_by(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.split_once('/')?;
    let name = name.strip_suffix(".toml")?;
    (!name.contains('/')).then_some((folder, name))
}

impl<'a> File<'a> {
    pub(super) fn parse(file: &'a SourceFile) -> File<'a> {
        let (document, error) = match Document::parse(file.text.as_str()) {
            Ok(document) => (Some(document), None),
            Err(error) => (None, Some(error)),
        };
        let file = File {
            path: &file.path,
            text: &file.text,
            document,
            faults: RefCell::default(),
        };
        if let Some(error) = error {
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            file.fault(
                error.span().unwrap_or(0..0),
                format!("this is not TOML: {reason}"),
                "correct it; the rest of this file is checked then",
            );
        }
        file
    }

    fn stray(file: &'a SourceFile) -> File<'a> {
        let stray = File {
            path: &file.path,
            text: "",
            document: None,
            faults: RefCell::default(),
        };
        let instead = did_you_mean(stray.path, SINGLE, || {
            format!(
                "a definition has {}, types/NAME.toml, roles/NAME.toml and profiles/NAME.toml",
                SINGLE.join(", ")
            )
        });
        stray.fault(0..0, "this file is not part of a definition", instead);
        stray
    }

    /// The whole file as a section, unless it is no TOML.
    pub(super) fn root(&self) -> Option<Section<'_>> {
        let document = self.document.as_ref()?;
        Some(Section::new(self, document.as_table(), 0..0))
    }

    /// Notes a mistake.
    pub(super) fn fault(&self, span: Span, wrong: impl Into<String>, instead: impl Into<String>) {
        self.faults.borrow_mut().push(Fault {
            at: span.start,
            wrong: wrong.into(),
            instead: instead.into(),
        });
    }

    /// How many mistakes were noted.
    pub(super) fn fault_count(&self) -> usize {
        self.faults.borrow().len()
    }

    /// Whether a mistake was noted inside `span`.
    pub(super) fn has_fault_in(&self, span: &Span) -> bool {
        let faults = self.faults.borrow();
        faults.iter().any(|fault| span.contains(&fault.at))
    }

    /// The text at `span`.
    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }

    fn located(&self, fault: &Fault) -> TextFault {
        let mut at = fault.at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        TextFault {
            path: self.path.to_owned(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            wrong: fault.wrong.clone(),
            instead: fault.instead.clone(),
        }
    }
}
