//! JSON Lines: an object on each line.

use super::rows::{Line, Lines, Row, RowFault, broken, not_utf8, too_long};
use serde_json::Value as Json;

/// The rows of a JSON Lines file.
pub(super) struct JsonRows {
    lines: Lines,
}

impl JsonRows {
    /// Reads rows from lines.
    pub(super) fn new(lines: Lines) -> JsonRows {
        JsonRows { lines }
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Option<Result<Row, RowFault>> {
        loop {
            let taken = self.lines.take();
            let line = self.lines.given;
            return match taken {
                Line::End => None,
                Line::TooLong => Some(Err(too_long(line))),
                Line::Broken(error) => Some(Err(broken(line, &error))),
                Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
                Line::Bytes(bytes) => Some(row(line, &bytes)),
            };
        }
    }
}

fn row(line: u64, bytes: &[u8]) -> Result<Row, RowFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| RowFault::row(line, not_utf8(bytes)))?;
    match serde_json::from_str(text.trim_end()) {
        Ok(Json::Object(cells)) => Ok(Row { line, cells }),
        Ok(_) => Err(RowFault::row(
            line,
            "this is JSON, but not an object; write {\"column\": value, …} on each line",
        )),
        Err(error) => Err(RowFault::row(
            line,
            format!(
                "this is not JSON: character {}: {}",
                error.column(),
                without_place(&error)
            ),
        )),
    }
}

/// The message without "at line 1 column 7": the place is told apart.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
