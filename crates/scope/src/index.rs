//! Everything about records that scopes are made of, as bitmaps. It follows
//! from state, rules and time alone, so that an index kept current entry by
//! entry and one built anew are the same.

use crate::eyes::{Eyes, moment};
use crate::links::{LinkKey, Links, pointed_at};
use crate::ordinals::Ordinals;
use crate::parts::{KeyIndex, TestIndex};
use crate::rules::{Part, Plan, Rules, TypeRules};
use crate::whose::{Owners, Shares, units_of};
use cairn_model::expression::Moment;
use cairn_model::security::Ownership;
use cairn_model::{Definition, FieldId, RecordId, Timestamp, TypeId, Value};
use cairn_projection::{Record, State};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The index. Its parts are shared between engines until one of them changes,
/// so that a draft is looked at without building everything again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    pub(crate) ordinals: Arc<Ordinals>,
    /// Records that are there to be seen.
    pub(crate) alive: BTreeMap<TypeId, Arc<RoaringBitmap>>,
    none: RoaringBitmap,
    pub(crate) owners: Arc<Owners>,
    pub(crate) shares: Arc<Shares>,
    pub(crate) links: BTreeMap<LinkKey, Arc<Links>>,
    pub(crate) tests: Vec<Arc<TestIndex>>,
    pub(crate) keys: Vec<Arc<KeyIndex>>,
}

/// Who may see a record, and which filters it meets: what decides over scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) alive: bool,
    pub(crate) owner: Option<RecordId>,
    pub(crate) unit: Option<String>,
    pub(crate) shared: BTreeSet<RecordId>,
    /// Tests that the record meets.
    pub(crate) tests: BTreeSet<usize>,
    /// Numbers of its values, by key.
    pub(crate) keys: BTreeMap<usize, BTreeSet<u32>>,
    /// Whom it points at.
    pub(crate) links: BTreeMap<LinkKey, Vec<u32>>,
}

/// The owner that a record names.
pub(crate) fn owner_of(record: &Record, rules: &TypeRules) -> Option<RecordId> {
    match record.value(rules.owner?)? {
        Value::Lookup(owner) => Some(*owner),
        _ => None,
    }
}

/// Whom a record is shared with.
fn readers_of(record: &Record, rules: &TypeRules) -> BTreeSet<RecordId> {
    let fields = rules.shared.iter();
    fields
        .flat_map(|field| pointed_at(record, *field))
        .collect()
}

/// Whose a record is, and whom it is shared with.
pub(crate) fn ownership_of(record: &Record, definition: &Definition) -> Ownership {
    let of_type = definition.types.get(&record.record_type);
    let named = |field: Option<FieldId>| -> BTreeSet<RecordId> {
        let lookups = field.map(|field| pointed_at(record, field));
        lookups.into_iter().flatten().collect()
    };
    Ownership {
        owner: of_type
            .and_then(|of_type| of_type.owner)
            .and_then(|owner| pointed_at(record, owner).first().copied()),
        readers: named(of_type.and_then(|of_type| of_type.readers)),
        writers: named(of_type.and_then(|of_type| of_type.writers)),
    }
}

impl Index {
    /// The index over a state.
    pub(crate) fn of(state: &State, rules: &Rules, now: Timestamp) -> Index {
        let (ordinals, records) = Ordinals::of_all(state);
        let mut index = Index {
            ordinals: Arc::new(ordinals),
            ..Index::default()
        };
        let mut alive: BTreeMap<TypeId, RoaringBitmap> = BTreeMap::new();
        let mut by_type: BTreeMap<TypeId, Vec<(u32, &Record)>> = BTreeMap::new();
        for (ordinal, record) in (0..).zip(records) {
            if record.is_alive() {
                alive.entry(record.record_type).or_default().insert(ordinal);
                by_type
                    .entry(record.record_type)
                    .or_default()
                    .push((ordinal, record));
            }
        }
        index.alive = alive
            .into_iter()
            .map(|(id, records)| (id, Arc::new(records)))
            .collect();
        index.redefine(state, None, rules, now, |id| {
            by_type.remove(&id).unwrap_or_default()
        });
        index
    }

    /// Keeps what still holds of `last`'s index and builds what `rules` ask for
    /// besides. Whether a part of it may mean something else than before.
    pub(crate) fn follow(
        &mut self,
        state: &State,
        last: &Rules,
        rules: &Rules,
        now: Timestamp,
    ) -> bool {
        let ordinals = Arc::clone(&self.ordinals);
        let alive = self.alive.clone();
        self.redefine(state, Some(last), rules, now, |id| {
            let records = alive
                .get(&id)
                .into_iter()
                .flat_map(|records| records.iter());
            let record = |ordinal| Some((ordinal, state.record(ordinals.record(ordinal))?));
            records.filter_map(record).collect()
        })
    }

    fn redefine<'a>(
        &mut self,
        state: &'a State,
        last: Option<&Rules>,
        rules: &Rules,
        now: Timestamp,
        mut records_of: impl FnMut(TypeId) -> Vec<(u32, &'a Record)>,
    ) -> bool {
        let last_types = last.map(|last| &last.types);
        let moment = moment(&rules.definition, now);
        let offset = last.map(|last| last.definition.utc_offset);
        let same_days = offset == Some(moment.utc_offset);
        let units = units_of(&rules.definition, &rules.security);
        let mut changed =
            *self.owners.units() != units && Arc::make_mut(&mut self.owners).have(units);
        self.links.retain(|key, _| rules.links.contains(key));
        let held = std::mem::take(&mut self.tests);
        self.tests = rules
            .tests
            .iter()
            .map(|test| {
                let known = held.iter().find(|known| same_days && known.test == *test);
                known
                    .cloned()
                    .unwrap_or_else(|| Arc::new(TestIndex::new(test.clone())))
            })
            .collect();
        let kept_tests: BTreeSet<usize> = kept(&self.tests, &held);
        let held = std::mem::take(&mut self.keys);
        self.keys = rules
            .keys
            .iter()
            .map(|key| {
                let known = held.iter().find(|known| known.key == *key);
                known
                    .cloned()
                    .unwrap_or_else(|| Arc::new(KeyIndex::new(key.clone())))
            })
            .collect();
        let kept_keys: BTreeSet<usize> = kept(&self.keys, &held);
        for (id, of_type) in &rules.types {
            let before = last_types.and_then(|types| types.get(id));
            let whose = |rules: &TypeRules| (rules.owner, rules.shared.clone());
            let whose_changed = before.map(whose) != Some(whose(of_type));
            let new_links: Vec<LinkKey> = rules
                .links
                .iter()
                .filter(|key| key.0 == *id && !self.links.contains_key(*key))
                .copied()
                .collect();
            let new_tests: Vec<usize> = (0..self.tests.len())
                .filter(|at| self.tests[*at].record_type() == *id && !kept_tests.contains(at))
                .collect();
            let new_keys: Vec<usize> = (0..self.keys.len())
                .filter(|at| self.keys[*at].record_type() == *id && !kept_keys.contains(at))
                .collect();
            let is_same = !whose_changed && new_links.is_empty();
            if is_same && new_tests.is_empty() && new_keys.is_empty() {
                continue;
            }
            changed |= whose_changed;
            let records = records_of(*id);
            if whose_changed {
                let owners = Arc::make_mut(&mut self.owners);
                let shares = Arc::make_mut(&mut self.shares);
                for (ordinal, record) in &records {
                    owners.set(*ordinal, owner_of(record, of_type));
                    shares.set(*ordinal, readers_of(record, of_type));
                }
            }
            for key in new_links {
                let links = Links::of(&records, key.1, |id| self.ordinals.get(id));
                self.links.insert(key, Arc::new(links));
            }
            for at in new_tests {
                let index = Arc::make_mut(&mut self.tests[at]);
                for (ordinal, record) in &records {
                    index.ask(*ordinal, Some(record), state, &moment);
                }
            }
            for at in new_keys {
                let index = Arc::make_mut(&mut self.keys[at]);
                for (ordinal, record) in &records {
                    index.ask(*ordinal, Some(record), state);
                }
            }
        }
        changed
    }

    /// Records of a type that are there to be seen.
    pub(crate) fn alive(&self, record_type: TypeId) -> &RoaringBitmap {
        let records = self.alive.get(&record_type);
        records.map_or(&self.none, |records| records)
    }

    /// The records from which one of `routes` leads to `changed`.
    pub(crate) fn traced(
        &self,
        routes: &BTreeSet<Vec<LinkKey>>,
        changed: u32,
        into: &mut BTreeSet<u32>,
    ) {
        for route in routes {
            let mut at = BTreeSet::from([changed]);
            for link in route.iter().rev() {
                let links = self.links.get(link);
                at = links
                    .into_iter()
                    .flat_map(|links| at.iter().flat_map(|target| links.sources(*target)))
                    .collect();
            }
            into.extend(at);
        }
    }

    /// What is known of a record.
    pub(crate) fn facts(&self, ordinal: u32) -> Facts {
        let record_type = self.ordinals.type_of(ordinal);
        let owner = self.owners.of(ordinal);
        let of_type = |key: &LinkKey| key.0 == record_type;
        Facts {
            alive: self.alive(record_type).contains(ordinal),
            owner,
            unit: owner
                .and_then(|owner| self.owners.unit_of(owner))
                .map(str::to_owned),
            shared: self.shares.of(ordinal).cloned().unwrap_or_default(),
            tests: (0..self.tests.len())
                .filter(|at| self.tests[*at].record_type() == record_type)
                .filter(|at| self.tests[*at].holds.contains(ordinal))
                .collect(),
            keys: (0..self.keys.len())
                .filter(|at| self.keys[*at].record_type() == record_type)
                .map(|at| (at, self.keys[at].of(ordinal)))
                .collect(),
            links: self
                .links
                .iter()
                .filter(|(key, _)| of_type(key))
                .map(|(key, links)| (*key, links.targets(ordinal).collect()))
                .collect(),
        }
    }

    /// Numbers new records, and has those who waited for them point at them.
    pub(crate) fn number(&mut self, changed: &[&Record]) {
        let fresh = Arc::make_mut(&mut self.ordinals).take_in(changed);
        for ordinal in fresh {
            let record = self.ordinals.record(ordinal);
            for links in self.links.values_mut() {
                if links.awaits(record) {
                    Arc::make_mut(links).arrived(record, ordinal);
                }
            }
        }
    }

    /// Takes in who and what a changed record names.
    pub(crate) fn take_in(&mut self, record: &Record, rules: &Rules) {
        let Some(ordinal) = self.ordinals.get(record.id) else {
            return;
        };
        let id = record.record_type;
        let alive = record.is_alive();
        let of_type = Arc::make_mut(self.alive.entry(id).or_default());
        if alive {
            of_type.insert(ordinal);
        } else {
            of_type.remove(ordinal);
        }
        let type_rules = rules.types.get(&id).filter(|_| alive);
        let owner = type_rules.and_then(|rules| owner_of(record, rules));
        Arc::make_mut(&mut self.owners).set(ordinal, owner);
        let readers = type_rules.map(|rules| readers_of(record, rules));
        Arc::make_mut(&mut self.shares).set(ordinal, readers.unwrap_or_default());
        for (key, links) in self.links.iter_mut().filter(|(key, _)| key.0 == id) {
            let targets = if alive {
                pointed_at(record, key.1)
            } else {
                Vec::new()
            };
            Arc::make_mut(links).set(ordinal, &targets, |id| self.ordinals.get(id));
        }
    }

    /// Finds the answers for a record again.
    pub(crate) fn ask(&mut self, ordinal: u32, state: &State, moment: &Moment) {
        let id = self.ordinals.type_of(ordinal);
        let record = state.record(self.ordinals.record(ordinal));
        let record = record.filter(|record| record.is_alive());
        let tests = self.tests.iter_mut();
        for index in tests.filter(|index| index.record_type() == id) {
            Arc::make_mut(index).ask(ordinal, record, state, moment);
        }
        let keys = self.keys.iter_mut();
        for index in keys.filter(|index| index.record_type() == id) {
            Arc::make_mut(index).ask(ordinal, record, state);
        }
    }

    /// The records whose answers time may have changed by `now`.
    pub(crate) fn due(&self, now: Timestamp) -> BTreeSet<u32> {
        self.tests.iter().flat_map(|index| index.due(now)).collect()
    }

    /// When time may change the next answer.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.tests.iter().filter_map(|index| index.next()).min()
    }
}

/// Which of `now` are among `before`, by place.
fn kept<T>(now: &[Arc<T>], before: &[Arc<T>]) -> BTreeSet<usize> {
    let is_kept = |one: &Arc<T>| before.iter().any(|known| Arc::ptr_eq(known, one));
    (0..now.len()).filter(|at| is_kept(&now[*at])).collect()
}

impl TestIndex {
    fn ask(&mut self, ordinal: u32, record: Option<&Record>, state: &State, moment: &Moment) {
        let atom = &self.test.atom;
        let answer = record.map(|record| atom.answer(record.id, &Eyes::on(state, record), moment));
        self.set(ordinal, answer);
    }
}

impl KeyIndex {
    fn ask(&mut self, ordinal: u32, record: Option<&Record>, state: &State) {
        let keyed = &self.key.keyed;
        let keys = record.map(|record| keyed.keys(record.id, &Eyes::on(state, record)));
        self.set(ordinal, keys.unwrap_or_default());
    }
}

impl Plan {
    /// What the condition comes to for one record, with `meets` for its keys.
    pub(crate) fn holds(&self, facts: &Facts, meets: &impl Fn(usize) -> bool) -> bool {
        match self {
            Plan::Always(holds) => *holds,
            Plan::Part(Part::Test(at)) => facts.tests.contains(at),
            Plan::Part(Part::Key(at)) => meets(*at),
            Plan::All(plans) => plans.iter().all(|plan| plan.holds(facts, meets)),
            Plan::Any(plans) => plans.iter().any(|plan| plan.holds(facts, meets)),
            Plan::Not(plan) => !plan.holds(facts, meets),
        }
    }

    /// What the condition comes to for everybody, if it does not depend on who
    /// asks.
    pub(crate) fn for_all(&self, facts: &Facts) -> Option<bool> {
        let settled = |plans: &[Plan], by: bool| {
            let answers: Vec<_> = plans.iter().map(|plan| plan.for_all(facts)).collect();
            if answers.contains(&Some(by)) {
                return Some(by);
            }
            answers.iter().all(Option::is_some).then_some(!by)
        };
        match self {
            Plan::Always(holds) => Some(*holds),
            Plan::Part(Part::Test(at)) => Some(facts.tests.contains(at)),
            Plan::Part(Part::Key(_)) => None,
            Plan::All(plans) => settled(plans, false),
            Plan::Any(plans) => settled(plans, true),
            Plan::Not(plan) => plan.for_all(facts).map(|holds| !holds),
        }
    }
}
