//! The organization definition as a person writes it: a folder of TOML files.
//!
//! ```text
//! organization.toml      name, policy, granularity
//! users.toml             ada = { name = "Ada Okafor", email = "ada@example.com" }
//! teams.toml             crew = { name = "Field crew", members = ["ada"] }
//! types/work_order.toml  one record type, named like its file
//! ```
//!
//! A record type lists its fields, one a line (`[fields.status]` tables do as
//! well: TOML means the same by them):
//!
//! ```toml
//! title = "number"
//!
//! [keys]
//! number = ["number"]
//!
//! [fields]
//! number = { kind = "text", required = true, length_max = 20 }
//! account = { kind = "lookup", target = "account", required = true, on_delete = "restrict" }
//! status = { kind = "choice", options = ["open", "done"], default = "open", policy = "flag" }
//! crew = { kind = "set", of = "lookup", target = "user" }
//! ```
//!
//! Names are all a person writes; ids come from the definition in force.
//! `renamed_from = "old"` carries an id over to a new name and may stay in the
//! text for good. What is left out of the text is retired, never dropped.
//!
//! Files are values here: a shell reads and writes them.
//!
//! Reading order: `file` and `section` (reading TOML with positions),
//! `identity` (which name is which id), `organization`, `record_type`, `field`,
//! `default`; then `export`, `describe` and `template`.

mod default;
mod describe;
mod export;
mod field;
mod file;
mod identity;
mod layout;
mod organization;
mod place;
mod record_type;
mod section;
mod suggest;
mod template;
#[cfg(test)]
mod tests;

pub use describe::describe;
pub use export::export;
pub use template::{TEMPLATES, template};

use crate::definition::Definition;
use file::Folder;
use place::Places;
use std::fmt;

/// A file of the folder, by its path inside it: `types/work_order.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Parts separated by `/`.
    pub path: String,
    /// The content.
    pub text: String,
}

/// One mistake in the text. Ordered by where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextFault {
    /// The file.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub wrong: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextFault {
            path,
            line,
            column,
            wrong,
            instead,
        } = self;
        write!(f, "{path}:{line}:{column}: {wrong}; {instead}")
    }
}

/// Reads the definition that the folder describes, as what follows `base`.
///
/// Ids are those of `base` where a thing has the same name or was renamed from
/// it, and new ones after the highest ever used. Types and fields that the text
/// no longer names are kept as retired; users and teams are removed. `policies`
/// are the ids of the conflict policies there are.
///
/// # Errors
/// Every mistake there is, in the order of files and lines.
pub fn parse(
    files: &[SourceFile],
    base: &Definition,
    policies: &[&str],
) -> Result<Definition, Vec<TextFault>> {
    let folder = Folder::read(files);
    let mut places = Places::default();
    let mut definition = Definition {
        number: base.number,
        ..Definition::default()
    };
    organization::read_heading(&folder, policies, &mut definition, &mut places);
    organization::read_users(&folder, &mut definition);
    organization::read_teams(&folder, &mut definition);
    record_type::read_all(&folder, base, policies, &mut definition, &mut places);
    places.report(&folder, &definition.faults());
    let faults = folder.faults();
    if faults.is_empty() {
        Ok(definition)
    } else {
        Err(faults)
    }
}
