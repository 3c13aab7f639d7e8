//! Nothing that a person can write is unbounded, or ends a program.

use super::*;
use cairn_model::expression::{
    EXPRESSION_BYTES_MAX, EXPRESSION_CHAIN_MAX, EXPRESSION_HOPS_MAX, EXPRESSION_NESTING_MAX,
};
use proptest::prelude::*;

fn wrong(text: &str) -> String {
    compile(text, &definition(), BOOKING).unwrap_err().wrong
}

fn nested(depth: usize) -> String {
    format!("{}record.urgent{}", "(".repeat(depth), ")".repeat(depth))
}

#[test]
fn length_nesting_chains_and_hops_have_limits() {
    let list = |count: usize| format!("record.title in [{}'x']", "'x',".repeat(count));
    let fits = (EXPRESSION_BYTES_MAX - list(0).len()) / 4;
    assert!(compile(&list(fits), &definition(), BOOKING).is_ok());
    assert!(wrong(&list(fits + 1)).ends_with("at most 8192 are possible"));

    assert!(compile(&nested(EXPRESSION_NESTING_MAX), &definition(), BOOKING).is_ok());
    assert!(wrong(&nested(EXPRESSION_NESTING_MAX + 1)).starts_with("brackets stand more than 12"));

    let sum = |count: usize| format!("record.minutes == 1{}", "+1".repeat(count));
    assert!(compile(&sum(EXPRESSION_CHAIN_MAX - 2), &definition(), BOOKING).is_ok());
    assert!(wrong(&sum(EXPRESSION_CHAIN_MAX - 1)).starts_with("more than 24 operators"));
    // Closing a bracket goes on with what stood before it.
    let calls = format!("record{} == 'x'", ".a()".repeat(EXPRESSION_CHAIN_MAX));
    assert!(wrong(&calls).starts_with("more than 24 operators"));

    let far = |count: usize| format!("record.account{}.city == 'x'", ".parent".repeat(count));
    assert!(compile(&far(EXPRESSION_HOPS_MAX - 1), &definition(), BOOKING).is_ok());
    assert!(wrong(&far(EXPRESSION_HOPS_MAX)).starts_with("the path goes through more than 8"));
}

/// The deepest that is read, on a stack of a quarter of what a thread has.
#[test]
fn the_deepest_text_needs_little_stack() {
    let inner = format!("1{}", "+1".repeat(EXPRESSION_CHAIN_MAX - 1));
    let mut text = inner.clone();
    for _ in 0..EXPRESSION_NESTING_MAX {
        text = format!("({text}){}", "+1".repeat(EXPRESSION_CHAIN_MAX - 1));
    }
    let read = move || compile(&text, &definition(), BOOKING).unwrap_err().wrong;
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    let wrong = thread.spawn(read).unwrap().join().unwrap();
    assert_eq!(wrong, "this is a value, not a condition");
}

/// Words and signs of the language, and some that are not.
const VOCABULARY: &[&str] = &[
    "record",
    ".",
    "status",
    "account",
    "city",
    "tags",
    "starts_at",
    "user",
    "id",
    "teams",
    "now",
    "today",
    "days",
    "(",
    ")",
    "[",
    "]",
    ",",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "?",
    ":",
    "in",
    "has",
    "exists",
    "t",
    "'open'",
    "\"x\"",
    "null",
    "true",
    "1",
    "2.5",
    " ",
    "\n",
    "é",
    "'",
    "\\",
    "`",
    "{",
    "//",
    "0x1F",
    "1e9",
    "r'",
    "b\"",
    "startsWith",
    "date",
    "timestamp",
    "duration",
    "money",
    "'7d'",
    "9223372036854775807",
    "-9223372036854775808",
];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_ends_the_program(words in proptest::collection::vec(0..VOCABULARY.len(), 0..25)) {
        let text: String = words.iter().map(|word| VOCABULARY[*word]).collect();
        if let Err(fault) = compile(&text, &definition(), BOOKING) {
            prop_assert!(text.is_char_boundary(fault.offset));
            prop_assert!(!fault.wrong.is_empty() && !fault.instead.is_empty());
        }
    }

    #[test]
    fn no_bytes_end_the_program(text in "\\PC{0,60}") {
        if let Err(fault) = compile(&text, &definition(), BOOKING) {
            prop_assert!(text.is_char_boundary(fault.offset));
        }
    }
}
