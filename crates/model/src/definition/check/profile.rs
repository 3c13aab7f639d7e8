//! Offline profiles: what they name, and what could never work.

use super::{Faults, is_name};
use crate::definition::{
    Combine, Definition, Field, Filter, Kind, Members, Owned, Profile, ProfileType, RecordType,
    Relationship,
};
use crate::id::{FieldId, TypeId};
use crate::limit;
use std::collections::BTreeSet;

/// One type of a profile while it is checked.
struct Rule<'a> {
    definition: &'a Definition,
    profile: &'a Profile,
    rule: &'a ProfileType,
    record_type: &'a RecordType,
    /// What faults call it.
    place: String,
}

impl Definition {
    pub(super) fn profile_faults(&self, faults: &mut Faults) {
        for (name, profile) in &self.profiles {
            let place = format!("profile {name}");
            if !is_name(name) {
                faults.add(&place, "this cannot name a profile", super::NAME_FORM);
            }
            self.member_faults(&profile.members, &place, faults);
            if profile.grace > limit::GRACE_MINUTES_MAX {
                faults.add(
                    &format!("{place}, grace"),
                    format!("{} minutes are too long", profile.grace),
                    format!(
                        "at most {} days are possible",
                        limit::GRACE_MINUTES_MAX / 1440
                    ),
                );
            }
            for (id, rule) in &profile.types {
                if let Some(record_type) = self.live_type(*id, &place, faults) {
                    let place = format!("{place}, {}", record_type.name);
                    let rule = Rule {
                        definition: self,
                        profile,
                        rule,
                        record_type,
                        place,
                    };
                    rule.faults(faults);
                }
            }
        }
        self.exclusion_faults(faults);
    }

    /// Members that an exclusive profile shares with another one.
    fn exclusion_faults(&self, faults: &mut Faults) {
        for (name, profile) in self
            .profiles
            .iter()
            .filter(|(_, profile)| profile.exclusive)
        {
            let members = self.logins_of(&profile.members);
            for (other_name, other) in &self.profiles {
                if other_name == name || other.exclusive && other_name < name {
                    continue;
                }
                let shared = self.logins_of(&other.members);
                let Some(login) = shared.intersection(&members).next() else {
                    continue;
                };
                faults.add(
                    &format!("profile {name}, exclusive"),
                    format!("{login} is a member of profile `{name}` and of profile `{other_name}`, but `{name}` is exclusive"),
                    format!("take {login} out of one of them, or leave out `exclusive`"),
                );
            }
        }
    }

    fn logins_of<'a>(&'a self, members: &'a Members) -> BTreeSet<&'a str> {
        let mut logins: BTreeSet<&str> = members.users.iter().map(String::as_str).collect();
        for (name, team) in &self.teams {
            if members.teams.contains(name) || !team.roles.is_disjoint(&members.roles) {
                logins.extend(team.members.iter().map(String::as_str));
            }
        }
        if !members.roles.is_empty() {
            let held = self
                .users
                .iter()
                .filter(|(_, user)| !user.roles.is_disjoint(&members.roles));
            logins.extend(held.map(|(login, _)| login.as_str()));
        }
        logins
    }
}

impl Rule<'_> {
    fn faults(&self, faults: &mut Faults) {
        if !self.record_type.offline {
            faults.add(
                &self.place,
                format!(
                    "record type `{}` is not enabled for offline",
                    self.record_type.name
                ),
                "remove `offline = false` there, or leave the type out here",
            );
        }
        self.filter_faults(faults);
        self.combination_faults(faults);
        for relationship in &self.rule.related {
            self.relationship_faults(relationship, faults);
        }
        self.column_faults(faults);
        if self.rule.interval > limit::INTERVAL_MINUTES_MAX {
            faults.add(
                &self.part("interval"),
                format!("{} minutes are too long", self.rule.interval),
                "write \"live\" or a span of at most one day, such as \"15m\" or \"1d\"",
            );
        }
    }

    fn part(&self, part: &str) -> String {
        format!("{}, {part}", self.place)
    }

    fn filter_faults(&self, faults: &mut Faults) {
        if let Filter::Owned(owned) = self.rule.filter {
            if owned == Owned::default() {
                faults.add(
                    &self.part("filter"),
                    "it lets in nobody's records",
                    "list \"mine\", \"my-teams\" or \"my-business-unit\"",
                );
            }
            if self.record_type.owner.is_none() {
                faults.add(
                    &self.part("filter"),
                    format!(
                        "a {} has no owner, so it lets in none",
                        self.record_type.name
                    ),
                    "write `filter = \"all\"` or a `where`, or name the type's `owner`",
                );
            }
        }
    }

    fn combination_faults(&self, faults: &mut Faults) {
        let rule = self.rule;
        if rule.related.is_empty() {
            if rule.filter == Filter::RelatedOnly {
                faults.add(
                    &self.part("related"),
                    "it lets in related records only, but names no relationship",
                    "list ways to records of this type under `related`",
                );
            }
            if rule.combine == Combine::And {
                faults.add(
                    &self.part("combine"),
                    "records must meet the filter and be reached, but it names no relationship",
                    "list ways to records of this type under `related`, or remove `combine`",
                );
            }
        } else if rule.filter == Filter::RelatedOnly && rule.combine == Combine::And {
            faults.add(
                &self.part("combine"),
                "records must meet a filter and be reached, but it has no filter",
                "give it a `filter` or a `where`, or remove `combine`",
            );
        }
    }

    fn relationship_faults(&self, relationship: &Relationship, faults: &mut Faults) {
        let words = relationship.words(self.definition, self.record_type);
        let place = format!("{}, {words}", self.place);
        let (by, field, to, depth) = match relationship {
            Relationship::PointedAtBy {
                record_type,
                field,
                depth,
            } => {
                let Some(by) = self.definition.live_type(*record_type, &place, faults) else {
                    return;
                };
                (by, *field, self.record_type, *depth)
            }
            Relationship::PointingAt {
                record_type,
                field,
                depth,
            } => {
                let Some(to) = self.definition.live_type(*record_type, &place, faults) else {
                    return;
                };
                (self.record_type, *field, to, *depth)
            }
        };
        if depth == Some(0) {
            faults.add(&place, "it takes no step", "write at least 1 step, or none");
        }
        let Some(field) = by.live_field(field) else {
            let wrong = format!("a field of {} does not exist", by.name);
            faults.add(&place, wrong, "name a field in use");
            return;
        };
        if !leads_to(&field.kind, to.id) {
            faults.add(
                &place,
                format!("`{}.{}` never leads to a {}", by.name, field.name, to.name),
                ways(by, to),
            );
        } else if field.secured {
            faults.add(
                &place,
                format!(
                    "`{}.{}` is secured, and which records are held would give it away",
                    by.name, field.name
                ),
                "name another way, or remove `secured` there",
            );
        }
    }

    /// A device that lacks a record's title, or the lookups that the profile
    /// goes along, cannot show why the record is there.
    fn column_faults(&self, faults: &mut Faults) {
        let Some(columns) = &self.rule.columns else {
            return;
        };
        let place = self.part("columns");
        let in_use = |id: &FieldId| self.record_type.live_field(*id).is_some();
        if !columns.iter().all(in_use) {
            let wrong = format!("a field of {} does not exist", self.record_type.name);
            faults.add(&place, wrong, "name fields in use");
        }
        let missing = |field: &FieldId| !columns.contains(field) && in_use(field);
        let name = |id: FieldId| self.record_type.fields[&id].name.as_str();
        if let Some(title) = self.record_type.title.filter(missing) {
            faults.add(
                &place,
                format!(
                    "`{}` is missing, the title of a {}",
                    name(title),
                    self.record_type.name
                ),
                "list it, too",
            );
        }
        for field in self.gone_along().into_iter().filter(missing) {
            faults.add(
                &place,
                format!(
                    "`{}` is missing, which a relationship of the profile goes along",
                    name(field)
                ),
                "list it, too",
            );
        }
    }

    /// The fields of the type that relationships of the profile go along.
    fn gone_along(&self) -> BTreeSet<FieldId> {
        let own = self.record_type.id;
        let of = |(id, rule): (&TypeId, &ProfileType)| -> Vec<FieldId> {
            let along = |relationship: &Relationship| match relationship {
                Relationship::PointedAtBy {
                    record_type, field, ..
                } if *record_type == own => Some(*field),
                Relationship::PointingAt { field, .. } if *id == own => Some(*field),
                _ => None,
            };
            rule.related.iter().filter_map(along).collect()
        };
        self.profile.types.iter().flat_map(of).collect()
    }
}

/// Whether a field of the kind can point at records of the type.
fn leads_to(kind: &Kind, to: TypeId) -> bool {
    match kind {
        Kind::Lookup { targets, .. } => targets.contains(&to),
        Kind::Set { of } => leads_to(of, to),
        _ => false,
    }
}

/// The fields of `by` that lead to a `to`, as what to write instead.
fn ways(by: &RecordType, to: &RecordType) -> String {
    let leads = |field: &&Field| leads_to(&field.kind, to.id) && !field.secured;
    let names: Vec<&str> = by
        .live_fields()
        .filter(leads)
        .map(|f| f.name.as_str())
        .collect();
    match names[..] {
        [] => format!("a {} has no lookup to a {}", by.name, to.name),
        _ => format!(
            "a {} leads to a {} by {}",
            by.name,
            to.name,
            names.join(", ")
        ),
    }
}
