//! A relay's state that grows by chance: records, edits, follows, rejections,
//! definitions.

use crate::dice::Dice;
use crate::organization::{
    ACCOUNT, LOGINS, NOTE, ORDER, REGIONS, TEAMS, USER, VISIT, drawn, redraw,
};
use cairn_model::{
    Action, Change, Definition, FieldId, HybridTime, Kind, LogId, Mutation, Operation,
    OrganizationId, RecordId, RecordType, SettleOutcome, Timestamp, TypeId, Value, Version, Write,
    codec,
};
use cairn_oplog::bundle::{LogHead, seal};
use cairn_oplog::{Entry, SecretKey};
use cairn_projection::State;

const ORGANIZATION: OrganizationId = OrganizationId([7; 16]);
/// A morning, in milliseconds since 1970.
const MORNING: u64 = 1_760_000_000_000;
const HOUR: u64 = 3_600_000;

struct Log {
    key: SecretKey,
    id: LogId,
    head: LogHead,
}

impl Log {
    fn new(seed: u8) -> Log {
        let key = SecretKey::from_seed(&[seed; 32]);
        let id = LogId {
            device: key.public().device(),
            generation: 0,
        };
        Log {
            head: LogHead::genesis(&ORGANIZATION, &id),
            key,
            id,
        }
    }
}

/// The world.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    /// The relay's first, then a device of each user.
    logs: Vec<Log>,
    minted: u64,
}

impl World {
    /// A drawn organization with some records.
    pub(crate) fn new(dice: &mut Dice) -> World {
        let mut world = World::bare();
        while world.state.definition().number == 0 {
            world.publish(&drawn(dice));
        }
        world.enrol();
        for _ in 0..30 {
            world.edits(dice);
        }
        world
    }

    /// An organization without records.
    pub(crate) fn of(definition: &Definition) -> World {
        let mut world = World::bare();
        world.publish(definition);
        assert_eq!(world.state.definition().number, 1, "it is published");
        world.enrol();
        world
    }

    fn bare() -> World {
        let logs: Vec<Log> = (0..=LOGINS.len() as u8)
            .map(|seed| Log::new(seed + 1))
            .collect();
        World {
            state: State::new(ORGANIZATION, logs[0].key.public()),
            now: Timestamp(MORNING),
            logs,
            minted: 0,
        }
    }

    fn enrol(&mut self) {
        for (number, login) in LOGINS.iter().enumerate() {
            let enrol = Action::Enrol {
                key: self.logs[number + 1].key.public(),
                user: (*login).to_owned(),
                name: (*login).to_owned(),
            };
            self.acts(0, vec![enrol]);
        }
    }

    /// A user's device does something; the relay itself where nobody is named.
    pub(crate) fn does(
        &mut self,
        login: Option<&str>,
        record: RecordId,
        id: TypeId,
        change: Change,
    ) {
        let number = login.map_or(0, |login| {
            let place = LOGINS.iter().position(|known| *known == login);
            1 + place.expect("a drawn login")
        });
        let mutation = Mutation {
            record,
            record_type: id,
            base: self.state.version(),
            change,
        };
        self.acts(number, vec![Action::Edit(vec![mutation])]);
    }

    /// A user settles their oldest open issue.
    pub(crate) fn settles(&mut self, login: &str) {
        let open = |issue: &&cairn_projection::Issue| issue.is_open() && issue.user == login;
        let issue = self.state.issues().iter().find(open);
        let operation = issue.expect("an open issue").version;
        let number = 1 + LOGINS
            .iter()
            .position(|known| *known == login)
            .expect("a login");
        let outcome = SettleOutcome::Discarded;
        self.acts(number, vec![Action::Settle { operation, outcome }]);
    }

    pub(crate) fn publish(&mut self, definition: &Definition) {
        let current = self.state.definition().clone();
        let publish = Action::Publish {
            base: current.number,
            changes: current.changes_to(definition),
            more: false,
        };
        self.acts(0, vec![publish]);
    }

    /// Another definition, if what is drawn may be published.
    pub(crate) fn redefines(&mut self, dice: &mut Dice) {
        let mut next = (**self.state.definition()).clone();
        for _ in 0..=dice.below(2) {
            redraw(dice, &mut next);
        }
        self.publish(&next);
    }

    fn acts(&mut self, log: usize, actions: Vec<Action>) {
        let definition = self.state.definition().number;
        let operations = actions.into_iter().map(|action| {
            let time = HybridTime::new(self.now, 0);
            codec::encode(&Operation {
                time,
                definition,
                action,
            })
        });
        let operations = operations.collect();
        let log = &mut self.logs[log];
        let bundle = seal(&ORGANIZATION, log.id, &log.head, operations, &log.key);
        log.head = bundle.head();
        self.state.fold(&Entry {
            position: self.state.position() + 1,
            received: self.now,
            bundle,
        });
    }

    /// Somebody does something, once or a few times in one bundle.
    pub(crate) fn edits(&mut self, dice: &mut Dice) {
        let who = dice.below(self.logs.len() as u64) as usize;
        let count = 1 + dice.below(3);
        let actions = (0..count).map(|_| self.action(dice, who)).collect();
        self.acts(who, actions);
    }

    fn action(&mut self, dice: &mut Dice, who: usize) -> Action {
        let open: Vec<Version> = self
            .state
            .issues()
            .iter()
            .filter(|issue| issue.is_open() && issue.author.is_some_and(|by| by.0 as usize == who))
            .map(|issue| issue.version)
            .collect();
        if dice.once_in(6)
            && let Some(operation) = dice.maybe(&open)
        {
            return Action::Settle {
                operation,
                outcome: SettleOutcome::Discarded,
            };
        }
        let mutations = (0..=dice.below(2)).map(|_| self.mutation(dice)).collect();
        Action::Edit(mutations)
    }

    fn mutation(&mut self, dice: &mut Dice) -> Mutation {
        let known: Vec<(RecordId, TypeId)> = self
            .state
            .records()
            .map(|record| (record.id, record.record_type))
            .collect();
        let base = self.state.version();
        if dice.once_in(3) || known.is_empty() {
            // Now and then one that was created before, or whose creation was
            // rejected.
            let again = dice.once_in(4).then(|| dice.below(self.minted + 1));
            let number = again.unwrap_or(self.minted + 1);
            self.minted = self.minted.max(number);
            let types = [ACCOUNT, ORDER, VISIT, NOTE, ACCOUNT];
            let record_type = types[(number % 5) as usize];
            let record = RecordId::mint(
                MORNING,
                (number << 20).to_be_bytes().repeat(2)[..10]
                    .try_into()
                    .expect("10 bytes"),
            );
            let change = Change::Create(self.writes(dice, record_type, 2));
            return Mutation {
                record,
                record_type,
                base: Version(0),
                change,
            };
        }
        let (record, record_type) = dice.pick(&known);
        let change = match dice.below(14) {
            0 => Change::Delete,
            1 => Change::Restore,
            2 | 3 => Change::Follow,
            4 => Change::Unfollow,
            _ => Change::Update(self.writes(dice, record_type, 4)),
        };
        Mutation {
            record,
            record_type,
            base,
            change,
        }
    }

    fn writes(&self, dice: &mut Dice, id: TypeId, once_in: u64) -> Vec<(FieldId, Write)> {
        let of: RecordType = self.state.definition().types[&id].clone();
        let mut writes = Vec::new();
        for field in of.live_fields() {
            if dice.once_in(once_in)
                && let Some(write) = self.write(dice, &field.kind)
            {
                writes.push((field.id, write));
            }
        }
        writes
    }

    fn write(&self, dice: &mut Dice, kind: &Kind) -> Option<Write> {
        if let Kind::Set { of } = kind {
            let mut element = || self.value(dice, of);
            return Some(Write::Change {
                add: element().into_iter().collect(),
                remove: element().into_iter().collect(),
            });
        }
        if dice.once_in(8) {
            return Some(Write::Clear);
        }
        self.value(dice, kind).map(Write::Set)
    }

    fn value(&self, dice: &mut Dice, kind: &Kind) -> Option<Value> {
        // Round times, so that boundaries meet.
        let hours = |dice: &mut Dice| (self.now.0 / HOUR - 60 + dice.below(300)) * HOUR;
        Some(match kind {
            Kind::Text { .. } => Value::Text(dice.pick(REGIONS).to_owned()),
            Kind::Integer { .. } => Value::Integer(dice.below(8) as i64),
            Kind::Choice { options } => Value::Choice(dice.pick(options)),
            Kind::Date => Value::Date((hours(dice) / HOUR / 24) as i32),
            Kind::Timestamp => Value::Timestamp(Timestamp(hours(dice))),
            Kind::Lookup { targets, .. } => {
                let of = dice.pick(&targets.iter().copied().collect::<Vec<_>>());
                if of == USER {
                    return Some(Value::Lookup(Definition::user_record(dice.pick(LOGINS))));
                }
                if targets.contains(&USER) {
                    return Some(Value::Lookup(Definition::team_record(dice.pick(TEAMS))));
                }
                let records = self
                    .state
                    .records()
                    .filter(|record| record.record_type == of);
                Value::Lookup(dice.maybe(&records.map(|record| record.id).collect::<Vec<_>>())?)
            }
            _ => return None,
        })
    }
}
