//! What people are told: why something is held, why it is gone, what a draft
//! would do.

use crate::organization::{ACCOUNT, ORDER, VISIT, types};
use crate::world::World;
use cairn_model::definition::{
    Combine, Depth, Files, Filter, Members, Owned, Profile, ProfileType, Relationship, Right, Role,
    WithoutProfile,
};
use cairn_model::{Change, Definition, RecordId, Timestamp, TypeId, User, Value, Write};
use cairn_scope::{Cause, Engine, Explanation, Since, Touched};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn related(way: Relationship) -> ProfileType {
    ProfileType {
        filter: Filter::RelatedOnly,
        related: vec![way],
        combine: Combine::Or,
        columns: None,
        interval: 0,
        files: Files::OnView,
        rank: 1,
    }
}

fn filtered(filter: Filter) -> ProfileType {
    ProfileType {
        filter,
        related: Vec::new(),
        ..related(Relationship::PointingAt {
            record_type: VISIT,
            field: cairn_model::FieldId(1),
            depth: None,
        })
    }
}

/// Ada holds the visits of the next days, their orders and their accounts; ben
/// is in no profile and holds what he keeps.
fn organization() -> Definition {
    let mut definition = Definition {
        name: "Somebody".to_owned(),
        without_profile: WithoutProfile::Nothing,
        ..Definition::default()
    };
    for of_type in types() {
        definition.types.insert(of_type.id, of_type);
    }
    for login in crate::organization::LOGINS {
        definition
            .users
            .insert((*login).to_owned(), User::new(login));
    }
    let order = definition.types.get_mut(&ORDER).expect("orders");
    order.owner = order.field_named("owner").map(|field| field.id);
    order.readers = order.field_named("readers").map(|field| field.id);
    let field = |of: TypeId, name: &str| {
        let field = definition.types[&of].field_named(name);
        field.expect("a field").id
    };
    let days = "record.starts_at < today + days(8) && record.ends_at >= today";
    let to_order = Relationship::PointedAtBy {
        record_type: VISIT,
        field: field(VISIT, "order"),
        depth: None,
    };
    let to_account = Relationship::PointedAtBy {
        record_type: ORDER,
        field: field(ORDER, "account"),
        depth: None,
    };
    let profile = Profile {
        label: "Days".to_owned(),
        members: Members {
            users: ["ada".to_owned()].into(),
            ..Members::default()
        },
        exclusive: false,
        grace: 3 * 24 * 60,
        based_on: None,
        types: [
            (VISIT, filtered(Filter::Where(days.to_owned()))),
            (ORDER, related(to_order)),
            (ACCOUNT, related(to_account)),
        ]
        .into(),
    };
    definition.profiles.insert("days".to_owned(), profile);
    definition
}

/// A world with an account, an order for it, and a visit to come; and what the
/// engine says of it.
struct Story {
    world: World,
    engine: Engine,
    account: RecordId,
    order: RecordId,
    visit: RecordId,
}

impl Story {
    fn new(definition: &Definition) -> Story {
        let mut world = World::of(definition);
        let id = |number: u8| RecordId::mint(1, [number; 10]);
        let (account, order, visit) = (id(1), id(2), id(3));
        let now = world.now;
        let engine = Engine::of(&world.state, now);
        world.now = now.plus(1);
        let mut story = Story {
            world,
            engine,
            account,
            order,
            visit,
        };
        let create = Change::Create(Vec::new());
        story.world.does(None, account, ACCOUNT, create.clone());
        story.world.does(None, order, ORDER, create.clone());
        story.world.does(None, visit, VISIT, create);
        story.set(account, "name", text("Elm Grove"));
        story.set(order, "name", text("Boiler"));
        story.set(visit, "name", text("V-1"));
        story.set(order, "account", Value::Lookup(account));
        story.set(visit, "order", Value::Lookup(order));
        story.set(visit, "starts_at", Value::Timestamp(now.plus(5 * HOUR)));
        story.set(visit, "ends_at", Value::Timestamp(now.plus(6 * HOUR)));
        story.fold();
        story
    }

    fn type_of(&self, record: RecordId) -> TypeId {
        self.world
            .state
            .record(record)
            .expect("a record")
            .record_type
    }

    fn change(&mut self, record: RecordId, change: Change) {
        let id = self.type_of(record);
        self.world.does(None, record, id, change);
    }

    fn write(&mut self, record: RecordId, name: &str, write: Write) {
        let id = self.type_of(record);
        let of_type = &self.world.state.definition().types[&id];
        let field = of_type.field_named(name).expect("a field").id;
        self.change(record, Change::Update(vec![(field, write)]));
    }

    fn set(&mut self, record: RecordId, name: &str, value: Value) {
        self.write(record, name, Write::Set(value));
    }

    fn fold(&mut self) -> Touched {
        let touched = self.engine.fold(&self.world.state, self.world.now);
        for login in crate::organization::LOGINS {
            self.engine.scope(&self.world.state, login);
        }
        touched
    }

    fn since(&self) -> Since {
        Since {
            version: self.world.state.version(),
            time: self.world.now,
        }
    }

    fn holds(&mut self, login: &str, record: RecordId) -> bool {
        let ordinal = self.engine.ordinal(record).expect("a record");
        self.engine
            .scope(&self.world.state, login)
            .contains(ordinal)
    }

    fn explain(&self, login: &str, record: RecordId) -> Explanation {
        self.engine.explain(&self.world.state, login, record)
    }

    /// Has `login` hold `record`, do something, and not hold it any more. Gives
    /// why, since when, and in which words.
    fn leaves(
        &mut self,
        login: &str,
        record: RecordId,
        act: impl FnOnce(&mut Story),
    ) -> (Cause, Option<Timestamp>, String) {
        assert!(self.holds(login, record), "it is held before");
        let since = self.since();
        self.world.now = self.world.now.plus(1);
        act(self);
        self.fold();
        assert!(!self.holds(login, record), "it is not held after");
        let reason = self
            .engine
            .reason(&self.world.state, login, record, Some(since));
        (reason.cause, reason.since, reason.words)
    }

    fn publishes(&mut self, change: impl FnOnce(&mut Definition)) {
        let mut next = (**self.world.state.definition()).clone();
        change(&mut next);
        let before = self.world.state.definition().number;
        self.world.publish(&next);
        assert_eq!(
            self.world.state.definition().number,
            before + 1,
            "it is published"
        );
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn user(login: &str) -> Value {
    Value::Lookup(Definition::user_record(login))
}

fn words(explanation: &Explanation) -> Vec<&str> {
    explanation
        .because
        .iter()
        .map(|because| because.words.as_str())
        .collect()
}

#[test]
fn what_is_held_is_explained_by_its_way() {
    let mut story = Story::new(&organization());
    assert!(story.holds("ada", story.account) && !story.holds("ben", story.account));
    let explanation = story.explain("ada", story.account);
    assert_eq!(
        words(&explanation),
        ["Profile `days` reaches it, in 2 steps from visit V-1."]
    );
    let path: Vec<_> = explanation.because[0]
        .path
        .iter()
        .map(|stop| (stop.title.as_str(), stop.way.as_deref()))
        .collect();
    assert_eq!(
        path,
        [
            ("visit V-1", Some("points by order at order")),
            ("order Boiler", Some("points by account at account")),
            ("account Elm Grove", None),
        ]
    );
    assert_eq!(
        explanation.reading.as_deref(),
        Some("There are no roles, so ada may read everything.")
    );
    let visit = story.explain("ada", story.visit);
    assert!(visit.held && visit.because[0].code == "profile.filter");
}

#[test]
fn what_is_missing_is_explained_up_to_the_record_that_a_filter_keeps_out() {
    let mut story = Story::new(&organization());
    let past = Timestamp(story.world.now.0 - 3 * DAY);
    story.set(story.visit, "ends_at", Value::Timestamp(past));
    story.fold();
    let explanation = story.explain("ada", story.account);
    let words = words(&explanation);
    assert_eq!(words.len(), 3, "{words:?}");
    assert_eq!(
        words[..2],
        [
            "It would come with order Boiler, which ada does not hold by profile `days`.",
            "order Boiler: It would come with visit V-1, which ada does not hold by profile `days`.",
        ]
    );
    assert!(
        words[2]
            .starts_with("order Boiler: visit V-1: It does not meet the filter of profile `days`:")
            && words[2].contains("ends_at is 2025-10-06"),
        "{words:?}"
    );
    let follow = &explanation.remedies[0];
    let asked_for = format!(":{}` on a device of theirs.", explanation.record);
    assert!(
        follow.starts_with("Have ada follow it: `cairn record follow ")
            && follow.ends_with(&asked_for),
        "{follow}"
    );
    let of_ben = story.explain("ben", story.account);
    assert!(
        of_ben
            .remedies
            .contains(&"Add ben to profile `days`, which has this type.".to_owned()),
        "{of_ben:?}"
    );
}

#[test]
fn a_record_that_left_says_which_filter_by_an_edit_or_by_the_clock() {
    let mut story = Story::new(&organization());
    let ended = Timestamp(story.world.now.0 - 3 * DAY);
    let (cause, since, words) = story.leaves("ada", story.visit, |story| {
        story.set(story.visit, "ends_at", Value::Timestamp(ended));
    });
    assert_eq!((cause, since), (Cause::Filter, Some(story.world.now)));
    assert!(
        words.contains("the filter of profile `days`") && !words.contains("2025"),
        "{words}"
    );

    let mut story = Story::new(&organization());
    let (cause, since, _) = story.leaves("ada", story.visit, |story| {
        story.world.now = story.world.now.plus(3 * DAY);
    });
    let midnight = Timestamp((story.world.now.0 - 3 * DAY).div_ceil(DAY) * DAY);
    assert_eq!(
        (cause, since),
        (Cause::Filter, Some(midnight)),
        "the day after it ended"
    );
    let reason = story
        .engine
        .reason(&story.world.state, "ada", story.order, None);
    assert_eq!(reason.cause, Cause::RelationshipGone);
}

#[test]
fn a_record_that_left_says_what_else_it_may_be() {
    let cause = |login: &str, pick: fn(&Story) -> RecordId, act: fn(&mut Story)| {
        let mut story = Story::new(&organization());
        let record = pick(&story);
        let id = story.type_of(record);
        if login == "ben" {
            story.world.does(Some("ben"), record, id, Change::Follow);
            story.fold();
        }
        story.leaves(login, record, act).0
    };
    let account: fn(&Story) -> RecordId = |story| story.account;
    let order: fn(&Story) -> RecordId = |story| story.order;
    let visit: fn(&Story) -> RecordId = |story| story.visit;
    assert_eq!(
        cause("ada", visit, |story| story
            .change(story.visit, Change::Delete)),
        Cause::Deleted
    );
    assert_eq!(
        cause("ada", order, |story| story.write(
            story.visit,
            "order",
            Write::Clear
        )),
        Cause::RelationshipGone
    );
    let unfollow = |story: &mut Story| {
        story
            .world
            .does(Some("ben"), story.account, ACCOUNT, Change::Unfollow);
    };
    assert_eq!(cause("ben", account, unfollow), Cause::Unfollowed);
    let disabled = |story: &mut Story| {
        story.publishes(|next| {
            next.profiles.clear();
            next.types.get_mut(&ACCOUNT).expect("accounts").offline = false;
        });
    };
    assert_eq!(cause("ada", account, disabled), Cause::TypeNotOffline);
    let narrowed = |story: &mut Story| {
        story.publishes(|next| {
            let days = next.profiles.get_mut("days").expect("the profile");
            days.types.get_mut(&VISIT).expect("visits").filter =
                Filter::Where("record.name == \"V-2\"".to_owned());
        });
    };
    assert_eq!(cause("ada", visit, narrowed), Cause::ProfileChanged);
    let limited = |story: &mut Story| {
        story.publishes(|next| {
            let visits = next.types.get_mut(&VISIT).expect("visits");
            visits.offline_where = Some("record.name == \"V-2\"".to_owned());
        });
    };
    assert_eq!(cause("ada", visit, limited), Cause::DataFilter);
    let left = |story: &mut Story| {
        story.publishes(|next| {
            next.profiles.get_mut("days").expect("the profile").members = Members::default();
        });
    };
    assert_eq!(cause("ada", visit, left), Cause::ProfileChanged);
}

/// Orders are read by whom they belong to or are shared with.
fn with_roles() -> Definition {
    let mut definition = organization();
    let everything = |depth| Right::ALL.iter().map(|right| (*right, depth)).collect();
    let worker = Role {
        label: "Worker".to_owned(),
        others: everything(Depth::Organization),
        types: [(ORDER, everything(Depth::User))].into(),
    };
    definition.roles.insert("worker".to_owned(), worker);
    for user in definition.users.values_mut() {
        user.roles.insert("worker".to_owned());
    }
    definition
}

#[test]
fn a_record_that_may_not_be_read_any_more_says_why() {
    let mut story = Story::new(&with_roles());
    story.set(story.order, "owner", user("ada"));
    story.fold();
    let (cause, ..) = story.leaves("ada", story.order, |story| {
        story.set(story.order, "owner", user("ben"));
    });
    assert_eq!(cause, Cause::OwnerChanged);
    assert!(
        !story.holds("ada", story.account),
        "what may not be read leads nowhere"
    );
    let explanation = story.explain("ada", story.order);
    assert_eq!(explanation.because[0].code, "read.none");
    assert_eq!(explanation.remedies[0], "Share the record with ada.");

    let readers = |add: &[Value], remove: &[Value]| Write::Change {
        add: add.iter().cloned().collect(),
        remove: remove.iter().cloned().collect(),
    };
    story.write(story.order, "readers", readers(&[user("ada")], &[]));
    story.fold();
    assert_eq!(
        story.explain("ada", story.order).reading.as_deref(),
        Some("It is shared with ada or a team of theirs.")
    );
    let (cause, ..) = story.leaves("ada", story.order, |story| {
        story.write(story.order, "readers", readers(&[], &[user("ada")]));
    });
    assert_eq!(cause, Cause::ShareEnded);

    story.set(story.order, "owner", user("ada"));
    story.fold();
    let (cause, ..) = story.leaves("ada", story.order, |story| {
        story.publishes(|next| next.users.get_mut("ada").expect("ada").roles.clear());
    });
    assert_eq!(cause, Cause::RoleChanged);
}

#[test]
fn what_a_user_creates_stays_for_the_grace_and_what_waits_until_it_is_settled() {
    let mut story = Story::new(&organization());
    let created = RecordId::mint(1, [9; 10]);
    let create = Change::Create(Vec::new());
    story.world.does(Some("ada"), created, ACCOUNT, create);
    let at = story.world.now;
    story.fold();
    assert!(story.holds("ada", created) && !story.holds("ben", created));
    assert_eq!(
        story
            .engine
            .next_change()
            .map(|next| next <= at.plus(3 * DAY)),
        Some(true)
    );
    let (cause, since, _) = story.leaves("ada", created, |story| {
        story.world.now = at.plus(3 * DAY);
    });
    assert_eq!((cause, since), (Cause::GraceOver, Some(at.plus(3 * DAY))));

    let restore = Change::Restore;
    story.world.does(Some("ben"), created, ACCOUNT, restore);
    story.fold();
    assert!(
        story.holds("ben", created),
        "what was rejected waits for ben"
    );
    let (cause, ..) = story.leaves("ben", created, |story| story.world.settles("ben"));
    assert_eq!(cause, Cause::Settled);
}

#[test]
fn a_user_is_told_of_once_until_their_scope_is_asked_for() {
    let mut story = Story::new(&organization());
    let state = |story: &Story| story.world.state.clone();
    story.set(story.account, "name", text("Elm Park"));
    let touched = story.engine.fold(&state(&story), story.world.now);
    let account = story.engine.ordinal(story.account).expect("the account");
    assert!(
        touched.users.is_empty(),
        "no rule is about names: {touched:?}"
    );
    assert!(touched.records.contains(account));
    let holders = story.engine.holders(&touched.records);
    assert_eq!(holders, ["ada"].into());

    story.write(story.visit, "order", Write::Clear);
    let touched = story.engine.fold(&state(&story), story.world.now);
    assert_eq!(touched.users, ["ada".to_owned()].into());
    story.set(story.visit, "order", Value::Lookup(story.order));
    let touched = story.engine.fold(&state(&story), story.world.now);
    assert!(
        touched.users.is_empty(),
        "nobody has asked since: {touched:?}"
    );
    assert!(story.holds("ada", story.order));
}

#[test]
fn a_clock_that_falls_back_is_waited_for_or_followed() {
    let mut story = Story::new(&organization());
    let before = story.engine.now();
    let state = story.world.state.clone();
    story.engine.advance(&state, Timestamp(before.0 - 1_000));
    assert_eq!(story.engine.now(), before);
    let later = before.plus(3 * DAY);
    let touched = story.engine.advance(&state, later);
    assert_eq!(touched.users, ["ada".to_owned()].into());
    assert!(!story.holds("ada", story.visit));
    let touched = story.engine.advance(&state, before);
    assert!(touched.users.contains("ben"), "everything was found anew");
    assert!(story.holds("ada", story.visit));
}

#[test]
fn a_draft_is_previewed_with_what_comes_and_goes() {
    let story = Story::new(&organization());
    let mut draft = organization();
    let days = draft.profiles.get_mut("days").expect("the profile");
    days.members.users.insert("ben".to_owned());
    days.types.remove(&ACCOUNT);
    let users = ["ada".to_owned(), "ben".to_owned()];
    let preview = story.engine.preview(&story.world.state, &draft, &users);
    let told: Vec<_> = preview
        .users
        .iter()
        .map(|user| (user.user.as_str(), user.rows, user.gains, user.loses))
        .collect();
    assert_eq!(told, [("ada", 2, 0, 1), ("ben", 2, 2, 0)]);
    let of_ada = &preview.users[0];
    let accounts = of_ada.types.iter().find(|of| of.record_type == ACCOUNT);
    assert_eq!(
        accounts.map(|of| of.loses.clone()),
        Some((1, vec![story.account]))
    );
    assert!(
        of_ada.bytes > 2 * 20 && of_ada.bytes < 2 * 400,
        "{}",
        of_ada.bytes
    );
    let missing: Vec<&str> = preview
        .warnings
        .iter()
        .filter(|warning| warning.code == "target-not-held")
        .map(|warning| warning.place.as_str())
        .collect();
    assert!(
        missing.contains(&"profile days, order"),
        "{:?}",
        preview.warnings
    );
}

#[test]
fn devices_have_the_columns_of_any_profile_and_no_secured_field() {
    let mut definition = organization();
    let field = |name: &str| {
        let field = definition.types[&ORDER].field_named(name);
        field.expect("a field").id
    };
    let (name, account, due, status, owner) = (
        field("name"),
        field("account"),
        field("due"),
        field("status"),
        field("owner"),
    );
    let orders = definition.types.get_mut(&ORDER).expect("orders");
    orders.fields.get_mut(&status).expect("a field").secured = true;
    let days = definition.profiles.get_mut("days").expect("the profile");
    days.types.get_mut(&ORDER).expect("orders").columns = Some([name, account, status].into());
    days.types.get_mut(&ORDER).expect("orders").rank = 7;
    let mut desk = days.clone();
    desk.types = [(
        ORDER,
        filtered(Filter::Owned(Owned {
            mine: true,
            ..Owned::default()
        })),
    )]
    .into();
    desk.types.get_mut(&ORDER).expect("orders").columns = Some([name, due].into());
    desk.types.get_mut(&ORDER).expect("orders").interval = 15;
    definition.profiles.insert("desk".to_owned(), desk);
    let mut story = Story::new(&definition);
    let columns = story.engine.columns("ada", ORDER);
    assert_eq!(columns, [name, owner, account, due].into());
    let terms = story.engine.terms("ada", ORDER);
    assert_eq!((terms.interval, terms.rank), (0, 1));
    let scope = story.engine.scope(&story.world.state, "ada");
    let first = story.engine.first("ada", &scope, 2);
    assert_eq!(first.len(), 2);
    let everything = story.engine.columns("ben", ORDER);
    assert!(everything.contains(&due) && !everything.contains(&status));
}
