//! Made-up portions: four customers with their people, machines and work.

mod words;

use super::Draft;
use super::dice::Dice;
use serde_json::{Value as Json, json};
use words::{
    BUSINESSES, CITIES, FIRST_NAMES, MACHINES, PLACES, PRODUCTS, ROLES, ROOMS, STATUSES, STEPS,
    STREETS, SURNAMES, TROUBLES,
};

const ACCOUNTS: u64 = 4;
const CONTACTS: u64 = 6;
const ASSETS: u64 = 8;
const CASES: u64 = 2;
const WORK_ORDERS: u64 = 12;
const DAY_MS: u64 = 86_400_000;
/// Midnight before the sample's week: 2026-06-01T00:00:00Z.
const MONDAY_MS: u64 = 1_780_272_000_000;

/// The drafts of portion `number`, from 1. Numbers of records count on from
/// portion to portion, so no two share a key.
pub(super) fn portion(number: u32, seed: u64, logins: &[&str]) -> Vec<Draft> {
    let number = u64::from(number);
    let dice = |name: &str| Dice::new(seed, name, number);
    let mut maker = Maker {
        portion: number,
        logins,
        drafts: Vec::new(),
    };
    maker.product(&mut dice("products"));
    maker.accounts(&mut dice("accounts"));
    maker.contacts(&mut dice("contacts"));
    maker.assets(&mut dice("assets"));
    maker.cases(&mut dice("cases"));
    maker.work_orders(&mut dice("work orders"));
    maker.work(&mut dice("work"));
    maker.desk(&mut dice("desk"));
    maker.drafts
}

struct Maker<'a> {
    portion: u64,
    logins: &'a [&'a str],
    drafts: Vec<Draft>,
}

impl Maker<'_> {
    fn add<const N: usize>(&mut self, type_name: &str, index: u64, fields: [(&str, Json); N]) {
        let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
        self.drafts.push(Draft {
            type_name: type_name.to_owned(),
            alias: self.alias(type_name, index),
            fields: fields
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        });
    }

    fn alias(&self, type_name: &str, index: u64) -> String {
        format!("{type_name}.{}-{index}", self.portion)
    }

    fn lookup(&self, type_name: &str, index: u64) -> Json {
        json!(self.alias(type_name, index))
    }

    /// The running number of the `index`th of `each` records a portion.
    fn number(&self, first: u64, each: u64, index: u64) -> u64 {
        first + (self.portion - 1) * each + index
    }

    fn user(&self, dice: &mut Dice) -> Json {
        if self.logins.is_empty() {
            Json::Null
        } else {
            json!(format!("user.{}", dice.pick(self.logins)))
        }
    }

    /// A day of the weeks around the sample's.
    fn day(&self, dice: &mut Dice) -> u64 {
        MONDAY_MS + dice.below(60) * DAY_MS
    }

    fn product(&mut self, dice: &mut Dice) {
        let (machine, _) = MACHINES[dice.below(MACHINES.len() as u64) as usize];
        let number = self.number(3000, 1, 0);
        self.add(
            "product",
            0,
            [
                ("number", json!(format!("KIT-{number}"))),
                (
                    "name",
                    json!(format!("Service kit {number}, {}", machine.to_lowercase())),
                ),
                ("kind", json!("part")),
                ("unit", json!("kit")),
                ("list_price", money(2_000 + dice.below(20_000))),
                ("supplier", json!("account.avon_parts")),
                ("on_hand", json!(dice.below(20))),
            ],
        );
    }

    fn accounts(&mut self, dice: &mut Dice) {
        for index in 0..ACCOUNTS {
            let number = self.number(2000, ACCOUNTS, index);
            let name = format!("{} {}", dice.pick(PLACES), dice.pick(BUSINESSES));
            self.add(
                "account",
                index,
                [
                    ("number", json!(format!("A-{number}"))),
                    ("name", json!(name)),
                    ("phone", json!(format!("01632 960{:03}", dice.below(1000)))),
                    (
                        "address_line",
                        json!(format!("{} {}", 1 + dice.below(90), dice.pick(STREETS))),
                    ),
                    ("city", json!(dice.pick(CITIES))),
                    ("country", json!("United Kingdom")),
                    ("employees", json!(2 + dice.below(400))),
                    ("owner", self.user(dice)),
                ],
            );
        }
    }

    fn contacts(&mut self, dice: &mut Dice) {
        for index in 0..CONTACTS {
            let number = self.number(2000, CONTACTS, index);
            self.add(
                "contact",
                index,
                [
                    ("number", json!(format!("C-{number}"))),
                    (
                        "full_name",
                        json!(format!(
                            "{} {}",
                            dice.pick(FIRST_NAMES),
                            dice.pick(SURNAMES)
                        )),
                    ),
                    ("account", self.lookup("account", index % ACCOUNTS)),
                    ("job_title", json!(dice.pick(ROLES))),
                    ("mobile", json!(format!("07700 900{:03}", dice.below(1000)))),
                    ("email", json!(format!("contact{number}@customers.example"))),
                ],
            );
        }
    }

    fn assets(&mut self, dice: &mut Dice) {
        for index in 0..ASSETS {
            let number = self.number(20_000, ASSETS, index);
            let (machine, skill) = MACHINES[dice.below(MACHINES.len() as u64) as usize];
            self.add(
                "customer_asset",
                index,
                [
                    ("number", json!(format!("TW-{number}"))),
                    ("name", json!(format!("{machine} {}", 1 + index / ACCOUNTS))),
                    ("account", self.lookup("account", index % ACCOUNTS)),
                    (
                        "serial_number",
                        json!(format!("S{}-{number}", dice.below(100_000))),
                    ),
                    ("location", json!(dice.pick(ROOMS))),
                    (
                        "installed_on",
                        date(MONDAY_MS - (30 + dice.below(5000)) * DAY_MS),
                    ),
                    (
                        "service_interval_months",
                        json!([3, 6, 12][dice.below(3) as usize]),
                    ),
                    ("service_count", json!(dice.below(30))),
                    (
                        "running_hours",
                        json!(format!("{}.{}", dice.below(60_000), dice.below(10))),
                    ),
                    ("tags", json!([skill])),
                ],
            );
        }
    }

    fn cases(&mut self, dice: &mut Dice) {
        for index in 0..CASES {
            let number = self.number(3000, CASES, index);
            self.add(
                "case",
                index,
                [
                    ("number", json!(format!("CS-{number}"))),
                    ("subject", json!(format!("Machine {}", dice.pick(TROUBLES)))),
                    ("account", self.lookup("account", index)),
                    ("contact", self.lookup("contact", index)),
                    ("asset", self.lookup("customer_asset", index)),
                    ("owner", self.user(dice)),
                    ("priority", json!(dice.pick(&["low", "normal", "high"]))),
                    ("opened_at", time(self.day(dice) + 8 * 3_600_000)),
                ],
            );
        }
    }

    fn work_orders(&mut self, dice: &mut Dice) {
        for index in 0..WORK_ORDERS {
            let number = self.number(30_000, WORK_ORDERS, index);
            let job = dice.pick(&["repair", "maintenance", "installation", "inspection"]);
            let crew = self.user(dice);
            let crew = if crew.is_null() { crew } else { json!([crew]) };
            self.add(
                "work_order",
                index,
                [
                    ("number", json!(format!("WO-{number}"))),
                    ("summary", json!(format!("{} {number}", capitalized(job)))),
                    ("account", self.lookup("account", index % ACCOUNTS)),
                    ("contact", self.lookup("contact", index % ACCOUNTS)),
                    ("asset", self.lookup("customer_asset", index % ASSETS)),
                    (
                        "case",
                        if index < CASES {
                            self.lookup("case", index)
                        } else {
                            Json::Null
                        },
                    ),
                    ("owner", self.user(dice)),
                    ("crew", crew),
                    ("job", json!(job)),
                    ("status", json!(dice.pick(STATUSES))),
                    ("priority", json!(dice.pick(&["low", "normal", "high"]))),
                    ("received_on", date(self.day(dice) - 7 * DAY_MS)),
                    ("promised_by", date(self.day(dice) + 7 * DAY_MS)),
                    ("estimated_minutes", json!(30 + 15 * dice.below(16))),
                    ("city", json!(dice.pick(CITIES))),
                    ("quoted_price", money(4_000 + dice.below(120_000))),
                ],
            );
        }
    }

    fn work(&mut self, dice: &mut Dice) {
        for order in 0..WORK_ORDERS {
            let work_order = self.lookup("work_order", order);
            let steps: Vec<Json> = STEPS
                .iter()
                .take(2 + dice.below(4) as usize)
                .map(|step| json!({"text": step, "done": dice.below(2) == 0}))
                .collect();
            self.add(
                "work_order_service_task",
                order,
                [
                    ("work_order", work_order.clone()),
                    ("line", json!(1)),
                    ("name", json!("Work through the checklist")),
                    ("estimated_minutes", json!(15 + 15 * dice.below(6))),
                    ("checklist", json!({"steps": steps})),
                ],
            );
            let (product, price) = PRODUCTS[dice.below(PRODUCTS.len() as u64) as usize];
            self.add(
                "work_order_product",
                order,
                [
                    ("work_order", work_order.clone()),
                    ("product", json!(format!("product.{product}"))),
                    ("line", json!(1)),
                    ("quantity", json!(1 + dice.below(6))),
                    ("unit_price", money(price)),
                ],
            );
            let starts_at = self.day(dice) + (6 + dice.below(9)) * 3_600_000;
            self.add(
                "booking",
                order,
                [
                    ("work_order", work_order),
                    ("technician", self.user(dice)),
                    ("starts_at", time(starts_at)),
                    ("ends_at", time(starts_at + (1 + dice.below(8)) * 1_800_000)),
                    ("travel_minutes", json!(5 * dice.below(12))),
                ],
            );
        }
    }

    fn desk(&mut self, dice: &mut Dice) {
        for index in 0..4 {
            self.add(
                "task",
                index,
                [
                    (
                        "subject",
                        json!(format!(
                            "Call back about order {}",
                            self.number(30_000, WORK_ORDERS, index)
                        )),
                    ),
                    ("regarding", self.lookup("work_order", index)),
                    ("owner", self.user(dice)),
                    ("priority", json!(dice.pick(&["low", "normal", "high"]))),
                    ("due_at", time(self.day(dice) + 15 * 3_600_000)),
                ],
            );
            self.add(
                "note",
                index,
                [
                    ("subject", json!("Access")),
                    ("regarding", self.lookup("customer_asset", index)),
                    ("author", self.user(dice)),
                    (
                        "body",
                        json!(format!(
                            "Ask for {} at reception. The machine {}.",
                            dice.pick(FIRST_NAMES),
                            dice.pick(TROUBLES)
                        )),
                    ),
                ],
            );
        }
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// An amount in pence, in pounds.
fn money(pence: u64) -> Json {
    json!(format!("{}.{:02} GBP", pence / 100, pence % 100))
}

fn time(milliseconds: u64) -> Json {
    json!(crate::time::Timestamp(milliseconds).to_string())
}

fn date(milliseconds: u64) -> Json {
    let days = i32::try_from(milliseconds / DAY_MS).expect("a day near 2026");
    json!(crate::value::Value::Date(days).to_string())
}
