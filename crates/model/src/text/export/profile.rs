//! Offline profiles as text.

use super::name_of;
use super::security::member_lists;
use crate::definition::{
    Combine, Definition, Files, Filter, Owned, Profile, ProfileType, RecordType,
};
use crate::id::TypeId;
use crate::text::layout::{heading_of, line, lines, list, quoted};
use crate::text::profile::{COMBINES, FILES, OWNED, defaults};
use crate::text::record_type::label_of;
use crate::text::span::{interval_text, minutes_text};
use std::collections::BTreeMap;

pub(super) fn profile(name: &str, profile: &Profile, definition: &Definition) -> String {
    let mut text = String::new();
    if profile.label != label_of(name) {
        line(&mut text, "label", &quoted(&profile.label));
    }
    for (key, names) in member_lists(&profile.members) {
        line(&mut text, key, &lines(&list(names)));
    }
    if profile.exclusive {
        line(&mut text, "exclusive", "true");
    }
    if profile.grace != Profile::GRACE {
        line(&mut text, "grace", &quoted(&minutes_text(profile.grace)));
    }
    let mut inherited = BTreeMap::new();
    if let Some(base) = &profile.based_on {
        line(&mut text, "based_on", &quoted(base));
        inherited = defaults(base, definition).unwrap_or_default();
        let name = |id: &TypeId| &definition.types[id].name;
        let without = inherited
            .keys()
            .filter(|id| !profile.types.contains_key(id));
        let without: Vec<&String> = without.map(name).collect();
        if !without.is_empty() {
            line(&mut text, "without", &lines(&list(without)));
        }
    }
    for (id, rule) in &profile.types {
        if inherited.get(id) != Some(rule)
            && let Some(record_type) = definition.types.get(id)
        {
            heading_of(&format!("types.{}", record_type.name), false, &mut text);
            rule_text(rule, record_type, definition, &mut text);
        }
    }
    text
}

fn rule_text(rule: &ProfileType, of: &RecordType, definition: &Definition, text: &mut String) {
    match &rule.filter {
        Filter::All => line(text, "filter", &quoted("all")),
        Filter::RelatedOnly => line(text, "filter", &quoted("related-only")),
        Filter::Owned(owned) => line(text, "filter", &list(owned_names(*owned))),
        Filter::Where(expression) => line(text, "where", &quoted(expression)),
    }
    if !rule.related.is_empty() {
        let ways = rule.related.iter().map(|way| way.words(definition, of));
        line(text, "related", &lines(&list(ways)));
    }
    if rule.combine != Combine::Or {
        line(text, "combine", &quoted(name_of(COMBINES, rule.combine)));
    }
    if let Some(columns) = &rule.columns {
        let names = columns.iter().filter_map(|id| of.fields.get(id));
        line(
            text,
            "columns",
            &lines(&list(names.map(|field| &field.name))),
        );
    }
    if rule.interval != 0 {
        line(text, "interval", &quoted(&interval_text(rule.interval)));
    }
    if rule.files != Files::OnView {
        line(text, "files", &quoted(name_of(FILES, rule.files)));
    }
    if rule.rank != ProfileType::RANK {
        line(text, "rank", &rule.rank.to_string());
    }
}

/// The names of the filters by owner.
pub(in crate::text) fn owned_names(owned: Owned) -> impl Iterator<Item = &'static str> {
    let said = [owned.mine, owned.my_teams, owned.my_business_unit];
    let said = OWNED.into_iter().zip(said);
    said.filter(|(_, said)| *said).map(|(name, _)| name)
}
