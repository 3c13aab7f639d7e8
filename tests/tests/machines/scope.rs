//! What a device holds when rights, profiles and records change around it.

mod download;
mod leaving;
mod secrets;

use crate::world::{World, definition};
use cairn_agent::{FieldEdit, RecordEditKind};
use cairn_model::definition::{
    Depth, Filter, Members, Owned, Profile, ProfileType, Right, Role, WithoutProfile,
};
use cairn_model::{Change, Definition, Mutation, RecordId, TypeId, Value, Version, Write};
use cairn_projection::digest::Digest;
use cairn_relay::AdminRequest;
use cairn_scope::Engine;
use std::collections::{BTreeMap, BTreeSet};

/// Rights of the same depth on every record type.
pub(crate) fn role(depth: Depth) -> Role {
    Role {
        label: "A role".to_owned(),
        others: Right::ALL.iter().map(|right| (*right, depth)).collect(),
        types: BTreeMap::new(),
    }
}

/// Workers read everything but accounts, of which they have their own; the
/// last user is the dispatcher and may everything.
pub(crate) fn with_roles(policy: &str, users: usize) -> Definition {
    let mut definition = definition(policy, users);
    let account = definition.type_named("account").unwrap().id;
    let mut worker = role(Depth::Organization);
    worker.types.insert(account, role(Depth::User).others);
    definition.roles.insert("worker".to_owned(), worker);
    let dispatcher = role(Depth::Organization);
    definition.roles.insert("dispatcher".to_owned(), dispatcher);
    for number in 0..users {
        let name = match number + 1 == users {
            true => "dispatcher",
            false => "worker",
        };
        give(&mut definition, number, &[name]);
    }
    definition
}

/// Gives a user these roles, and no others.
pub(crate) fn give(definition: &mut Definition, user: usize, roles: &[&str]) {
    let user = definition.users.get_mut(&format!("user{user}")).unwrap();
    user.roles = roles.iter().map(|role| (*role).to_owned()).collect();
}

/// A profile for these users that lets in accounts by a filter.
pub(crate) fn accounts(definition: &Definition, filter: Filter, users: &[usize]) -> Profile {
    let account = definition.type_named("account").unwrap().id;
    let mut profile = Profile::new("Accounts");
    profile.members = members(users);
    profile.types = [(account, ProfileType::new(filter))].into();
    profile
}

pub(crate) fn members(users: &[usize]) -> Members {
    Members {
        users: users.iter().map(|user| format!("user{user}")).collect(),
        ..Members::default()
    }
}

pub(crate) fn mine() -> Filter {
    Filter::Owned(Owned {
        mine: true,
        ..Owned::default()
    })
}

pub(crate) fn user(number: usize) -> Value {
    Value::Lookup(Definition::user_record(&format!("user{number}")))
}

impl World {
    /// A world whose definition is this one.
    pub(crate) fn of(definition: &Definition, devices: usize) -> World {
        let mut world = World::new(&definition.policy, devices);
        world.publish(|standing| {
            let number = standing.number;
            *standing = definition.clone();
            standing.number = number;
        });
        world
    }

    /// Publishes the definition in force, changed.
    pub(crate) fn publish(&mut self, change: impl FnOnce(&mut Definition)) {
        let mut definition = Definition::clone(self.relay.state().definition());
        change(&mut definition);
        let verdicts = self.admin(AdminRequest::Publish(Box::new(definition)));
        let verdicts = verdicts.expect("the definition is right");
        assert!(verdicts.iter().all(|verdict| verdict.rejected.is_none()));
    }

    /// An account of a user's, made at the relay.
    pub(crate) fn account_of(&mut self, owner: usize, name: &str) -> RecordId {
        self.accounts_of(owner, &[name])[0]
    }

    /// Accounts of a user's, made at the relay.
    pub(crate) fn accounts_of(&mut self, owner: usize, names: &[&str]) -> Vec<RecordId> {
        let (of, name) = (self.type_id("account"), self.field("account", "name"));
        let owned = self.field("account", "owner");
        let mutation = |text: &&str| Mutation {
            record: RecordId::derive(text.as_bytes(), "account"),
            record_type: of,
            base: Version(0),
            change: Change::Create(vec![
                (name, Write::Set(Value::Text((*text).to_owned()))),
                (owned, Write::Set(user(owner))),
            ]),
        };
        let mutations: Vec<Mutation> = names.iter().map(mutation).collect();
        let records = mutations.iter().map(|mutation| mutation.record).collect();
        let operations = mutations.chunks(200).map(<[_]>::to_vec).collect();
        let verdicts = self.admin(AdminRequest::Edit(operations)).unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.rejected.is_none()));
        records
    }

    /// Device `device` makes an account another user's.
    pub(crate) fn assign(&mut self, device: usize, record: RecordId, owner: usize) {
        let field = self.field("account", "owner");
        self.write(device, record, field, Write::Set(user(owner)));
    }

    pub(crate) fn write(
        &mut self,
        device: usize,
        record: RecordId,
        field: cairn_model::FieldId,
        write: Write,
    ) {
        let fields = vec![(field, FieldEdit::Write(write))];
        let update = RecordEditKind::Update(fields);
        self.edit(device, Some(record), "account", update);
    }

    /// Whether a device has a record.
    pub(crate) fn holds(&self, device: usize, record: RecordId) -> bool {
        self.shown(device, record).is_some()
    }

    /// The code and the words with which a record left a device.
    pub(crate) fn why_left(&self, device: usize, record: RecordId) -> (String, String) {
        let left = self.devices[device].agent.left(record);
        let left = left.expect("the device remembers it");
        let code = left.reason.as_ref().map(|reason| reason.code.clone());
        (code.unwrap_or_default(), left.words())
    }

    /// Asserts that every device holds what an engine made from nothing says,
    /// with what its user may see of it, and no more.
    pub(crate) fn assert_scoped(&self) {
        let state = self.relay.state();
        let mut engine = Engine::of(state, self.now);
        for (number, device) in self.devices.iter().enumerate() {
            let key = device.secret.public().device();
            let author = state.author(&key).and_then(|author| state.device(author));
            let user = &author.expect("it is enrolled").user;
            let scope = engine.scope(state, user);
            let mut digest = Digest::default();
            for record in scope.iter().map(|at| engine.record(at)) {
                let record = state.record(record).expect("it is in the scope");
                let hidden = engine.hidden(user, record.record_type);
                digest.add(&record.without(&hidden), state.definition());
            }
            let held = device.agent.digest().unwrap();
            let titles = self.titles(number);
            assert_eq!(
                held,
                digest.finish(),
                "device {number}, which has {titles:?}"
            );
        }
    }

    fn titles(&self, device: usize) -> BTreeSet<(TypeId, String)> {
        let definition = self.relay.state().definition();
        let mut titles = BTreeSet::new();
        let visited = self.devices[device].agent.visit(|record| {
            let of = &definition.types[&record.record_type];
            titles.insert((record.record_type, record.title(of)));
        });
        visited.expect("it can be read");
        titles
    }
}

#[test]
fn devices_hold_what_their_users_may_read_and_no_more() {
    let mut world = World::of(&with_roles("flag", 3), 3);
    let own = world.account_of(0, "Own");
    let others = world.account_of(1, "Others");
    world.sync_all();
    world.assert_scoped();
    assert!(world.holds(0, own) && !world.holds(0, others));
    assert!(world.holds(1, others) && !world.holds(1, own));
    assert!(world.holds(2, own) && world.holds(2, others));
}

#[test]
fn users_in_no_profile_hold_what_the_organization_says() {
    let mut definition = with_roles("flag", 2);
    definition.without_profile = WithoutProfile::Nothing;
    let mut world = World::of(&definition, 2);
    let own = world.account_of(0, "Own");
    world.sync_all();
    assert!(!world.holds(0, own) && !world.holds(1, own));
    world.publish(|definition| definition.without_profile = WithoutProfile::Everything);
    world.run();
    assert!(world.holds(0, own) && world.holds(1, own));
    world.assert_scoped();
}
