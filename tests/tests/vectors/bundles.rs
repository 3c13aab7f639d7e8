//! Bundles: whole, with operations withheld, and damaged in every way.

use crate::file::{Group, Read, check, hex, words};
use crate::sample::{DEVICE, ORGANIZATION, OTHER, edit, key, log, sealed, secret, start};
use cairn_model::{Hash, LogId, PublicKey, Value, codec};
use cairn_oplog::Parsed;
use cairn_oplog::bundle::{LogHead, Slot, Verified};
use serde_json::json;

/// A bundle as it is on the wire, to be written wrongly.
#[derive(Clone)]
struct Form {
    log: LogId,
    first: u64,
    previous: Hash,
    slots: Vec<Slot>,
    signature: [u8; 64],
}

impl Form {
    /// A bundle of `first` on that is signed for what it says, however wrong.
    fn signed(log: LogId, first: u64, previous: Hash, slots: Vec<Slot>) -> Form {
        let mut form = Form {
            log,
            first,
            previous,
            slots,
            signature: [0; 64],
        };
        form.signature = secret(DEVICE).sign(&form.message());
        form
    }

    fn message(&self) -> Vec<u8> {
        let hashes: Vec<[u8; 32]> = self.slots.iter().map(|slot| slot.hash().0).collect();
        let list = Hash::of(&hashes.concat());
        let first = self.first.to_be_bytes();
        let parts: [&[u8]; 4] = [b"cairn/1 head", &self.previous.0, &first, &list.0];
        message(&self.log, &Hash::of(&parts.concat()))
    }

    fn bytes(&self) -> Vec<u8> {
        let (low, high) = self.signature.split_first_chunk::<32>().expect("64 bytes");
        let high: [u8; 32] = high.try_into().expect("the other 32");
        codec::encode(&(
            &self.log,
            self.first,
            &self.previous,
            &self.slots,
            (low, high),
        ))
    }
}

/// What a bundle's signature is over.
fn message(log: &LogId, head: &Hash) -> Vec<u8> {
    let parts: [&[u8]; 5] = [
        b"cairn/1 bundle",
        &ORGANIZATION.0,
        &log.device.0,
        &log.generation.to_be_bytes(),
        &head.0,
    ];
    parts.concat()
}

fn read_with(key: PublicKey) -> impl Fn(&[u8]) -> Result<Read, String> {
    move |bytes| {
        let parsed = Parsed::parse(bytes).map_err(words)?;
        let bundle = parsed.verify(&ORGANIZATION, &key).map_err(words)?;
        Ok(Read {
            says: shown(&bundle),
            again: bundle.redacted(|_| true),
        })
    }
}

fn shown(bundle: &Verified) -> serde_json::Value {
    let slots = bundle.slots().iter().map(|slot| match slot {
        Slot::Whole(bytes) => json!({"whole": hex(bytes), "hash": slot.hash().to_string()}),
        Slot::Withheld(hash) => json!({"withheld": hash.to_string()}),
    });
    let (log, head) = (bundle.log(), bundle.head());
    json!({
        "device": log.device.to_string(),
        "generation": log.generation,
        "first": bundle.first(),
        "last": bundle.last(),
        "previous": bundle.previous().to_string(),
        "slots": slots.collect::<Vec<_>>(),
        "head": head.head.to_string(),
        "signed message": hex(&message(&log, &head.head)),
    })
}

#[test]
fn bundles_read_as_they_did() {
    let id = log(DEVICE, 0);
    let genesis = start(id);
    let one = sealed(DEVICE, id, &genesis, vec![edit(0, Value::Integer(5))]);
    let three: Vec<_> = (1..4).map(|n| edit(n, Value::Integer(n.into()))).collect();
    let three = sealed(DEVICE, id, &one.head(), three);
    let restarted = log(DEVICE, 2);
    let later = sealed(
        DEVICE,
        restarted,
        &start(restarted),
        vec![edit(4, Value::Boolean(true))],
    );
    let full = sealed(DEVICE, id, &three.head(), vec![Vec::new(); 256]);
    let context = json!({
        "organization": ORGANIZATION.to_string(),
        "key": key(DEVICE),
        "genesis of generation 0": genesis.head.to_string(),
        "genesis of generation 2": start(restarted).head.to_string(),
    });
    let group = Group::new("bundles", read_with(secret(DEVICE).public()))
        .with(context)
        .valid("one operation", one.bytes().to_vec())
        .valid("three more", three.bytes().to_vec())
        .valid(
            "the second of them shown, the others withheld",
            three.redacted(|index| index == 1),
        )
        .valid("all withheld", three.redacted(|_| false))
        .valid("a later generation", later.bytes().to_vec())
        .valid(
            "256 operations of no bytes, which no fold admits",
            full.bytes().to_vec(),
        )
        .valid(
            "the last sequences there are",
            at_the_end(i64::MAX as u64).bytes(),
        );
    let group = damaged(group, &one, &three);
    let other = Group::new(
        "bundles of another device",
        read_with(secret(OTHER).public()),
    )
    .with(json!({"key": key(OTHER)}))
    .invalid("BUNDLE-7", "not of this device", one.bytes().to_vec());
    let groups = vec![group, other, weak_key(), short(&one, &three)];
    check("bundles.json", "Sealed runs of operations.", groups);
}

fn at_the_end(first: u64) -> Form {
    let slots = vec![Slot::Whole(edit(5, Value::Integer(9)))];
    Form::signed(log(DEVICE, 0), first, Hash([0xab; 32]), slots)
}

fn damaged(group: Group, one: &Verified, three: &Verified) -> Group {
    let whole = one.bytes().to_vec();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 2;
        bytes
    };
    let longer = [&whole[..16], &[251, 0, 0], &whole[17..]].concat();
    let empty = Form::signed(one.log(), 1, one.previous(), Vec::new());
    let crowded = vec![Slot::Whole(Vec::new()); 257];
    let crowded = Form::signed(one.log(), 1, one.previous(), crowded);
    let redacted = three.redacted(|index| index == 1);
    let hash = three.slots()[0].hash().0;
    let at = redacted.windows(32).position(|window| window == hash);
    let mut other_hash = redacted.clone();
    other_hash[at.expect("the hash is in it")] ^= 1;
    group
        .invalid("BUNDLE-1", "empty", [])
        .invalid("BUNDLE-1", "cut short", &whole[..whole.len() - 1])
        .invalid(
            "ENC-12",
            "with a byte behind it",
            [whole.as_slice(), &[0]].concat(),
        )
        .invalid("BUNDLE-3", "no operations", empty.bytes())
        .invalid("BUNDLE-3", "257 operations", crowded.bytes())
        .invalid("BUNDLE-4", "sequence 0", at_the_end(0).bytes())
        .invalid("BUNDLE-4", "sequence 2^63", at_the_end(1 << 63).bytes())
        .invalid("BUNDLE-10", "its generation in three bytes", longer)
        .invalid("BUNDLE-7", "another device", flipped(0))
        .invalid("BUNDLE-8", "another generation", flipped(16))
        .invalid("BUNDLE-8", "another sequence", flipped(17))
        .invalid("BUNDLE-8", "another previous head", flipped(18))
        .invalid("BUNDLE-8", "another operation", flipped(60))
        .invalid(
            "BUNDLE-8",
            "another hash of a withheld operation",
            other_hash,
        )
        .invalid("BUNDLE-8", "another signature", flipped(whole.len() - 40))
        .invalid(
            "BUNDLE-8",
            "a signature whose number is too large",
            malleable(one),
        )
        .invalid("BUNDLE-8", "signed for another organization", foreign(one))
}

/// The signature with the order of the group added to its number: the same
/// point, in other bytes.
fn malleable(one: &Verified) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = one.bytes().to_vec();
    let number = bytes.len() - 32;
    let mut carry = 0;
    for (byte, add) in bytes[number..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    bytes
}

fn foreign(one: &Verified) -> Vec<u8> {
    let elsewhere = cairn_model::OrganizationId([9; 16]);
    let Slot::Whole(operation) = &one.slots()[0] else {
        panic!("the operation is there")
    };
    let at = LogHead {
        sequence: 0,
        head: one.previous(),
    };
    let operations = vec![operation.clone()];
    let bundle = cairn_oplog::bundle::seal(&elsewhere, one.log(), &at, operations, &secret(DEVICE));
    bundle.bytes().to_vec()
}

/// The neutral point as a key: under it, a signature of nothing at all would
/// fit every message.
fn weak_key() -> Group {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = PublicKey(neutral);
    let id = LogId {
        device: weak.device(),
        generation: 0,
    };
    let slots = vec![Slot::Whole(edit(6, Value::Integer(1)))];
    let mut form = Form::signed(id, 1, start(id).head, slots);
    form.signature = [0; 64];
    form.signature[0] = 1;
    Group::new("bundles under a key of small order", read_with(weak))
        .with(json!({"key": {"public": weak.to_string(), "device": weak.device().to_string()}}))
        .invalid("KEY-3", "signed by nobody", form.bytes())
}

/// The short form, to who has the log up to the first bundle.
fn short(one: &Verified, three: &Verified) -> Group {
    let (log, at, key) = (one.log(), one.head(), secret(DEVICE).public());
    let context = json!({"continues": {"first": at.sequence + 1, "previous": at.head.to_string()}});
    let read = move |bytes: &[u8]| {
        let parsed = Parsed::continuing(bytes, log, &at).map_err(words)?;
        let bundle = parsed.verify(&ORGANIZATION, &key).map_err(words)?;
        Ok(Read {
            says: shown(&bundle),
            again: bundle.continuation(),
        })
    };
    Group::new("bundles in short form", read)
        .with(context)
        .valid("three more", three.continuation())
        .invalid("BUNDLE-8", "not the one that follows", one.continuation())
        .invalid("BUNDLE-9", "in its long form", three.bytes().to_vec())
}
