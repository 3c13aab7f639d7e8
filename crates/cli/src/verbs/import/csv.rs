//! CSV by RFC 4180, read so that one broken row costs one row.
//!
//! A quote that is never closed would swallow the rest of the file. So a row
//! is only taken when its quotes are in order and it has as many cells as the
//! heading; otherwise it is told, and reading goes on at the very next line.

use super::rows::{Line, Lines, ROW_BYTES_MAX, Row, RowFault, broken, not_utf8, too_long};
use serde_json::Value as Json;

/// Lines one row may span. A cell with more is taken for a quote that was
/// never closed.
const ROW_LINES_MAX: usize = 500;

/// The rows of a CSV file.
pub(super) struct CsvRows {
    lines: Lines,
    heading: Vec<String>,
    delimiter: u8,
    /// Found while looking for the end of a broken row; told after it.
    later: Option<RowFault>,
}

/// Cells of a row, or why there are none.
#[derive(Debug, PartialEq, Eq)]
enum Cells {
    Whole(Vec<Vec<u8>>),
    /// The quote of this cell is open at the end.
    Open(usize),
    /// This cell is broken.
    Broken(usize, &'static str),
}

const AFTER_QUOTE: &str =
    "there is text after the closing quote; write a quote inside a value twice (\"\")";
const INSIDE_PLAIN: &str = "there is a quote inside a value that does not begin with one; put the value in quotes and write the quote twice (\"\")";
const NEVER_CLOSED: &str = "the quote is never closed";

impl CsvRows {
    /// Reads the heading.
    pub(super) fn begin(mut lines: Lines, delimiter: Option<char>) -> Result<CsvRows, String> {
        let first = loop {
            match lines.take() {
                Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => {}
                Line::Bytes(bytes) => break bytes,
                Line::End => {
                    return Err("the file is empty; its first row must name the columns".to_owned());
                }
                Line::TooLong => {
                    return Err(format!("the heading has more than {ROW_BYTES_MAX} bytes"));
                }
                Line::Broken(error) => return Err(format!("the file cannot be read: {error}")),
            }
        };
        let delimiter = match delimiter {
            Some(given) => u8::try_from(given)
                .map_err(|_| format!("`{given}` cannot be a delimiter; use , ; or a tab"))?,
            None => likely_delimiter(&first),
        };
        let at = lines.given;
        let cells = match split(&first, delimiter) {
            Cells::Whole(cells) => cells,
            Cells::Open(_) => return Err(format!("line {at}, the heading: {NEVER_CLOSED}")),
            Cells::Broken(_, reason) => return Err(format!("line {at}, the heading: {reason}")),
        };
        let mut heading: Vec<String> = Vec::with_capacity(cells.len());
        for (number, cell) in (1..).zip(cells) {
            let name = String::from_utf8(cell).map_err(|error| {
                format!(
                    "line {at}, the heading, column {number}: {}",
                    not_utf8(error.as_bytes())
                )
            })?;
            let name = name.trim().to_owned();
            if name.is_empty() {
                return Err(format!(
                    "line {at}: column {number} has no name in the heading; name it"
                ));
            }
            if heading.contains(&name) {
                return Err(format!(
                    "line {at}: two columns are called `{name}`; rename one"
                ));
            }
            heading.push(name);
        }
        Ok(CsvRows {
            lines,
            heading,
            delimiter,
            later: None,
        })
    }

    /// The columns.
    pub(super) fn heading(&self) -> &[String] {
        &self.heading
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Option<Result<Row, RowFault>> {
        loop {
            let taken = self.lines.take();
            let line = self.lines.given;
            return match taken {
                Line::End => self.later.take().map(Err),
                Line::TooLong => Some(Err(too_long(line))),
                Line::Broken(error) => Some(Err(broken(line, &error))),
                Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
                Line::Bytes(bytes) => Some(self.row(line, bytes)),
            };
        }
    }

    /// The row that begins with these bytes; it takes further lines while a
    /// quote is open, and gives them back if it is broken.
    fn row(&mut self, line: u64, first: Vec<u8>) -> Result<Row, RowFault> {
        let mut bytes = first;
        let mut further: Vec<Vec<u8>> = Vec::new();
        let fault = loop {
            match split(&bytes, self.delimiter) {
                Cells::Whole(cells) => match self.named(line, cells) {
                    Err(fault) if !further.is_empty() => break fault,
                    row => return row,
                },
                Cells::Broken(cell, reason) => break self.fault(line, cell, reason),
                Cells::Open(cell) => {
                    if !self.extend(&mut bytes, &mut further) {
                        break self.fault(line, cell, NEVER_CLOSED);
                    }
                }
            }
        };
        self.lines.put_back(further);
        Err(fault)
    }

    /// Adds lines up to the next one with a quote. Gives whether there was one.
    fn extend(&mut self, bytes: &mut Vec<u8>, further: &mut Vec<Vec<u8>>) -> bool {
        while further.len() < ROW_LINES_MAX && bytes.len() <= ROW_BYTES_MAX {
            let taken = self.lines.take();
            let number = self.lines.given;
            let line = match taken {
                Line::Bytes(line) => line,
                Line::End => return false,
                Line::TooLong => {
                    self.later = Some(too_long(number));
                    return false;
                }
                Line::Broken(error) => {
                    self.later = Some(broken(number, &error));
                    return false;
                }
            };
            bytes.extend_from_slice(&line);
            let quoted = line.contains(&b'"');
            further.push(line);
            if quoted {
                return true;
            }
        }
        false
    }

    fn fault(&self, line: u64, cell: usize, reason: &str) -> RowFault {
        let column = self
            .heading
            .get(cell)
            .cloned()
            .unwrap_or_else(|| (cell + 1).to_string());
        RowFault::cell(line, &column, reason)
    }

    fn named(&self, line: u64, cells: Vec<Vec<u8>>) -> Result<Row, RowFault> {
        if cells.len() != self.heading.len() {
            let (has, expected) = (cells.len(), self.heading.len());
            return Err(RowFault::row(
                line,
                format!(
                    "the row has {has} cells, but the heading names {expected} columns; put values with a comma or a line break in quotes"
                ),
            ));
        }
        let mut row = Row {
            line,
            cells: serde_json::Map::new(),
        };
        for (column, cell) in self.heading.iter().zip(cells) {
            let text = String::from_utf8(cell)
                .map_err(|error| RowFault::cell(line, column, not_utf8(error.as_bytes())))?;
            let cell = if text.is_empty() {
                Json::Null
            } else {
                Json::String(text)
            };
            row.cells.insert(column.clone(), cell);
        }
        Ok(row)
    }
}

/// The delimiter that occurs most in the heading.
fn likely_delimiter(heading: &[u8]) -> u8 {
    let count = |delimiter: u8| heading.iter().filter(|byte| **byte == delimiter).count();
    [b';', b'\t'].into_iter().fold(b',', |best, other| {
        if count(other) > count(best) {
            other
        } else {
            best
        }
    })
}

/// Splits one row, its line end included.
fn split(bytes: &[u8], delimiter: u8) -> Cells {
    let bytes = bytes
        .strip_suffix(b"\n")
        .map_or(bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let cell = match bytes.get(at) {
            Some(b'"') => match quoted(&bytes[at + 1..]) {
                None => return Cells::Open(cells.len()),
                Some((cell, length)) => {
                    at += 1 + length;
                    cell
                }
            },
            _ => {
                let rest = &bytes[at..];
                let length = rest
                    .iter()
                    .position(|byte| *byte == delimiter)
                    .unwrap_or(rest.len());
                if rest[..length].contains(&b'"') {
                    return Cells::Broken(cells.len(), INSIDE_PLAIN);
                }
                at += length;
                rest[..length].to_vec()
            }
        };
        match bytes.get(at) {
            None => {
                cells.push(cell);
                return Cells::Whole(cells);
            }
            Some(byte) if *byte == delimiter => {
                cells.push(cell);
                at += 1;
            }
            Some(_) => return Cells::Broken(cells.len(), AFTER_QUOTE),
        }
    }
}

/// The cell after an opening quote, and its length with the closing one.
/// `None` when it is not closed.
fn quoted(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut cell = Vec::new();
    let mut at = 0;
    loop {
        let length = bytes[at..].iter().position(|byte| *byte == b'"')?;
        cell.extend_from_slice(&bytes[at..at + length]);
        at += length + 1;
        if bytes.get(at) != Some(&b'"') {
            return Some((cell, at));
        }
        cell.push(b'"');
        at += 1;
    }
}
