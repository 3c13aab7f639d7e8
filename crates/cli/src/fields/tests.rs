//! What `name=value` comes to, for each kind of field.

use super::*;
use crate::world::definition;
use cairn_model::{OrganizationId, PublicKey, Value, Version};
use cairn_projection::State;
use cairn_projection::record::Origin;

/// The edit of a product field that an argument asks for, of a new record or
/// of one that holds nothing yet.
fn product(argument: &str, held: bool) -> Result<FieldEdit, String> {
    let state = State::new(OrganizationId([1; 16]), PublicKey([2; 32]));
    let definition = definition();
    let record_type = definition.type_named("product").expect("a type");
    let origin = Origin {
        version: Version(1),
        author: cairn_model::AuthorId(0),
        generation: 0,
        sequence: 1,
        time: cairn_model::HybridTime::default(),
        received: cairn_model::Timestamp(0),
    };
    let record = Record::new(RecordId([3; 16]), record_type.id, origin);
    let assignment = Assignment::read(argument)?;
    let edits = edits(&state, record_type, held.then_some(&record), &[assignment])
        .map_err(|error| error.to_string())?;
    edits
        .into_iter()
        .next()
        .map(|(_, edit)| edit)
        .ok_or_else(|| "nothing".to_owned())
}

fn check(argument: &str, expected: Write) {
    match product(argument, true) {
        Ok(FieldEdit::Write(write)) => assert_eq!(write, expected, "{argument}"),
        other => panic!("{argument}: {other:?}"),
    }
}

fn check_refused(argument: &str, part: &str) {
    let words = product(argument, true).expect_err(argument);
    assert!(words.contains(part), "{argument}: {words}");
}

#[test]
fn registers_are_set_and_emptied() {
    check(
        "name=Gauge = 1",
        Write::Set(Value::Text("Gauge = 1".into())),
    );
    check("name=@@home", Write::Set(Value::Text("@home".into())));
    check("unit=", Write::Clear);
    check("discontinued=yes", Write::Set(Value::Boolean(true)));
    check_refused("name=", "name: it must not be empty");
    check_refused("kind=wood", "`wood` is not one of goods, part, service");
    check_refused(
        "nam=x",
        "product has no field `nam`; its fields are number, name",
    );
    check_refused("name", "is not NAME=VALUE");
    check_refused("supplier=A-9", "with the id, key or title `A-9` here");
}

#[test]
fn counters_take_changes() {
    check("on_hand=+3", Write::Add(3));
    check("on_hand=-3", Write::Add(-3));
    check_refused("on_hand=3", "write +3 or -3");
    check_refused("on_hand=much", "`much` is not a change of a counter");
    assert!(matches!(
        product("on_hand=3", false),
        Ok(FieldEdit::Write(Write::Add(3)))
    ));
}

#[test]
fn documents_become_what_was_given() {
    assert!(
        matches!(product("about=Hello", true), Ok(FieldEdit::Document(Json::String(text))) if text == "Hello")
    );
    check_refused("about=", "nothing");
}

#[test]
fn sets_change_or_become() {
    let of = Kind::text();
    let kind = Kind::Set {
        of: Box::new(of.clone()),
    };
    let field = Field::new(FieldId(1), "tags", "Tags", kind);
    let mut none = |_: &Kind, _: &str| Err("none".to_owned());
    let texts = |names: &[&str]| {
        names
            .iter()
            .map(|name| Value::Text((*name).to_owned()))
            .collect::<BTreeSet<Value>>()
    };
    assert!(is_set_change("+a, -b") && !is_set_change("a,+b") && !is_set_change(""));
    let change = set_change(&of, "+a, -b", &mut none);
    assert_eq!(
        change,
        Ok(Write::Change {
            add: texts(&["a"]),
            remove: texts(&["b"])
        })
    );
    let becomes =
        |text: &str, none: Resolve<'_>| Wanted::from_json(&field, &Json::from(text), none);
    assert_eq!(
        becomes("a, b", &mut none),
        Ok(Wanted::Elements(texts(&["a", "b"])))
    );
    assert_eq!(
        becomes("[\"a,b\"]", &mut none),
        Ok(Wanted::Elements(texts(&["a,b"])))
    );
    assert_eq!(
        becomes("", &mut none),
        Ok(Wanted::Elements(BTreeSet::new()))
    );
}
