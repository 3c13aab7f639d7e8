//! The organization definition as a person writes it: a folder of TOML files.
//!
//! ```text
//! organization.toml         name, policy, granularity, hierarchy, utc_offset, without_profile
//! business_units.toml       north = { label = "North", parent = "uk" }
//! positions.toml            lead = { label = "Team lead", parent = "head" }
//! users.toml                ada = { name = "Ada Okafor", roles = ["technician"] }
//! teams.toml                crew = { name = "Field crew", members = ["ada"] }
//! field_security.toml       prices = { teams = ["office"], read = ["work_order.price"] }
//! types/work_order.toml     one record type, named like its file
//! roles/technician.toml     one role
//! profiles/technician.toml  one offline profile
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
//! Above them, `owner`, `readers` and `writers` name the fields that say whose a
//! record is and whom it is shared with; `offline = false` keeps a type off
//! devices, `offline_where` keeps off what does not meet it; a field with
//! `secured = true` is seen by those alone whom `field_security.toml` names.
//!
//! A role says how far each right reaches, with the types it names apart:
//!
//! ```toml
//! label = "Technician"
//! [others]
//! read = "organization"
//! [types.work_order]
//! read = "business-unit"
//! write = "user"
//! ```
//!
//! A profile says which records of which types its members hold offline:
//!
//! ```toml
//! label = "Field technicians"
//! teams = ["field"]
//! [types.booking]
//! filter = ["mine", "my-teams"]
//! [types.work_order]
//! filter = "related-only"
//! related = ["pointed at by booking.work_order"]
//! interval = "15m"
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
//! `default`, `security`, `profile`; then `export`, `describe` and `template`.

mod default;
mod describe;
mod export;
mod field;
mod file;
mod identity;
mod layout;
mod name;
mod organization;
mod place;
mod profile;
mod record_type;
mod relationship;
mod section;
mod security;
mod span;
pub(crate) mod suggest;
mod template;
#[cfg(test)]
mod tests;

pub use describe::describe;
pub use export::export;
pub use suggest::did_you_mean;
pub use template::{TEMPLATES, template};

use crate::definition::Definition;
use file::Folder;
use name::{Names, People, Sort};
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
    let people = People {
        users: Names::of_file(Sort::User, folder.users.as_ref()),
        teams: Names::of_file(Sort::Team, folder.teams.as_ref()),
        roles: Names::of(Sort::Role, folder.roles.iter().map(|(name, _)| *name)),
        units: Names::of_file(Sort::BusinessUnit, folder.business_units.as_ref()),
        positions: Names::of_file(Sort::Position, folder.positions.as_ref()),
    };
    organization::read_heading(&folder, policies, &mut definition, &mut places);
    security::read_trees(&folder, &mut definition, &mut places);
    organization::read_users(&folder, &people, &mut definition, &mut places);
    organization::read_teams(&folder, &people, &mut definition);
    let types = record_type::read_all(&folder, base, policies, &mut definition, &mut places);
    security::read_roles(&folder, &types, &mut definition, &mut places);
    security::read_field_security(&folder, &people, &types, &mut definition, &mut places);
    profile::read_all(&folder, &people, &types, &mut definition, &mut places);
    places.report(&folder, &definition.faults());
    let faults = folder.faults();
    if faults.is_empty() {
        Ok(definition)
    } else {
        Err(faults)
    }
}
