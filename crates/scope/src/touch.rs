//! Whom a change concerns, decided without finding anybody's scope anew.
//!
//! A scope can change only if the user held the record that changed, if a
//! filter lets it in now by itself, or if the user held a record next to it. To
//! see why for what comes in: take the way by which it is reached now and, on
//! it, the first record that was not held before, or that was further from a
//! filtered one. It, or the one before it, has changed, and the one before it
//! was held.

use crate::index::{Facts, Index};
use crate::person::Person;
use crate::rules::{FilterRules, Part, Plan, Rules, TypeInProfile};
use crate::watch::{Watch, Watched};
use cairn_model::TypeId;
use cairn_model::definition::Combine;
use roaring::RoaringBitmap;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// Records next to a changed one whose holders are looked up one by one.
const NEAR_MAX: u64 = 1_000;

/// A record whose facts changed.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) ordinal: u32,
    pub(crate) record_type: TypeId,
    pub(crate) before: Facts,
    pub(crate) after: Facts,
}

impl Person {
    fn may_read(&self, record_type: TypeId, facts: &Facts) -> bool {
        facts.alive
            && self.reach(record_type).is_some_and(|reach| {
                reach.everything
                    || facts
                        .owner
                        .is_some_and(|owner| reach.owners.contains(&owner))
                    || facts
                        .unit
                        .as_ref()
                        .is_some_and(|unit| reach.units.contains(unit))
                    || reach.shared && !facts.shared.is_disjoint(&self.principals)
            })
    }
}

/// What a change comes to in one profile.
struct InProfile<'a> {
    rules: &'a TypeInProfile,
    /// What the filter says before and after; `None` when that is another
    /// thing for each user.
    before: Option<bool>,
    after: Option<bool>,
    /// Records that a walk can come from.
    near: OnceCell<RoaringBitmap>,
}

/// A turn, made ready to be put to many users.
pub(crate) struct Question<'a> {
    turn: &'a Turn,
    index: &'a Index,
    rules: &'a Rules,
    profiles: BTreeMap<&'a str, InProfile<'a>>,
    limit: Option<&'a Plan>,
    links_changed: bool,
}

impl<'a> Question<'a> {
    pub(crate) fn new(turn: &'a Turn, index: &'a Index, rules: &'a Rules) -> Question<'a> {
        let mut profiles = BTreeMap::new();
        for (name, profile) in &rules.profiles {
            if let Some(of_type) = profile.types.get(&turn.record_type) {
                let in_profile = InProfile {
                    rules: of_type,
                    before: of_type.filter.for_all(&turn.before),
                    after: of_type.filter.for_all(&turn.after),
                    near: OnceCell::new(),
                };
                profiles.insert(name.as_str(), in_profile);
            }
        }
        Question {
            turn,
            index,
            rules,
            profiles,
            limit: rules.limit(turn.record_type),
            links_changed: turn.before.links != turn.after.links,
        }
    }

    /// Users whom it may concern: those who hold the record or one next to it,
    /// and those whom a filter may let it in for now.
    pub(crate) fn candidates(&self, watch: &Watch) -> RoaringBitmap {
        let mut users = watch.holders(self.turn.ordinal);
        let read_alike = self.is_read_alike();
        for (name, one) in &self.profiles {
            let Some(members) = watch.in_profile(name) else {
                continue;
            };
            let near = self.near(one);
            if near.len() > NEAR_MAX {
                users |= members;
            } else {
                near.iter()
                    .for_each(|record| users |= watch.holders(record));
            }
            if !(read_alike && self.is_filtered_alike()) {
                match one.rules.filter.askers(&self.turn.after, self.index, watch) {
                    Some(askers) => users |= askers & members,
                    None => users |= members,
                }
            }
        }
        if self.rules.unfiltered() && !read_alike {
            users |= watch.in_no_profile();
        }
        users & watch.fresh()
    }

    /// Whether the same users may hold it as before, the filters of profiles
    /// aside.
    fn is_read_alike(&self) -> bool {
        let Turn { before, after, .. } = self.turn;
        let limited = |facts| match self.limit {
            None => Some(true),
            Some(limit) => limit.for_all(facts),
        };
        let whose = |facts: &Facts| (facts.alive, facts.owner, facts.unit.clone());
        whose(before) == whose(after)
            && before.shared == after.shared
            && limited(before).is_some()
            && limited(before) == limited(after)
    }

    /// Whether every filter says of it what it said before.
    fn is_filtered_alike(&self) -> bool {
        let Turn { before, after, .. } = self.turn;
        before.tests == after.tests && before.keys == after.keys
    }

    /// Whether a user's scope may have changed.
    pub(crate) fn concerns(&self, user: &Watched) -> bool {
        let Turn {
            ordinal,
            before,
            after,
            ..
        } = self.turn;
        let person = &user.person;
        let held = user.scope.contains(*ordinal);
        let may_read = |facts| person.may_read(self.turn.record_type, facts);
        let (was, is) = (may_read(before), may_read(after));
        if was != is && (held || user.kept.contains(*ordinal)) {
            return true;
        }
        if !was && !is {
            return false;
        }
        let may = |facts: &Facts, readable: bool| {
            readable
                && self
                    .limit
                    .is_none_or(|limit| self.holds(limit, facts, person))
        };
        let (was, is) = (may(before, was), may(after, is));
        if person.profiles.is_empty() {
            return was != is && self.rules.unfiltered();
        }
        (was || is)
            && person.profiles.iter().any(|name| {
                let in_profile = self.profiles.get(name.as_str());
                in_profile.is_some_and(|one| self.concerns_in(one, user, held, was, is))
            })
    }

    fn concerns_in(
        &self,
        one: &InProfile<'_>,
        user: &Watched,
        held: bool,
        was: bool,
        is: bool,
    ) -> bool {
        let filter = &one.rules.filter;
        let meets = |told: Option<bool>, facts: &Facts| {
            told.unwrap_or_else(|| filter.lets_in(facts, &user.person, self.index))
        };
        let met = meets(one.before, &self.turn.before);
        let meets = meets(one.after, &self.turn.after);
        let same = was == is && met == meets;
        if same && !self.links_changed {
            return false;
        }
        if held {
            return true;
        }
        match one.rules.combine {
            _ if !is => false,
            Combine::Or if meets => true,
            Combine::And if !meets => false,
            _ => !self.near(one).is_disjoint(&user.scope),
        }
    }

    /// The records from which a walk can step to the one that changed.
    fn near<'b>(&self, one: &'b InProfile<'_>) -> &'b RoaringBitmap {
        one.near.get_or_init(|| {
            let mut near = RoaringBitmap::new();
            for way in &one.rules.ways {
                match self.index.links.get(&way.link) {
                    Some(links) if way.forth => near.extend(links.sources(self.turn.ordinal)),
                    Some(links) => near.extend(links.targets(self.turn.ordinal)),
                    None => {}
                }
            }
            near
        })
    }

    fn holds(&self, plan: &Plan, facts: &Facts, person: &Person) -> bool {
        plan.holds_for(facts, person, self.index)
    }
}

impl Plan {
    /// What the condition comes to for one record and one user.
    pub(crate) fn holds_for(&self, facts: &Facts, person: &Person, index: &Index) -> bool {
        self.holds(facts, &|at| {
            let has = facts.keys.get(&at);
            has.is_some_and(|has| index.keys[at].meets(has, &person.wanted[at]))
        })
    }
}

impl Plan {
    /// The users for whom the condition may hold; `None` when that is anybody.
    fn askers(&self, facts: &Facts, index: &Index, watch: &Watch) -> Option<RoaringBitmap> {
        let constant = |holds: bool| (!holds).then(RoaringBitmap::new);
        match self {
            Plan::Always(holds) => constant(*holds),
            Plan::Part(Part::Test(at)) => constant(facts.tests.contains(at)),
            Plan::Part(Part::Key(at)) => {
                let numbers = facts.keys.get(at).into_iter().flatten();
                let values = numbers.map(|number| index.keys[*at].value(*number));
                let mut users = RoaringBitmap::new();
                for wanting in values.filter_map(|value| watch.wanting(*at, value)) {
                    users |= wanting;
                }
                Some(users)
            }
            Plan::All(plans) => {
                let asked = plans.iter().map(|plan| plan.askers(facts, index, watch));
                asked.flatten().reduce(|one, other| one & other)
            }
            Plan::Any(plans) => {
                let asked = plans.iter().map(|plan| plan.askers(facts, index, watch));
                asked.reduce(|one, other| Some(one? | other?)).flatten()
            }
            Plan::Not(plan) => constant(!plan.for_all(facts).unwrap_or(false)),
        }
    }
}

impl FilterRules {
    /// The users for whom the filter may let a record in; `None` when that is
    /// anybody.
    fn askers(&self, facts: &Facts, index: &Index, watch: &Watch) -> Option<RoaringBitmap> {
        match self {
            FilterRules::All => None,
            FilterRules::Nothing => Some(RoaringBitmap::new()),
            FilterRules::Where(plan) => plan.askers(facts, index, watch),
            FilterRules::Owned(_) => {
                let owner = facts.owner.and_then(|owner| watch.standing_behind(owner));
                let unit = facts.unit.as_ref().and_then(|unit| watch.in_unit(unit));
                let mut users = RoaringBitmap::new();
                owner.into_iter().chain(unit).for_each(|more| users |= more);
                Some(users)
            }
        }
    }

    /// What the filter says of a record to everybody, if it says the same.
    fn for_all(&self, facts: &Facts) -> Option<bool> {
        match self {
            FilterRules::All => Some(true),
            FilterRules::Nothing => Some(false),
            FilterRules::Owned(_) if facts.owner.is_none() => Some(false),
            FilterRules::Owned(_) => None,
            FilterRules::Where(plan) => plan.for_all(facts),
        }
    }

    /// What the filter says of a record to one user.
    pub(crate) fn lets_in(&self, facts: &Facts, person: &Person, index: &Index) -> bool {
        match self {
            FilterRules::All => true,
            FilterRules::Nothing => false,
            FilterRules::Owned(owned) => facts.owner.is_some_and(|owner| {
                let in_unit = facts.unit.is_some() && facts.unit == person.unit;
                owned.mine && owner == person.record
                    || owned.my_teams
                        && owner != person.record
                        && person.principals.contains(&owner)
                    || owned.my_business_unit && in_unit
            }),
            FilterRules::Where(plan) => plan.holds_for(facts, person, index),
        }
    }
}
