//! `proto/README.md` says what the program does: its tables are those of the
//! program, and the rules that vectors name are there.

use crate::file::path;
use crate::messages::REFUSALS;
use cairn_projection::Code;
use serde_json::Value as Json;

fn readme() -> String {
    let path = path("../../README.md");
    std::fs::read_to_string(path).expect("the specification is there")
}

#[test]
fn every_code_and_refusal_has_its_number() {
    let readme = readme();
    let codes = (0..).zip(Code::ALL.iter().map(|code| code.code().to_owned()));
    let refusals = (0..).zip(REFUSALS.iter().map(|refusal| format!("{refusal:?}")));
    let rows = codes
        .chain(refusals)
        .map(|(number, name): (u8, _)| format!("| {number} | `{name}` |"));
    let missing: Vec<String> = rows.filter(|row| !readme.contains(row)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_limit_has_its_value() {
    use cairn_model::{codec, limit as model};
    use cairn_oplog::{archive, bundle};
    use cairn_projection::{document, page};
    use cairn_proto::limit;
    let limits = [
        ("DECODE_BYTES_MAX", codec::DECODE_BYTES_MAX),
        ("OPERATION_BYTES_MAX", model::OPERATION_BYTES_MAX),
        ("MUTATIONS_MAX", model::MUTATIONS_MAX),
        ("WRITES_MAX", model::WRITES_MAX),
        ("TEXT_BYTES_MAX", model::TEXT_BYTES_MAX),
        ("SET_ELEMENTS_MAX", model::SET_ELEMENTS_MAX),
        ("MERGE_BYTES_MAX", model::MERGE_BYTES_MAX),
        ("DOCUMENT_BYTES_MAX", document::DOCUMENT_BYTES_MAX),
        ("BUNDLE_OPERATIONS_MAX", bundle::BUNDLE_OPERATIONS_MAX),
        ("BUNDLE_BYTES_MAX", bundle::BUNDLE_BYTES_MAX),
        ("ARCHIVE_FRAME_BYTES_MAX", archive::FRAME_BYTES_MAX),
        ("USER_BYTES_MAX", archive::USER_BYTES_MAX),
        ("PAGE_RECORDS_MAX", page::PAGE_RECORDS_MAX),
        ("FRAME_BYTES_MAX", limit::FRAME_BYTES_MAX),
        ("BUNDLES_IN_FLIGHT_MAX", limit::BUNDLES_IN_FLIGHT_MAX),
        ("CHANGES_BYTES_MAX", limit::CHANGES_BYTES_MAX),
        ("ISSUES_MAX", limit::ISSUES_MAX),
        ("ISSUES_BYTES_MAX", limit::ISSUES_BYTES_MAX),
        ("HASHES_MAX", limit::HASHES_MAX),
        ("HISTORY_ENTRIES_MAX", limit::HISTORY_ENTRIES_MAX),
        ("HISTORY_BYTES_MAX", limit::HISTORY_BYTES_MAX),
        ("REVOKED_BUNDLES_MAX", limit::REVOKED_BUNDLES_MAX as usize),
        ("NAME_BYTES_MAX", limit::NAME_BYTES_MAX),
    ];
    let readme = readme();
    let rows = limits.map(|(name, value)| format!("| `{name}` | {} |", with_commas(value)));
    let missing: Vec<&String> = rows.iter().filter(|row| !readme.contains(*row)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn every_rule_that_a_vector_breaks_is_written_down() {
    let readme = readme();
    let files = std::fs::read_dir(path("")).expect("the vectors are there");
    let mut missing = Vec::new();
    for file in files {
        let file = file.expect("it can be listed").path();
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let vectors: Json = serde_json::from_str(&text).expect("it is JSON");
        for group in vectors.as_object().expect("groups").values() {
            let invalid = group["invalid"].as_array().into_iter().flatten();
            let rules = invalid.filter_map(|vector| vector["rule"].as_str());
            missing.extend(
                rules
                    .filter(|rule| !readme.contains(&format!("**{rule}**")))
                    .map(str::to_owned),
            );
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_worked_example_is_a_vector() {
    let readme = readme();
    let text = std::fs::read_to_string(path("bundles.json")).expect("the vectors are there");
    let vectors: Json = serde_json::from_str(&text).expect("it is JSON");
    let example = &vectors["bundles"]["valid"][0];
    let plain: String = readme.split_whitespace().collect();
    for part in ["bytes", "head", "signed message"] {
        let hex = example.get(part).unwrap_or(&example["says"][part]);
        let hex = hex.as_str().expect("hexadecimal");
        assert!(plain.contains(hex), "the {part} of the example: {hex}");
    }
}
