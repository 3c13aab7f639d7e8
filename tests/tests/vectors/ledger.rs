//! The ledger's chain, and the relay's word for it.

use crate::file::{Group, Read, check, hex, kept, shown, unhex, words};
use crate::sample::{
    DEVICE, MORNING, ORGANIZATION, OTHER, RELAY, edit, key, log, sealed, secret, start,
};
use cairn_model::{OrganizationId, Timestamp, Value, codec};
use cairn_oplog::{Checkpoint, LedgerHead};
use serde_json::{Value as Json, json};

fn genesis() -> LedgerHead {
    LedgerHead::genesis(&ORGANIZATION, &secret(RELAY).public())
}

/// Three entries: what came in, and where the ledger stood then.
fn entries() -> Vec<(Timestamp, Vec<u8>, LedgerHead)> {
    let mut head = genesis();
    let id = log(DEVICE, 0);
    let mut at = start(id);
    let entry = |(number, operations): (u64, u16)| {
        let numbers = 0..operations;
        let edits = numbers
            .map(|n| edit(n, Value::Integer(number as i64)))
            .collect();
        let bundle = sealed(DEVICE, id, &at, edits);
        at = bundle.head();
        let received = MORNING.plus(1_000 * number);
        head = head.after(received, bundle.bytes(), u64::from(operations));
        (received, bundle.bytes().to_vec(), head)
    };
    [(1, 1), (2, 3), (3, 2)].into_iter().map(entry).collect()
}

fn head(at: &LedgerHead) -> Json {
    json!({"position": at.position, "version": at.version, "head": at.head.to_string()})
}

#[test]
fn the_chain_is_computed_as_it_was() {
    let entries = entries().into_iter().map(|(received, bundle, after)| {
        json!({"received": received.0, "bundle": hex(&bundle), "after": head(&after)})
    });
    let written = json!({
        "about": "The chain of a ledger of three entries.",
        "organization": ORGANIZATION.to_string(),
        "relay": key(RELAY),
        "genesis": head(&genesis()),
        "entries": entries.collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&written).expect("it is JSON") + "\n";
    let kept = kept("ledger.json", &text);
    let kept: Json = serde_json::from_str(&kept).expect("it is JSON");
    let mut at = genesis();
    assert_eq!(head(&at), kept["genesis"]);
    for entry in kept["entries"].as_array().expect("a list of entries") {
        let received = Timestamp(entry["received"].as_u64().expect("a time"));
        let bundle = unhex(&entry["bundle"]);
        let parsed = cairn_oplog::Parsed::parse(bundle.clone()).expect("it is a bundle");
        let operations = parsed.last() + 1 - parsed.first();
        at = at.after(received, &bundle, operations);
        assert_eq!(head(&at), entry["after"]);
    }
    assert_eq!(kept, written);
}

#[test]
fn checkpoints_read_as_they_did() {
    let read = |bytes: &[u8]| {
        let checkpoint: Checkpoint = codec::decode("checkpoint", bytes).map_err(words)?;
        if !checkpoint.verifies(&ORGANIZATION, &secret(RELAY).public()) {
            return Err("the relay did not sign this".to_owned());
        }
        let says = shown(&checkpoint);
        let again = codec::encode(&checkpoint);
        Ok(Read { says, again })
    };
    let (_, _, last) = entries().pop().expect("three of them");
    let signed = |organization: &OrganizationId, by| {
        codec::encode(&Checkpoint::sign(organization, &last, &secret(by)))
    };
    let bytes = signed(&ORGANIZATION, RELAY);
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let context = json!({"organization": ORGANIZATION.to_string(), "relay": key(RELAY)});
    let group = Group::new("checkpoints", read)
        .with(context)
        .valid(
            "of an empty ledger",
            codec::encode(&Checkpoint::sign(&ORGANIZATION, &genesis(), &secret(RELAY))),
        )
        .valid("of three entries", bytes.clone())
        .invalid("LEDGER-5", "of another position", flipped(0))
        .invalid("LEDGER-5", "of another head", flipped(1))
        .invalid("LEDGER-5", "another signature", flipped(40))
        .invalid(
            "LEDGER-5",
            "signed by a device",
            signed(&ORGANIZATION, OTHER),
        )
        .invalid(
            "LEDGER-5",
            "of another organization",
            signed(&OrganizationId([9; 16]), RELAY),
        )
        .invalid("ENC-9", "cut short", &bytes[..bytes.len() - 1]);
    check(
        "checkpoints.json",
        "The relay's signed word for where its ledger ends.",
        vec![group],
    );
}
