//! Differences with their intervals, a row each: of one history, or of all.

use super::super::words::{number, per_thousand};
use super::super::{Manifest, Policies};
use super::{At, Canvas, Drawn, Figure, GREY, GRID, INK, WIDTH};
use super::{colour, figure, fitting, line, mark, span, words, write};
use crate::compare::Summary;
use crate::metrics::Metric;
use crate::stats::Interval;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// Where names end, and where numbers begin.
const LEFT: i32 = 380;
const RIGHT: i32 = 1_070;
const TOP: i32 = 60;
const ROW: i32 = 48;
/// What the axis takes.
const BOTTOM: i32 = 100;
/// Rows of the figure over all histories.
const ROWS_MAX: usize = 200;

/// A row: a name, the place of its policy, and what was found; a heading where
/// nothing was to be.
struct Row<'a> {
    name: &'a str,
    policy: usize,
    found: Option<Interval>,
}

/// How much more each policy loses in silence than the first, with intervals.
pub(in super::super) fn differences(manifest: &Manifest, policies: &Policies) -> Option<Figure> {
    let named = manifest.policies.iter().enumerate();
    let rows: Vec<Row<'_>> = named
        .filter_map(|(policy, name)| {
            let found = Some(difference(policies, name)?);
            Some(Row {
                name,
                policy,
                found,
            })
        })
        .collect();
    drawn(
        manifest,
        &rows,
        "Silent loss of each policy, less that of the first",
        "Silent loss against the first policy, within blocks: mean difference with its 95 % BCa \
         interval. Left of the line is less.",
    )
}

/// … over all histories, by policy. `None` of a single one.
pub(in super::super) fn forest(manifest: &Manifest, summary: &Summary) -> Option<Figure> {
    if manifest.subjects.len() < 2 {
        return None;
    }
    let mut rows = Vec::new();
    for (policy, name) in manifest.policies.iter().enumerate() {
        let found = manifest.subjects.iter().filter_map(|subject| {
            let found = difference(summary.scenarios.get(&subject.name)?, name)?;
            Some(Row {
                name: &subject.name,
                policy,
                found: Some(found),
            })
        });
        let found: Vec<Row<'_>> = found.collect();
        if !found.is_empty() && rows.len() + found.len() < ROWS_MAX {
            rows.push(Row {
                name,
                policy,
                found: None,
            });
            rows.extend(found);
        }
    }
    drawn(
        manifest,
        &rows,
        "Silent loss of each policy on each history, less that of the first",
        "Silent loss against the first policy on every history: mean difference within blocks with \
         its 95 % BCa interval. A policy whose intervals lie on one side of the line everywhere \
         does not owe its place to a choice of history. Intervals are not pooled: histories are no \
         sample of anything.",
    )
}

fn difference(policies: &Policies, name: &str) -> Option<Interval> {
    let loss = policies.get(name)?.metrics.get(Metric::PRIMARY.id())?;
    let found = loss.versus.as_ref()?.comparison.difference;
    (found.low.is_finite() && found.high.is_finite()).then_some(found)
}

fn told(found: &Interval) -> String {
    let (low, high) = (per_thousand(found.low), per_thousand(found.high));
    format!("{} [{low}, {high}]", per_thousand(found.estimate))
}

fn drawn(
    manifest: &Manifest,
    rows: &[Row<'_>],
    title: &str,
    caption: &'static str,
) -> Option<Figure> {
    let found = || rows.iter().filter_map(|row| row.found);
    found().next()?;
    let first = manifest.policies.first().map_or("", String::as_str);
    let told: Vec<String> = rows
        .iter()
        .map(|row| match &row.found {
            Some(found) => format!("{}: {}", row.name, told(found)),
            None => format!("{}:", row.name),
        })
        .collect();
    let description = format!("Of 1,000 writes, against {first}. {}", told.join(". "));
    let plot = ROW * rows.len() as i32;
    let height = (TOP + plot + BOTTOM) as u32;
    let ends = found().flat_map(|found| [found.low * 1_000.0, found.high * 1_000.0]);
    let span = span(ends);
    figure(height, (title, &description), caption, |canvas| {
        canvas.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(canvas)
            .margin_left(LEFT)
            .margin_right(WIDTH as i32 - RIGHT)
            .margin_top(TOP)
            .x_label_area_size(BOTTOM)
            .build_cartesian_2d(span, 0.0..1.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(7)
            .x_max_light_lines(1)
            .bold_line_style(GRID)
            .axis_style(GREY)
            .label_style(words(super::FONT))
            .x_label_formatter(&|value| number(*value))
            .x_desc(format!(
                "silently lost of 1,000 writes, less those under {}",
                fitting(first, 400)
            ))
            .draw()?;
        let area = chart.plotting_area();
        let x = |share: f64| area.map_coordinate(&(share * 1_000.0, 0.0)).0;
        line(canvas, (x(0.0), TOP), (x(0.0), TOP + plot), INK, 2)?;
        write(
            canvas,
            "mean [95 % interval]",
            (RIGHT + 24, TOP / 2),
            HPos::Left,
        )?;
        for (place, row) in (0..).zip(rows) {
            let y = TOP + ROW * place + ROW / 2;
            let name = fitting(row.name, LEFT - 40);
            match &row.found {
                None => {
                    mark(canvas, (24, y), row.policy)?;
                    write(canvas, &name, (46, y), HPos::Left)?;
                }
                Some(found) => {
                    write(canvas, &name, (LEFT - 16, y), HPos::Right)?;
                    let ends = [found.low, found.estimate, found.high].map(x);
                    whisker(canvas, ends, y, row.policy)?;
                    write(canvas, &self::told(found), (RIGHT + 24, y), HPos::Left)?;
                }
            }
        }
        Ok(())
    })
}

/// A mark with a line to either end of its interval.
fn whisker(canvas: &Canvas<'_>, [low, estimate, high]: [i32; 3], y: i32, policy: usize) -> Drawn {
    let colour = colour(policy);
    line(canvas, (low, y), (high, y), colour, 4)?;
    for end in [low, high] {
        let (top, bottom): (At, At) = ((end, y - 9), (end, y + 9));
        line(canvas, top, bottom, colour, 4)?;
    }
    mark(canvas, (estimate, y), policy)
}
