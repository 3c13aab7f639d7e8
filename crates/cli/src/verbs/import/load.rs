//! Carries plans out: reads rows, plans them against what is here, writes the
//! edits, and tells what became of every row.

use super::mapping::Mapping;
use super::plan::{self, Plan};
use super::planner::{Planned, Planner, RowEdit};
use super::report::{Report, TableReport};
use super::rows::{Row, RowFault, Rows};
use crate::control::Progress;
use crate::editing::Place;
use crate::exit::{Exit, Failure};
use cairn_agent::RecordEdit;
use cairn_model::limit;
use std::path::Path;

/// Rows planned at once: so many may be in memory, and so long may others wait.
const ROWS_AT_ONCE: usize = 1024;
/// Bytes of edits in one operation, as estimated; the limit leaves room.
const OPERATION_BYTES: usize = limit::OPERATION_BYTES_MAX * 2 / 3;

/// Takes over every table of a mapping. Files are beside `base`. Nothing is
/// written if the mapping or a file is wrong; a wrong row is left out alone.
pub(crate) async fn import(
    place: &Place,
    mapping: &Mapping,
    base: &Path,
    progress: &Progress,
) -> Result<Report, Failure> {
    let mapping = mapping.clone();
    let plans = place
        .look(move |holding| plan::plan(&mapping, holding.definition()))
        .await?;
    let plans = plans.map_err(|mistakes| {
        Failure::usage(format!(
            "the mapping is wrong:\n  {}",
            mistakes.join("\n  ")
        ))
    })?;
    import_plans(place, plans, base, progress).await
}

/// Takes over tables that are planned already.
pub(crate) async fn import_plans(
    place: &Place,
    plans: Vec<Plan>,
    base: &Path,
    progress: &Progress,
) -> Result<Report, Failure> {
    let mut totals = Vec::new();
    for plan in &plans {
        totals.push(check_file(plan, base).map_err(Failure::usage)?);
    }
    let mut report = Report::default();
    for (plan, total) in plans.into_iter().zip(totals) {
        let step = format!("{} → {}", plan.file.display(), plan.record_type.name);
        let told = |rows: u64| progress.step(&step, rows, Some(total.max(rows)));
        let counters = if place.is_relay() {
            Vec::new()
        } else {
            plan.counters()
        };
        let mut done = table(place, plan, base, told).await?;
        if done.created + done.updated > 0 {
            done.notes
                .extend(counters.iter().map(|name| note_of_counter(name)));
        }
        report.tables.push(done);
    }
    Ok(report)
}

fn note_of_counter(name: &str) -> String {
    format!(
        "`{name}` is a counter: what was added here and what other devices add adds up, so import this file on no other device"
    )
}

/// Opens a file to see that it has the columns; gives how many rows it has.
fn check_file(plan: &Plan, base: &Path) -> Result<u64, String> {
    let path = base.join(&plan.file);
    let rows = Rows::open(&path, plan.format, plan.delimiter)?;
    if let Some(heading) = &rows.heading {
        let missing: Vec<&str> = plan
            .columns()
            .into_iter()
            .filter(|column| !heading.iter().any(|known| known == column))
            .collect();
        if !missing.is_empty() {
            return Err(format!(
                "{}: there is no column {}; its columns are {}",
                path.display(),
                missing.join(", "),
                heading.join(", ")
            ));
        }
    }
    Ok(rows.count() as u64)
}

async fn table(
    place: &Place,
    plan: Plan,
    base: &Path,
    told: impl Fn(u64),
) -> Result<TableReport, Failure> {
    let mut report = TableReport {
        file: plan.file.display().to_string(),
        record_type: plan.record_type.name.clone(),
        ..TableReport::default()
    };
    let mut rows =
        Rows::open(&base.join(&plan.file), plan.format, plan.delimiter).map_err(Failure::usage)?;
    let mut planner = place
        .look(move |holding| Planner::new(plan, holding))
        .await??;
    loop {
        let chunk = read_some(&mut rows, &mut report);
        let last = chunk.is_empty();
        let (kept, planned) = place
            .look(move |holding| {
                let planned = if last {
                    planner.rest(holding)
                } else {
                    planner.rows(holding, chunk)
                };
                (planner, planned)
            })
            .await?;
        planner = kept;
        write(place, planned?, &mut report).await?;
        told(report.rows);
        if last {
            break;
        }
    }
    if report.rows > 0 {
        report.notes.extend(
            planner
                .unseen
                .iter()
                .map(|column| format!("no row has a column `{column}`")),
        );
    }
    report.faults.sort_by_key(|fault| fault.row);
    Ok(report)
}

/// Reads until there are rows enough; none are left when it gives none.
fn read_some(rows: &mut Rows, report: &mut TableReport) -> Vec<Row> {
    let mut chunk = Vec::new();
    for row in rows {
        report.rows += 1;
        match row {
            Ok(row) => chunk.push(row),
            Err(fault) => report.fault(fault),
        }
        if chunk.len() == ROWS_AT_ONCE {
            break;
        }
    }
    chunk
}

async fn write(place: &Place, planned: Planned, report: &mut TableReport) -> Result<(), Failure> {
    report.unchanged += planned.unchanged;
    planned
        .faults
        .into_iter()
        .for_each(|fault| report.fault(fault));
    let refused = write_operations(place, operations(planned.edits), report).await?;
    // One bad row must not take its operation's others along: each alone.
    let (wrong, together): (Vec<_>, Vec<_>) =
        refused.into_iter().partition(|(rows, _)| rows.len() == 1);
    let alone = together
        .into_iter()
        .flat_map(|(rows, _)| rows)
        .map(|row| vec![row])
        .collect();
    for (rows, failure) in wrong
        .into_iter()
        .chain(write_operations(place, alone, report).await?)
    {
        for row in rows {
            report.fault(RowFault::row(row.row, failure.message.clone()));
        }
    }
    Ok(())
}

/// Writes operations and gives those that were refused.
async fn write_operations(
    place: &Place,
    operations: Vec<Vec<RowEdit>>,
    report: &mut TableReport,
) -> Result<Vec<(Vec<RowEdit>, Failure)>, Failure> {
    if operations.is_empty() {
        return Ok(Vec::new());
    }
    let edits: Vec<Vec<RecordEdit>> = operations
        .iter()
        .map(|rows| rows.iter().map(|row| row.edit.clone()).collect())
        .collect();
    let mut refused = Vec::new();
    for (rows, outcome) in operations.into_iter().zip(place.edit_all(edits).await?) {
        match outcome {
            Ok(_) => {
                let created = rows.iter().filter(|row| row.creates()).count() as u64;
                report.created += created;
                report.updated += rows.len() as u64 - created;
            }
            Err(failure) if failure.exit == Exit::Storage => return Err(failure),
            Err(failure) => refused.push((rows, failure)),
        }
    }
    Ok(refused)
}

/// Packs edits into operations that are within the limits.
fn operations(edits: Vec<RowEdit>) -> Vec<Vec<RowEdit>> {
    let mut operations: Vec<Vec<RowEdit>> = Vec::new();
    let mut bytes = 0;
    for edit in edits {
        bytes += edit.bytes;
        match operations
            .last_mut()
            .filter(|open| open.len() < limit::MUTATIONS_MAX && bytes <= OPERATION_BYTES)
        {
            Some(open) => open.push(edit),
            None => {
                bytes = edit.bytes;
                operations.push(vec![edit]);
            }
        }
    }
    operations
}
