//! Scopes, kept current: what changed, whom it concerns, what they hold now.

use crate::eyes::moment;
use crate::index::{Facts, Index, ownership_of};
use crate::keep::{Kept, Work};
use crate::person::{GRACE_WITHOUT_PROFILE_MS, Person, wanted};
use crate::rules::Rules;
use crate::touch::{Question, Turn};
use crate::walk::Sight;
use crate::watch::Watch;
use cairn_model::definition::Right;
use cairn_model::security::Security;
use cairn_model::{RecordId, Timestamp, TypeId, Version};
use cairn_projection::{Record, State};
use roaring::RoaringBitmap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How far a clock may go back and the engine just waits for it; beyond that
/// everything is found anew. In milliseconds.
const CLOCK_BACK_MS_MAX: u64 = 60_000;

/// Changed records that are looked at one by one. More concern everybody:
/// finding every scope anew costs less.
const TURNS_MAX: usize = 20_000;

/// Records whose holders are looked up one by one.
const RECORDS_MAX: u64 = 1_000;

/// What a step of the engine changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Touched {
    /// Users whose scope may have changed, or what they get of its records: at
    /// least all those for whom it did. A user is named once, and then not
    /// again before their scope is asked for.
    pub users: BTreeSet<String>,
    /// Records that changed.
    pub records: RoaringBitmap,
}

/// Decides which records each user of an organization holds offline.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) version: Version,
    pub(crate) now: Timestamp,
    pub(crate) rules: Arc<Rules>,
    pub(crate) index: Index,
    pub(crate) work: Arc<Work>,
    pub(crate) watched: Watch,
}

fn grace_max(rules: &Rules) -> u64 {
    let graces = rules.profiles.values().map(|profile| profile.grace);
    graces
        .max()
        .unwrap_or_default()
        .max(GRACE_WITHOUT_PROFILE_MS)
}

impl Engine {
    /// The engine over a state. Cost follows the number of records.
    pub fn of(state: &State, now: Timestamp) -> Engine {
        let rules = Rules::of(state.definition());
        let index = Index::of(state, &rules, now);
        let work = Work::of(state, &index.ordinals, grace_max(&rules), now);
        Engine {
            version: state.version(),
            now,
            rules: Arc::new(rules),
            index,
            work: Arc::new(work),
            watched: Watch::default(),
        }
    }

    /// The version of the state that was taken in last.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The time that scopes are found for.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Catches up with a state that has folded more entries, and with the
    /// clock. Cost follows what changed.
    pub fn fold(&mut self, state: &State, now: Timestamp) -> Touched {
        let mut touched = self.advance(state, now);
        let since = self.version;
        if state.version() <= since {
            return touched;
        }
        self.version = state.version();
        let changed: Vec<&Record> = state.changed_since(since).collect();
        self.index.number(&changed);
        self.take_in(state, &changed, &mut touched);
        self.keep(state, &changed, since, &mut touched);
        if state.definition_changed() > since {
            self.redefine(state, &mut touched);
        }
        touched
    }

    /// Moves the clock on. A clock that goes back a little is waited for.
    pub fn advance(&mut self, state: &State, now: Timestamp) -> Touched {
        let mut touched = Touched::default();
        if self.now.since(now) > CLOCK_BACK_MS_MAX {
            self.restart(state, now, &mut touched);
        }
        if now <= self.now {
            return touched;
        }
        self.now = now;
        let due = self.index.due(now);
        if !due.is_empty() {
            let moment = moment(&self.rules.definition, now);
            self.turn(&due, &mut touched, |index| {
                for ordinal in &due {
                    index.ask(*ordinal, state, &moment);
                }
            });
        }
        let over = self.watched.over(now);
        self.keep_for(state, over, &mut touched);
        touched
    }

    /// The next instant at which time alone may change what a watched user
    /// holds.
    pub fn next_change(&self) -> Option<Timestamp> {
        let kept = self.watched.next().into_iter();
        kept.chain(self.index.next()).min()
    }

    /// The records that a user holds, by number. Found anew only when the user
    /// was touched since it was last asked for; from then on they are watched.
    pub fn scope(&mut self, state: &State, user: &str) -> Arc<RoaringBitmap> {
        if let Some(scope) = self.watched.scope(user) {
            return Arc::clone(scope);
        }
        let number = self.watched.number(user).unwrap_or_else(|| {
            let person = Person::of(&self.rules, state, user);
            let kept = self.kept(state, &person);
            self.watched.add(person, kept)
        });
        let watched = self.watched.at(number);
        let scope = Arc::new(self.find(&watched.person, &watched.kept));
        self.watched.settle(number, Arc::clone(&scope));
        scope
    }

    /// Stops watching a user, whose devices are gone.
    pub fn forget(&mut self, user: &str) {
        self.watched.forget(user);
    }

    /// The same engine at a later time, for questions: it watches nobody, and
    /// this one stays as it is. Cost follows what the clock moves.
    pub fn at(&self, state: &State, now: Timestamp) -> Engine {
        let mut engine = self.beside();
        engine.advance(state, now);
        engine
    }

    /// Another engine over the same index, which watches nobody.
    pub(crate) fn beside(&self) -> Engine {
        Engine {
            version: self.version,
            now: self.now,
            rules: Arc::clone(&self.rules),
            index: self.index.clone(),
            work: Arc::clone(&self.work),
            watched: Watch::default(),
        }
    }

    /// The watched users who hold one of `records`, as far as their scopes are
    /// found.
    pub fn holders(&self, records: &RoaringBitmap) -> BTreeSet<&str> {
        let mut users = RoaringBitmap::new();
        if records.len() > RECORDS_MAX {
            users.clone_from(self.watched.fresh());
        } else {
            for record in records {
                users |= self.watched.holders(record);
            }
        }
        let watched = users.iter().map(|number| self.watched.at(number));
        let holding = watched.filter(|user| !user.scope.is_disjoint(records));
        holding.map(|user| user.person.login.as_str()).collect()
    }

    /// The rights in force.
    pub fn security(&self) -> &Security {
        &self.rules.security
    }

    /// Whether a user may read a record, whether or not it is deleted.
    pub fn may_read(&self, user: &str, record: &Record) -> bool {
        let ownership = ownership_of(record, &self.rules.definition);
        let security = &self.rules.security;
        let id = record.record_type;
        security.may(user, Right::Read, id, &ownership).is_ok()
    }

    /// The number of a record.
    pub fn ordinal(&self, record: RecordId) -> Option<u32> {
        self.index.ordinals.get(record)
    }

    /// The record of a number.
    ///
    /// # Panics
    /// If no record has it.
    pub fn record(&self, ordinal: u32) -> RecordId {
        self.index.ordinals.record(ordinal)
    }

    /// Records that have a number.
    pub fn record_count(&self) -> usize {
        self.index.ordinals.len()
    }

    /// The records of a type that are there to be seen.
    pub fn records_of(&self, record_type: TypeId) -> &RoaringBitmap {
        self.index.alive(record_type)
    }

    pub(crate) fn sight<'a>(&'a self, person: &'a Person) -> Sight<'a> {
        Sight {
            index: &self.index,
            rules: &self.rules,
            person,
        }
    }

    pub(crate) fn kept(&self, state: &State, person: &Person) -> Kept {
        let ordinals = &self.index.ordinals;
        self.work
            .kept(state, ordinals, &person.login, person.grace, self.now)
    }

    /// What somebody holds, found from nothing but the index.
    pub(crate) fn find(&self, person: &Person, kept: &Kept) -> RoaringBitmap {
        if !person.is_known {
            return RoaringBitmap::new();
        }
        let sight = self.sight(person);
        let mut records = sight.let_in();
        let ordinals = &self.index.ordinals;
        for ordinal in kept.all() {
            let offline = self.rules.is_offline(ordinals.type_of(ordinal));
            if offline && sight.may_read(ordinal) {
                records.insert(ordinal);
            }
        }
        records
    }

    /// Takes in changed records under the rules in force until now.
    fn take_in(&mut self, state: &State, changed: &[&Record], touched: &mut Touched) {
        let ordinals = &self.index.ordinals;
        let changed_ordinals: Vec<u32> = changed
            .iter()
            .filter_map(|record| ordinals.get(record.id))
            .collect();
        touched.records.extend(changed_ordinals.iter().copied());
        let rules = Arc::clone(&self.rules);
        let mut asked: BTreeSet<u32> = changed_ordinals.iter().copied().collect();
        let mut users = asked.clone();
        for ordinal in changed_ordinals {
            self.index.traced(&rules.traces, ordinal, &mut asked);
            self.index.traced(&rules.user_traces, ordinal, &mut users);
        }
        let moment = moment(&rules.definition, self.now);
        self.turn(&asked, touched, |index| {
            for record in changed {
                index.take_in(record, &rules);
            }
            for ordinal in &asked {
                index.ask(*ordinal, state, &moment);
            }
        });
        if rules.reads_users {
            self.ask_users(state, &users, touched);
        }
    }

    /// Finds the values again that filters read of users' own records.
    fn ask_users(&mut self, state: &State, records: &BTreeSet<u32>, touched: &mut Touched) {
        for ordinal in records {
            let record = self.index.ordinals.record(*ordinal);
            let Some(login) = self.rules.logins.get(&record) else {
                continue;
            };
            let Some(number) = self.watched.number(login) else {
                continue;
            };
            let person = Person {
                wanted: wanted(&self.rules, state, login),
                ..self.watched.at(number).person.clone()
            };
            if self.watched.become_person(number, person) {
                touched.users.extend(self.watched.touch(number));
            }
        }
    }

    /// Changes the index where it is about `ordinals`, and notes whom that
    /// concerns.
    fn turn(
        &mut self,
        ordinals: &BTreeSet<u32>,
        touched: &mut Touched,
        change: impl FnOnce(&mut Index),
    ) {
        if ordinals.len() > TURNS_MAX {
            change(&mut self.index);
            for number in self.watched.fresh().clone() {
                touched.users.extend(self.watched.touch(number));
            }
            return;
        }
        if self.watched.fresh().is_empty() {
            change(&mut self.index);
            return;
        }
        let facts = |index: &Index| -> Vec<Facts> {
            let facts = ordinals.iter().map(|ordinal| index.facts(*ordinal));
            facts.collect()
        };
        let before = facts(&self.index);
        change(&mut self.index);
        let after = facts(&self.index);
        let pairs = before.into_iter().zip(after);
        let turns = ordinals.iter().zip(pairs);
        let turns: Vec<Turn> = turns
            .filter(|(_, (before, after))| before != after)
            .map(|(ordinal, (before, after))| Turn {
                ordinal: *ordinal,
                record_type: self.index.ordinals.type_of(*ordinal),
                before,
                after,
            })
            .collect();
        for turn in &turns {
            let question = Question::new(turn, &self.index, &self.rules);
            for number in question.candidates(&self.watched) {
                if question.concerns(self.watched.at(number)) {
                    touched.users.extend(self.watched.touch(number));
                }
            }
        }
    }

    /// Takes in follows, issues and creations.
    fn keep(&mut self, state: &State, changed: &[&Record], since: Version, touched: &mut Touched) {
        let ordinals = Arc::clone(&self.index.ordinals);
        let work = Arc::make_mut(&mut self.work);
        let mut users = work.fold(state, changed, &ordinals, since, self.now);
        if state.follows_changed() > since {
            users = self.watched.logins().into_iter().collect();
        }
        self.keep_for(state, users, touched);
    }

    fn keep_for(
        &mut self,
        state: &State,
        users: impl IntoIterator<Item = String>,
        touched: &mut Touched,
    ) {
        for login in users {
            let Some(number) = self.watched.number(&login) else {
                continue;
            };
            let kept = self.kept(state, &self.watched.at(number).person);
            if self.watched.keep(number, kept) {
                touched.users.extend(self.watched.touch(number));
            }
        }
    }

    /// Has the rules of the state's definition.
    fn redefine(&mut self, state: &State, touched: &mut Touched) {
        let last = Arc::clone(&self.rules);
        let changed_for_all = self.follow(state);
        let changed_for_all = changed_for_all || last.differ_for_all(&self.rules);
        for login in self.watched.logins() {
            let Some(number) = self.watched.number(&login) else {
                continue;
            };
            let person = Person::of(&self.rules, state, &login);
            let kept = self.kept(state, &person);
            let by_profile = last.differ_in(&self.rules, &person.profiles);
            let by_person = self.watched.become_person(number, person);
            let by_kept = self.watched.keep(number, kept);
            if changed_for_all || by_profile || by_person || by_kept {
                touched.users.extend(self.watched.touch(number));
            }
        }
    }

    /// Has other rules. Whether records mean something else by them.
    fn follow(&mut self, state: &State) -> bool {
        self.have(state, Rules::of(state.definition()))
    }

    /// Has `rules`, whatever the state's definition says.
    pub(crate) fn have(&mut self, state: &State, rules: Rules) -> bool {
        let last = std::mem::replace(&mut self.rules, Arc::new(rules));
        let changed = self.index.follow(state, &last, &self.rules, self.now);
        let grace_max = grace_max(&self.rules);
        if grace_max > self.work.grace_max() {
            let work = Work::of(state, &self.index.ordinals, grace_max, self.now);
            self.work = Arc::new(work);
        }
        changed
    }

    /// Starts over at another time: the clock went back further than clocks do.
    fn restart(&mut self, state: &State, now: Timestamp, touched: &mut Touched) {
        let watched = std::mem::take(&mut self.watched);
        let version = self.version;
        *self = Engine::of(state, now);
        touched.records.extend(
            state
                .changed_since(version)
                .filter_map(|record| self.ordinal(record.id)),
        );
        self.watched = watched;
        for login in self.watched.logins() {
            let Some(number) = self.watched.number(&login) else {
                continue;
            };
            let person = Person::of(&self.rules, state, &login);
            let kept = self.kept(state, &person);
            self.watched.become_person(number, person);
            self.watched.keep(number, kept);
            touched.users.extend(self.watched.touch(number));
        }
    }
}

impl Rules {
    /// Whether something differs that concerns every user.
    fn differ_for_all(&self, next: &Rules) -> bool {
        let (last, now) = (&*self.definition, &*next.definition);
        let plain = |rules: &Rules| rules.types.clone();
        plain(self) != plain(next)
            || self.tests != next.tests
            || self.keys != next.keys
            || last.types != now.types
            || last.utc_offset != now.utc_offset
            || last.without_profile != now.without_profile
    }

    /// Whether one of these profiles differs in what it lets in or how.
    fn differ_in(&self, next: &Rules, profiles: &[String]) -> bool {
        let types = |rules: &Rules, name: &String| {
            let profile = rules.definition.profiles.get(name);
            profile.map(|profile| profile.types.clone())
        };
        profiles
            .iter()
            .any(|name| types(self, name) != types(next, name))
    }
}
