//! `profiles/NAME.toml`: offline profiles.

use super::SourceFile;
use super::file::{File, Folder};
use super::name::People;
use super::place::Places;
use super::record_type::{TypesRead, label_of};
use super::relationship;
use super::section::Section;
use super::security::{MEMBERS, members};
use super::span;
use super::suggest::did_you_mean;
use super::template;
use crate::definition::{Combine, Definition, Files, Filter, Owned, Profile, ProfileType};
use crate::id::TypeId;
use std::collections::{BTreeMap, BTreeSet};

const PARTS: &[&str] = &[
    "label",
    "exclusive",
    "grace",
    "based_on",
    "without",
    "types",
];
const RULE_PARTS: &[&str] = &[
    "filter", "where", "related", "combine", "columns", "interval", "files", "rank",
];
/// Ways to combine by their names.
pub(super) const COMBINES: &[(&str, Combine)] = &[("or", Combine::Or), ("and", Combine::And)];
/// When files are fetched, by their names.
pub(super) const FILES: &[(&str, Files)] = &[("eager", Files::Eager), ("on-view", Files::OnView)];
/// Filters by owner, by their names.
pub(super) const OWNED: [&str; 3] = ["mine", "my-teams", "my-business-unit"];
const FILTERS: &str = "write \"all\", \"related-only\", or a list out of \"mine\", \"my-teams\" and \"my-business-unit\"";

/// Reads the profiles; everything they name was read before.
pub(super) fn read_all<'a>(
    folder: &'a Folder<'a>,
    people: &People<'_>,
    types: &TypesRead,
    definition: &mut Definition,
    places: &mut Places<'a>,
) {
    for (name, file) in &folder.profiles {
        let Some(root) = file.root() else { continue };
        root.only("a profile", &[PARTS, MEMBERS].concat());
        let place = format!("profile {name}");
        types.add_place(places, &place, root);
        let mut profile = Profile {
            members: members(root, people),
            exclusive: root.flag("exclusive"),
            ..Profile::new(
                &root
                    .text("label")
                    .map_or_else(|| label_of(name), str::to_owned),
            )
        };
        if let Some(grace) = span::minutes(root, "grace") {
            profile.grace = grace;
        }
        places.add_parts(&place, root, &["exclusive", "grace"]);
        based_on(root, types, definition, &mut profile);
        if types.are_whole() {
            for id in profile.types.keys() {
                let place = format!("{place}, {}", definition.types[id].name);
                places.add_span(place, root.file, root.span("based_on"));
            }
        }
        for (id, section) in rules(root, types, definition) {
            let rule = Rule {
                section,
                types,
                definition,
                id,
            };
            profile.types.insert(id, rule.read());
            if types.are_whole() {
                rule.add_places(&place, places);
            }
        }
        definition.profiles.insert((*name).to_owned(), profile);
    }
}

/// Takes over the default that the profile is based on.
fn based_on(root: Section<'_>, types: &TypesRead, definition: &Definition, profile: &mut Profile) {
    let Some(name) = root.text("based_on") else {
        if root.has("without") && !root.has("based_on") {
            let wrong = "a profile that is based on none has nothing to leave out";
            root.fault("without", wrong, "remove `without`");
        }
        return;
    };
    let Some(mut defaults) = defaults(name, definition) else {
        let names = template::default_profiles();
        let instead = did_you_mean(name, names.iter().copied(), || {
            format!("name one of {}", names.join(", "))
        });
        root.fault(
            "based_on",
            format!("there is no default profile `{name}`"),
            instead,
        );
        return;
    };
    for word in root.words("without").unwrap_or_default() {
        if let Some(record_type) = types.named(definition, root.file, &word) {
            defaults.remove(&record_type.id);
        }
    }
    profile.based_on = Some(name.to_owned());
    profile.types = defaults;
}

/// The rules of a default profile as far as the organization has the types and
/// fields that they name; `None` when there is no such default.
pub(super) fn defaults(
    name: &str,
    definition: &Definition,
) -> Option<BTreeMap<TypeId, ProfileType>> {
    let source = SourceFile {
        path: name.to_owned(),
        text: template::default_profile(name)?.to_owned(),
    };
    let file = File::parse(&source);
    let types = TypesRead::default();
    let mut rules_found = BTreeMap::new();
    for (id, section) in file
        .root()
        .into_iter()
        .flat_map(|root| rules(root, &types, definition))
    {
        let before = file.fault_count();
        let rule = Rule {
            section,
            types: &types,
            definition,
            id,
        };
        let read = rule.read();
        if file.fault_count() == before && definition.types[&id].offline {
            rules_found.insert(id, read);
        }
    }
    Some(rules_found)
}

/// The record types under `[types]`, as far as there are such.
fn rules<'a>(
    root: Section<'a>,
    types: &TypesRead,
    definition: &Definition,
) -> Vec<(TypeId, Section<'a>)> {
    let Some(section) = root.table("types", "record types as [types.work_order]") else {
        return Vec::new();
    };
    let named = |(name, section): (&'a str, Section<'a>)| {
        let word = section.name_word(name);
        let record_type = types.named(definition, section.file, &word)?;
        Some((record_type.id, section))
    };
    let tables = section.tables("a record type as [types.work_order]");
    tables.into_iter().filter_map(named).collect()
}

/// What a profile says of one record type, while it is read.
struct Rule<'a, 'n> {
    section: Section<'a>,
    types: &'n TypesRead,
    definition: &'n Definition,
    id: TypeId,
}

impl<'a> Rule<'a, '_> {
    fn read(&self) -> ProfileType {
        let section = self.section;
        section.only("a type of a profile", RULE_PARTS);
        let mut rule = ProfileType::new(self.filter());
        for word in section.words("related").unwrap_or_default() {
            rule.related.extend(relationship::read(
                section.file,
                &word,
                self.id,
                self.types,
                self.definition,
            ));
        }
        if let Some(combine) = section.one_of("combine", COMBINES) {
            rule.combine = combine;
        }
        rule.columns = section.words("columns").map(|words| {
            let record_type = &self.definition.types[&self.id];
            let field = |word| self.types.field(record_type, section.file, &word);
            words.into_iter().filter_map(field).collect::<BTreeSet<_>>()
        });
        if let Some(interval) = span::interval(section, "interval") {
            rule.interval = interval;
        }
        if let Some(files) = section.one_of("files", FILES) {
            rule.files = files;
        }
        if let Some(rank) = section.count("rank", u32::from(u16::MAX)) {
            rule.rank = rank as u16;
        }
        rule
    }

    fn filter(&self) -> Filter {
        let section = self.section;
        match (section.has("filter"), section.has("where")) {
            (true, true) => {
                let wrong = "it has a `filter` and a `where`";
                section.fault("where", wrong, "keep one of them");
                Filter::All
            }
            (false, false) => {
                let wrong = "it does not say which records are let in";
                section.file.fault(
                    section.name_span(),
                    wrong,
                    format!("{FILTERS} as `filter`, or an expression as `where`"),
                );
                Filter::All
            }
            (false, true) => section
                .text("where")
                .map_or(Filter::All, |text| Filter::Where(text.to_owned())),
            (true, false) => self.named_filter(),
        }
    }

    fn named_filter(&self) -> Filter {
        match self.section.quiet_text("filter") {
            Some("all") => return Filter::All,
            Some("related-only") => return Filter::RelatedOnly,
            _ => {}
        }
        let mut owned = Owned::default();
        for word in self.section.word_or_words("filter").unwrap_or_default() {
            match word.text {
                "mine" => owned.mine = true,
                "my-teams" => owned.my_teams = true,
                "my-business-unit" => owned.my_business_unit = true,
                other => {
                    let known = OWNED.into_iter().chain(["all", "related-only"]);
                    let instead = did_you_mean(other, known, || FILTERS.to_owned());
                    let wrong = format!("`filter` cannot be `{other}`");
                    self.section.file.fault(word.span, wrong, instead);
                }
            }
        }
        Filter::Owned(owned)
    }

    fn add_places(&self, profile: &str, places: &mut Places<'a>) {
        let section = self.section;
        let record_type = &self.definition.types[&self.id];
        let place = format!("{profile}, {}", record_type.name);
        places.add_parts(&place, section, RULE_PARTS);
        places.add(place.clone(), section);
        for word in section.quiet_words("related") {
            let quiet = relationship::meant(word.text, self.id, self.definition);
            if let Ok(relationship) = quiet {
                let words = relationship.words(self.definition, record_type);
                places.add_span(format!("{place}, {words}"), section.file, word.span);
            }
        }
    }
}
