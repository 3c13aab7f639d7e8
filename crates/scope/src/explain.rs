//! Why a user holds a record, or what keeps it out and what would bring it in:
//! for administrators. The words have values of the record.

use crate::columns::{type_name, type_ways};
use crate::engine::Engine;
use crate::eyes::{Eyes, moment};
use crate::index::ownership_of;
use crate::keep::{Kept, creator};
use crate::person::Person;
use crate::reason::Cause;
use crate::rules::{FilterRules, Way};
use crate::walk::{Sight, Steps};
use cairn_model::definition::{Combine, Filter, Owned, ProfileType, Right};
use cairn_model::expression::{Expression, UserView, compile};
use cairn_model::{Definition, RecordId, TypeId};
use cairn_projection::{Record, State};

/// Records on the way to a missing one that are explained too.
const EXPLAINED_MAX: usize = 3;

/// Why a user holds a record, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whom it is about.
    pub user: String,
    /// Which record.
    pub record: RecordId,
    /// What people call it, with its type.
    pub title: String,
    /// Whether the user holds it.
    pub held: bool,
    /// Everything that lets it in; or the first rule that fails, then what
    /// fails before that on the way to it.
    pub because: Vec<Because>,
    /// By what the user may read it.
    pub reading: Option<String>,
    /// The smallest changes that would bring it in.
    pub remedies: Vec<String>,
}

/// One thing that lets a record in, or keeps it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// What, for programs: `profile.filter`, `followed`, or a [`Cause`]'s code.
    pub code: &'static str,
    /// What, in a sentence.
    pub words: String,
    /// The profile it is about.
    pub profile: Option<String>,
    /// The records it came by, from one that a filter lets in.
    pub path: Vec<Stop>,
}

/// A record on the way to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Which.
    pub record: RecordId,
    /// Its type and title.
    pub title: String,
    /// The relationship that leads on from it.
    pub way: Option<String>,
}

/// What is asked about.
struct Inquiry<'a> {
    engine: &'a Engine,
    state: &'a State,
    person: &'a Person,
    definition: &'a Definition,
    record: &'a Record,
    ordinal: u32,
}

impl Engine {
    /// Why `user` holds a record, or what keeps it out and what would bring it
    /// in.
    pub fn explain(&self, state: &State, user: &str, record: RecordId) -> Explanation {
        let mut explanation = Explanation {
            user: user.to_owned(),
            record,
            title: record.to_string(),
            held: false,
            because: Vec::new(),
            reading: None,
            remedies: Vec::new(),
        };
        let Some((found, ordinal)) = state.record(record).zip(self.ordinal(record)) else {
            let words = format!("There is no record {record}.");
            explanation
                .because
                .push(Because::new(Cause::Missing.code(), words));
            return explanation;
        };
        let person = Person::of(&self.rules, state, user);
        let inquiry = Inquiry {
            engine: self,
            state,
            person: &person,
            definition: &self.rules.definition,
            record: found,
            ordinal,
        };
        explanation.title = inquiry.title(found);
        let kept = self.kept(state, &person);
        let sight = self.sight(&person);
        if sight.may_read(ordinal) {
            explanation.reading = Some(inquiry.reading());
        }
        explanation.because = inquiry.lets_in(&sight, &kept);
        explanation.held = !explanation.because.is_empty();
        if !explanation.held {
            (explanation.because, explanation.remedies) = inquiry.keeps_out();
        }
        explanation
    }
}

impl Because {
    fn new(code: &'static str, words: impl Into<String>) -> Because {
        Because {
            code,
            words: words.into(),
            profile: None,
            path: Vec::new(),
        }
    }

    fn of(profile: &str, code: &'static str, words: impl Into<String>) -> Because {
        Because {
            profile: Some(profile.to_owned()),
            ..Because::new(code, words)
        }
    }
}

impl<'a> Inquiry<'a> {
    fn user(&self) -> &str {
        &self.person.login
    }

    fn title(&self, record: &Record) -> String {
        match self.definition.types.get(&record.record_type) {
            Some(of_type) => format!("{} {}", of_type.name, record.title(of_type)),
            None => record.id.to_string(),
        }
    }

    fn title_of(&self, ordinal: u32) -> String {
        let id = self.engine.record(ordinal);
        let record = self.state.record(id);
        record.map_or_else(|| id.to_string(), |record| self.title(record))
    }

    fn type_name(&self) -> String {
        type_name(self.definition, self.record.record_type)
    }

    /// Everything that lets the record in.
    fn lets_in(&self, sight: &Sight<'_>, kept: &Kept) -> Vec<Because> {
        let rules = &self.engine.rules;
        let mut because = Vec::new();
        let offline = rules.is_offline(self.record.record_type);
        if !offline || !self.person.is_known || !sight.may_read(self.ordinal) {
            return because;
        }
        for name in &self.person.profiles {
            let mut steps = Steps::new();
            let held = sight.profile(&rules.profiles[name], Some(&mut steps));
            if held.contains(self.ordinal) {
                because.push(self.by_profile(name, &steps));
            }
        }
        let unfiltered = self.person.profiles.is_empty() && rules.unfiltered();
        if unfiltered
            && sight
                .eligible(self.record.record_type)
                .contains(self.ordinal)
        {
            let words = format!(
                "{} is in no offline profile and holds every record they may read.",
                self.user()
            );
            because.push(Because::new("no-profile", words));
        }
        if kept.followed.contains(self.ordinal) {
            let words = format!("{} follows it.", self.user());
            because.push(Because::new("followed", words));
        }
        if kept.pinned.contains(self.ordinal) {
            let words = format!("An issue about it waits for {}.", self.user());
            because.push(Because::new("issue", words));
        }
        if kept.recent.contains(self.ordinal)
            && let Some((_, received)) = creator(self.state, self.record)
        {
            let until = received.plus(self.person.grace);
            let words = format!(
                "{} created it; for that it stays until {until}.",
                self.user()
            );
            because.push(Because::new("created", words));
        }
        because
    }

    fn by_profile(&self, name: &str, steps: &Steps) -> Because {
        let mut path = vec![self.stop(self.ordinal, None)];
        let mut at = self.ordinal;
        while let Some((from, way)) = steps.get(&at) {
            path.push(self.stop(*from, Some(*way)));
            at = *from;
        }
        path.reverse();
        if path.len() == 1 {
            let rule = &self.definition.profiles[name].types[&self.record.record_type];
            let words = format!("Profile `{name}` lets it in: {}.", self.filter_words(rule));
            return Because::of(name, "profile.filter", words);
        }
        let count = path.len() - 1;
        let steps = if count == 1 { "step" } else { "steps" };
        let words = format!(
            "Profile `{name}` reaches it, in {count} {steps} from {}.",
            path[0].title
        );
        Because {
            path,
            ..Because::of(name, "profile.relationship", words)
        }
    }

    fn stop(&self, ordinal: u32, way: Option<Way>) -> Stop {
        Stop {
            record: self.engine.record(ordinal),
            title: self.title_of(ordinal),
            way: way.map(|way| self.way_words(&way)),
        }
    }

    fn way_words(&self, way: &Way) -> String {
        let name = |id: TypeId| type_name(self.definition, id);
        let (of, field) = way.link;
        let field = self
            .definition
            .types
            .get(&of)
            .and_then(|of| of.fields.get(&field));
        let field = field.map_or("a field in no use", |field| &field.name);
        match way.forth {
            true => format!("points by {field} at {}", name(way.to)),
            false => format!("is pointed at by {field} of {}", name(way.to)),
        }
    }

    fn filter_words(&self, rule: &ProfileType) -> String {
        let of = self.type_name();
        match &rule.filter {
            Filter::All => format!("it gives every {of}"),
            Filter::RelatedOnly => format!("it gives what is related of {of}"),
            Filter::Owned(owned) => format!("of {of} it gives {}", owned_words(*owned)),
            Filter::Where(text) => {
                let compiled = compile(text, self.definition, self.record.record_type);
                let words = compiled.map(|expression| expression.describe(self.definition));
                format!(
                    "of {of} it gives those where {}",
                    words.unwrap_or_else(|_| text.clone())
                )
            }
        }
    }

    /// By what the user may read the record.
    fn reading(&self) -> String {
        let user = self.user();
        if !self.engine.rules.security.has_roles() {
            return format!("There are no roles, so {user} may read everything.");
        }
        let reach = self.person.reach(self.record.record_type);
        let owners = &self.engine.index.owners;
        let owner = owners.of(self.ordinal);
        match (reach, owner) {
            (Some(reach), _) if reach.everything => {
                format!("A role lets {user} read every {}.", self.type_name())
            }
            (_, Some(owner)) if owner == self.person.record => format!("It belongs to {user}."),
            (_, Some(owner)) if self.person.principals.contains(&owner) => {
                format!("It belongs to {}, which {user} is in.", self.people(owner))
            }
            (Some(reach), Some(owner)) if reach.owners.contains(&owner) => {
                format!("It belongs to {}, who is below {user}.", self.people(owner))
            }
            (Some(reach), Some(owner))
                if owners
                    .unit_of(owner)
                    .is_some_and(|unit| reach.units.contains(unit)) =>
            {
                let unit = owners.unit_of(owner).unwrap_or_default();
                format!("A role lets {user} read what business unit `{unit}` owns.")
            }
            _ => format!("It is shared with {user} or a team of theirs."),
        }
    }

    fn people(&self, id: RecordId) -> String {
        if let Some(login) = self.engine.rules.logins.get(&id) {
            return login.clone();
        }
        let mut teams = self.definition.teams.keys();
        let team = teams.find(|name| Definition::team_record(name) == id);
        team.map_or_else(
            || "somebody unknown".to_owned(),
            |name| format!("team `{name}`"),
        )
    }

    /// What keeps the record out, and the smallest changes that would let it in.
    fn keeps_out(&self) -> (Vec<Because>, Vec<String>) {
        let (because, mut remedies) = self.fails(EXPLAINED_MAX);
        let sight = self.engine.sight(self.person);
        let offline = self.engine.rules.is_offline(self.record.record_type);
        if self.person.is_known && offline && sight.may_read(self.ordinal) && self.record.is_alive()
        {
            let follow = format!(
                "Have {} follow it: `cairn record follow {}:{}` on a device of theirs.",
                self.user(),
                self.type_name(),
                self.record.id
            );
            remedies.insert(0, follow);
        }
        (because, remedies)
    }

    /// The rules that fail, and what would make them hold.
    fn fails(&self, depth: usize) -> (Vec<Because>, Vec<String>) {
        let (user, of) = (self.user(), self.type_name());
        let one = |cause: Cause, words: String, remedy: String| {
            (vec![Because::new(cause.code(), words)], vec![remedy])
        };
        if !self.record.is_alive() {
            let words = "It is deleted.".to_owned();
            return one(Cause::Deleted, words, "Restore the record.".to_owned());
        }
        if !self.person.is_known {
            let words = format!("The organization has no user `{user}`.");
            return one(
                Cause::UserGone,
                words,
                format!("Add `{user}` to users.toml."),
            );
        }
        if !self.engine.rules.is_offline(self.record.record_type) {
            let words = format!("Records of type `{of}` are not held offline.");
            let remedy = format!("Take `offline = false` out of types/{of}.toml.");
            return one(Cause::TypeNotOffline, words, remedy);
        }
        if !self.engine.sight(self.person).may_read(self.ordinal) {
            return self.unreadable();
        }
        if let Some((words, remedy)) = self.data_filter() {
            return one(Cause::DataFilter, words, remedy);
        }
        let (mut because, mut remedies) = (Vec::new(), Vec::new());
        if self.person.profiles.is_empty() {
            let words = format!(
                "{user} is in no offline profile, and users in none hold only what they follow, have just created or have to decide."
            );
            because.push(Because::new(Cause::NotInProfile.code(), words));
            remedies.extend(self.profiles_with_type());
        }
        for name in &self.person.profiles {
            let found = self.by_rules_of(name, depth, &mut remedies);
            because.extend(found);
        }
        (because, remedies)
    }

    fn unreadable(&self) -> (Vec<Because>, Vec<String>) {
        let rules = &self.engine.rules;
        let of_type = &rules.types[&self.record.record_type];
        let ownership = ownership_of(self.record, self.definition);
        let id = self.record.record_type;
        let denial = rules.security.may(self.user(), Right::Read, id, &ownership);
        let words = denial.map_or_else(
            |denial| denial.to_string(),
            |()| "It may not be read.".to_owned(),
        );
        let mut remedies = Vec::new();
        let any = self.person.reach(id).is_some_and(|reach| reach.shared);
        if any && !of_type.shared.is_empty() {
            remedies.push(format!("Share the record with {}.", self.user()));
        }
        remedies.push(format!("Give {} a role that reads it.", self.user()));
        (
            vec![Because::new(Cause::NotReadable.code(), words)],
            remedies,
        )
    }

    /// What an expression finds wrong with the record, and what would be right.
    fn failing(&self, text: &str) -> Option<(String, Option<String>)> {
        let expression = match compile(text, self.definition, self.record.record_type) {
            Ok(expression) => expression,
            Err(fault) => return Some((format!("it cannot be asked: {fault}"), None)),
        };
        let user = UserView::new(self.definition, self.user());
        let eyes = Eyes::on(self.state, self.record);
        let moment = moment(self.definition, self.engine.now);
        let failing = expression.first_failing(self.record.id, &user, &eyes, &moment)?;
        let fails = |part: &&Expression| !part.answer(self.record.id, &user, &eyes, &moment).holds;
        let words = |part: &Expression| match part {
            Expression::Any(_) => format!("({})", part.describe(self.definition)),
            part => part.describe(self.definition),
        };
        let right = match &expression {
            Expression::All(parts) => parts.iter().filter(fails).map(words).collect(),
            whole => vec![whole.describe(self.definition)],
        };
        Some((failing.describe(self.definition), Some(right.join(" and "))))
    }

    fn data_filter(&self) -> Option<(String, String)> {
        let of_type = self.definition.types.get(&self.record.record_type)?;
        let (failing, _) = self.failing(of_type.offline_where.as_deref()?)?;
        let words = format!(
            "It does not meet what every {} must to be held offline: {failing}.",
            of_type.name
        );
        let remedy = format!("Change `offline_where` in types/{}.toml.", of_type.name);
        Some((words, remedy))
    }

    fn profiles_with_type(&self) -> Option<String> {
        let profiles = self.definition.profiles.iter();
        let mut with_type =
            profiles.filter(|(_, profile)| profile.types.contains_key(&self.record.record_type));
        let (name, _) = with_type.next()?;
        Some(format!(
            "Add {} to profile `{name}`, which has this type.",
            self.user()
        ))
    }

    /// What keeps the record out of one profile of the user's.
    fn by_rules_of(&self, name: &str, depth: usize, remedies: &mut Vec<String>) -> Vec<Because> {
        let of = self.type_name();
        let Some(rule) = self.definition.profiles[name]
            .types
            .get(&self.record.record_type)
        else {
            let words = format!("Profile `{name}` gives no {of}.");
            remedies.push(format!("Add `[types.{of}]` to profiles/{name}.toml."));
            return vec![Because::of(name, Cause::NotInProfile.code(), words)];
        };
        let rules = &self.engine.rules.profiles[name].types[&self.record.record_type];
        let facts = self.engine.index.facts(self.ordinal);
        let met = rules
            .filter
            .lets_in(&facts, self.person, &self.engine.index);
        let mut because = Vec::new();
        if !met && rules.filter != FilterRules::Nothing {
            let failing = match &rule.filter {
                Filter::Where(text) => self.failing(text),
                _ => None,
            };
            let words = match failing {
                Some((failing, right)) => {
                    remedies.extend(right.map(|right| format!("Change it so that {right}.")));
                    format!("It does not meet the filter of profile `{name}`: {failing}.")
                }
                None => format!(
                    "Profile `{name}` keeps it out: {}.",
                    self.filter_words(rule)
                ),
            };
            because.push(Because::of(name, Cause::Filter.code(), words));
            remedies.push(format!(
                "Change the filter for {of} in profiles/{name}.toml."
            ));
        }
        if !rules.ways.is_empty() && (met || rule.combine == Combine::Or) {
            because.extend(self.unreached(name, &rules.ways, depth, remedies));
        }
        because
    }

    /// Why no relationship leads to the record.
    fn unreached(
        &self,
        name: &str,
        ways: &[Way],
        depth: usize,
        remedies: &mut Vec<String>,
    ) -> Vec<Because> {
        let code = Cause::RelationshipGone.code();
        let near = ways
            .iter()
            .find_map(|way| Some((way, self.near(way).first().copied()?)));
        let Some((way, near)) = near else {
            let words = format!(
                "Profile `{name}` gives it only with records that lead to it, and there are none: it would have to be {}.",
                type_ways(self.definition, name, self.record.record_type)
            );
            return vec![Because::of(name, code, words)];
        };
        let title = self.title_of(near);
        let sight = self.engine.sight(self.person);
        let held = sight.profile(&self.engine.rules.profiles[name], None);
        if held.contains(near) {
            let words = format!(
                "Profile `{name}` holds {title}, which leads to it, but more than {} steps are too far.",
                way.depth
            );
            return vec![Because::of(name, code, words)];
        }
        let words = format!(
            "It would come with {title}, which {} does not hold by profile `{name}`.",
            self.user()
        );
        let mut because = vec![Because {
            path: vec![self.stop(near, Some(*way)), self.stop(self.ordinal, None)],
            ..Because::of(name, code, words)
        }];
        let record = self.state.record(self.engine.record(near));
        if let (Some(record), true) = (record, depth > 0) {
            let before = Inquiry {
                record,
                ordinal: near,
                ..*self
            };
            let (found, changes) = before.fails(depth - 1);
            remedies.extend(changes.iter().map(|change| format!("{title}: {change}")));
            let about = |one: Because| Because {
                words: format!("{title}: {}", one.words),
                ..one
            };
            let here = found
                .into_iter()
                .filter(|one| one.profile.as_deref().is_none_or(|profile| profile == name));
            because.extend(here.map(about));
        }
        because
    }

    /// The records from which a way leads here.
    fn near(&self, way: &Way) -> Vec<u32> {
        let links = self.engine.index.links.get(&way.link);
        let near = links.map(|links| match way.forth {
            true => links.sources(self.ordinal).collect::<Vec<u32>>(),
            false => links.targets(self.ordinal).collect(),
        });
        let of_type = |at: &u32| self.engine.index.ordinals.type_of(*at) == way.from;
        near.into_iter().flatten().filter(of_type).collect()
    }
}

fn owned_words(owned: Owned) -> String {
    let parts = [
        (owned.mine, "the user's own"),
        (owned.my_teams, "their teams'"),
        (owned.my_business_unit, "their business unit's"),
    ];
    let parts: Vec<&str> = parts
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, words)| *words)
        .collect();
    parts.join(" and ")
}
