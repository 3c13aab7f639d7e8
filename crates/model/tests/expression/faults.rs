//! What is refused, where, and what exists instead.

use super::*;

fn fault(text: &str) -> String {
    match compile(text, &definition(), BOOKING) {
        Ok(expression) => panic!("{text} compiled: {expression:?}"),
        Err(fault) => {
            let before = &text[..fault.offset];
            assert_eq!(before.matches('\n').count() + 1, fault.line, "{text}");
            let line = before.rsplit('\n').next().unwrap();
            assert_eq!(line.chars().count() + 1, fault.column, "{text}");
            format!("{}: {}; {}", fault.column, fault.wrong, fault.instead)
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = fault(text);
    assert!(
        found.starts_with(expected),
        "{text}\n found    {found}\n expected {expected}"
    );
}

#[test]
fn fields_that_do_not_exist() {
    check(
        "record.statsu == 'open'",
        "8: `booking` has no field `statsu`; did you mean `status`?",
    );
    check(
        "has(record.account.citi)",
        "20: `account` has no field `citi`; did you mean `city`?",
    );
    check(
        "record.old == 'x'",
        "8: the field `old` of `booking` is retired; ",
    );
    check(
        "record.urgent && record.account.zip == ''",
        "33: `account` has no field `zip`; it has city, name, parent, owner, tags, credit, id",
    );
    check(
        "record.owner.skills == 'x'",
        "14: `team` has no field `skills`; ",
    );
    check(
        "record.owner.region == 'x'",
        "14: `region` is a text in `user` and a date in `team`; ",
    );
    check(
        "record.title.city == 'x'",
        "8: `title` is a text, which has no fields; ",
    );
    check(
        "record.crew.name == 'x'",
        "8: `crew` leads to several records; ",
    );
    check(
        "record.notes == 'x'",
        "8: `notes` is a document, which no filter can ask about; ",
    );
    check(
        "status == 'open'",
        "1: `status` is not known by itself; write `record.status`",
    );
    check(
        "recrod.status == 'open'",
        "1: `recrod` is not known; did you mean `record`?",
    );
    check(
        "user.regoin == record.title",
        "6: `user` has no field `regoin`; did you mean",
    );
    check("now.day == 3", "1: `now` has no fields; ");
}

#[test]
fn values_that_a_field_never_has() {
    check(
        "record.status == 'opne'",
        "18: \"opne\" is not an option of `record.status`; did you mean `open`?",
    );
    check(
        "record.status in ['open', 'gone']",
        "27: \"gone\" is not an option of `record.status`; its options are \"open\", \"on site\"",
    );
    check(
        "record.price > 'much'",
        "16: `record.price` is an amount of money and is compared with a text; write an amount, \
         such as money(\"12.50 GBP\")",
    );
    check(
        "'a' == record.minutes",
        "1: `record.minutes` is a number and is compared with a text",
    );
    check(
        "record.title == 3",
        "17: `record.title` is a text and is compared with a number; ",
    );
    check(
        "record.account == 'Harbour'",
        "19: `record.account` is a lookup to account and is",
    );
    check(
        "record.urgent == 'yes'",
        "18: `record.urgent` is yes or no and is compared with a text",
    );
    check(
        "record.starts_at > '2026-03-01'",
        "20: `record.starts_at` is a time and is compared with a text; write a time, such as now",
    );
    check(
        "record.due < now",
        "14: `record.due` is a date and is compared with a time of a day; ",
    );
    check(
        "record.due < today + hours(3)",
        "14: `record.due` is a date and is compared with",
    );
    check(
        "record.starts_at == today",
        "21: `record.starts_at` is a time, and a day has many; ",
    );
    check(
        "record.starts_at == now",
        "21: `record.starts_at` is equal to that for a millisecond",
    );
    check(
        "record.status < 'open'",
        "17: values of `record.status` have no order; ",
    );
    check(
        "record.title == record.minutes",
        "1: `record.title` is a text and `record.minutes` is",
    );
    check(
        "record.account == user.id",
        "1: `record.account` is a lookup to account and `user.id`",
    );
    check(
        "record.photo == record.photo",
        "1: `record.photo` is a file and `record.photo` is a",
    );
    check(
        "record.miles == 0.12345678901234567890123456789012",
        "17: `0.1234567890",
    );
    check(
        "record.minutes == 99999999999999999999",
        "19: `99999999999999999999` cannot stand",
    );
}

#[test]
fn conditions_that_are_none() {
    check(
        "record.title",
        "1: `record.title` is a text, not a condition; ",
    );
    check("true", "1: it says nothing about the record; ");
    check("today", "1: this is a value, not a condition; ");
    check("1 == 1", "1: neither side is of the record; ");
    check("now > today", "1: both sides move with the clock; ");
    check(
        "date('2026-01-01') < date('2026-01-02')",
        "1: neither side is of the record or of",
    );
    check(
        "record.tags == 'x'",
        "1: `record.tags` holds several values; write `… in record.tags`",
    );
    check(
        "'x' in record.title",
        "8: `record.title` holds one value; write == instead of in",
    );
    check("record.title in []", "17: nothing is in an empty list; ");
    check(
        "record.title == ['a']",
        "17: a list is no single value; write in instead of ==",
    );
    check(
        "record.crew in user.teams",
        "1: both sides of `in` hold several values; ",
    );
    check("record.due > days(3)", "14: how long is no point in time; ");
    check(
        "record.title < null",
        "1: null is neither before nor after anything; ",
    );
    check(
        "record.ends_at - record.starts_at > hours(2)",
        "1: this cannot be calculated; ",
    );
    check(
        "record.starts_at + hours(1) > now",
        "1: this cannot be calculated; ",
    );
    check(
        "record.due < today + 8",
        "22: a plain number does not say how long; write days(7)",
    );
    check("record.minutes > 7 / 2", "18: this cannot be calculated; ");
    check(
        "record.due > date('2026-02-30')",
        "19: `date` cannot be read from this; write date(",
    );
    check(
        "record.due > date(record.due)",
        "19: `date` cannot be read from this; ",
    );
    check(
        "record.due > today + days(99999999)",
        "27: that is longer than 73200 days; ",
    );
    check(
        "record.due > today + duration('1w')",
        "31: `duration` cannot be read from this; ",
    );
}

#[test]
fn what_is_of_the_user_is_equal_or_in() {
    check(
        "record.title < user.name",
        "1: what is of the user can only be equal to something",
    );
    check(
        "has(user.region)",
        "1: what is of the user can only be equal to something",
    );
    check(
        "user.region == null",
        "1: what is of the user can only be equal to something",
    );
    check(
        "user.hired_on < today",
        "1: what is of the user can only be equal to something",
    );
    check(
        "user.login == user.region",
        "1: the user is compared with the user; ",
    );
    check(
        "user.name.startsWith('A')",
        "1: parts are looked for in texts of the record only; ",
    );
}

#[test]
fn words_of_the_whole_language_that_do_not_exist_here() {
    check(
        "record.title.matches('a.*')",
        "1: patterns do not exist here; use startsWith, endsWith",
    );
    check("size(record.tags) > 0", "1: `size` does not exist here; ");
    check(
        "record.urgent ? record.urgent : record.urgent",
        "1: `? :` does not exist here; write",
    );
    check(
        "record.tags[0] == 'x'",
        "1: values are not taken out of lists; ",
    );
    check(
        "record.tags.all(t, t == 'x')",
        "1: of the words for lists, `exists` alone can be used",
    );
    check(
        "record.tags.map(t, t) == null",
        "1: a condition stands where a value is compared; ",
    );
    check(
        "record.title.startswith('x')",
        "1: there is no function `startswith` that can be used",
    );
    check(
        "record.tags.contains('x')",
        "1: `record.tags` holds several values; write `\"x\" in",
    );
    check(
        "record.tags.exists(t, t != 'x')",
        "23: within `exists`, an element is compared by ==",
    );
    check(
        "record.tags.exists(t, record.urgent)",
        "23: this says nothing about the element `t`",
    );
    check(
        "record.crew.exists(c, c.name == 'x')",
        "23: `c` stands for an element, which has no",
    );
    check("has(record)", "5: `has` takes a field");
    check(
        "record.minutes == 5u",
        "19: this is no number; write numbers as 12 or 12.50",
    );
}

#[test]
fn slips_of_the_pen() {
    check("", "1: the expression is empty; ");
    check(
        "record.status = 'open'",
        "15: `=` means nothing here; write `==` to compare",
    );
    check(
        "record.urgent & record.urgent",
        "15: `&` means nothing here; write `&&` for and",
    );
    check(
        "record.urgent and record.urgent",
        "15: `and` is no operator; write `&&`",
    );
    check("record.urgent &&", "17: the expression ends too early; ");
    check("(record.urgent", "1: this bracket is never closed; ");
    check(
        "record.urgent)",
        "14: no bracket is open that `)` would close; ",
    );
    check(
        "record.title == 'x",
        "17: the text that begins here does not end on its line; ",
    );
    check(
        "record.title == “x”",
        "17: `“` means nothing here; write texts between \" and \"",
    );
    check(
        "record.title == 'ü' == record.größe",
        "33: `ö` means nothing here; ",
    );
    check(
        "record.urgent record.urgent",
        "15: `record` cannot stand here; ",
    );
    check(
        "record.title == 'é' && record.citty == 1",
        "31: `booking` has no field `citty`; ",
    );
    let lines = compile("record.urgent &&\n  record.nothing", &definition(), BOOKING);
    assert_eq!(
        lines.unwrap_err().to_string().split("; ").next(),
        Some("line 2, column 10: `booking` has no field `nothing`")
    );
}

#[test]
fn users_need_their_record_types() {
    let mut definition = definition();
    definition.types.remove(&USER);
    let fault = compile("record.owner == user.id", &definition, BOOKING).unwrap_err();
    assert_eq!(fault.wrong, "the organization has no record type `user`");
    let nowhere = compile("record.owner.name == 'x'", &definition, BOOKING);
    assert!(nowhere.is_ok(), "{nowhere:?}");
    assert!(compile("record.id == user.login", &definition, TypeId(77)).is_err());
}
