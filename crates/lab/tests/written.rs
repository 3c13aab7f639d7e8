//! The history in `simulations/histories/depot`, which was written for this, and
//! broken ones: what comes through the door, and what does not.

use cairn_lab::door::{Lists, Study, merges, whole};
use cairn_lab::history::read::{self, File, ReadFault};
use cairn_lab::ledger::Ledger;
use cairn_lab::metrics::{Tally, judge};
use cairn_lab::policies::Contestant;
use cairn_lab::trace::Trace;
use cairn_projection::{Outcome, State};
use std::path::PathBuf;

fn depot(name: &str) -> File<'_> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../simulations/histories/depot")
        .join(format!("{name}.jsonl"));
    let opened = std::fs::File::open(&path);
    File {
        name,
        bytes: Box::new(opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()))),
    }
}

fn bytes<'a>(name: &'a str, bytes: &'a [u8]) -> File<'a> {
    File {
        name,
        bytes: Box::new(bytes),
    }
}

fn folded(study: &Study, contestant: &Contestant) -> (State, Tally) {
    let mut trace = Trace::default();
    let ledger = &study.ledger;
    let mut state = State::on_trial(ledger.organization(), ledger.relay(), contestant.trial());
    for entry in ledger.entries() {
        trace.observe(entry);
        state.fold(entry);
    }
    let asks = contestant.asks_for_arrival();
    let tally = judge(&trace, &state, &study.truth, asks).whole;
    (state, tally)
}

fn named(policy: &str) -> Contestant {
    Contestant::named(policy).expect(policy)
}

/// Third, somebody went on from what another had done apart, and is in their
/// log for it. Nothing is in doubt at the end, under any policy.
#[test]
fn a_whole_history_ends_as_people_left_it() {
    let steps = read::steps(depot("ops")).expect("it is written well");
    let (study, fidelity) = whole("depot", &steps).expect("it is a history");
    let counts = (
        fidelity.steps,
        fidelity.exact,
        fidelity.unseen,
        fidelity.elsewhere,
    );
    assert_eq!(counts, (10, 10, 0, 1));
    for contestant in cairn_lab::policies::all() {
        let (state, tally) = folded(&study, &contestant);
        // Writes: 4 + 2 + 3 + 1 of the first record before its merge, which
        // writes its note, its tags, and again its disputed state; then 2; and
        // 2 + 1 + 1 + 1 of the second. Disputed are state and tags, and the
        // deletion with what it met.
        assert_eq!((tally.writes, tally.disputed), (20, 6), "{contestant:?}");
        assert_eq!((tally.refused, tally.open), (0, 0), "{contestant:?}");
        assert_eq!(tally.standing, tally.satisfied, "{contestant:?}");
        let alive: Vec<_> = state.records().filter(|r| r.is_alive()).collect();
        assert_eq!(alive.len(), 1, "{contestant:?}");
        let shown: Vec<String> = alive[0]
            .to_json(state.definition())
            .values()
            .map(ToString::to_string)
            .collect();
        let shown = shown.join(" ").replace('\\', "");
        for value in ["Neu-Ulm", "broken", "[\"a\",\"b\",\"c\"]"] {
            assert!(shown.contains(value), "{contestant:?}: {shown}");
        }
        assert!(!shown.contains("leaks"), "{contestant:?}: {shown}");
    }
}

/// Worked out by hand. Last writer: state and the new record right, tags lost
/// one; that the deletion won is not asked, as its time is not known. Client:
/// the right side's. Server: told, which is asking.
#[test]
fn merges_are_held_against_what_people_made_of_them() {
    let read = read::merges(depot("merges"), depot("outcomes")).expect("it is written well");
    let agreed = |policy: &str, lists| {
        let study = merges("depot", &read, lists).expect("it is a history");
        let (_, tally) = folded(&study, &named(policy));
        let (fields, conflicts) = (&tally.fields, &tally.conflicts);
        format!(
            "{}/{} {}/{} asked {}",
            fields.agreed, fields.known, conflicts.agreed, conflicts.known, conflicts.asked
        )
    };
    use Lists::{Sets, Values};
    assert_eq!(agreed("last-writer-wins", Values), "4/5 2/3 asked 0");
    assert_eq!(agreed("last-writer-wins", Sets), "5/5 3/3 asked 0");
    assert_eq!(agreed("client-wins", Values), "3/6 1/4 asked 0");
    assert_eq!(agreed("server-wins", Values), "2/6 0/4 asked 4");
    assert_eq!(agreed("first-writer-wins", Values), "2/5 0/3 asked 0");
}

/// Each merge is a block, and each of its records a record of its own.
#[test]
fn merges_are_blocks() {
    let read = read::merges(depot("merges"), depot("outcomes")).expect("it is written well");
    let study = merges("depot", &read, Lists::Values).expect("it is a history");
    assert_eq!(study.truth.blocks, ["m0", "m1"]);
    let (state, _) = folded(&study, &named("flag"));
    let open = |conflict: &&cairn_projection::Conflict| conflict.outcome == Outcome::Open;
    let mut blocks: Vec<u32> = state
        .journal()
        .iter()
        .filter(open)
        .map(|conflict| study.truth.block_of[&conflict.record])
        .collect();
    blocks.sort_unstable();
    assert_eq!(
        blocks,
        [0, 0, 1, 1],
        "state and tags; the new record and the deleted one"
    );
}

#[test]
fn broken_files_are_refused_where_they_are_broken() {
    let words = |file: File<'_>| read::steps(file).unwrap_err().to_string();
    let good = br#"{"id":"a","commit":"c","author":"ann","time":1,"rec":"r","parents":[]}"#;
    let broken = [good.as_slice(), b"\n{\"id\":\"b\"}\n"].concat();
    let found = words(bytes("ops", &broken));
    assert!(
        found.starts_with("ops, line 2: missing field `commit`"),
        "{found}"
    );
    let found = words(bytes("ops", &[0xff, 0xfe, 0, 1, b'\n']));
    assert!(found.starts_with("ops, line 1: "), "{found}");
    let found = words(bytes("ops", &[0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]));
    assert!(
        found.starts_with("ops: cannot be read after line 0"),
        "{found}"
    );
    let twice = [good.as_slice(), b"\n", good].concat();
    assert!(words(bytes("ops", &twice)).starts_with("step `a` is there twice"));

    let outcome = br#"{"merge":"m9","rec":"r","field":"/f","kind":"same"}"#;
    let unknown = read::merges(bytes("merges", b""), bytes("outcomes", outcome)).unwrap_err();
    assert!(
        matches!(unknown, ReadFault::UnknownMerge { .. }),
        "{unknown}"
    );
    let merge = br#"{"id":"m9","time":1,"base_time":0,"server":"left"}"#;
    let unsaid = read::merges(bytes("merges", merge), bytes("outcomes", outcome)).unwrap_err();
    assert!(
        unsaid.to_string().contains("which step wrote the value"),
        "{unsaid}"
    );
}

/// A line without an end is not read into memory.
#[test]
fn a_line_has_a_longest_length() {
    let endless = std::io::repeat(b' ');
    let file = File {
        name: "ops",
        bytes: Box::new(endless),
    };
    let fault = read::steps(file).unwrap_err();
    assert!(
        matches!(fault, ReadFault::LongLine { line: 1, .. }),
        "{fault}"
    );
}

/// A record with more paths than a record type has fields is refused by name.
#[test]
fn records_with_too_many_fields_are_refused() {
    let fields: Vec<String> = (0..801).map(|n| format!("\"/f{n}\":{n}")).collect();
    let line = format!(
        r#"{{"id":"a","commit":"c","author":"ann","time":1,"rec":"r","parents":[],"new":true,"set":{{{}}}}}"#,
        fields.join(",")
    );
    let steps = read::steps(bytes("ops", line.as_bytes())).expect("it is a step");
    let fault = whole("wide", &steps).unwrap_err().to_string();
    assert_eq!(
        fault,
        "record `r` has 801 different fields; at most 800 are possible: leave some out"
    );
}

/// The log is policy-neutral: a trial under what is in force folds to what the
/// product folds to, and one under another policy does not change the log.
#[test]
fn a_trial_under_what_is_in_force_changes_nothing() {
    let read = read::merges(depot("merges"), depot("outcomes")).expect("it is written well");
    let study = merges("depot", &read, Lists::Values).expect("it is a history");
    let ledger = &study.ledger;
    let mut product = State::new(ledger.organization(), ledger.relay());
    for entry in ledger.entries() {
        product.fold(entry);
    }
    let (same, _) = folded(&study, &named("flag"));
    assert_eq!(same.full_digest(), product.full_digest());
    let (other, _) = folded(&study, &named("last-writer-wins"));
    assert_ne!(other.full_digest(), product.full_digest());
    assert_eq!(other.definition(), product.definition());
}

/// An operation that claims to have seen what was not there yet is refused, and
/// what it claims to replace still stands.
#[test]
fn nobody_replaces_what_they_cannot_have_seen() {
    use cairn_lab::scribe::Scribe;
    use cairn_model::{Change, FieldId, HybridTime, Mutation, RecordId, Timestamp, Value, Write};
    let mut wide = cairn_model::RecordType::new(cairn_model::TypeId(1), "item", "Item");
    let text = cairn_model::Field::new(FieldId(1), "name", "Name", cairn_model::Kind::text());
    wide.fields.insert(FieldId(1), text);
    let mut scribe = Scribe::new("liars", vec![wide], Timestamp(1_000));
    let pens = [scribe.enrol(), scribe.enrol(), scribe.enrol()];
    let record = RecordId::derive(b"liars", "item");
    let name = |value: &str| vec![(FieldId(1), Write::Set(Value::Text(value.to_owned())))];
    let mut does = |pen: usize, base, change| {
        let mutation = Mutation {
            record,
            record_type: cairn_model::TypeId(1),
            base,
            change,
        };
        let time = HybridTime::new(Timestamp(1_000), 0);
        scribe
            .edit(pens[pen], time, vec![mutation])
            .expect("it fits")
    };
    let created = does(0, Default::default(), Change::Create(name("old")));
    does(1, cairn_model::Version(1_000), Change::Update(name("mine")));
    does(2, created, Change::Update(name("yours")));
    let study = Study {
        name: "liars".to_owned(),
        ledger: scribe.finish(),
        truth: Default::default(),
    };
    let (state, tally) = folded(&study, &named("last-writer-wins"));
    assert_eq!(
        state
            .record(record)
            .and_then(|r| r.value(FieldId(1)).cloned()),
        Some(Value::Text("yours".to_owned()))
    );
    assert_eq!(
        (tally.refused, tally.lost_surfaced, tally.lost_silently),
        (1, 1, 0)
    );
    assert_eq!((tally.standing, tally.contested), (3, 2));
}
