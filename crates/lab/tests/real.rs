//! Real histories, with what people made of them. They lie in a folder beside
//! the checkout; where that is absent, the tests say so and look no further.

use cairn_lab::door::{Lists, Study, merges, whole};
use cairn_lab::history::read::{self, File};
use cairn_lab::ledger::{Archived, Ledger};
use cairn_lab::metrics::{Metric, judge};
use cairn_lab::policies::{Contestant, hindsight};
use cairn_lab::trace::Trace;
use cairn_projection::{State, Trial};
use std::path::PathBuf;

/// The folder of a real history, if it is there.
fn folder(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    if !path.is_dir() {
        eprintln!("no shared/data/{name} beside the checkout: nothing is tested on it");
        return None;
    }
    Some(path)
}

fn file<'a>(folder: &std::path::Path, name: &'a str) -> File<'a> {
    let path = folder.join(format!("{name}.jsonl.zst"));
    let opened = std::fs::File::open(&path);
    File {
        name,
        bytes: Box::new(opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()))),
    }
}

fn study(name: &str, lists: Lists) -> Option<Study> {
    let folder = folder(name)?;
    let read = read::merges(file(&folder, "merges"), file(&folder, "outcomes"));
    Some(merges(name, &read.expect("its files are good"), lists).expect("it is a history"))
}

fn traced(study: &Study) -> Trace {
    let mut trace = Trace::default();
    study
        .ledger
        .entries()
        .iter()
        .for_each(|entry| trace.observe(entry));
    trace
}

fn folded(study: &Study, trial: Trial) -> State {
    let ledger = &study.ledger;
    let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
    for entry in ledger.entries() {
        state.fold(entry);
    }
    state
}

/// What a policy agrees on with people: of the fields of records that were
/// there before, all and the true conflicts, as `agreed/known`.
fn agreement(study: &Study, policy: &str) -> String {
    let contestant = Contestant::named(policy).expect(policy);
    let mut truth = study.truth.clone();
    truth.resolutions.retain(|r| r.existed && r.field.is_some());
    let state = folded(study, contestant.trial());
    let judged = judge(
        &traced(study),
        &state,
        &truth,
        contestant.asks_for_arrival(),
    );
    let (fields, conflicts) = (&judged.whole.fields, &judged.whole.conflicts);
    format!(
        "{}/{} {}/{}",
        fields.agreed, fields.known, conflicts.agreed, conflicts.known
    )
}

fn agrees(name: &str, policy: &str, expected: &str) {
    if let Some(study) = study(name, Lists::Values) {
        assert_eq!(agreement(&study, policy), expected, "{name} under {policy}");
    }
}

/// The numbers in the READMEs of the histories, which were counted on the
/// merges themselves, without Cairn: `field merge + LWW` and `field merge +
/// client wins`, all fields and true conflicts.
#[test]
fn folding_agrees_with_counting_on_the_merges() {
    agrees("linguist", "last-writer-wins", "216/266 5/42");
    agrees("linguist", "client-wins", "210/257 5/39");
    agrees("scoop-main", "last-writer-wins", "1714/1882 71/181");
    agrees("scoop-main", "client-wins", "1748/1870 122/176");
    agrees("bcd", "last-writer-wins", "52481/53367 1177/1774");
}

/// Here one of the records is larger than a record of Cairn may be, and is left
/// out: its 555 fields, of which 482 had agreed, and none of its 27 conflicts
/// (7990/8252 and 22/84 in the README).
#[test]
fn records_that_are_too_large_are_left_out() {
    agrees("endoflife", "last-writer-wins", "7508/7697 22/57");
}

#[test]
fn a_set_is_what_people_make_of_lists() {
    let (Some(values), Some(sets)) = (
        study("linguist", Lists::Values),
        study("linguist", Lists::Sets),
    ) else {
        return;
    };
    assert_eq!(agreement(&values, "last-writer-wins"), "216/266 5/42");
    // 33 of the 38 lists, as the README counts them, and 3 of the other 4.
    assert_eq!(agreement(&sets, "last-writer-wins"), "247/266 36/42");
}

/// No policy agrees with people more than the oracle, and none loses as
/// little of what they wrote; flagging loses nothing silently.
#[test]
fn the_oracle_is_the_upper_bound() {
    let Some(study) = study("linguist", Lists::Values) else {
        return;
    };
    let trace = traced(&study);
    let judged = |trial, arrival| {
        let state = folded(&study, trial);
        judge(&trace, &state, &study.truth, arrival).whole
    };
    let oracle = judged(hindsight(&trace, &study.truth), false);
    let best = Metric::AgreementOnConflicts.of(&oracle);
    for contestant in cairn_lab::policies::all() {
        let found = judged(contestant.trial(), contestant.asks_for_arrival());
        assert!(
            Metric::AgreementOnConflicts.of(&found) <= best,
            "{contestant:?}"
        );
        if contestant.name.starts_with("flag") {
            assert_eq!(
                Metric::SilentLossRate.of(&found),
                Some(0.0),
                "{contestant:?}"
            );
        }
    }
}

/// A ledger that was written out and read in again is the same one, and folds
/// to the same state.
#[test]
fn a_written_ledger_is_an_exported_log() {
    let Some(study) = study("linguist", Lists::Values) else {
        return;
    };
    let bytes = study.ledger.export(Vec::new()).expect("memory takes it");
    let archived = Archived::new(|| Ok(bytes.as_slice())).expect("it verifies");
    let mut entries = Vec::new();
    archived
        .each(&mut |entry| entries.push(entry.clone()))
        .expect("it can be read again");
    assert_eq!(entries, study.ledger.entries());
    let mut cut = bytes.clone();
    cut.truncate(bytes.len() / 2);
    assert!(Archived::new(|| Ok(cut.as_slice())).is_err());
}

/// Everything that was done in a history, as one ledger: nothing is refused,
/// and of more than 98 steps in 100 it says exactly what their authors had seen.
#[test]
fn a_whole_history_is_one_ledger() {
    let Some(folder) = folder("linguist") else {
        return;
    };
    let steps = read::steps(file(&folder, "ops")).expect("its steps are good");
    let (study, fidelity) = whole("linguist", &steps).expect("it is a history");
    assert_eq!(fidelity.steps, steps.len());
    assert!(fidelity.exact * 100 > fidelity.steps * 98, "{fidelity:?}");
    let trace = traced(&study);
    let judged = |policy: &str| {
        let contestant = Contestant::named(policy).expect(policy);
        let state = folded(&study, contestant.trial());
        judge(&trace, &state, &study.truth, false).whole
    };
    let (last, flag) = (judged("last-writer-wins"), judged("flag"));
    assert_eq!((last.refused, flag.refused), (0, 0));
    assert!(last.lost_silently > 0);
    assert_eq!(flag.lost_silently, 0);
    assert_eq!(last.writes, flag.writes);
}
