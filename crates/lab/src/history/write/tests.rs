use super::*;
use crate::history::read::{self, File};
use crate::history::{Deed, Deletion, Merge, MergedField, MergedRecord, Side, SideWrite, Step};
use cairn_model::Timestamp;
use serde_json::json;

fn step(id: &str, commit: &str, parents: &[&str]) -> StepLine {
    StepLine {
        id: id.to_owned(),
        commit: commit.to_owned(),
        author: "a0".to_owned(),
        time: 7,
        rec: "pump".to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        kind: StepKind::Edit,
        new: false,
        gone: false,
        set: BTreeMap::new(),
        del: Vec::new(),
    }
}

/// What is read back of what was written, and the text of the commits.
fn round(
    steps: &[StepLine],
    merges: &[MergeLine],
    outcomes: &[OutcomeLine],
) -> (Vec<Step>, Vec<Merge>) {
    let mut writer = Writer::new([(); 4].map(|()| Vec::new()));
    steps
        .iter()
        .for_each(|line| writer.step(line).expect("written"));
    merges
        .iter()
        .for_each(|line| writer.merge(line).expect("written"));
    outcomes
        .iter()
        .for_each(|line| writer.outcome(line).expect("written"));
    let [steps, _, merges, outcomes] = writer.finish().expect("written");
    let file = |name, bytes: Vec<u8>| File {
        name,
        bytes: Box::new(std::io::Cursor::new(bytes)),
    };
    let steps = read::steps(file(FILES[0], steps)).expect("steps");
    let merges = read::merges(file(FILES[2], merges), file(FILES[3], outcomes));
    (steps, merges.expect("merges"))
}

#[test]
fn what_is_written_is_read_again() {
    let steps = [
        StepLine {
            new: true,
            set: BTreeMap::from([
                ("/a".to_owned(), json!(null)),
                ("/b".to_owned(), json!([1])),
            ]),
            ..step("o0", "c0", &[])
        },
        StepLine {
            set: BTreeMap::from([("/a".to_owned(), json!("\n"))]),
            del: vec!["/b".to_owned()],
            ..step("o1", "c1", &["o0"])
        },
        StepLine {
            gone: true,
            ..step("o2", "c2", &["o0"])
        },
        StepLine {
            kind: StepKind::Merge,
            ..step("o3", "c3", &["o1", "o2"])
        },
    ];
    let merge = MergeLine {
        id: "m0".to_owned(),
        commit: "c3".to_owned(),
        left: vec!["c1".to_owned()],
        right: vec!["c2".to_owned()],
        author: "a0".to_owned(),
        time: 9,
        server: Server::Right,
        left_commits: 1,
        right_commits: 1,
        base_time: 3,
        records: 2,
        git_conflict_files: 1,
        git_files: 2,
        counts: BTreeMap::from([("conflict".to_owned(), 1)]),
    };
    let blank = OutcomeLine {
        merge: "m0".to_owned(),
        rec: "pump".to_owned(),
        git: "clean",
        ..OutcomeLine::default()
    };
    let outcomes = [
        OutcomeLine {
            field: Some("/a".to_owned()),
            kind: "conflict".to_owned(),
            base: Some(json!(null)),
            right: Some(json!(2)),
            resolved: Some(json!(2)),
            how: Some("right"),
            git: "conflict",
            lop: Some("o1".to_owned()),
            lt: Some(4),
            rop: Some("o2".to_owned()),
            rt: Some(5),
            seq: Some("both"),
            ..blank.clone()
        },
        OutcomeLine {
            field: Some("/b".to_owned()),
            kind: "add_clean_left".to_owned(),
            left: Some(json!({"x": 1})),
            how: Some("lost"),
            lop: Some("o1".to_owned()),
            lt: Some(4),
            rec: "valve".to_owned(),
            ..blank.clone()
        },
        OutcomeLine {
            kind: "delete_edit".to_owned(),
            rec: "tank".to_owned(),
            resolved: Some(json!("deleted")),
            deleted_by: Some("left"),
            edited: vec!["/c".to_owned()],
            ..blank
        },
    ];
    let (steps, merges) = round(&steps, &[merge], &outcomes);

    let read_step = |id: &str, commit: &str, parents: &[usize], deed| Step {
        id: id.to_owned(),
        transaction: commit.to_owned(),
        author: "a0".to_owned(),
        time: Timestamp(7_000),
        received: None,
        record: "pump".to_owned(),
        parents: parents.to_vec(),
        deed,
    };
    let a = |value: Json| ("/a".to_owned(), Some(value));
    let created = Deed::Create(vec![a(json!(null)), ("/b".to_owned(), Some(json!([1])))]);
    let changed = Deed::Change(vec![("/b".to_owned(), None), a(json!("\n"))]);
    let expected = [
        read_step("o0", "c0", &[], created),
        read_step("o1", "c1", &[0], changed),
        read_step("o2", "c2", &[0], Deed::Delete),
        read_step("o3", "c3", &[1, 2], Deed::Change(Vec::new())),
    ];
    assert_eq!(steps, expected);

    let wrote = |value: Option<Json>, step: &str, seconds: u64| {
        Some(SideWrite {
            value,
            step: step.to_owned(),
            time: Timestamp(seconds * 1_000),
        })
    };
    let record = |record: &str, fields| MergedRecord {
        record: record.to_owned(),
        existed: true,
        fields,
        deletion: None,
    };
    let conflict = MergedField {
        path: "/a".to_owned(),
        base: Some(json!(null)),
        left: wrote(None, "o1", 4),
        right: wrote(Some(json!(2)), "o2", 5),
        resolved: Some(json!(2)),
        by_hand: true,
        sequel: true,
    };
    let added = MergedField {
        path: "/b".to_owned(),
        base: None,
        left: wrote(Some(json!({"x": 1})), "o1", 4),
        right: None,
        resolved: None,
        by_hand: false,
        sequel: false,
    };
    let expected = Merge {
        id: "m0".to_owned(),
        time: Timestamp(9_000),
        base_time: Timestamp(3_000),
        server: Some(Side::Right),
        records: vec![
            record("pump", vec![conflict]),
            MergedRecord {
                existed: false,
                ..record("valve", vec![added])
            },
            MergedRecord {
                deletion: Some(Deletion {
                    by: Side::Left,
                    edited: vec!["/c".to_owned()],
                    deleted: true,
                }),
                ..record("tank", Vec::new())
            },
        ],
    };
    assert_eq!(merges, [expected]);
}

#[test]
fn what_is_not_so_is_not_said() {
    let mut writer = Writer::new([(); 4].map(|()| Vec::new()));
    writer.step(&step("o0", "c0", &[])).expect("written");
    let commit = CommitLine {
        id: "c0".to_owned(),
        parents: Vec::new(),
        author: "a0".to_owned(),
        time: -1,
        ctime: 2,
        kind: StepKind::Merge,
        bot: false,
    };
    writer.commit(&commit).expect("written");
    let [steps, commits, ..] = writer.finish().expect("written");
    assert_eq!(
        String::from_utf8_lossy(&steps),
        "{\"id\":\"o0\",\"commit\":\"c0\",\"author\":\"a0\",\"time\":7,\"rec\":\"pump\",\"parents\":[],\"kind\":\"edit\"}\n"
    );
    assert_eq!(
        String::from_utf8_lossy(&commits),
        "{\"id\":\"c0\",\"parents\":[],\"author\":\"a0\",\"time\":-1,\"ctime\":2,\"kind\":\"merge\"}\n"
    );
}

#[test]
fn a_line_that_no_reader_takes_is_not_written() {
    let mut writer = Writer::new([(); 4].map(|()| Vec::new()));
    let line = StepLine {
        set: BTreeMap::from([("/a".to_owned(), "x".repeat(LINE_BYTES_MAX).into())]),
        ..step("o0", "c0", &[])
    };
    let fault = writer.step(&line).expect_err("too long").to_string();
    assert!(
        fault.contains("record `pump`") && fault.contains("leave this record out"),
        "{fault}"
    );
    let [steps, ..] = writer.finish().expect("written");
    assert!(steps.is_empty());
}
