//! The long table as Parquet, for those who read millions of rows.

use super::super::{CompareFault, Outcome, PARQUET};
use super::{Row, each};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io;
use std::sync::Arc;

/// The columns, in the order of the CSV.
const SCHEMA: &str = "message metrics {
    REQUIRED BYTE_ARRAY scenario (STRING);
    REQUIRED INT64 seed (INTEGER(64, false));
    REQUIRED BYTE_ARRAY block (STRING);
    REQUIRED BYTE_ARRAY policy (STRING);
    REQUIRED BYTE_ARRAY metric (STRING);
    REQUIRED BYTE_ARRAY key_class (STRING);
    REQUIRED DOUBLE value;
    REQUIRED BYTE_ARRAY unit (STRING);
}";
/// Rows that are held before they are written.
const GROUP_ROWS: usize = 64 * 1024;

/// The same rows as the CSV has, in the same order.
pub(in super::super) fn of(outcomes: &[Outcome]) -> Result<Vec<u8>, CompareFault> {
    written(outcomes, GROUP_ROWS).map_err(|error| CompareFault::Shelf {
        name: PARQUET.to_owned(),
        source: io::Error::other(error),
    })
}

fn written(outcomes: &[Outcome], group_rows: usize) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    // Texts repeat, and are kept once for each group: there is little to compress.
    let properties = Arc::new(WriterProperties::default());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut group = Vec::with_capacity(group_rows);
    let mut outcome = Ok(());
    each(outcomes, |row| {
        group.push(row);
        if group.len() == group_rows {
            if outcome.is_ok() {
                outcome = write_group(&mut writer, &group);
            }
            group.clear();
        }
    });
    outcome?;
    write_group(&mut writer, &group)?;
    writer.into_inner()
}

fn write_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    rows: &[Row<'_>],
) -> Result<(), ParquetError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut columns = writer.next_row_group()?;
    let group = &mut columns;
    texts(group, rows, |row| row.scenario)?;
    column::<Int64Type>(group, rows, |row| row.seed as i64)?;
    texts(group, rows, |row| row.block)?;
    texts(group, rows, |row| row.policy)?;
    texts(group, rows, |row| row.metric)?;
    texts(group, rows, |row| row.key_class)?;
    column::<DoubleType>(group, rows, |row| row.value)?;
    texts(group, rows, |row| row.unit)?;
    columns.close().map(drop)
}

fn texts<'a>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    rows: &[Row<'a>],
    text: impl Fn(&Row<'a>) -> &'a str,
) -> Result<(), ParquetError> {
    column::<ByteArrayType>(group, rows, |row| ByteArray::from(text(row)))
}

/// Writes the next column.
fn column<'a, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    rows: &[Row<'a>],
    value: impl Fn(&Row<'a>) -> T::T,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than a row".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    let values: Vec<T::T> = rows.iter().map(value).collect();
    column.typed::<T>().write_batch(&values, None, None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use super::super::{COLUMNS, csv, quoted};
    use super::*;
    use crate::metrics::{Class, Judged, Tally};
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    use std::collections::BTreeMap;

    fn outcome(subject: &str, seed: u64) -> Outcome {
        let tally = |writes| Tally {
            writes,
            lost_silently: 3,
            ..Tally::default()
        };
        let class = Class {
            whole: tally(8),
            ..Class::default()
        };
        let judged = Judged {
            whole: tally(10),
            blocks: BTreeMap::from([(0, tally(7)), (5, tally(9))]),
            classes: BTreeMap::from([("job.title".to_owned(), class)]),
        };
        Outcome {
            plan: "plan".to_owned(),
            subject: subject.to_owned(),
            seed,
            ledgers: BTreeMap::new(),
            span: None,
            blocks: vec!["a \"quoted\", block".to_owned()],
            policies: BTreeMap::from([("flag".to_owned(), judged)]),
        }
    }

    #[test]
    fn it_has_the_rows_of_the_csv_in_groups_of_any_size() {
        let outcomes = [outcome("office, small", 0), outcome("depot", u64::MAX)];
        let table = csv(&outcomes);
        assert!(table.lines().count() > 30, "{table}");
        for group_rows in [1, 7, GROUP_ROWS] {
            let bytes = Bytes::from(written(&outcomes, group_rows).unwrap());
            let reader = SerializedFileReader::new(bytes).unwrap();
            let schema = reader.metadata().file_metadata().schema();
            let names: Vec<&str> = schema.get_fields().iter().map(|f| f.name()).collect();
            assert_eq!(names, COLUMNS);
            let mut lines = COLUMNS.join(",") + "\n";
            for row in reader.get_row_iter(None).unwrap() {
                let row = row.unwrap();
                let text = |at| row.get_string(at).unwrap().clone();
                let line = [
                    text(0),
                    row.get_ulong(1).unwrap().to_string(),
                    text(2),
                    text(3),
                    text(4),
                    text(5),
                    row.get_double(6).unwrap().to_string(),
                    text(7),
                ];
                let line: Vec<String> = line.iter().map(|field| quoted(field)).collect();
                lines.push_str(&(line.join(",") + "\n"));
            }
            assert_eq!(lines, table);
        }
    }
}
