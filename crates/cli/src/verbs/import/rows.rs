//! Rows of a file: CSV or JSON Lines, plain or gzip. A row that cannot be read
//! is told with its place and reason, and the next one is read all the same.

use super::csv::CsvRows;
use super::jsonl::JsonRows;
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Bytes of one row. No record is larger, and a row without end is a mistake.
pub(super) const ROW_BYTES_MAX: usize = 1024 * 1024;

/// A row as read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The line it begins on, from 1.
    pub(crate) line: u64,
    /// Its cells by column. Empty cells of CSV are `null`.
    pub(crate) cells: Map<String, Json>,
}

/// A row that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowFault {
    /// The line it begins on, from 1.
    pub(crate) row: u64,
    /// The column that is wrong, where it is one.
    pub(crate) column: Option<String>,
    /// What is wrong, and what to do.
    pub(crate) reason: String,
}

impl RowFault {
    /// A fault of a whole row.
    pub(crate) fn row(row: u64, reason: impl Into<String>) -> RowFault {
        RowFault {
            row,
            column: None,
            reason: reason.into(),
        }
    }

    /// A fault in one column.
    pub(crate) fn cell(row: u64, column: &str, reason: impl Into<String>) -> RowFault {
        RowFault {
            row,
            column: Some(column.to_owned()),
            reason: reason.into(),
        }
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A heading, then rows of cells with a delimiter between.
    Csv,
    /// A JSON object on each line.
    Jsonl,
}

impl Format {
    /// The format that a file's name tells.
    pub(crate) fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" | "txt" => Some(Format::Csv),
            "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
            _ => None,
        }
    }
}

/// The rows of one file.
pub(crate) struct Rows {
    form: Form,
    /// Columns named in its heading; JSON Lines has none.
    pub(crate) heading: Option<Vec<String>>,
}

enum Form {
    Csv(CsvRows),
    Json(JsonRows),
}

impl Rows {
    /// Opens a file. The error says which file, what is wrong and what to do.
    pub(crate) fn open(
        path: &Path,
        format: Option<Format>,
        delimiter: Option<char>,
    ) -> Result<Rows, String> {
        let place = path.display();
        let format = format.or_else(|| Format::of(path)).ok_or_else(|| {
            format!("{place}: is it CSV or JSON Lines? Name it .csv or .jsonl, or say --format csv or --format jsonl")
        })?;
        let file = File::open(path)
            .map_err(|error| format!("{place}: the file cannot be opened: {error}"))?;
        Rows::read(Box::new(file), format, delimiter).map_err(|reason| format!("{place}: {reason}"))
    }

    /// Reads rows from bytes, plain or gzip.
    pub(crate) fn read(
        file: Box<dyn Read + Send>,
        format: Format,
        delimiter: Option<char>,
    ) -> Result<Rows, String> {
        let unreadable = |error: io::Error| format!("the file cannot be read: {error}");
        let mut file = BufReader::new(file);
        let mut input: Box<dyn BufRead + Send> = match file
            .fill_buf()
            .map_err(unreadable)?
            .starts_with(&[0x1f, 0x8b])
        {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(file),
        };
        let start = input.fill_buf().map_err(unreadable)?;
        if start.starts_with(&[0xff, 0xfe])
            || start.starts_with(&[0xfe, 0xff])
            || start.iter().take(64).any(|b| *b == 0)
        {
            return Err("the file is UTF-16 or not text; save it as UTF-8".to_owned());
        }
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            input.consume(3);
        }
        let lines = Lines::new(input);
        match format {
            Format::Csv => {
                let rows = CsvRows::begin(lines, delimiter)?;
                let heading = Some(rows.heading().to_vec());
                Ok(Rows {
                    form: Form::Csv(rows),
                    heading,
                })
            }
            Format::Jsonl => Ok(Rows {
                form: Form::Json(JsonRows::new(lines)),
                heading: None,
            }),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, RowFault>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.form {
            Form::Csv(rows) => rows.next(),
            Form::Json(rows) => rows.next(),
        }
    }
}

/// The lines of a file, each with its end, and how many there were.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    again: Vec<Vec<u8>>,
    /// Lines given so far.
    pub(super) given: u64,
    ended: bool,
}

/// What comes next in a file.
pub(super) enum Line {
    /// A line with its end.
    Bytes(Vec<u8>),
    /// A line over [`ROW_BYTES_MAX`], left out.
    TooLong,
    /// The file cannot be read on.
    Broken(io::Error),
    /// Nothing.
    End,
}

impl Lines {
    fn new(input: Box<dyn BufRead + Send>) -> Lines {
        Lines {
            input,
            again: Vec::new(),
            given: 0,
            ended: false,
        }
    }

    /// The next line.
    pub(super) fn take(&mut self) -> Line {
        if let Some(line) = self.again.pop() {
            self.given += 1;
            return Line::Bytes(line);
        }
        if self.ended {
            return Line::End;
        }
        let mut line = Vec::new();
        let limit = ROW_BYTES_MAX as u64 + 1;
        match (&mut self.input).take(limit).read_until(b'\n', &mut line) {
            Ok(0) => {
                self.ended = true;
                Line::End
            }
            Ok(_) if line.len() > ROW_BYTES_MAX && line.last() != Some(&b'\n') => {
                self.given += 1;
                match self.input.skip_until(b'\n') {
                    Ok(_) => Line::TooLong,
                    Err(error) => self.broken(error),
                }
            }
            Ok(_) => {
                self.given += 1;
                Line::Bytes(line)
            }
            Err(error) => {
                self.given += 1;
                self.broken(error)
            }
        }
    }

    fn broken(&mut self, error: io::Error) -> Line {
        self.ended = true;
        Line::Broken(error)
    }

    /// Gives these lines again, in this order.
    pub(super) fn put_back(&mut self, lines: Vec<Vec<u8>>) {
        self.given -= lines.len() as u64;
        self.again.extend(lines.into_iter().rev());
    }
}

/// What is said of a line that is too long.
pub(super) fn too_long(line: u64) -> RowFault {
    RowFault::row(line, format!("the row has more than {ROW_BYTES_MAX} bytes"))
}

/// What is said where a file breaks off.
pub(super) fn broken(line: u64, error: &io::Error) -> RowFault {
    RowFault::row(
        line,
        format!(
            "the file cannot be read from here on: {error}; get it again, rows before this one are in"
        ),
    )
}

/// What is said of bytes that are not UTF-8.
pub(super) fn not_utf8(bytes: &[u8]) -> String {
    let at = std::str::from_utf8(bytes)
        .err()
        .map_or(0, |error| error.valid_up_to());
    let byte = bytes.get(at).copied().unwrap_or_default();
    format!(
        "byte {} is 0x{byte:02X}, which is not UTF-8; save the file as UTF-8 (it may be Windows-1252 or Latin-1)",
        at + 1
    )
}
