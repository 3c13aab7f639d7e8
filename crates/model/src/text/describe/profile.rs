//! Offline profiles in words.

use super::name_of;
use super::parts::Parts;
use super::people::members;
use crate::definition::{Combine, Definition, Filter, Profile, ProfileType, RecordType};
use crate::text::export::owned_names;
use crate::text::profile::FILES;
use crate::text::span::{interval_text, minutes_text};

pub(super) fn profile(old: Option<&Profile>, now: &Profile) -> String {
    let mut parts = Parts::default();
    match old {
        None => parts.add(format!("new, {}", now.label)),
        Some(old) => parts.changed("label", &old.label, &now.label),
    }
    members(old.map(|old| &old.members), &now.members, &mut parts);
    let fresh = Profile::new("");
    let old = old.unwrap_or(&fresh);
    parts.add_if(now.exclusive && !old.exclusive, || {
        "now exclusive".to_owned()
    });
    parts.add_if(old.exclusive && !now.exclusive, || {
        "no longer exclusive".to_owned()
    });
    parts.changed("grace", &minutes_text(old.grace), &minutes_text(now.grace));
    parts.optional("based on", old.based_on.as_ref(), now.based_on.as_ref());
    parts.joined()
}

pub(super) fn rule(
    old: Option<&ProfileType>,
    now: &ProfileType,
    of: &RecordType,
    definition: &Definition,
) -> String {
    let mut parts = Parts::default();
    let lets_in = |rule: &ProfileType| let_in(rule, of, definition);
    match old {
        None => parts.add(format!("new, lets in {}", lets_in(now))),
        Some(old) => parts.changed("lets in", &lets_in(old), &lets_in(now)),
    }
    let columns = |rule: &ProfileType| {
        let ids = rule.columns.as_ref()?.iter();
        let names = ids.filter_map(|id| of.fields.get(id));
        let names: Vec<&str> = names.map(|field| field.name.as_str()).collect();
        Some(names.join(" and "))
    };
    parts.optional("columns", old.and_then(columns), columns(now));
    let fresh = ProfileType::new(Filter::All);
    let old = old.unwrap_or(&fresh);
    let (was, is) = (interval_text(old.interval), interval_text(now.interval));
    parts.changed("interval", &was, &is);
    parts.changed(
        "files",
        &name_of(FILES, old.files),
        &name_of(FILES, now.files),
    );
    parts.changed("rank", &old.rank, &now.rank);
    parts.joined()
}

/// Which records a rule lets in: `where … or pointed at by booking.order`.
fn let_in(rule: &ProfileType, of: &RecordType, definition: &Definition) -> String {
    let mut ways: Vec<String> = Vec::new();
    match &rule.filter {
        Filter::All => ways.push("all".to_owned()),
        Filter::RelatedOnly => {}
        Filter::Owned(owned) => {
            let names: Vec<&str> = owned_names(*owned).collect();
            ways.push(names.join(" or "));
        }
        Filter::Where(expression) => ways.push(format!("where {expression}")),
    }
    let related = rule.related.iter().map(|way| way.words(definition, of));
    let related: Vec<String> = related.collect();
    match rule.combine {
        Combine::Or => ways.extend(related),
        Combine::And => ways.push(format!("and {}", related.join(" or "))),
    }
    match rule.combine {
        Combine::Or => ways.join(" or "),
        Combine::And => ways.join(" "),
    }
}
