//! A contest as scripts see it.

use cairn_model::Value;
use cairn_policy::Contest;
use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, Position};
use std::sync::Arc;

/// A write, as a script sees it.
#[derive(Clone)]
pub(super) struct Contender(Arc<Seen>);

struct Seen {
    version: i64,
    device: cairn_model::DeviceId,
    sequence: i64,
    time: i64,
    own_time: i64,
    received: i64,
    rank: i64,
    written: Option<Written>,
}

/// What it wrote, where the script may see it.
struct Written {
    value: Dynamic,
    kind: &'static str,
    rank: i64,
}

/// What a script asked for without having said that it compares values.
#[derive(Debug, Clone)]
pub(super) struct Hidden(pub(super) &'static str);

/// The contest as a value that a script is given.
pub(super) fn given(contest: Contest<'_>, with_values: bool) -> Dynamic {
    let contenders = contest.contenders;
    let ranks = ranks(contenders, |c| (c.effective_time(), c.device, c.sequence));
    let value_ranks = with_values.then(|| self::ranks(contenders, |c| c.value));
    let seen = |at: usize| {
        let contender = &contenders[at];
        let written = value_ranks.as_ref().map(|ranks| {
            let (kind, value) = shown(contender.value);
            Written {
                value,
                kind,
                rank: ranks[at],
            }
        });
        Dynamic::from(Contender(Arc::new(Seen {
            version: whole(contender.version.0),
            device: contender.device,
            sequence: whole(contender.sequence),
            time: whole(contender.effective_time().wall().0),
            own_time: whole(contender.time.wall().0),
            received: whole(contender.received.0),
            rank: ranks[at],
            written,
        })))
    };
    let list: Array = (0..contenders.len()).map(seen).collect();
    let mut map = Map::new();
    map.insert("contenders".into(), list.into());
    map.insert("standing".into(), whole(contest.standing as u64).into());
    map.insert("arriving".into(), whole(contest.arriving as u64).into());
    map.into()
}

/// The place of each by a key; equal keys have equal places.
fn ranks<'a, T, K: Ord>(of: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<i64> {
    let mut order: Vec<(K, usize)> = (0..).zip(of).map(|(at, one)| (key(one), at)).collect();
    order.sort_unstable();
    let mut ranks = vec![0; of.len()];
    let mut rank = 0;
    for (place, (key, at)) in order.iter().enumerate() {
        let is_next = place > 0 && order[place - 1].0 != *key;
        rank += i64::from(is_next);
        ranks[*at] = rank;
    }
    ranks
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A value, and the name of its kind.
fn shown(value: Option<&Value>) -> (&'static str, Dynamic) {
    let Some(value) = value else {
        return ("empty", Dynamic::UNIT);
    };
    match value {
        Value::Text(text) => ("text", text.into()),
        Value::Integer(number) => ("integer", (*number).into()),
        Value::Decimal(number) => ("decimal", number.to_string().into()),
        Value::Money(money) => ("money", money.to_string().into()),
        Value::Boolean(yes) => ("boolean", (*yes).into()),
        Value::Date(days) => ("date", i64::from(*days).into()),
        Value::Timestamp(instant) => ("timestamp", whole(instant.0).into()),
        Value::Choice(name) => ("choice", name.into()),
        Value::MultiChoice(names) => {
            let names: Array = names.iter().map(|name| name.into()).collect();
            ("multi-choice", names.into())
        }
        Value::Lookup(record) => ("lookup", record.to_string().into()),
        Value::File(file) => ("file", file.hash.to_string().into()),
    }
}

impl Contender {
    pub(super) fn register(engine: &mut Engine) {
        engine.register_type_with_name::<Contender>("contender");
        number(engine, "version", |seen| seen.version);
        number(engine, "sequence", |seen| seen.sequence);
        number(engine, "time", |seen| seen.time);
        number(engine, "own_time", |seen| seen.own_time);
        number(engine, "received", |seen| seen.received);
        number(engine, "rank", |seen| seen.rank);
        engine.register_get("device", |contender: &mut Contender| {
            contender.0.device.to_string()
        });
        written(engine, "value", |written| written.value.clone());
        written(engine, "kind", |written| written.kind.into());
        written(engine, "value_rank", |written| written.rank.into());
    }

    fn written(&self, name: &'static str) -> Result<&Written, Box<EvalAltResult>> {
        let hidden = || {
            let name = Dynamic::from(Hidden(name));
            EvalAltResult::ErrorRuntime(name, Position::NONE).into()
        };
        self.0.written.as_ref().ok_or_else(hidden)
    }
}

fn number(engine: &mut Engine, name: &str, of: fn(&Seen) -> i64) {
    engine.register_get(name, move |contender: &mut Contender| of(&contender.0));
}

fn written(engine: &mut Engine, name: &'static str, of: fn(&Written) -> Dynamic) {
    engine.register_get(name, move |contender: &mut Contender| {
        contender.written(name).map(of)
    });
}
