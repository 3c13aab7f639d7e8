//! Why a record that was held is not any more.
//!
//! Whoever is told may no longer be allowed to read the record: the words never
//! have a value of it.

use crate::engine::Engine;
use crate::eyes::{Eyes, moment};
use crate::index::{Facts, owner_of};
use crate::keep::creator;
use crate::person::Person;
use crate::rules::FilterRules;
use cairn_model::definition::{Combine, Filter, Profile};
use cairn_model::expression::{Expression, UserView, compile};
use cairn_model::{FieldId, RecordId, Timestamp, TypeId, Version};
use cairn_projection::{Record, State};

/// Up to where a device had been told everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The version it had.
    pub version: Version,
    /// The relay's time then.
    pub time: Timestamp,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident, $code:literal;)*) => {
        /// Why a record is not held. Codes are stable; words may improve.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Cause {
            $($(#[$doc])* $name,)*
        }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Cause] = &[$(Cause::$name),*];

            /// The stable code, for programs and documentation.
            pub fn code(self) -> &'static str {
                match self { $(Cause::$name => $code,)* }
            }
        }
    };
}

causes! {
    /// There is no such record.
    Missing, "record.missing";
    /// It was deleted.
    Deleted, "record.deleted";
    /// The organization has no such user any more.
    UserGone, "user.gone";
    /// Records of its type are not held offline.
    TypeNotOffline, "type.not-offline";
    /// It belongs to somebody else.
    OwnerChanged, "read.owner";
    /// It is no longer shared.
    ShareEnded, "read.share";
    /// Roles, teams, units or the hierarchy no longer let the user read it.
    RoleChanged, "read.role";
    /// The user may not read it.
    NotReadable, "read.none";
    /// The organization's filter for its type keeps it out.
    DataFilter, "data-filter";
    /// The filter of a profile keeps it out.
    Filter, "profile.filter";
    /// Nothing that is held leads to it any more.
    RelationshipGone, "profile.relationship";
    /// A profile was changed, or who is in it.
    ProfileChanged, "profile.changed";
    /// No profile of the user's lets in its type.
    NotInProfile, "profile.none";
    /// The user has stopped following it.
    Unfollowed, "unfollowed";
    /// It stayed because the user had just created it.
    GraceOver, "grace.over";
    /// It stayed until its issue was settled.
    Settled, "settled";
}

/// Why a record is not held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Why, for programs.
    pub cause: Cause,
    /// Why, in a sentence.
    pub words: String,
    /// The profile it is about.
    pub profile: Option<String>,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
}

impl Reason {
    fn new(cause: Cause, words: impl Into<String>, since: Option<Timestamp>) -> Reason {
        Reason {
            cause,
            words: words.into(),
            profile: None,
            since,
        }
    }
}

/// What is asked about.
struct Case<'a> {
    engine: &'a Engine,
    state: &'a State,
    person: Person,
    record: &'a Record,
    ordinal: u32,
    since: Option<Since>,
}

impl Engine {
    /// Why `user` does not hold a record that a device of theirs had. `since`,
    /// up to where the device had been told everything, tells what changed from
    /// what has long been so.
    pub fn reason(
        &self,
        state: &State,
        user: &str,
        record: RecordId,
        since: Option<Since>,
    ) -> Reason {
        let found = state.record(record).zip(self.ordinal(record));
        let Some((record, ordinal)) = found else {
            return Reason::new(Cause::Missing, "There is no such record.", None);
        };
        let watched = self.watched.get(user);
        let person = watched.map(|watched| watched.person.clone());
        let case = Case {
            engine: self,
            state,
            person: person.unwrap_or_else(|| Person::of(&self.rules, state, user)),
            record,
            ordinal,
            since,
        };
        let unfollowed = watched.is_some_and(|watched| watched.unfollowed.contains(ordinal));
        case.gone()
            .or_else(|| case.unreadable())
            .or_else(|| case.let_go(unfollowed))
            .unwrap_or_else(|| case.filtered_out())
    }
}

impl Case<'_> {
    fn type_name(&self) -> String {
        let types = &self.engine.rules.definition.types;
        let of_type = types.get(&self.record.record_type);
        of_type.map_or_else(|| "record".to_owned(), |of_type| of_type.label.clone())
    }

    fn received(&self, version: Version) -> Option<Timestamp> {
        self.record.origin(version).map(|origin| origin.received)
    }

    /// Whether the device had not been told of a version.
    fn is_news(&self, version: Version) -> bool {
        self.since.is_some_and(|since| version > since.version)
    }

    fn definition_changed(&self) -> bool {
        self.is_news(self.state.definition_changed())
    }

    /// The record, its user or its type are out of use.
    fn gone(&self) -> Option<Reason> {
        if !self.record.is_alive() {
            let at = self.record.life.shown().map(|write| write.version);
            let since = at.and_then(|at| self.received(at));
            return Some(Reason::new(Cause::Deleted, "It was deleted.", since));
        }
        if !self.person.is_known {
            let words = "The organization has no such user any more.";
            return Some(Reason::new(Cause::UserGone, words, None));
        }
        if !self.engine.rules.is_offline(self.record.record_type) {
            let words = format!(
                "{}: records of this type are not held offline.",
                self.type_name()
            );
            return Some(Reason::new(Cause::TypeNotOffline, words, None));
        }
        None
    }

    fn unreadable(&self) -> Option<Reason> {
        if self.engine.sight(&self.person).may_read(self.ordinal) {
            return None;
        }
        let rules = self.engine.rules.types.get(&self.record.record_type)?;
        let changed = |field: Option<FieldId>| {
            let slot = self.record.slot(field?)?;
            self.is_news(slot.changed).then_some(slot.changed)
        };
        if let Some(at) = changed(rules.owner) {
            let words = match owner_of(self.record, rules) {
                Some(_) => "It belongs to somebody else now, and you may not read their records.",
                None => "It belongs to nobody now, and you may read only what is owned.",
            };
            return Some(Reason::new(Cause::OwnerChanged, words, self.received(at)));
        }
        if let Some(at) = rules.shared.iter().find_map(|field| changed(Some(*field))) {
            let words = "It is no longer shared with you or your teams.";
            return Some(Reason::new(Cause::ShareEnded, words, self.received(at)));
        }
        Some(if self.definition_changed() {
            let words = "Your roles, teams or business unit no longer let you read it.";
            Reason::new(Cause::RoleChanged, words, None)
        } else {
            Reason::new(Cause::NotReadable, "You may not read it.", None)
        })
    }

    /// It stayed for something that is over.
    fn let_go(&self, unfollowed: bool) -> Option<Reason> {
        if unfollowed {
            let words = "You no longer follow it, and no filter lets it in.";
            return Some(Reason::new(Cause::Unfollowed, words, None));
        }
        let since = self.since.map_or(Version(0), |since| since.version);
        let settled = self.state.issues_changed_since(since).find(|issue| {
            issue.user == self.person.login
                && !issue.is_open()
                && issue.records().contains(&self.record.id)
        });
        if settled.is_some() {
            let words = "It stayed until its issue was settled; no filter lets it in.";
            return Some(Reason::new(Cause::Settled, words, None));
        }
        let (by, received) = creator(self.state, self.record)?;
        let over = received.plus(self.person.grace);
        let was_on = self.since.is_none_or(|since| since.time < over);
        let is_over = was_on && over <= self.engine.now;
        (by == self.person.login && is_over).then(|| {
            let words = "You created it and no filter lets it in: the time it stays for is over.";
            Reason::new(Cause::GraceOver, words, Some(over))
        })
    }

    /// Readable, and not let in.
    fn filtered_out(&self) -> Reason {
        let rules = &self.engine.rules;
        let definition = &rules.definition;
        let facts = self.engine.index.facts(self.ordinal);
        let record_type = self.record.record_type;
        let limit = rules.limit(record_type);
        let kept_out = |limit: &&_| !self.holds(limit, &facts);
        if limit.filter(kept_out).is_some() {
            let text = definition.types[&record_type].offline_where.as_deref();
            return self.by_expression(Cause::DataFilter, text.unwrap_or_default(), None);
        }
        let profiles = self.person.profiles.iter();
        let profiles = profiles.filter_map(|name| Some((name, definition.profiles.get(name)?)));
        let mut of_type = profiles
            .clone()
            .filter(|(_, profile)| profile.types.contains_key(&record_type));
        match of_type.next() {
            Some((name, profile)) => self.by_profile(name, profile, &facts),
            None if self.definition_changed() => {
                let words = "Your profiles were changed, or you are in others now.";
                Reason::new(Cause::ProfileChanged, words, None)
            }
            None => {
                let words = format!("{}: no profile of yours has this type.", self.type_name());
                Reason::new(Cause::NotInProfile, words, None)
            }
        }
    }

    fn holds(&self, plan: &crate::rules::Plan, facts: &Facts) -> bool {
        plan.holds_for(facts, &self.person, &self.engine.index)
    }

    fn by_profile(&self, name: &str, profile: &Profile, facts: &Facts) -> Reason {
        let of_type = &self.engine.rules.profiles[name].types[&self.record.record_type];
        let rule = &profile.types[&self.record.record_type];
        let of_profile = |reason: Reason| Reason {
            profile: Some(name.to_owned()),
            ..reason
        };
        let lets_in = of_type
            .filter
            .lets_in(facts, &self.person, &self.engine.index);
        let unchanged = !self.is_news(self.record.version);
        if let Filter::Where(text) = &rule.filter
            && !lets_in
            && (rule.combine == Combine::And || rule.related.is_empty())
        {
            let reason = self.by_expression(Cause::Filter, text, Some(name));
            if !(unchanged && self.definition_changed() && reason.since.is_none()) {
                return of_profile(reason);
            }
        }
        if unchanged && self.definition_changed() {
            let words = format!("Profile `{name}` was changed and no longer lets it in.");
            return of_profile(Reason::new(Cause::ProfileChanged, words, None));
        }
        let by_filter = of_type.filter != FilterRules::Nothing && !lets_in;
        if !rule.related.is_empty() && (rule.combine == Combine::Or || lets_in) {
            let words = match by_filter && rule.combine == Combine::Or {
                true => format!(
                    "It does not meet the filter of profile `{name}`, and nothing that you hold leads to it any more."
                ),
                false => format!("Nothing that profile `{name}` gives you leads to it any more."),
            };
            return of_profile(Reason::new(Cause::RelationshipGone, words, None));
        }
        let words = format!("It does not meet the filter of profile `{name}` any more.");
        of_profile(Reason::new(Cause::Filter, words, None))
    }

    /// The part of an expression that keeps the record out, and since when.
    fn by_expression(&self, cause: Cause, text: &str, profile: Option<&str>) -> Reason {
        let definition = &*self.engine.rules.definition;
        let record_type = self.record.record_type;
        let whose = match profile {
            Some(name) => format!("the filter of profile `{name}`"),
            None => format!("the organization's filter for {}", self.type_name()),
        };
        let Ok(expression) = compile_for(definition, record_type, text) else {
            return Reason::new(cause, format!("It does not meet {whose}."), None);
        };
        let user = UserView::new(definition, &self.person.login);
        let eyes = Eyes::on(self.state, self.record);
        let now = moment(definition, self.engine.now);
        let failing = expression.first_failing(self.record.id, &user, &eyes, &now);
        let part = failing.map_or(&expression, |failing| failing.part);
        let words = format!("It no longer meets {whose}: {}.", part.describe(definition));
        Reason::new(cause, words, self.failing_since(part, &user))
    }

    /// When the record stopped meeting a part: by an edit, or by the clock.
    fn failing_since(&self, part: &Expression, user: &UserView) -> Option<Timestamp> {
        let own = |path: &cairn_model::expression::Path| {
            let (id, read) = path.reads().next()?;
            let slot = self.record.slot(read.field()?)?;
            (id == self.record.record_type && self.is_news(slot.changed)).then_some(slot.changed)
        };
        let edited = part.paths().into_iter().filter_map(own).max();
        edited
            .and_then(|at| self.received(at))
            .or_else(|| self.turned(part, user))
    }

    /// When the clock turned an answer, after the device was told of it.
    fn turned(&self, part: &Expression, user: &UserView) -> Option<Timestamp> {
        /// Turns looked at: a condition has a few.
        const TURNS_MAX: usize = 64;
        let definition = &*self.engine.rules.definition;
        let eyes = Eyes::on(self.state, self.record);
        let mut at = self.since?.time;
        let told = at;
        let mut turned = None;
        for _ in 0..TURNS_MAX {
            let moment = moment(definition, at);
            let answer = part.answer(self.record.id, user, &eyes, &moment);
            if !answer.holds && turned.is_none() && at > told {
                turned = Some(at);
            } else if answer.holds {
                turned = None;
            }
            match answer.until.filter(|until| *until <= self.engine.now) {
                Some(until) => at = until,
                None => break,
            }
        }
        turned
    }
}

/// An expression over a type's records.
pub(crate) fn compile_for(
    definition: &cairn_model::Definition,
    record_type: TypeId,
    text: &str,
) -> Result<Expression, String> {
    compile(text, definition, record_type).map_err(|fault| fault.to_string())
}
