//! The users whose scopes are kept, found by what could concern them: what they
//! hold, the profiles they are in, whose records they read, what filters look
//! for in their name. A change is put to few of them.

use crate::keep::Kept;
use crate::person::Person;
use cairn_model::{RecordId, Timestamp, Value};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Records of a user that are noted one by one. Who holds more is asked about
/// every change.
const NOTED_MAX: u64 = 4_096;

/// A user whose scope is kept.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) person: Person,
    pub(crate) kept: Kept,
    /// As last found.
    pub(crate) scope: Arc<RoaringBitmap>,
    /// What the user has stopped following, and has not held since.
    pub(crate) unfollowed: RoaringBitmap,
    /// What is noted of scope and kept records.
    noted: RoaringBitmap,
}

/// The watched users.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    numbers: BTreeMap<String, u32>,
    users: Vec<Option<Watched>>,
    /// Those whose scope holds still.
    fresh: RoaringBitmap,
    /// When what they keep changes by time.
    until: BTreeSet<(Timestamp, u32)>,
    /// Records and who holds or keeps them.
    holding: BTreeSet<(u32, u32)>,
    /// Who holds more than is noted.
    wide: RoaringBitmap,
    by_profile: BTreeMap<String, RoaringBitmap>,
    in_none: RoaringBitmap,
    by_principal: BTreeMap<RecordId, RoaringBitmap>,
    by_unit: BTreeMap<String, RoaringBitmap>,
    by_key: BTreeMap<(usize, Value), RoaringBitmap>,
}

impl Watch {
    pub(crate) fn number(&self, login: &str) -> Option<u32> {
        self.numbers.get(login).copied()
    }

    pub(crate) fn get(&self, login: &str) -> Option<&Watched> {
        self.number(login).map(|number| self.at(number))
    }

    /// # Panics
    /// If no user has the number.
    pub(crate) fn at(&self, number: u32) -> &Watched {
        let user = self.users[number as usize].as_ref();
        user.expect("numbers are of watched users")
    }

    fn at_mut(&mut self, number: u32) -> &mut Watched {
        let user = self.users[number as usize].as_mut();
        user.expect("numbers are of watched users")
    }

    pub(crate) fn logins(&self) -> Vec<String> {
        self.numbers.keys().cloned().collect()
    }

    /// A user's scope, if it holds still.
    pub(crate) fn scope(&self, login: &str) -> Option<&Arc<RoaringBitmap>> {
        let number = self.number(login)?;
        self.fresh.contains(number).then(|| &self.at(number).scope)
    }

    pub(crate) fn fresh(&self) -> &RoaringBitmap {
        &self.fresh
    }

    /// Watches one more user, whose scope is yet to be found.
    pub(crate) fn add(&mut self, person: Person, kept: Kept) -> u32 {
        let free = self.users.iter().position(Option::is_none);
        let number = free.unwrap_or(self.users.len());
        if number == self.users.len() {
            self.users.push(None);
        }
        let number = number as u32;
        self.numbers.insert(person.login.clone(), number);
        self.know(number, &person, RoaringBitmap::insert);
        self.until.extend(kept.until.map(|until| (until, number)));
        self.users[number as usize] = Some(Watched {
            person,
            kept,
            scope: Arc::default(),
            unfollowed: RoaringBitmap::new(),
            noted: RoaringBitmap::new(),
        });
        number
    }

    pub(crate) fn forget(&mut self, login: &str) {
        let Some(number) = self.numbers.remove(login) else {
            return;
        };
        self.note(number, RoaringBitmap::new());
        if let Some(user) = self.users[number as usize].take() {
            self.know(number, &user.person, RoaringBitmap::remove);
            if let Some(until) = user.kept.until {
                self.until.remove(&(until, number));
            }
        }
        self.fresh.remove(number);
    }

    /// Takes in a scope as it was found.
    pub(crate) fn settle(&mut self, number: u32, scope: Arc<RoaringBitmap>) {
        let user = self.at_mut(number);
        user.unfollowed -= &*scope;
        user.scope = scope;
        let noted = user.kept.all() | &*user.scope;
        self.note(number, noted);
        self.fresh.insert(number);
    }

    /// Has it that a user's scope may be another one. Gives the login of one
    /// who was not told before.
    pub(crate) fn touch(&mut self, number: u32) -> Option<String> {
        let was_fresh = self.fresh.remove(number);
        was_fresh.then(|| self.at(number).person.login.clone())
    }

    /// Takes in what a user keeps. Whether it is something else.
    pub(crate) fn keep(&mut self, number: u32, kept: Kept) -> bool {
        let user = self.at_mut(number);
        let all = kept.all();
        let same = all == user.kept.all();
        user.unfollowed |= &user.kept.followed - &kept.followed;
        user.unfollowed -= &kept.followed;
        let (last, next) = (user.kept.until, kept.until);
        user.kept = kept;
        let noted = all | &*user.scope;
        if last != next {
            if let Some(until) = last {
                self.until.remove(&(until, number));
            }
            self.until.extend(next.map(|until| (until, number)));
        }
        if !same {
            self.note(number, noted);
        }
        !same
    }

    /// Takes in what a user is. Whether that is something else.
    pub(crate) fn become_person(&mut self, number: u32, person: Person) -> bool {
        if self.at(number).person == person {
            return false;
        }
        let last = std::mem::replace(&mut self.at_mut(number).person, person.clone());
        self.know(number, &last, RoaringBitmap::remove);
        self.know(number, &person, RoaringBitmap::insert);
        true
    }

    /// Has a user found, or not found any more, by what they are.
    fn know(&mut self, number: u32, person: &Person, change: fn(&mut RoaringBitmap, u32) -> bool) {
        if person.profiles.is_empty() {
            change(&mut self.in_none, number);
        }
        for name in &person.profiles {
            change(self.by_profile.entry(name.clone()).or_default(), number);
        }
        for record in &person.principals {
            change(self.by_principal.entry(*record).or_default(), number);
        }
        if let Some(unit) = &person.unit {
            change(self.by_unit.entry(unit.clone()).or_default(), number);
        }
        for (at, wanted) in person.wanted.iter().enumerate() {
            for value in wanted {
                let users = self.by_key.entry((at, value.clone())).or_default();
                change(users, number);
                if users.is_empty() {
                    self.by_key.remove(&(at, value.clone()));
                }
            }
        }
    }

    /// Notes which records a user holds or keeps.
    fn note(&mut self, number: u32, records: RoaringBitmap) {
        let is_wide = records.len() > NOTED_MAX;
        let records = if is_wide {
            RoaringBitmap::new()
        } else {
            records
        };
        let last = std::mem::take(&mut self.at_mut(number).noted);
        for gone in &last - &records {
            self.holding.remove(&(gone, number));
        }
        for new in &records - &last {
            self.holding.insert((new, number));
        }
        if is_wide {
            self.wide.insert(number);
        } else {
            self.wide.remove(number);
        }
        self.at_mut(number).noted = records;
    }

    /// Users who may hold or keep a record: those for whom it is noted, and
    /// those of whom nothing is.
    pub(crate) fn holders(&self, record: u32) -> RoaringBitmap {
        let noted = self.holding.range((record, 0)..=(record, u32::MAX));
        let mut users = self.wide.clone();
        users.extend(noted.map(|(_, number)| *number));
        users
    }

    pub(crate) fn in_profile(&self, name: &str) -> Option<&RoaringBitmap> {
        self.by_profile.get(name)
    }

    pub(crate) fn in_no_profile(&self) -> &RoaringBitmap {
        &self.in_none
    }

    /// The users for whom a user's or a team's record stands.
    pub(crate) fn standing_behind(&self, record: RecordId) -> Option<&RoaringBitmap> {
        self.by_principal.get(&record)
    }

    pub(crate) fn in_unit(&self, unit: &str) -> Option<&RoaringBitmap> {
        self.by_unit.get(unit)
    }

    /// The users whose own value of a key is this one.
    pub(crate) fn wanting(&self, key: usize, value: &Value) -> Option<&RoaringBitmap> {
        self.by_key.get(&(key, value.clone()))
    }

    /// Users for whom something that they keep is over by `now`.
    pub(crate) fn over(&self, now: Timestamp) -> Vec<String> {
        let over = self.until.range(..=(now, u32::MAX));
        let login = |number| self.at(number).person.login.clone();
        over.map(|(_, number)| login(*number)).collect()
    }

    /// When the next of what users keep is over.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.until.first().map(|(at, _)| *at)
    }
}
