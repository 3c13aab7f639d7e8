//! What one user holds: bitmap algebra, and a walk along relationships.

use crate::index::Index;
use crate::person::Person;
use crate::rules::{FilterRules, Part, Plan, ProfileRules, Rules, TypeInProfile, Way};
use cairn_model::TypeId;
use cairn_model::definition::{Combine, Owned};
use roaring::RoaringBitmap;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A set of records, borrowed where it is one of the index's.
pub(crate) type Set<'a> = Cow<'a, RoaringBitmap>;

/// The index as one user sees it.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) index: &'a Index,
    pub(crate) rules: &'a Rules,
    pub(crate) person: &'a Person,
}

/// How a walk came to each record: from which, by which way.
pub(crate) type Steps = BTreeMap<u32, (u32, Way)>;

/// One type of a profile while it is walked through.
struct Field<'a> {
    rules: &'a TypeInProfile,
    /// What may be let in.
    eligible: Set<'a>,
    /// What meets the filter.
    filtered: Set<'a>,
    held: RoaringBitmap,
}

impl<'a> Sight<'a> {
    /// The records of a type that the user may read.
    pub(crate) fn readable(&self, record_type: TypeId) -> Set<'a> {
        let alive = self.index.alive(record_type);
        let Some(reach) = self.person.reach(record_type) else {
            return Set::default();
        };
        if reach.everything {
            return Set::Borrowed(alive);
        }
        let Index { owners, shares, .. } = self.index;
        let owned = reach
            .owners
            .iter()
            .filter_map(|owner| owners.records_of(*owner));
        let within = reach
            .units
            .iter()
            .filter_map(|unit| owners.records_in(unit));
        let readers = self.person.principals.iter().filter(|_| reach.shared);
        let shared = readers.filter_map(|reader| shares.with(*reader));
        let mut records = RoaringBitmap::new();
        for more in owned.chain(within).chain(shared) {
            records |= more;
        }
        Set::Owned(records & alive)
    }

    /// Whether the user may read a record.
    pub(crate) fn may_read(&self, ordinal: u32) -> bool {
        let record_type = self.index.ordinals.type_of(ordinal);
        self.index.alive(record_type).contains(ordinal)
            && self.person.reach(record_type).is_some_and(|reach| {
                let owner = self.index.owners.of(ordinal);
                let unit = owner.and_then(|owner| self.index.owners.unit_of(owner));
                let with = self.index.shares.of(ordinal).filter(|_| reach.shared);
                reach.everything
                    || owner.is_some_and(|owner| reach.owners.contains(&owner))
                    || unit.is_some_and(|unit| reach.units.contains(unit))
                    || with.is_some_and(|with| !with.is_disjoint(&self.person.principals))
            })
    }

    /// The records of a type that a condition lets in.
    pub(crate) fn meeting(&self, plan: &Plan, record_type: TypeId) -> Set<'a> {
        let alive = self.index.alive(record_type);
        match plan {
            Plan::Always(false) => Set::default(),
            Plan::Always(true) => Set::Borrowed(alive),
            Plan::Part(Part::Test(at)) => Set::Borrowed(&self.index.tests[*at].holds),
            Plan::Part(Part::Key(at)) => {
                Set::Owned(self.index.keys[*at].records(&self.person.wanted[*at]))
            }
            Plan::All(plans) => {
                let mut sets: Vec<Set<'a>> = plans
                    .iter()
                    .map(|plan| self.meeting(plan, record_type))
                    .collect();
                sets.sort_by_key(|set| set.len());
                let mut sets = sets.into_iter();
                let first = sets.next().unwrap_or(Set::Borrowed(alive));
                sets.fold(first, |met, set| both(met, &set))
            }
            Plan::Any(plans) => {
                let mut met = RoaringBitmap::new();
                for plan in plans {
                    met |= &*self.meeting(plan, record_type);
                }
                Set::Owned(met)
            }
            Plan::Not(plan) => Set::Owned(alive - &*self.meeting(plan, record_type)),
        }
    }

    fn owned(&self, owned: Owned) -> RoaringBitmap {
        let owners = &self.index.owners;
        let mut records = RoaringBitmap::new();
        let mine = owned.mine.then_some(&self.person.record);
        let teams = self.person.teams().filter(|_| owned.my_teams);
        for more in mine
            .into_iter()
            .chain(teams)
            .filter_map(|id| owners.records_of(*id))
        {
            records |= more;
        }
        let unit = self.person.unit.as_ref().filter(|_| owned.my_business_unit);
        if let Some(more) = unit.and_then(|unit| owners.records_in(unit)) {
            records |= more;
        }
        records
    }

    /// The records of a type that meet a profile's filter, if they may be held.
    pub(crate) fn filtered(
        &self,
        filter: &FilterRules,
        record_type: TypeId,
        eligible: &Set<'a>,
    ) -> Set<'a> {
        match filter {
            FilterRules::All => eligible.clone(),
            FilterRules::Nothing => Set::default(),
            FilterRules::Owned(owned) => Set::Owned(self.owned(*owned) & &**eligible),
            FilterRules::Where(plan) => both(self.meeting(plan, record_type), eligible),
        }
    }

    /// The records of a type that profiles may let in.
    pub(crate) fn eligible(&self, record_type: TypeId) -> Set<'a> {
        if !self.rules.is_offline(record_type) {
            return Set::default();
        }
        let readable = self.readable(record_type);
        match self.rules.limit(record_type) {
            None => readable,
            Some(limit) => both(readable, &self.meeting(limit, record_type)),
        }
    }

    /// What profiles give the user, or the lack of any.
    pub(crate) fn let_in(&self) -> RoaringBitmap {
        let mut records = RoaringBitmap::new();
        for name in &self.person.profiles {
            records |= self.profile(&self.rules.profiles[name], None);
        }
        if self.person.profiles.is_empty() && self.rules.unfiltered() {
            for record_type in self.rules.types.keys() {
                records |= &*self.eligible(*record_type);
            }
        }
        records
    }

    /// What one profile lets in. Notes in `steps` how each record was reached
    /// that no filter let in by itself.
    pub(crate) fn profile(
        &self,
        profile: &'a ProfileRules,
        mut steps: Option<&mut Steps>,
    ) -> RoaringBitmap {
        let mut fields: BTreeMap<TypeId, Field<'a>> = BTreeMap::new();
        let mut frontier: BTreeMap<TypeId, Vec<u32>> = BTreeMap::new();
        for (id, rules) in &profile.types {
            let eligible = self.eligible(*id);
            let filtered = self.filtered(&rules.filter, *id, &eligible);
            let mut held = RoaringBitmap::new();
            if rules.combine == Combine::Or {
                held = filtered.clone().into_owned();
                if profile.onward.contains_key(id) {
                    frontier.insert(*id, held.iter().collect());
                }
            }
            fields.insert(
                *id,
                Field {
                    rules,
                    eligible,
                    filtered,
                    held,
                },
            );
        }
        let mut depth = 0;
        while !frontier.is_empty() {
            depth += 1;
            let mut next: BTreeMap<TypeId, Vec<u32>> = BTreeMap::new();
            for (from, sources) in &frontier {
                let ways = profile.onward.get(from).into_iter().flatten();
                for way in ways.filter(|way| depth <= way.depth) {
                    let Some(field) = fields.get_mut(&way.to) else {
                        continue;
                    };
                    let reached = field.step(way, sources, self.index, &mut steps);
                    if profile.onward.contains_key(&way.to) && !reached.is_empty() {
                        next.entry(way.to).or_default().extend(reached);
                    }
                }
            }
            frontier = next;
        }
        let mut records = RoaringBitmap::new();
        for field in fields.into_values() {
            records |= field.held;
        }
        records
    }
}

impl Field<'_> {
    /// Takes in what `sources` lead to. Gives what was not held before.
    fn step(
        &mut self,
        way: &Way,
        sources: &[u32],
        index: &Index,
        steps: &mut Option<&mut Steps>,
    ) -> Vec<u32> {
        let mut reached = Vec::new();
        let Some(links) = index.links.get(&way.link) else {
            return reached;
        };
        let admitted = match self.rules.combine {
            Combine::Or => &self.eligible,
            Combine::And => &self.filtered,
        };
        if self.held.len() == admitted.len() {
            return reached;
        }
        for source in sources {
            let mut visit = |target: u32| {
                if admitted.contains(target) && self.held.insert(target) {
                    reached.push(target);
                    if let Some(steps) = steps {
                        steps.insert(target, (*source, *way));
                    }
                }
            };
            if way.forth {
                links.targets(*source).for_each(&mut visit);
            } else {
                links.sources(*source).for_each(&mut visit);
            }
        }
        reached
    }
}

fn both<'a>(one: Set<'a>, other: &RoaringBitmap) -> Set<'a> {
    match one {
        Set::Borrowed(one) => Set::Owned(one & other),
        Set::Owned(one) => Set::Owned(one & other),
    }
}
