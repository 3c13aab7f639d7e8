//! What roles grant, added up for users who have the same roles in the same
//! units.

use super::unit::{Unit, Units};
use crate::definition::{Definition, Depth, Right, Role};
use crate::id::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a set of roles grants.
#[derive(Debug, Clone, Default)]
pub(super) struct Bundle {
    /// Their names.
    pub(super) roles: BTreeSet<String>,
    others: Rights,
    types: BTreeMap<TypeId, Rights>,
}

/// By right, in the order of [`Right::ALL`].
type Rights = [Granted; Right::ALL.len()];

/// How far a right goes.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    /// The deepest depth of any role.
    pub(super) depth: Depth,
    /// Units that it covers, besides what the user owns.
    units: Vec<Range<Unit>>,
}

impl Default for Granted {
    fn default() -> Granted {
        Granted {
            depth: Depth::None,
            units: Vec::new(),
        }
    }
}

impl Granted {
    pub(super) fn any(&self) -> bool {
        self.depth > Depth::None
    }

    pub(super) fn everything(&self) -> bool {
        self.depth == Depth::Organization
    }

    pub(super) fn units(&self) -> impl Iterator<Item = &Range<Unit>> {
        self.units.iter()
    }

    pub(super) fn covers(&self, unit: Unit) -> bool {
        self.units.iter().any(|span| span.contains(&unit))
    }
}

impl Bundle {
    pub(super) fn granted(&self, record_type: TypeId, right: Right) -> &Granted {
        let rights = self.types.get(&record_type).unwrap_or(&self.others);
        &rights[right as usize]
    }
}

/// Roles by name, each in the unit it is held in.
type Held<'a> = Vec<(&'a str, Option<Unit>)>;

/// Bundles while users are gone through.
pub(super) struct Bundles<'a> {
    definition: &'a Definition,
    units: &'a Units,
    known: BTreeMap<Held<'a>, u32>,
    made: Vec<Bundle>,
}

impl<'a> Bundles<'a> {
    pub(super) fn of(definition: &'a Definition, units: &'a Units) -> Bundles<'a> {
        Bundles {
            definition,
            units,
            known: BTreeMap::new(),
            made: Vec::new(),
        }
    }

    /// The bundle of these roles, made when nobody had it before.
    pub(super) fn shared(&mut self, held: impl Iterator<Item = (&'a String, Option<Unit>)>) -> u32 {
        let mut held: Held<'a> = held.map(|(role, unit)| (role.as_str(), unit)).collect();
        held.sort_unstable();
        held.dedup();
        if let Some(known) = self.known.get(&held) {
            return *known;
        }
        let number = self.made.len() as u32;
        self.made.push(self.bundle(&held));
        self.known.insert(held, number);
        number
    }

    pub(super) fn whole(self) -> Vec<Bundle> {
        self.made
    }

    fn bundle(&self, held: &Held<'_>) -> Bundle {
        let roles: Vec<(&Role, Option<Unit>)> = held
            .iter()
            .filter_map(|(role, unit)| Some((self.definition.roles.get(*role)?, *unit)))
            .collect();
        let named: BTreeSet<TypeId> = roles
            .iter()
            .flat_map(|(role, _)| role.types.keys())
            .copied()
            .collect();
        Bundle {
            roles: held.iter().map(|(role, _)| (*role).to_owned()).collect(),
            others: self.rights(&roles, None),
            types: named
                .into_iter()
                .map(|id| (id, self.rights(&roles, Some(id))))
                .collect(),
        }
    }

    fn rights(&self, roles: &[(&Role, Option<Unit>)], of: Option<TypeId>) -> Rights {
        Right::ALL.map(|right| {
            let mut depth = Depth::None;
            let mut spans = BTreeSet::new();
            for (role, unit) in roles {
                let named = of.and_then(|id| role.types.get(&id));
                let given = named.unwrap_or(&role.others).get(&right).copied();
                let given = given.unwrap_or(Depth::None);
                depth = depth.max(given);
                spans.extend(unit.and_then(|unit| match given {
                    Depth::BusinessUnit => Some((unit, unit + 1)),
                    Depth::BusinessUnitAndBelow => {
                        let span = self.units.with_below(unit);
                        Some((span.start, span.end))
                    }
                    Depth::None | Depth::User | Depth::Organization => None,
                }));
            }
            Granted {
                depth,
                units: Units::merged(spans),
            }
        })
    }
}
