//! Ids that are computed and not chosen.

use crate::file::{hex, kept};
use crate::sample::{DEVICE, MORNING, OTHER, RELAY, key};
use cairn_model::{Definition, Kind, RecordId};
use cairn_projection::document;
use serde_json::json;

/// Not bytes that are read, but what comes of what.
#[test]
fn ids_are_computed_as_they_were() {
    let derived =
        [("parent", "child"), ("", ""), ("task-1", "inspection")].map(|(parent, name)| {
            let record = RecordId::derive(parent.as_bytes(), name).to_string();
            json!({"parent": hex(parent.as_bytes()), "name": name, "record": record})
        });
    let random = [0xa5; 10];
    let text = document::heads(&Kind::RichText, &[]);
    let written = json!({
        "about": "How ids come from keys, parents and names.",
        "devices": [key(RELAY), key(DEVICE), key(OTHER)],
        "derived records": derived,
        "records of people": [
            {"login": "ada", "record": Definition::user_record("ada").to_string()},
            {"team": "north", "record": Definition::team_record("north").to_string()},
        ],
        "minted records": [{
            "milliseconds": MORNING.0,
            "random": hex(&random),
            "record": RecordId::mint(MORNING.0, random).to_string(),
        }],
        "the change that every rich text starts from": hex(&text.concat()),
    });
    let written = serde_json::to_string_pretty(&written).expect("it is JSON") + "\n";
    assert_eq!(written, kept("ids.json", &written));
}
