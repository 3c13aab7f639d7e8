//! Scripts that are right, and scripts that are wrong in every way there is.

use super::*;
use crate::ledger::Ledger;
use crate::policies::{Contestant, check_script};
use crate::synthetic::{Workload, generate};
use cairn_model::{DeviceId, Granularity, Hash, HybridTime, Timestamp, Value, Version};
use cairn_policy::{Contender, Policy};
use cairn_projection::{State, Trial};
use std::sync::Arc;

const SHIPPED: [(&str, &str); 3] = [
    (
        "newest.rhai",
        include_str!("../../../../../simulations/policies/newest.rhai"),
    ),
    (
        "longest-text.rhai",
        include_str!("../../../../../simulations/policies/longest-text.rhai"),
    ),
    (
        "ask-if-close.rhai",
        include_str!("../../../../../simulations/policies/ask-if-close.rhai"),
    ),
];

fn shipped(file: &str) -> Arc<Script> {
    let (_, source) = SHIPPED.iter().find(|(name, _)| *name == file).unwrap();
    Arc::new(Script::read(file, source).unwrap())
}

/// A script that says it is `tried` and decides by this.
fn deciding(says: &str, body: &str) -> String {
    format!("fn policy() {{ #{{ id: \"tried\", {says} }} }}\nfn decide(contest) {{\n{body}\n}}")
}

const PLAIN: &str = "order_insensitive: false, compares_values: false";

/// Writes of devices 1, 2, …, a second apart, the last arriving and the first
/// standing.
fn decided(script: &Script, values: &[Option<Value>]) -> Result<Decision, String> {
    let written = (1u64..).zip(values);
    let contenders: Vec<Contender<'_>> = written
        .map(|(at, value)| Contender {
            version: Version(at),
            device: DeviceId([at as u8; 16]),
            sequence: 1,
            time: HybridTime::new(Timestamp(1_000 * at), 0),
            received: Timestamp(100_000),
            value: value.as_ref(),
        })
        .collect();
    let contest = Contest {
        contenders: &contenders,
        standing: 0,
        arriving: contenders.len() - 1,
    };
    script.decide(contest).map_err(|fault| fault.to_string())
}

/// What is wrong with a script: when it is read, or when it decides.
fn wrong(source: &str) -> String {
    match Script::read("x.rhai", source) {
        Err(fault) => fault.to_string(),
        Ok(script) => decided(&script, &[None, None]).expect_err(source),
    }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

#[test]
fn what_ships_keeps_the_laws() {
    for (file, _) in SHIPPED {
        assert_eq!(check_script(&shipped(file)), [], "{file}");
    }
}

#[test]
fn what_ships_decides_as_it_says() {
    let flagged = |shown| {
        let others = Others::Flagged;
        Ok(Decision { shown, others })
    };
    let shown = |shown| {
        let others = Others::Candidates;
        Ok(Decision { shown, others })
    };
    assert_eq!(decided(&shipped("newest.rhai"), &[None, None]), shown(1));
    assert_eq!(
        decided(&shipped("ask-if-close.rhai"), &[None, None]),
        flagged(0)
    );
    let longest = shipped("longest-text.rhai");
    assert_eq!(decided(&longest, &[text("long"), text("new")]), shown(0));
    assert_eq!(decided(&longest, &[text("old"), text("new")]), shown(1));
    assert_eq!(decided(&longest, &[text("old"), None]), shown(0));
    let numbers = [Some(Value::Integer(1_000)), Some(Value::Integer(2))];
    assert_eq!(decided(&longest, &numbers), shown(1));
}

/// Last-writer-wins, by the name of a script: the journal tells it.
struct Named(&'static dyn Policy);

impl Policy for Named {
    fn id(&self) -> &str {
        "newest"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        self.0.decide(contest)
    }
}

#[test]
fn a_script_folds_as_the_policy_that_it_writes_down() {
    let native = cairn_policy::named("last-writer-wins").unwrap();
    for granularity in [Granularity::Field, Granularity::Record] {
        for (name, seed) in [("office", 1), ("wrong-clocks", 2), ("deletions", 3)] {
            let study = generate(Workload::named(name).unwrap(), seed);
            let folded = |trial: Trial| -> (Hash, usize) {
                let ledger = &study.ledger;
                let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
                ledger.entries().iter().for_each(|entry| {
                    state.fold(entry);
                });
                (state.full_digest(), state.journal().len())
            };
            let script = Contestant::script(shipped("newest.rhai"), granularity);
            let (trial, guard) = script.guarded();
            let by_script = folded(trial);
            assert_eq!(guard.mistake(), None);
            let native = Contestant::new(Arc::new(Named(native)), granularity);
            assert_eq!(
                by_script,
                folded(native.trial()),
                "{name} by {granularity:?}"
            );
            assert!(by_script.1 > 20, "{name} by {granularity:?} has conflicts");
        }
    }
}

#[test]
fn a_script_sees_every_kind_of_value() {
    use cairn_model::{Decimal, FileRef, Money, RecordId};
    let values = [
        ("text", text("ten"), "value == \"ten\""),
        ("integer", Some(Value::Integer(-3)), "value + 3 == 0"),
        (
            "decimal",
            Some(Value::Decimal("1.50".parse().unwrap())),
            "value == \"1.5\"",
        ),
        (
            "money",
            Some(Value::Money(Box::new(Money {
                amount: Decimal::from(12),
                currency: "EUR".to_owned(),
            }))),
            "value == \"12 EUR\"",
        ),
        ("boolean", Some(Value::Boolean(true)), "value"),
        ("date", Some(Value::Date(20_000)), "value == 20000"),
        (
            "timestamp",
            Some(Value::Timestamp(Timestamp(5))),
            "value == 5",
        ),
        (
            "choice",
            Some(Value::Choice("red".to_owned())),
            "value == \"red\"",
        ),
        (
            "multi-choice",
            Some(Value::MultiChoice(["a", "b"].map(str::to_owned).into())),
            "value == [\"a\", \"b\"]",
        ),
        (
            "lookup",
            Some(Value::Lookup(RecordId([7; 16]))),
            "value.len > 20",
        ),
        (
            "file",
            Some(Value::File(Box::new(FileRef {
                hash: Hash([9; 32]),
                size: 1,
                name: "plan.pdf".to_owned(),
            }))),
            "value.starts_with(\"0909\")",
        ),
        ("empty", None, "value == ()"),
    ];
    for (kind, value, holds) in values {
        let body = format!(
            "let c = contest.contenders[1]; let value = c.value;
             if c.kind == \"{kind}\" && ({holds}) && c.value_rank in 0..=1 && c.rank == 1
                 && c.device == \"02020202020202020202020202020202\" && c.sequence == 1
                 && c.time == 2000 && c.own_time == 2000 && c.received == 100000 && c.version == 2 {{
                 return #{{ shown: 1, others: \"settled-and-told\" }};
             }}
             throw \"not so\";"
        );
        let source = deciding("order_insensitive: false, compares_values: true", &body);
        let script = Script::read(kind, &source).unwrap();
        let told = Decision {
            shown: 1,
            others: Others::SettledAndTold,
        };
        assert_eq!(decided(&script, &[text("a"), value]), Ok(told), "{kind}");
    }
}

#[test]
fn equal_values_have_equal_places() {
    let body = "let places = [];
        for c in contest.contenders { places.push(c.value_rank); }
        if places == [1, 0, 1, 2] { #{ shown: 0, others: \"settled\" } } else { throw places }";
    let source = deciding("order_insensitive: false, compares_values: true", body);
    let script = Script::read("places", &source).unwrap();
    let values = [text("b"), None, text("b"), text("c")];
    assert_eq!(decided(&script, &values).map(|d| d.shown), Ok(0));
}

#[test]
fn what_is_wrong_with_a_script_is_told_with_its_place() {
    let decides = |body: &str| wrong(&deciding(PLAIN, body));
    let cases = [
        (
            "fn policy( {",
            "x.rhai, line 1, column 12: it cannot be read: expecting ')' to close the parameters list of function 'policy'",
        ),
        (
            "let a = 1;",
            "x.rhai: it has no function `policy()`; `cairn lab check-policy --help` shows a script",
        ),
        (
            "fn policy() { 1 }",
            "x.rhai: it has no function `decide(contest)`; `cairn lab check-policy --help` shows a script",
        ),
        (
            "fn policy() { 1 } fn decide(c) { 1 }",
            "x.rhai: `policy` gives no map; let it give #{ id: \"my-policy\", order_insensitive: false, compares_values: false }",
        ),
        (
            "fn policy() { #{ id: 3 } } fn decide(c) { 1 }",
            "x.rhai: `id` of what `policy` gives is not a text",
        ),
        (
            "fn policy() { #{ } } fn decide(c) { 1 }",
            "x.rhai: what `policy` gives has no `id`; add it",
        ),
        (
            "fn policy() { #{ id: \"a\", order_insensitive: true, compares_values: true, version: 0 } } fn decide(c) { 1 }",
            "x.rhai: its version is 0; versions count from 1",
        ),
        (
            "fn policy() { #{ id: \"A b\", order_insensitive: true, compares_values: true } } fn decide(c) { 1 }",
            "x.rhai: its id is `A b`; an id is lower-case words joined by `-`",
        ),
        (
            "fn policy() { #{ id: \"flag\", order_insensitive: true, compares_values: true } } fn decide(c) { 1 }",
            "x.rhai: its id is `flag`, which is another policy; results could not be told apart",
        ),
        (
            "fn policy() { #{ id: \"a\", order_insensitive: true, compares_values: true, order: 1 } } fn decide(c) { 1 }",
            "x.rhai: what `policy` gives has `order`; it may have `id`, `version`, `order_insensitive` and `compares_values`",
        ),
    ];
    for (source, sentence) in cases {
        assert_eq!(wrong(source), sentence);
    }
    let cases = [
        (
            "1",
            "x.rhai: `decide` gives no map; let it give #{ shown: 0, others: \"candidates\" }",
        ),
        (
            "#{ shown: 0 }",
            "x.rhai: what `decide` gives has no `others`; add it",
        ),
        (
            "#{ shown: 0, others: \"lost\" }",
            "x.rhai: `others` is \"lost\"; it is \"settled\", \"settled-and-told\", \"candidates\" or \"flagged\"",
        ),
        (
            "#{ shown: 2, others: \"settled\" }",
            "x.rhai: it chose contender 2 of 2; they count from 0",
        ),
        (
            "#{ shown: -1, others: \"settled\" }",
            "x.rhai: it chose contender -1; they count from 0",
        ),
        (
            "#{ shown: 0, others: \"settled\", why: 1 }",
            "x.rhai: what `decide` gives has `why`; it may have `shown` and `others`",
        ),
        (
            "throw \"no idea\";",
            "x.rhai, line 3, column 1: it throws `no idea`",
        ),
        (
            "loop { }",
            "x.rhai: it takes more than 5000 operations; it loops for ever, or looks at the contenders too often",
        ),
        (
            "try { loop { } } catch { 1 }",
            "x.rhai: it takes more than 5000 operations; it loops for ever, or looks at the contenders too often",
        ),
        (
            "decide(contest)",
            "x.rhai: its functions call each other more than 8 deep; write a loop",
        ),
        (
            "let s = \"ab\"; loop { s += s; }",
            "x.rhai: a text or a list grows too large; texts may have 65536 bytes, lists 500 items and maps 100",
        ),
        (
            "let a = [1]; loop { a += a; }",
            "x.rhai: a text or a list grows too large; texts may have 65536 bytes, lists 500 items and maps 100",
        ),
        (
            "let a = []; loop { a = [a]; }",
            "x.rhai: a text or a list grows too large; texts may have 65536 bytes, lists 500 items and maps 100",
        ),
        (
            "let a = #{ }; loop { a = #{ a: a }; }",
            "x.rhai: a text or a list grows too large; texts may have 65536 bytes, lists 500 items and maps 100",
        ),
        (
            "pick(contest)",
            "x.rhai, line 3, column 1: there is no function `pick (map)`; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "contest.winner",
            "x.rhai, line 3, column 9: there is no property `winner`; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "contest.contenders[0].author",
            "x.rhai, line 3, column 23: there is no property `author`; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "contest.contenders[7]",
            "x.rhai, line 3, column 20: it fails: array index 7 out of bounds: only 2 elements in array",
        ),
        (
            "contest.contenders[0].value",
            "x.rhai, line 3, column 23: it asks for `value`, but says that it compares no values; let `policy` say `compares_values: true`",
        ),
        (
            "winner",
            "x.rhai, line 3, column 1: there is no variable `winner`; a function sees its parameters and what it declares with `let` or `const`",
        ),
        (
            "eval(\"1\")",
            "x.rhai, line 3, column 1: `eval` is not there: a policy has nothing but the contest; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "print(\"1\")",
            "x.rhai, line 3, column 1: `print` is not there: a policy has nothing but the contest; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "import \"os\" as os;",
            "x.rhai, line 3, column 1: `import` is not there: a policy has nothing but the contest; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "sleep(100)",
            "x.rhai, line 3, column 1: there is no function `sleep (i64)`; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "timestamp()",
            "x.rhai, line 3, column 1: there is no function `timestamp ()`; `cairn lab check-policy --help` says what a script has",
        ),
        (
            "9223372036854775807 + contest.arriving",
            "x.rhai, line 3, column 21: it fails: addition overflow: 9223372036854775807 + 1",
        ),
    ];
    for (body, sentence) in cases {
        assert_eq!(decides(body), sentence);
    }
    let deep = format!("let a = {}1{};", "(".repeat(99), ")".repeat(99));
    let sentence = "an expression nests too deep; put parts of it into variables";
    assert!(decides(&deep).ends_with(sentence), "{}", decides(&deep));
    let many: String = (0..99).map(|n| format!("let a{n} = {n};")).collect();
    let sentence = "it has more than 64 variables at a time; it can do with fewer";
    assert!(decides(&many).ends_with(sentence), "{}", decides(&many));
    let long = format!("//{}", "x".repeat(SOURCE_BYTES_MAX));
    let sentence = "x.rhai: it has 65538 bytes and may have 65536; a policy is a small thing";
    assert_eq!(wrong(&long), sentence);
}

#[test]
fn a_script_that_lies_breaks_a_law() {
    let breaches = |says: &str, body: &str| {
        let script = Script::read("x.rhai", &deciding(says, body)).unwrap();
        let found = check_script(&Arc::new(script));
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        told.join("; ")
    };
    let late = "#{ shown: contest.arriving, others: \"candidates\" }";
    assert_eq!(breaches(PLAIN, late), "");
    let lie = breaches("order_insensitive: true, compares_values: false", late);
    assert!(
        lie.starts_with("it says that the order of arrival does not matter, but in contest 1 another order gave another winner"),
        "{lie}"
    );
    let peeks = "if contest.contenders[0].kind == \"empty\" { } #{ shown: 0, others: \"settled\" }";
    assert_eq!(
        breaches(PLAIN, peeks),
        "in contest 0: x.rhai, line 3, column 26: it asks for `kind`, but says that it compares no values; let `policy` say `compares_values: true`"
    );
    let own = "let shown = 0;
        for i in range(1, contest.contenders.len) {
            if contest.contenders[i].own_time > contest.contenders[shown].own_time { shown = i; }
        }
        #{ shown: shown, others: \"settled\" }";
    let fast = breaches(PLAIN, own);
    assert!(fast.contains("a clock far ahead won by that"), "{fast}");
}

/// A wide contest may take more, and one that is too wide is told as such.
#[test]
fn a_wide_contest_has_room_and_an_end() {
    let newest = shipped("newest.rhai");
    let wide = vec![None; CONTENDERS_MAX];
    assert_eq!(
        decided(&newest, &wide).map(|d| d.others),
        Ok(Others::Candidates)
    );
    let too_wide = vec![None; CONTENDERS_MAX + 1];
    assert_eq!(
        decided(&newest, &too_wide).unwrap_err(),
        "newest.rhai: a contest has 501 writes, and a script is shown 500 at most; leave it out, or write the policy in Rust"
    );
}

/// What nests is measured, copied and dropped level by level, on a stack that may
/// be small.
#[test]
fn what_nests_ends_before_the_stack_does() {
    let nesting = || {
        let bodies = [
            "let a = []; loop { a = [a]; }",
            "let a = #{ }; loop { a = #{ a: a }; }",
            "let a = []; loop { a = [a, #{ a: a }]; }",
            "let a = []; loop { a = [#{ a: a }]; throw a; }",
            "let a = []; for n in 0..400 { a = [a]; if n % 5 == 0 { a = #{ a: a }; } } throw a;",
        ];
        let faults = bodies.map(|body| {
            let nests = Script::read("x.rhai", &deciding(PLAIN, body)).unwrap();
            decided(&nests, &[None, None, None, None, None, None]).unwrap_err()
        });
        for fault in &faults[..3] {
            assert!(
                fault.contains("a text or a list grows too large"),
                "{fault}"
            );
        }
        for fault in &faults[3..] {
            assert!(fault.contains("it throws"), "{fault:.80}");
        }
    };
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    small.spawn(nesting).unwrap().join().unwrap();
}
