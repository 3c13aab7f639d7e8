//! Five days of sales: representatives on the road, out of reach between
//! visits, and a back office, on the same opportunities. Mostly people work on
//! their own; how much they share decides how much meets.

use super::domain::{
    Desk, Domain, Draft, Put, Role, choice, document, lookup, one_of, parsed, pick, record,
    record_type, set, set_of_texts, text, toggle, weighed,
};
use super::laws::{DAY, HOUR, Hours, Law, Line, MINUTE, Uplink};
use crate::stats::Stream;
use cairn_model::{FieldId, Kind, RecordId, RecordType, TypeId, Value};
use serde::Serialize;

const SELLER: TypeId = TypeId(1);
const ACCOUNT: TypeId = TypeId(2);
const OPPORTUNITY: TypeId = TypeId(3);
const VISIT: TypeId = TypeId(4);

const NAME: FieldId = FieldId(1);
const OF: FieldId = FieldId(2);
const STAGE: FieldId = FieldId(3);
const AMOUNT: FieldId = FieldId(4);
const CLOSES: FieldId = FieldId(5);
const OWNER: FieldId = FieldId(6);
const CHANCE: FieldId = FieldId(7);
const NEXT_STEP: FieldId = FieldId(8);
const RIVALS: FieldId = FieldId(9);
const REMARKS: FieldId = FieldId(10);

const VISIT_AT: FieldId = FieldId(2);
const VISIT_OUTCOME: FieldId = FieldId(3);

const STAGES: [&str; 5] = ["lead", "qualified", "offer", "won", "lost"];
const RIVAL: [&str; 4] = ["Acme", "Borealis", "Corvus", "Delta"];
const STEPS: [&str; 5] = ["call", "send offer", "visit", "ask for budget", "wait"];

#[derive(Debug, Clone, Serialize)]
pub(super) struct Sales {
    pub(super) sellers: usize,
    pub(super) office: usize,
    pub(super) opportunities: usize,
    /// How often a seller works on what is another's.
    pub(super) shares: f64,
}

impl Default for Sales {
    fn default() -> Sales {
        Sales {
            sellers: 5,
            office: 2,
            opportunities: 40,
            shares: 0.2,
        }
    }
}

fn seller(number: usize) -> RecordId {
    record("seller", number)
}

fn amount(stream: &mut Stream) -> (FieldId, Put) {
    let amount = format!("{}00 EUR", 10 + stream.below(490));
    set(AMOUNT, parsed(&Kind::money("EUR"), &amount))
}

impl Sales {
    fn opportunity(&self, desk: &Desk<'_>, stream: &mut Stream) -> Option<RecordId> {
        let all = desk.records(OPPORTUNITY);
        let anyone = desk.person >= self.sellers || stream.share() < self.shares;
        let me = Some(seller(desk.person));
        let own = |record: &RecordId| anyone || desk.lookup(*record, OWNER) == me;
        let own: Vec<RecordId> = all.iter().copied().filter(own).collect();
        pick(&own, stream).or_else(|| pick(&all, stream))
    }

    fn change(
        &self,
        desk: &Desk<'_>,
        opportunity: RecordId,
        stream: &mut Stream,
    ) -> Vec<(FieldId, Put)> {
        let day = (desk.now.0 / DAY) as i32;
        let closes = day + 1 + stream.below(90) as i32;
        let weights = match desk.person < self.sellers {
            true => [4, 3, 3, 4, 2, 3, 1, 0],
            false => [2, 4, 4, 1, 2, 1, 1, 2],
        };
        match weighed(&weights, stream) {
            0 => vec![choice(STAGE, pick(&STAGES, stream).unwrap_or(STAGES[0]))],
            1 => vec![amount(stream)],
            2 => vec![set(CLOSES, Value::Date(closes))],
            3 => {
                let step = pick(&STEPS, stream).unwrap_or(STEPS[0]);
                let chance = stream.below(11) as i64 * 10;
                vec![text(NEXT_STEP, step), set(CHANCE, Value::Integer(chance))]
            }
            4 => {
                let rival = Value::Text(pick(&RIVAL, stream).unwrap_or(RIVAL[0]).to_owned());
                vec![toggle(RIVALS, desk.has(opportunity, RIVALS, &rival), rival)]
            }
            5 => {
                let before = desk.text(opportunity, REMARKS);
                let line = format!(
                    "{before}{} no. {}: talked to them\n",
                    desk.person, desk.acts
                );
                vec![document(REMARKS, line)]
            }
            6 => vec![text(NAME, format!("Project {}", stream.below(500)))],
            _ => vec![set(
                OWNER,
                Value::Lookup(seller(stream.below(self.sellers))),
            )],
        }
    }

    /// Visits are planned, moved, written up, and struck when they fall through.
    fn visit(&self, desk: &Desk<'_>, of: RecordId, stream: &mut Stream) -> Draft {
        let visits: Vec<RecordId> = desk.records(VISIT);
        let what = weighed(&[2, 3, 3, 2], stream);
        let at = Value::Date((desk.now.0 / DAY) as i32 + stream.below(10) as i32);
        match (what, pick(&visits, stream)) {
            (1, Some(visit)) => Draft::update(VISIT, visit, vec![set(VISIT_AT, at)]),
            (2, Some(visit)) => {
                let outcome = format!("outcome {}", stream.below(100));
                Draft::update(VISIT, visit, vec![text(VISIT_OUTCOME, outcome)])
            }
            (3, Some(visit)) => Draft::delete(VISIT, visit),
            _ => {
                let id = record("visit", format!("{} {}", desk.person, desk.acts));
                let puts = vec![set(FieldId(1), Value::Lookup(of)), set(VISIT_AT, at)];
                Draft::create(VISIT, id, puts)
            }
        }
    }
}

impl Domain for Sales {
    fn types(&self) -> Vec<RecordType> {
        vec![
            record_type(SELLER, "seller", &[("name", Kind::text())]),
            record_type(ACCOUNT, "account", &[("name", Kind::text())]),
            record_type(
                OPPORTUNITY,
                "opportunity",
                &[
                    ("name", Kind::text()),
                    ("account", lookup(ACCOUNT)),
                    ("stage", one_of(&STAGES)),
                    ("amount", Kind::money("EUR")),
                    ("closes", Kind::Date),
                    ("owner", lookup(SELLER)),
                    ("chance", Kind::integer()),
                    ("next_step", Kind::text()),
                    ("rivals", set_of_texts()),
                    ("remarks", Kind::RichText),
                ],
            ),
            record_type(
                VISIT,
                "visit",
                &[
                    ("opportunity", lookup(OPPORTUNITY)),
                    ("at", Kind::Date),
                    ("outcome", Kind::text()),
                ],
            ),
        ]
    }

    fn people(&self) -> Vec<Role> {
        let seller = Role {
            name: "seller",
            weight: 2,
            site: None,
            line: Line::OnAndOff {
                offline: Law::Lognormal {
                    median: 3 * HOUR,
                    sigma: 1.0,
                },
                online: Law::Lognormal {
                    median: 15 * MINUTE,
                    sigma: 0.8,
                },
                every: Law::Exponential { mean: 3 * MINUTE },
            },
            pause: Law::Exponential { mean: 50 * MINUTE },
            hours: Some(Hours { from: 8, to: 18 }),
            acts: 500,
            until: 5 * DAY,
            skew: 300_000,
        };
        let office = Role {
            name: "back office",
            weight: 1,
            site: Some(0),
            line: Line::Now(Law::Exponential { mean: 2 * MINUTE }),
            pause: Law::Exponential { mean: 30 * MINUTE },
            skew: 2_000,
            ..seller.clone()
        };
        let mut people = vec![seller; self.sellers];
        people.resize(self.sellers + self.office, office);
        people
    }

    fn sites(&self) -> Vec<Uplink> {
        vec![Uplink {
            up: Law::Exponential { mean: 12 * HOUR },
            down: Law::Lognormal {
                median: HOUR,
                sigma: 1.0,
            },
        }]
    }

    fn begin(&self) -> Vec<Draft> {
        let mut stream = Stream::new(0, "sales begin");
        let named =
            |record_type, id, name: String| Draft::create(record_type, id, vec![text(NAME, name)]);
        let mut drafts: Vec<Draft> = (0..self.sellers)
            .map(|number| named(SELLER, seller(number), format!("Seller {number}")))
            .collect();
        for number in 0..self.opportunities {
            let account = record("account", number);
            drafts.push(named(ACCOUNT, account, format!("Account {number}")));
            let puts = vec![
                text(NAME, format!("Project {number}")),
                set(OF, Value::Lookup(account)),
                choice(STAGE, STAGES[0]),
                amount(&mut stream),
                set(OWNER, Value::Lookup(seller(number % self.sellers.max(1)))),
                document(REMARKS, "First contact.\n"),
            ];
            drafts.push(Draft::create(
                OPPORTUNITY,
                record("opportunity", number),
                puts,
            ));
        }
        drafts
    }

    fn act(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let Some(opportunity) = self.opportunity(desk, stream) else {
            return Draft::nothing();
        };
        if stream.share() < 0.25 {
            return self.visit(desk, opportunity, stream);
        }
        let puts = self.change(desk, opportunity, stream);
        Draft::update(OPPORTUNITY, opportunity, puts)
    }
}
