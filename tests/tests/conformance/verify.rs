//! What a verifier refuses, and what it only counts.

use crate::sample::{
    DEVICE, ORGANIZATION, OTHER_DEVICE, RELAY, Sample, edit, enrolments, key, log, operation,
    sealed, start,
};
use cairn_model::{Action, Timestamp};
use cairn_oplog::bundle::{BundleFault, Verified};
use cairn_oplog::ledger::{Checkpoint, LedgerHead};
use cairn_oplog::verify::{DeviceVerifier, LedgerVerifier, Summary, VerifyFault};

const AT: Timestamp = Timestamp(5);

fn verifier() -> LedgerVerifier {
    LedgerVerifier::new(ORGANIZATION, key(RELAY).public())
}

/// The ledger of these bundles, under an honest checkpoint.
fn ledger(bundles: &[&Verified]) -> Result<Summary, VerifyFault> {
    let mut verifier = verifier();
    let mut head = LedgerHead::genesis(&ORGANIZATION, &key(RELAY).public());
    for (position, bundle) in (1..).zip(bundles) {
        verifier.entry(position, AT, bundle.bytes())?;
        head = head.after(AT, bundle.bytes(), bundle.slots().len() as u64);
    }
    verifier.finish(&Checkpoint::sign(&ORGANIZATION, &head, &key(RELAY)))
}

fn enrolled() -> Verified {
    let relay = log(RELAY, 0);
    sealed(RELAY, relay, &start(&relay), enrolments())
}

#[test]
fn an_empty_ledger_is_a_ledger() {
    let summary = ledger(&[]).unwrap();
    assert_eq!((summary.entries, summary.devices), (0, 0));
}

#[test]
fn keys_come_from_the_relays_log_alone() {
    let id = log(DEVICE, 0);
    let bundle = sealed(DEVICE, id, &start(&id), vec![edit(1)]);
    let unknown = VerifyFault::UnknownDevice {
        position: 1,
        log: id,
    };
    assert_eq!(ledger(&[&bundle]), Err(unknown));

    // An enrolled device that enrols another one convinces nobody.
    let stranger = log(9, 0);
    let enrol = Action::Enrol {
        key: key(9).public(),
        user: "Mallory".into(),
        name: "phone".into(),
    };
    let claim = sealed(DEVICE, id, &start(&id), vec![operation(1, enrol)]);
    let foreign = sealed(9, stranger, &start(&stranger), vec![edit(1)]);
    let unknown = VerifyFault::UnknownDevice {
        position: 3,
        log: stranger,
    };
    assert_eq!(ledger(&[&enrolled(), &claim, &foreign]), Err(unknown));
}

#[test]
fn a_bundle_of_another_key_is_refused() {
    let id = log(DEVICE, 0);
    let forged = sealed(OTHER_DEVICE, id, &start(&id), vec![edit(1)]);
    let fault = ledger(&[&enrolled(), &forged]).unwrap_err();
    let expected = VerifyFault::Bundle {
        position: 2,
        fault: BundleFault::Signature { log: id, first: 1 },
    };
    assert_eq!(fault, expected);
}

#[test]
fn withheld_operations_are_refused() {
    let mut verifier = verifier();
    let redacted = enrolled().redacted(|index| index == 0);
    let fault = verifier.entry(1, AT, &redacted);
    assert_eq!(fault, Err(VerifyFault::Withheld { position: 1 }));
}

#[test]
fn positions_are_dense_and_time_does_not_fall() {
    let bundle = enrolled();
    let fault = verifier().entry(2, AT, bundle.bytes());
    let expected = VerifyFault::Position {
        expected: 1,
        found: 2,
    };
    assert_eq!(fault, Err(expected));

    let mut verifier = verifier();
    verifier.entry(1, AT, bundle.bytes()).unwrap();
    let earlier = verifier.entry(2, Timestamp(4), bundle.bytes());
    let expected = VerifyFault::Received {
        position: 2,
        received: Timestamp(4),
    };
    assert_eq!(earlier, Err(expected));
}

#[test]
fn a_gap_in_a_log_is_refused() {
    let id = log(DEVICE, 0);
    let first = sealed(DEVICE, id, &start(&id), vec![edit(1), edit(2)]);
    let second = sealed(DEVICE, id, &first.head(), vec![edit(3)]);
    let expected = VerifyFault::Gap {
        position: 2,
        log: id,
        expected: 1,
        found: 3,
    };
    assert_eq!(ledger(&[&enrolled(), &second]), Err(expected));
}

#[test]
fn doubled_and_contradicting_bundles_are_counted() {
    let id = log(DEVICE, 0);
    let first = sealed(DEVICE, id, &start(&id), vec![edit(1), edit(2)]);
    let second = sealed(DEVICE, id, &first.head(), vec![edit(3)]);
    let instead = sealed(DEVICE, id, &start(&id), vec![edit(4)]);
    let after_instead = sealed(DEVICE, id, &instead.head(), vec![edit(5)]);
    let other_past = start(&log(DEVICE, 1));
    let mut at = first.head();
    at.head = other_past.head;
    let of_other_past = sealed(DEVICE, id, &at, vec![edit(6)]);
    let order = [
        &enrolled(),
        &first,
        &first,
        &instead,
        &after_instead,
        &of_other_past,
        &second,
        &second,
        &first,
    ];
    let summary = ledger(&order).unwrap();
    assert_eq!((summary.duplicates, summary.equivocations), (3, 3));
    assert_eq!(summary.operations, 2 + 2 + 2 + 1 + 1 + 1 + 1 + 1 + 2);
}

#[test]
fn a_new_generation_starts_at_its_own_beginning() {
    let (old, new) = (log(DEVICE, 0), log(DEVICE, 1));
    let first = sealed(DEVICE, old, &start(&old), vec![edit(1)]);
    let fresh = sealed(DEVICE, new, &start(&new), vec![edit(2)]);
    assert_eq!(
        ledger(&[&enrolled(), &first, &fresh])
            .unwrap()
            .equivocations,
        0
    );
    let grafted = sealed(DEVICE, new, &first.head(), vec![edit(2)]);
    let fault = ledger(&[&enrolled(), &first, &grafted]).unwrap_err();
    assert!(
        matches!(fault, VerifyFault::Gap { position: 3, .. }),
        "{fault}"
    );
}

fn device(bundles: &[&[u8]]) -> Result<Summary, VerifyFault> {
    let mut verifier = DeviceVerifier::new(ORGANIZATION, key(DEVICE).public());
    for bundle in bundles {
        verifier.bundle(bundle)?;
    }
    Ok(verifier.finish())
}

#[test]
fn a_device_log_is_whole_and_in_order() {
    let (old, new) = (log(DEVICE, 0), log(DEVICE, 2));
    let first = sealed(DEVICE, old, &start(&old), vec![edit(1), edit(2)]);
    let second = sealed(DEVICE, old, &first.head(), vec![edit(3)]);
    let restarted = sealed(DEVICE, new, &start(&new), vec![edit(3)]);
    let (first, second, restarted) = (first.bytes(), second.bytes(), restarted.bytes());
    let summary = device(&[first, second, restarted]).unwrap();
    assert_eq!((summary.entries, summary.operations), (3, 4));

    let discontinued = |position| Err(VerifyFault::Discontinued { position, log: old });
    assert_eq!(device(&[first, first]), discontinued(2));
    assert_eq!(device(&[first, restarted, second]), discontinued(3));
    let fault = device(&[second, first]).unwrap_err();
    assert!(
        matches!(
            fault,
            VerifyFault::Gap {
                expected: 1,
                found: 3,
                ..
            }
        ),
        "{fault}"
    );
}

#[test]
fn a_device_log_holds_nothing_of_others() {
    let (own, other) = (log(DEVICE, 0), log(OTHER_DEVICE, 0));
    let theirs = sealed(OTHER_DEVICE, other, &start(&other), vec![edit(1)]);
    let expected = VerifyFault::OtherDevice {
        position: 1,
        log: other,
        device: own.device,
    };
    assert_eq!(device(&[theirs.bytes()]), Err(expected));

    let bundle = sealed(DEVICE, own, &start(&own), vec![edit(1), edit(2)]);
    let redacted = bundle.redacted(|index| index == 0);
    assert_eq!(
        device(&[&redacted]),
        Err(VerifyFault::Withheld { position: 1 })
    );
}

#[test]
fn a_fault_names_the_entry_and_what_was_done_to_it() {
    let sample = Sample::make();
    let mut verifier = sample.verifier();
    let (_, received, bundle) = &sample.entries[0];
    verifier.entry(1, *received, bundle).unwrap();
    let (_, received, bundle) = &sample.entries[2];
    let fault = verifier.entry(3, *received, bundle).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "entry 3 stands where entry 2 belongs: entries were removed, swapped or doubled"
    );
}
