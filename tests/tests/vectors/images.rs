//! Images of records, whole and partial, and the pages they travel in.

use crate::file::{Group, Read, check, hex, shown, unhex, words};
use crate::sample::{MORNING, record};
use cairn_model::{HybridTime, RecordId, TypeId, Value, codec};
use cairn_projection::Image;
use cairn_projection::page::Page;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The form of an image, as `proto/README.md` gives it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Form {
    record: RecordId,
    record_type: TypeId,
    version: u64,
    created_behind: u64,
    origins: Vec<Origin>,
    life: Life,
    whole: bool,
    fields: Vec<Field>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Origin {
    behind: u64,
    author: u32,
    generation: u32,
    sequence: u64,
    time: HybridTime,
    received_after: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Register {
    writes: Vec<(u64, Option<Value>)>,
    shown: u32,
    open: Option<(u64, Option<Option<Value>>)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Life {
    Unchanged,
    Kept,
    Told(u64, Register),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Field {
    id: u16,
    changed_behind: u64,
    state: State,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum State {
    Value(Value),
    Register(Register),
    Counter(i64),
    Set(Vec<(Value, Vec<u64>)>),
    Document(Vec<u8>),
    Default(Value),
}

fn read(bytes: &[u8]) -> Result<Read, String> {
    let image = Image::read(bytes).map_err(words)?;
    let form: Form = codec::decode("image", bytes).map_err(words)?;
    let again = match form.whole {
        true => image.over(None).expect("it is whole").to_image(),
        false => codec::encode(&form),
    };
    let says = shown(&form);
    Ok(Read { says, again })
}

fn origin(behind: u64, author: u32, sequence: u64) -> Origin {
    Origin {
        behind,
        author,
        generation: 0,
        sequence,
        time: HybridTime::new(MORNING, 2),
        received_after: 1_500 - 1_000 * behind as i64,
    }
}

fn one(behind: u64, value: Value) -> Register {
    Register {
        writes: vec![(behind, Some(value))],
        shown: 0,
        open: None,
    }
}

fn field(id: u16, changed_behind: u64, state: State) -> Field {
    Field {
        id,
        changed_behind,
        state,
    }
}

/// A record of version 50, with a field in every state.
fn whole() -> Form {
    let text = |text: &str| Value::Text(text.to_owned());
    let emptied = Register {
        writes: vec![(4, None)],
        shown: 0,
        open: None,
    };
    let contested = Register {
        writes: vec![(9, Some(text("left"))), (0, Some(text("right")))],
        shown: 1,
        open: Some((3, Some(Some(text("before"))))),
    };
    Form {
        record: record(1),
        record_type: TypeId(7),
        version: 50,
        created_behind: 9,
        origins: vec![origin(9, 1, 1), origin(4, 2, 7), origin(0, 1, 2)],
        life: Life::Told(9, one(9, Value::Boolean(true))),
        whole: true,
        fields: vec![
            field(1, 4, State::Value(text("pump"))),
            field(2, 4, State::Register(emptied)),
            field(3, 0, State::Register(contested)),
            field(4, 4, State::Counter(-3)),
            field(
                5,
                9,
                State::Set(vec![(text("dry"), vec![9]), (text("wet"), vec![4, 0])]),
            ),
            field(6, 9, State::Default(Value::Integer(5))),
        ],
    }
}

/// What changed of it after version 50: one field, in version 52.
fn partial() -> Form {
    Form {
        version: 52,
        created_behind: 11,
        origins: vec![origin(0, 2, 8)],
        life: Life::Unchanged,
        whole: false,
        fields: vec![field(1, 0, State::Value(Value::Text("valve".into())))],
        ..whole()
    }
}

/// What both make together.
fn together() -> Form {
    let later = |form: Register| Register {
        writes: form
            .writes
            .into_iter()
            .map(|(behind, value)| (behind + 2, value))
            .collect(),
        ..form
    };
    let mut form = whole();
    form.version = 52;
    form.created_behind += 2;
    form.origins
        .iter_mut()
        .for_each(|origin| origin.behind += 2);
    form.origins.push(origin(0, 2, 8));
    form.life = Life::Told(11, later(one(9, Value::Boolean(true))));
    for field in &mut form.fields {
        field.changed_behind += 2;
        field.state = match field.state.clone() {
            State::Register(register) => State::Register(later(register)),
            State::Set(elements) => State::Set(
                elements
                    .into_iter()
                    .map(|(element, by)| (element, by.into_iter().map(|n| n + 2).collect()))
                    .collect(),
            ),
            other => other,
        };
    }
    form.fields[0] = field(1, 0, State::Value(Value::Text("valve".into())));
    form
}

#[test]
fn images_read_as_they_did() {
    let deleted = Form {
        origins: vec![origin(9, 1, 1), origin(0, 2, 7)],
        life: Life::Told(0, one(0, Value::Boolean(false))),
        fields: Vec::new(),
        ..whole()
    };
    let created = Form {
        created_behind: 0,
        origins: vec![origin(0, 1, 1)],
        life: Life::Kept,
        fields: vec![field(1, 0, State::Value(Value::Integer(7)))],
        ..whole()
    };
    let broken = |with: fn(&mut Form)| {
        let mut form = whole();
        with(&mut form);
        codec::encode(&form)
    };
    let bytes = codec::encode(&whole());
    let images = Group::new("images", read)
        .valid(
            "whole, with a field in every state but documents",
            bytes.clone(),
        )
        .valid("of a deleted record", codec::encode(&deleted))
        .valid("of a record that was just created", codec::encode(&created))
        .valid("partial", codec::encode(&partial()))
        .valid("of what both make together", codec::encode(&together()))
        .invalid("IMAGE-1", "cut short", &bytes[..bytes.len() - 1])
        .invalid(
            "IMAGE-3",
            "created before the first version",
            broken(|f| f.created_behind = 51),
        )
        .invalid(
            "IMAGE-6",
            "an origin twice",
            broken(|f| f.origins[1].behind = 9),
        )
        .invalid(
            "IMAGE-6",
            "fields out of order",
            broken(|f| f.fields.swap(0, 1)),
        )
        .invalid(
            "IMAGE-5",
            "shows what is not there",
            broken(|f| {
                let life = one(9, Value::Boolean(true));
                f.life = Life::Told(9, Register { shown: 1, ..life });
            }),
        );
    check("images.json", "Records as images.", vec![images, pages()]);
}

#[test]
fn a_partial_image_and_what_was_held_make_the_record() {
    let read = |form: &Form| Image::read(&codec::encode(form)).expect("it is an image");
    let held = read(&whole()).over(None);
    let record = read(&partial()).over(held).expect("it was held");
    assert_eq!(hex(&record.to_image()), hex(&codec::encode(&together())));
    assert_eq!(
        read(&partial()).over(None),
        None,
        "there is nothing to put it over"
    );
}

/// Pages are read; how well they are compressed is the writer's business.
fn pages() -> Group {
    let read = |bytes: &[u8]| {
        let page: Page = codec::decode("page", bytes).map_err(words)?;
        let records = page.unpack().map_err(words)?;
        let index = shown(&page.index);
        let records: Vec<String> = records.iter().map(|bytes| hex(bytes)).collect();
        let says = json!({"index": index, "records": records});
        let again = codec::encode(&page);
        Ok(Read { says, again })
    };
    let small = Page::pack(vec![(record(1), TypeId(7), b"one".to_vec())]);
    let alike = (0..4).map(|n| (record(n), TypeId(7), vec![n; 600]));
    let compressed = Page::pack(alike.collect());
    assert_eq!((small.body[0], compressed.body[0]), (0, 1));
    let unknown = Page {
        body: vec![2, 0],
        ..small.clone()
    };
    let encoded = |page: &Page| codec::encode(page);
    Group::new("pages", read)
        .valid("plain", encoded(&small))
        .valid(
            "compressed",
            kept_page().unwrap_or_else(|| encoded(&compressed)),
        )
        .invalid("PAGE-2", "of no known form", encoded(&unknown))
        .invalid(
            "PAGE-2",
            "empty",
            encoded(&Page {
                body: Vec::new(),
                ..small
            }),
        )
}

/// The compressed page of the file: another release of zstd may compress it
/// otherwise, and both are right.
fn kept_page() -> Option<Vec<u8>> {
    let text = std::fs::read_to_string(crate::file::path("images.json")).ok()?;
    let kept: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(unhex(kept["pages"]["valid"].get(1)?.get("bytes")?))
}
