//! Random expressions over random records and clocks, against an evaluation
//! written a second time, on plain numbers.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-03-01T00:00:00Z, and its day.
const MARCH: i64 = 20_513 * DAY;

/// What the oracle knows of a booking, its account and its user.
#[derive(Debug, Clone)]
struct Facts {
    title: Option<&'static str>,
    status: Option<&'static str>,
    minutes: Option<i64>,
    urgent: Option<bool>,
    due: Option<i64>,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    city: Option<&'static str>,
    has_account: bool,
    tags: Vec<&'static str>,
    owner: Option<&'static str>,
    region: Option<&'static str>,
    utc_offset: i64,
}

#[derive(Debug, Clone)]
enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Leaf(Leaf),
}

#[derive(Debug, Clone)]
enum Leaf {
    Title(&'static str, &'static str),
    TitlePart(&'static str, &'static str),
    Status(Vec<&'static str>),
    Minutes(&'static str, i64, bool),
    Urgent,
    Tag(&'static str),
    City(&'static str),
    IsNull(&'static str),
    /// Field `due` against a day: from today, or fixed.
    Due(&'static str, Day),
    /// A time field against a day's beginning and so much more.
    DayTime(&'static str, &'static str, Day, i64),
    /// A time field against now and so much more, or an instant.
    Time(&'static str, &'static str, Instant),
    StartsBeforeEnd(&'static str),
    Clock(&'static str, i64),
    Mine,
    MyTeams,
    InMyRegion,
}

#[derive(Debug, Clone, Copy)]
enum Day {
    Today(i64),
    Fixed(i64),
}

#[derive(Debug, Clone, Copy)]
enum Instant {
    Now(i64),
    Fixed(i64),
}

const ORDERS: &[&str] = &["<", "<=", ">", ">=", "==", "!="];
const UNEQUAL: &[&str] = &["<", "<=", ">", ">="];
const TEXTS: &[&str] = &["a", "ab", "b", ""];

fn ordered<T: Ord>(one: Option<T>, order: &str, other: Option<T>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return order == "!=";
    };
    match order {
        "<" => one < other,
        "<=" => one <= other,
        ">" => one > other,
        ">=" => one >= other,
        "==" => one == other,
        _ => one != other,
    }
}

impl Facts {
    fn today(&self, now: i64) -> i64 {
        (now + self.utc_offset * MINUTE).div_euclid(DAY)
    }

    fn day(&self, day: Day, now: i64) -> i64 {
        match day {
            Day::Today(days) => self.today(now) + days,
            Day::Fixed(day) => day,
        }
    }

    fn time(&self, field: &str) -> Option<i64> {
        match field {
            "starts_at" => self.starts_at,
            _ => self.ends_at,
        }
    }

    fn holds(&self, leaf: &Leaf, now: i64) -> bool {
        match leaf {
            Leaf::Title(order, text) => ordered(self.title, order, Some(text)),
            Leaf::TitlePart(function, part) => self.title.is_some_and(|title| match *function {
                "startsWith" => title.starts_with(part),
                "endsWith" => title.ends_with(part),
                _ => title.contains(part),
            }),
            Leaf::Status(names) => self.status.is_some_and(|status| names.contains(&status)),
            Leaf::Minutes(order, number, _) => ordered(self.minutes, order, Some(*number)),
            Leaf::Urgent => self.urgent == Some(true),
            Leaf::Tag(tag) => self.tags.contains(tag),
            Leaf::City(city) => self.has_account && self.city == Some(city),
            Leaf::IsNull(field) => match *field {
                "tags" => self.tags.is_empty(),
                "account.city" => !self.has_account || self.city.is_none(),
                "due" => self.due.is_none(),
                _ => self.starts_at.is_none(),
            },
            Leaf::Due(order, day) => ordered(self.due, order, Some(self.day(*day, now))),
            Leaf::DayTime(field, order, day, more) => {
                let beginning = self.day(*day, now) * DAY - self.utc_offset * MINUTE;
                ordered(self.time(field), order, Some(beginning + more))
            }
            Leaf::Time(field, order, Instant::Now(more)) => {
                ordered(self.time(field), order, Some(now + more))
            }
            Leaf::Time(field, order, Instant::Fixed(at)) => {
                ordered(self.time(field), order, Some(*at))
            }
            Leaf::StartsBeforeEnd(order) => ordered(self.starts_at, order, self.ends_at),
            Leaf::Clock(order, day) => ordered(Some(self.today(now)), order, Some(*day)),
            Leaf::Mine => self.owner == Some("ada"),
            Leaf::MyTeams => self.owner == Some("field"),
            Leaf::InMyRegion => self.has_account && self.city.is_some() && self.city == self.region,
        }
    }

    fn answer(&self, tree: &Tree, now: i64) -> bool {
        match tree {
            Tree::All(parts) => parts.iter().all(|part| self.answer(part, now)),
            Tree::Any(parts) => parts.iter().any(|part| self.answer(part, now)),
            Tree::Not(part) => !self.answer(part, now),
            Tree::Leaf(leaf) => self.holds(leaf, now),
        }
    }

    fn world(&self) -> World {
        let mut world = World::new();
        let user = Definition::user_record(ADA);
        let mut put = |record, field, value: Option<String>| {
            if let Some(value) = value {
                world.set(record, field, &[&value]);
            }
        };
        let text = |text: Option<&str>| text.map(str::to_owned);
        let at = |time: Option<i64>| time.map(instant);
        put(SUBJECT, "title", text(self.title));
        put(SUBJECT, "status", text(self.status));
        put(SUBJECT, "minutes", self.minutes.map(|n| n.to_string()));
        put(SUBJECT, "urgent", self.urgent.map(|yes| yes.to_string()));
        put(
            SUBJECT,
            "due",
            self.due.map(|day| Value::Date(day as i32).to_string()),
        );
        put(SUBJECT, "starts_at", at(self.starts_at));
        put(SUBJECT, "ends_at", at(self.ends_at));
        put(CUSTOMER, "city", text(self.city));
        put(user, "region", text(self.region));
        let account = self.has_account.then(|| CUSTOMER.to_string());
        put(SUBJECT, "account", account);
        let owner = self.owner.map(|owner| match owner {
            "field" | "office" => Definition::team_record(owner).to_string(),
            login => Definition::user_record(login).to_string(),
        });
        put(SUBJECT, "owner", owner);
        world.set(SUBJECT, "tags", &self.tags);
        world
    }
}

fn instant(time: i64) -> String {
    Timestamp(time as u64).to_string()
}

fn more(milliseconds: i64) -> String {
    let (sign, length) = if milliseconds < 0 {
        ("-", -milliseconds)
    } else {
        ("+", milliseconds)
    };
    if length == 0 {
        return String::new();
    }
    let (days, hours) = (length / DAY, length % DAY / HOUR);
    format!(
        " {sign} (days({days}) + duration(\"{hours}h{}m\"))",
        length % HOUR / MINUTE
    )
}

impl Day {
    fn text(self) -> String {
        match self {
            Day::Today(days) if days < 0 => format!("today - days({})", -days),
            Day::Today(days) => format!("today + days({days})"),
            Day::Fixed(day) => format!("date(\"{}\")", Value::Date(day as i32)),
        }
    }
}

impl Leaf {
    fn text(&self) -> String {
        match self {
            Leaf::Title(order, text) => format!("record.title {order} {text:?}"),
            Leaf::TitlePart(function, part) => format!("record.title.{function}({part:?})"),
            Leaf::Status(names) => format!("record.status in {names:?}"),
            Leaf::Minutes(order, number, false) => format!("record.minutes {order} {number}"),
            Leaf::Minutes(order, number, true) => {
                let flipped = order.replace('<', "~").replace('>', "<").replace('~', ">");
                format!("{number}.0 {flipped} record.minutes")
            }
            Leaf::Urgent => "record.urgent".to_owned(),
            Leaf::Tag(tag) => format!("{tag:?} in record.tags"),
            Leaf::City(city) => format!("record.account.city == {city:?}"),
            Leaf::IsNull(field) => format!("record.{field} == null"),
            Leaf::Due(order, day) => format!("record.due {order} {}", day.text()),
            Leaf::DayTime(field, order, day, length) => {
                format!("record.{field} {order} {}{}", day.text(), more(*length))
            }
            Leaf::Time(field, order, Instant::Now(length)) => {
                format!("record.{field} {order} now{}", more(*length))
            }
            Leaf::Time(field, order, Instant::Fixed(at)) => {
                format!("record.{field} {order} timestamp({:?})", instant(*at))
            }
            Leaf::StartsBeforeEnd(order) => format!("record.starts_at {order} record.ends_at"),
            Leaf::Clock(order, day) => format!("today {order} {}", Day::Fixed(*day).text()),
            Leaf::Mine => "user.id == record.owner".to_owned(),
            Leaf::MyTeams => "record.owner in user.teams".to_owned(),
            Leaf::InMyRegion => "record.account.city == user.region".to_owned(),
        }
    }

    /// Instants about which the leaf may turn: each time of the record, seen
    /// from what it is compared with.
    fn turns(&self, facts: &Facts) -> Vec<i64> {
        match self {
            Leaf::Time(field, _, Instant::Now(more)) => facts
                .time(field)
                .map(|time| time - more)
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl Tree {
    fn text(&self) -> String {
        let joined = |parts: &[Tree], sign: &str| {
            let parts: Vec<String> = parts.iter().map(Tree::text).collect();
            format!("({})", parts.join(sign))
        };
        match self {
            Tree::All(parts) => joined(parts, " && "),
            Tree::Any(parts) => joined(parts, " || "),
            Tree::Not(part) => format!("!({})", part.text()),
            Tree::Leaf(leaf) => leaf.text(),
        }
    }

    fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Tree::All(parts) | Tree::Any(parts) => parts.iter().flat_map(Tree::leaves).collect(),
            Tree::Not(part) => part.leaves(),
            Tree::Leaf(leaf) => vec![leaf],
        }
    }
}

/// Times within two weeks of March: often the same, often at midnight.
fn any_time() -> impl Strategy<Value = i64> {
    let fine = select(vec![
        0,
        0,
        0,
        1,
        -1,
        7 * HOUR,
        30 * MINUTE,
        -HOUR,
        12_345_678,
    ]);
    (0..14_i64, fine).prop_map(|(day, fine)| MARCH + day * DAY + fine)
}

fn any_length() -> impl Strategy<Value = i64> {
    let fine = select(vec![0, 0, HOUR, 90 * MINUTE, 23 * HOUR]);
    (-4..5_i64, fine).prop_map(|(days, fine)| days * DAY + fine)
}

fn any_day() -> impl Strategy<Value = Day> {
    prop_oneof![
        3 => (-4..5_i64).prop_map(Day::Today),
        1 => (0..14_i64).prop_map(|day| Day::Fixed(MARCH / DAY + day)),
    ]
}

fn any_leaf() -> impl Strategy<Value = Leaf> {
    let order = || select(ORDERS);
    let unequal = || select(UNEQUAL);
    let text = || select(TEXTS);
    let field = || select(vec!["starts_at", "ends_at"]);
    let status = select(vec!["open", "on site", "closed"]);
    let place = select(vec!["startsWith", "endsWith", "contains"]);
    let null = select(vec!["tags", "account.city", "due", "starts_at"]);
    prop_oneof![
        (order(), text()).prop_map(|(order, text)| Leaf::Title(order, text)),
        (place, text()).prop_map(|(place, text)| Leaf::TitlePart(place, text)),
        proptest::collection::vec(status, 1..4).prop_map(Leaf::Status),
        (order(), 0..4_i64, any::<bool>()).prop_map(|(o, n, flip)| Leaf::Minutes(o, n, flip)),
        select(vec![
            Leaf::Urgent,
            Leaf::Mine,
            Leaf::MyTeams,
            Leaf::InMyRegion
        ]),
        text().prop_map(Leaf::Tag),
        text().prop_map(Leaf::City),
        null.prop_map(Leaf::IsNull),
        order().prop_map(Leaf::StartsBeforeEnd),
        (order(), any_day()).prop_map(|(order, day)| Leaf::Due(order, day)),
        (order(), 0..14_i64).prop_map(|(order, day)| Leaf::Clock(order, MARCH / DAY + day)),
        (field(), unequal(), any_day(), any_length())
            .prop_map(|(field, order, day, more)| Leaf::DayTime(field, order, day, more)),
        (field(), unequal(), any_length()).prop_map(|(field, order, more)| Leaf::Time(
            field,
            order,
            Instant::Now(more)
        )),
        (field(), order(), any_time()).prop_map(|(field, order, at)| Leaf::Time(
            field,
            order,
            Instant::Fixed(at)
        )),
    ]
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let leaf = any_leaf().prop_map(Tree::Leaf);
    leaf.prop_recursive(4, 12, 3, |inner| {
        let parts = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts.clone().prop_map(Tree::All),
            parts.prop_map(Tree::Any),
            inner.prop_map(|part| Tree::Not(Box::new(part))),
        ]
    })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let some = |texts: &'static [&'static str]| proptest::option::of(select(texts));
    let owner = some(&["ada", "bob", "field", "office"]);
    let status = some(&["open", "on site", "closed"]);
    let time = || proptest::option::weighted(0.9, any_time());
    let due = proptest::option::weighted(0.9, 0..14_i64);
    let offset = select(vec![0, 60, -300, 345, 840, -720]);
    (
        (some(TEXTS), status, proptest::option::of(0..4_i64)),
        (proptest::option::of(any::<bool>()), due, time(), time()),
        (some(TEXTS), any::<bool>(), some(TEXTS)),
        (proptest::sample::subsequence(TEXTS, 0..4), owner, offset),
    )
        .prop_map(|(plain, times, account, others)| Facts {
            title: plain.0,
            status: plain.1,
            minutes: plain.2,
            urgent: times.0,
            due: times.1.map(|day| MARCH / DAY + day),
            starts_at: times.2,
            ends_at: times.3,
            city: account.0,
            has_account: account.1,
            region: account.2,
            tags: others.0,
            owner: others.1,
            utc_offset: others.2,
        })
}

/// Every instant from `now` on about which an answer may turn, and its
/// neighbours: a month of midnights, and what the leaves name.
fn instants(facts: &Facts, tree: &Tree, now: i64) -> Vec<i64> {
    let midnights = (-2..34).map(|day| MARCH + day * DAY - facts.utc_offset * MINUTE);
    let named = tree.leaves().into_iter().flat_map(|leaf| leaf.turns(facts));
    let turns: Vec<i64> = midnights.chain(named).collect();
    let near = turns.iter().flat_map(|turn| [turn - 1, *turn, turn + 1]);
    near.filter(|instant| *instant >= now).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn answers_are_those_of_the_oracle_until_they_say(
        facts in any_facts(), tree in any_tree(), start in any_time(),
    ) {
        let (world, text) = (facts.world(), tree.text());
        let expression = world.compile(&text);
        is_normal(&expression)?;
        let user = world.ada();
        let answer = |now: i64| {
            let now = Timestamp(now as u64);
            let moment = Moment { now, utc_offset: facts.utc_offset as i16 };
            expression.answer(SUBJECT, &user, &world, &moment)
        };
        let is_leaf = tree.leaves().len() == 1;
        let mut now = start;
        // From turn to turn; a tree has a few for each of its leaves.
        for _ in 0..60 {
            let given = answer(now);
            prop_assert_eq!(given.holds, facts.answer(&tree, now), "{} at {}", text, now);
            let until = given.until.map_or(i64::MAX, |until| until.0 as i64);
            prop_assert!(until > now, "{} at {}", text, now);
            let before = instants(&facts, &tree, now).into_iter();
            let last = given.until.map(|_| until - 1);
            for instant in before.chain(last).filter(|instant| *instant < until) {
                let held = facts.answer(&tree, instant);
                prop_assert_eq!(held, given.holds, "{} at {}, from {}", text, instant, now);
            }
            if until == i64::MAX {
                return Ok(());
            }
            let turned = facts.answer(&tree, until) != given.holds;
            prop_assert!(turned || !is_leaf, "{} does not turn at {}", text, until);
            now = until;
        }
        prop_assert!(false, "{} turns for ever", text);
    }
}

/// `All` and `Any` hold two parts or more, none of their own kind; `Not` holds
/// a leaf.
fn is_normal(expression: &Expression) -> Result<(), TestCaseError> {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            prop_assert!(parts.len() >= 2);
            for part in parts {
                let is_same = std::mem::discriminant(part) == std::mem::discriminant(expression);
                prop_assert!(!is_same, "{:?}", expression);
                is_normal(part)?;
            }
        }
        Expression::Not(part) => {
            prop_assert!(matches!(**part, Expression::Atom(_) | Expression::Keyed(_)));
        }
        Expression::Atom(_) | Expression::Keyed(_) => {}
    }
    Ok(())
}
