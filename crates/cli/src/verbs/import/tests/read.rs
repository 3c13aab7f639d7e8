//! Broken rows cost one row each.

use super::super::mapping::Mapping;
use super::super::rows::{Format, Rows};
use std::io::{Cursor, Write};

/// Rows as `line: cells`, faults as `line, column: reason`.
fn check(format: Format, bytes: &[u8], expected: &[&str]) {
    let rows = Rows::read(Box::new(Cursor::new(bytes.to_vec())), format, None).expect("a heading");
    let told: Vec<String> = rows
        .map(|row| match row {
            Ok(row) => format!("{}: {}", row.line, serde_json::Value::Object(row.cells)),
            Err(fault) => format!(
                "{}, {}: {}",
                fault.row,
                fault.column.unwrap_or_default(),
                fault.reason
            ),
        })
        .collect();
    let begin = |told: &String, expected: &&str| told.starts_with(expected);
    assert!(
        told.len() == expected.len()
            && told
                .iter()
                .zip(expected)
                .all(|(told, expected)| begin(told, expected)),
        "told {told:#?}, expected {expected:#?}"
    );
}

#[test]
fn csv_is_read_by_the_book() {
    check(
        Format::Csv,
        b"\xef\xbb\xbfa,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\r\n2,\n",
        &[
            r#"2: {"a":"1","b":"x, \"y\"\nz"}"#,
            r#"5: {"a":"2","b":null}"#,
        ],
    );
    check(Format::Csv, b"a;b\n1;2,5\n", &[r#"2: {"a":"1","b":"2,5"}"#]);
}

#[test]
fn a_quote_that_is_never_closed_costs_one_row() {
    check(
        Format::Csv,
        b"a,b\n1,\"open\n2,fine\n3,\"also fine\"\n4,fine\n",
        &[
            "2, b: there is text after the closing quote",
            "3: ",
            "4: ",
            "5: ",
        ],
    );
    check(
        Format::Csv,
        b"a,b\n1,\"open\n2,fine\n",
        &["2, b: the quote is never closed", "3: "],
    );
    check(
        Format::Csv,
        b"a,b\n1,5\" pipe\n2,x\n",
        &["2, b: there is a quote inside a value", "3: "],
    );
    let mut long = b"a,b\n1,\"open\n".to_vec();
    long.extend(b"2,fine\n".repeat(1000));
    let rows = Rows::read(Box::new(Cursor::new(long)), Format::Csv, None).expect("a heading");
    assert_eq!(rows.filter(Result::is_ok).count(), 1000);
}

#[test]
fn wrong_encoding_is_told_with_its_place() {
    check(
        Format::Csv,
        b"a,b\n1,caf\xe9\n2,x\n",
        &["2, b: byte 4 is 0xE9, which is not UTF-8", "3: "],
    );
    check(
        Format::Jsonl,
        b"{\"a\":\"\xff\"}\n{\"a\":1}\n",
        &["1, : byte 7 is 0xFF", "2: "],
    );
    let utf16 = Rows::read(
        Box::new(Cursor::new(b"\xff\xfea\0".to_vec())),
        Format::Csv,
        None,
    );
    assert!(utf16.is_err_and(|reason| reason.contains("UTF-16")));
}

#[test]
fn a_heading_names_each_column_once() {
    let heading =
        |bytes: &'static [u8]| Rows::read(Box::new(Cursor::new(bytes)), Format::Csv, None).err();
    assert_eq!(
        heading(b"a,a\n").as_deref(),
        Some("line 1: two columns are called `a`; rename one")
    );
    assert_eq!(
        heading(b"a,\n").as_deref(),
        Some("line 1: column 2 has no name in the heading; name it")
    );
    assert_eq!(
        heading(b"").as_deref(),
        Some("the file is empty; its first row must name the columns")
    );
}

#[test]
fn json_lines_are_objects() {
    check(
        Format::Jsonl,
        b"{\"a\":1}\n\n[1]\n{\"a\":\n{\"a\":null}",
        &[
            "1: ",
            "3, : this is JSON, but not an object",
            "4, : this is not JSON: character 5",
            "5: ",
        ],
    );
}

#[test]
fn rows_of_another_length_are_told() {
    check(
        Format::Csv,
        b"a,b\n1\n1,2,3\n1,2\n",
        &[
            "2, : the row has 1 cells",
            "3, : the row has 3 cells",
            "4: ",
        ],
    );
}

#[test]
fn gzip_is_seen_by_its_bytes_and_a_torn_file_is_told() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"a\":1}\n{\"a\":2}\n").expect("memory");
    let packed = packed.finish().expect("memory");
    check(Format::Jsonl, &packed, &["1: ", "2: "]);
    let torn = Rows::read(
        Box::new(Cursor::new(packed[..packed.len() - 9].to_vec())),
        Format::Jsonl,
        None,
    );
    let last = torn.expect("an opening").last();
    assert!(last.is_some_and(|row| row.is_err_and(|fault| fault.reason.contains("from here on"))));
}

#[test]
fn a_mapping_tells_where_it_is_wrong() {
    let wrong = |text: &str| Mapping::parse(text).expect_err("a mistake");
    assert!(
        wrong("[[table]]\ntype = \"a\"\n[table.fields]\nx = { colum = \"y\" }").contains("colum")
    );
    assert!(wrong("[[table]]\ntype = 3").contains("line 2"));
}
