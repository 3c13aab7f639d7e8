//! A store and its accounts. Everybody takes only what is there as far as they
//! know, and yet together they can take more: the stock is a counter with a
//! floor and a shelf above it. Money is moved from one account to another, as
//! two counters in one operation, and once more as two numbers that are read,
//! reckoned and written back, as software does that knows no counters: those
//! lose money when two people move it at once.

use super::domain::{Desk, Domain, Draft, Put, Role, add, pick, record, record_type, set, text};
use super::laws::{HOUR, Hours, Law, Line, MINUTE};
use crate::door::{Bound, Sum, Truth};
use crate::stats::Stream;
use cairn_model::{FieldId, Kind, RecordId, RecordType, TypeId, Value};
use serde::Serialize;

pub(super) const ITEM: TypeId = TypeId(1);
pub(super) const ON_HAND: FieldId = FieldId(2);
const PLACE: FieldId = FieldId(3);
pub(super) const ACCOUNT: TypeId = TypeId(2);
pub(super) const BALANCE: FieldId = FieldId(2);
pub(super) const NOTED: FieldId = FieldId(3);

/// What a shelf has room for.
const ROOM: i64 = 60;
const AT_FIRST: i64 = 30;
/// Below which a storekeeper orders more, and how much.
const LOW: i64 = 12;
const DELIVERY: i64 = 40;
const MONEY_AT_FIRST: i64 = 100;

#[derive(Debug, Clone, Serialize)]
pub(super) struct Counters {
    pub(super) pickers: usize,
    pub(super) storekeepers: usize,
    pub(super) items: usize,
    pub(super) accounts: usize,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            pickers: 6,
            storekeepers: 2,
            items: 6,
            accounts: 5,
        }
    }
}

impl Counters {
    fn pick(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        // The first items are asked for most.
        let share = stream.share();
        let place = (share * share * self.items as f64) as usize;
        let wanted = 1 + stream.below(8) as i64;
        let item = record("item", place);
        if desk.count(item, ON_HAND) < wanted {
            return Draft::nothing();
        }
        Draft::update(ITEM, item, vec![add(ON_HAND, -wanted)])
    }

    fn deliver(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let items = desk.records(ITEM);
        let low = items
            .iter()
            .copied()
            .find(|item| desk.count(*item, ON_HAND) < LOW);
        let Some(item) = low else {
            let Some(item) = pick(&items, stream) else {
                return Draft::nothing();
            };
            let shelf = format!("shelf {}", stream.below(20));
            return Draft::update(ITEM, item, vec![text(PLACE, shelf)]);
        };
        Draft::update(ITEM, item, vec![add(ON_HAND, DELIVERY)])
    }

    fn pay(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let (from, to) = (stream.below(self.accounts), stream.below(self.accounts));
        let amount = 1 + stream.below(20) as i64;
        let (payer, payee) = (record("account", from), record("account", to));
        if from == to || desk.count(payer, BALANCE) < amount {
            return Draft::nothing();
        }
        let moves = |account: RecordId, change: i64| {
            let noted = desk.number(account, NOTED) + change;
            let puts = vec![add(BALANCE, change), set(NOTED, Value::Integer(noted))];
            Draft::update(ACCOUNT, account, puts)
        };
        moves(payer, -amount).and(moves(payee, amount))
    }
}

impl Domain for Counters {
    fn types(&self) -> Vec<RecordType> {
        let item = [
            ("name", Kind::text()),
            ("on_hand", Kind::Counter),
            ("place", Kind::text()),
        ];
        let account = [
            ("name", Kind::text()),
            ("balance", Kind::Counter),
            ("noted", Kind::integer()),
        ];
        vec![
            record_type(ITEM, "item", &item),
            record_type(ACCOUNT, "account", &account),
        ]
    }

    fn people(&self) -> Vec<Role> {
        let picker = Role {
            name: "picker",
            weight: 1,
            site: None,
            line: Line::OnAndOff {
                offline: Law::Weibull {
                    scale: HOUR,
                    shape: 0.7,
                },
                online: Law::Lognormal {
                    median: 10 * MINUTE,
                    sigma: 1.0,
                },
                every: Law::Exponential { mean: MINUTE },
            },
            pause: Law::Exponential { mean: 10 * MINUTE },
            hours: Some(Hours { from: 6, to: 22 }),
            acts: 200,
            until: 12 * HOUR,
            skew: 2_000,
        };
        let keeper = Role {
            name: "storekeeper",
            ..picker.clone()
        };
        let mut people = vec![picker; self.pickers];
        people.resize(self.pickers + self.storekeepers, keeper);
        people
    }

    fn begin(&self) -> Vec<Draft> {
        let named = |record_type, kind, number: usize, puts: [(FieldId, Put); 2]| {
            let mut all = vec![text(FieldId(1), format!("{kind} {number}"))];
            all.extend(puts);
            Draft::create(record_type, record(kind, number), all)
        };
        let item = |number| {
            let puts = [add(ON_HAND, AT_FIRST), text(PLACE, "shelf 0")];
            named(ITEM, "item", number, puts)
        };
        let account = |number| {
            let noted = set(NOTED, Value::Integer(MONEY_AT_FIRST));
            named(
                ACCOUNT,
                "account",
                number,
                [add(BALANCE, MONEY_AT_FIRST), noted],
            )
        };
        let items = (0..self.items).map(item);
        items.chain((0..self.accounts).map(account)).collect()
    }

    fn act(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        match (stream.share() < 0.3, desk.person < self.pickers) {
            (true, _) => self.pay(desk, stream),
            (false, true) => self.pick(desk, stream),
            (false, false) => self.deliver(desk, stream),
        }
    }

    fn declare(&self, truth: &mut Truth) {
        truth.bounds.push(Bound {
            record_type: ITEM,
            field: ON_HAND,
            min: Some(0),
            max: Some(ROOM),
        });
        let money = MONEY_AT_FIRST * self.accounts as i64;
        for field in [BALANCE, NOTED] {
            truth.sums.push(Sum {
                record_type: ACCOUNT,
                field,
                expected: money,
            });
        }
    }
}
