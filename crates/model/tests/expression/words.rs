//! Expressions in words, and the part that keeps a record out.

use super::*;

fn words(text: &str) -> String {
    let world = World::new();
    world.compile(text).describe(&world.definition)
}

#[test]
fn an_expression_is_told_in_words() {
    for (text, expected) in [
        (
            "record.starts_at < today + days(8) && record.ends_at >= now - hours(36)",
            "Starts at is before today + 8 days and Ends at is at or after now - 1 day 12 hours",
        ),
        (
            "record.status != 'closed' || !has(record.account.city)",
            "Status is not \"closed\" or Account's City is empty",
        ),
        (
            "!(record.urgent && record.minutes > 5)",
            "Urgent is not yes or Minutes is not more than 5",
        ),
        (
            "record.urgent && (record.owner == user.id || record.owner in user.teams)",
            "Urgent is yes and (Owner is the user or Owner is one of the user's teams)",
        ),
        (
            "record.title in ['a', 'b'] && 'vip' in record.tags",
            "Title is one of \"a\", \"b\" and Tags contains \"vip\"",
        ),
        (
            "!record.title.startsWith('x') && user.id in record.crew",
            "Title does not start with \"x\" and Crew contains the user",
        ),
        (
            "date('2026-03-01') <= today && user.login == 'ada'",
            "today is at or after 2026-03-01 and the user's login is \"ada\"",
        ),
        (
            "record.starts_at < record.ends_at && record.created >= today + minutes(90)",
            "Starts at is before Ends at and time of creation is at or after the beginning of \
             today + 1 hour 30 minutes",
        ),
    ] {
        assert_eq!(words(text), expected);
    }
}

#[test]
fn the_first_part_that_fails_is_told_with_what_was_found() {
    let mut world = World::new();
    world.set(SUBJECT, "urgent", &["yes"]);
    world.set(SUBJECT, "status", &["closed"]);
    world.set(SUBJECT, "starts_at", &["2026-04-01T08:00:00Z"]);
    let why = |world: &World, text: &str| {
        let expression = world.compile(text);
        let failing = expression.first_failing(SUBJECT, &world.ada(), world, &noon());
        failing.map(|failing| failing.describe(&world.definition))
    };
    assert_eq!(
        why(&world, "record.urgent && record.status == 'closed'"),
        None
    );
    for (text, expected) in [
        (
            "record.urgent && record.status == 'open' && record.minutes > 5",
            "Status is \"open\", but Status is \"closed\"",
        ),
        (
            "record.urgent && record.account.city == 'Bristol'",
            "Account's City is \"Bristol\", but Account's City is empty",
        ),
        (
            "record.starts_at < today + days(8) || record.status == 'open'",
            "Starts at is before today + 8 days or Status is \"open\", but Starts at is \
             2026-04-01T08:00:00.000Z and Status is \"closed\"",
        ),
        ("user.login == 'bob'", "the user's login is \"bob\""),
        (
            "record.status != 'closed'",
            "Status is not \"closed\", but Status is \"closed\"",
        ),
    ] {
        assert_eq!(why(&world, text).as_deref(), Some(expected), "{text}");
    }
}
