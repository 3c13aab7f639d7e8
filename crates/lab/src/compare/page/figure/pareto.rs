//! Silent loss against questions asked.

use super::super::words::number;
use super::super::{Manifest, Policies};
use super::place::{APART, beside};
use super::{At, FONT, Figure, GREY, GRID};
use super::{clean, dashed, figure, line, mark, span, width, words, write};
use crate::compare::can_be_chosen;
use crate::metrics::Metric;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use std::ops::Range;

const TOP: i32 = 20;
const RIGHT: i32 = 40;
const BOTTOM: i32 = 100;
const SIDE: i32 = 130;
const HEIGHT: u32 = 820;
/// A name that is further up or down than this is away from its mark.
const AWAY: i32 = 20;
const CAPTION: &str = "What is lost in silence against what people are asked, over all blocks. Lower and further \
                       left is better in both; the dashed line joins the policies that can be chosen and that \
                       none of the others beats in both. Among those nothing can be called better without \
                       saying what a loss is worth.";

/// A policy's place, its name, what it asks and what it loses of 1,000 writes.
struct Point<'a> {
    policy: usize,
    name: &'a str,
    asked: f64,
    lost: f64,
}

/// Draws a point for each policy.
pub(in super::super) fn pareto(manifest: &Manifest, policies: &Policies) -> Option<Figure> {
    let named = manifest.policies.iter().enumerate();
    let points: Vec<Point<'_>> = named
        .filter_map(|(policy, name)| {
            let metrics = &policies.get(name)?.metrics;
            let whole = |metric: Metric| metrics.get(metric.id())?.whole;
            Some(Point {
                policy,
                name,
                asked: whole(Metric::QuestionsAsked)?,
                lost: whole(Metric::PRIMARY)? * 1_000.0,
            })
        })
        .collect();
    points.first()?;
    let told: Vec<String> = points
        .iter()
        .map(|p| {
            format!(
                "{}: {} asked, {} lost",
                p.name,
                number(p.asked),
                number(p.lost)
            )
        })
        .collect();
    let description = format!("Of 1,000 writes. {}", told.join(". "));
    let title = "What each policy loses in silence, and what it asks";
    figure(HEIGHT, (title, &description), CAPTION, |canvas| {
        canvas.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(canvas)
            .margin_top(TOP)
            .margin_left(10)
            .margin_right(RIGHT)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(SIDE)
            .build_cartesian_2d(
                around(span(points.iter().map(|point| point.asked))),
                around(span(points.iter().map(|point| point.lost))),
            )?;
        chart
            .configure_mesh()
            .x_max_light_lines(1)
            .y_max_light_lines(1)
            .bold_line_style(GRID)
            .light_line_style(GRID)
            .axis_style(GREY)
            .label_style(words(FONT))
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .x_desc("questions per 1,000 writes")
            .y_desc("silently lost of 1,000 writes")
            .draw()?;
        let area = chart.plotting_area();
        let at = |point: &Point<'_>| -> At { area.map_coordinate(&(point.asked, point.lost)) };
        let front: Vec<At> = front(&points).into_iter().map(at).collect();
        dashed(canvas, &front, (10, 8), GREY)?;
        let names: Vec<(At, i32)> = points
            .iter()
            .map(|point| (at(point), width(&clean(point.name))))
            .collect();
        let places = beside(&names, area.get_pixel_range());
        let named = || points.iter().zip(&names).zip(&places);
        for ((point, (_, width)), (x, y)) in named() {
            let corners = [(x - 4, y - 17), (x + width, y + 17)];
            canvas.draw(&Rectangle::new(corners, WHITE.filled()))?;
            if (y - at(point).1).abs() > AWAY {
                line(canvas, at(point), (x - APART, *y), GREY, 1)?;
            }
        }
        for ((point, _), place) in named() {
            mark(canvas, at(point), point.policy)?;
            // A name that is away from its mark has another, for points that coincide.
            if (place.1 - at(point).1).abs() > AWAY {
                mark(canvas, (place.0 - APART, place.1), point.policy)?;
            }
            write(canvas, point.name, *place, HPos::Left)?;
        }
        Ok(())
    })
}

/// An axis with room for marks at zero.
fn around(span: Range<f64>) -> Range<f64> {
    let room = (span.end - span.start) * 0.05;
    span.start - room..span.end
}

/// The points that can be chosen and that no other beats in both, from the left.
fn front<'a, 'b>(points: &'a [Point<'b>]) -> Vec<&'a Point<'b>> {
    let mut chosen: Vec<&Point<'_>> = points.iter().filter(|p| can_be_chosen(p.name)).collect();
    chosen.sort_by(|a, b| a.asked.total_cmp(&b.asked).then(a.lost.total_cmp(&b.lost)));
    let mut lowest = f64::INFINITY;
    chosen.retain(|point| {
        let is_better = point.lost < lowest;
        lowest = lowest.min(point.lost);
        is_better
    });
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_no_other_beats_in_both() {
        let points = [
            ("oracle", 0.0, 0.0),
            ("max", 0.0, 50.0),
            ("last-writer-wins", 0.0, 40.0),
            ("server-wins", 90.0, 0.0),
            ("flag", 60.0, 0.0),
            ("ask-if-close", 20.0, 10.0),
            ("ask-if-close by record", 30.0, 20.0),
        ];
        let points: Vec<Point<'_>> = (0..)
            .zip(points)
            .map(|(policy, (name, asked, lost))| Point {
                policy,
                name,
                asked,
                lost,
            })
            .collect();
        let names: Vec<&str> = front(&points).iter().map(|point| point.name).collect();
        assert_eq!(names, ["last-writer-wins", "ask-if-close", "flag"]);
    }
}
