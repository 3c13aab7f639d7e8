//! What a conflict set costs, over what a wrong decision costs.

use super::super::words::number;
use super::super::{Manifest, Policies};
use super::place::spread;
use super::{At, DASHES, FONT, Figure, GREY, GRID, WIDTH};
use super::{colour, dashed, figure, fitting, line, mark, words, write};
use crate::compare::Cost;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use std::ops::Range;

/// Where curves end, and their names begin.
const RIGHT: i32 = 980;
const TOP: i32 = 20;
const BOTTOM: i32 = 100;
const SIDE: i32 = 120;
/// Between two names.
const GAP: i32 = 36;
const PLOT_MIN: i32 = 560;
/// Points of a curve: a cost is a straight line over k, and bends on a scale of
/// how many times as much.
const POINTS: u32 = 40;
const TICKS: [f64; 8] = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
const CAPTION: &str = "Cost of a conflict set, (asked + k &times; wrong) / conflict sets, over k. Both \
                       axes are logarithmic (the cost as 1 + cost). Where curves cross, the choice turns.";

/// An axis on which it counts how many times as much something is.
struct Times {
    range: Range<f64>,
    scaled: fn(f64) -> f64,
}

impl Ranged for Times {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let [low, high, value] = [self.range.start, self.range.end, *value].map(self.scaled);
        from + (f64::from(to - from) * (value - low) / (high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        let ticks = TICKS.into_iter();
        ticks
            .filter(|tick| (self.range.start..=self.range.end).contains(tick))
            .collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// A policy's place, its name, and its cost at both ends.
struct Curve<'a> {
    policy: usize,
    name: &'a str,
    ends: [Cost; 2],
}

impl Curve<'_> {
    fn at(&self, k: f64) -> f64 {
        let [low, high] = self.ends;
        let slope = (high.cost - low.cost) / (high.k - low.k);
        low.cost + slope * (k - low.k)
    }
}

/// Draws a curve for each policy.
pub(in super::super) fn costs(manifest: &Manifest, policies: &Policies) -> Option<Figure> {
    let named = manifest.policies.iter().enumerate();
    let curves: Vec<Curve<'_>> = named
        .filter_map(|(policy, name)| {
            let costs = &policies.get(name)?.costs;
            let ends = [*costs.first()?, *costs.last()?];
            (ends[0].k < ends[1].k).then_some(Curve { policy, name, ends })
        })
        .collect();
    let top = curves.iter().flat_map(|curve| curve.ends);
    let top = top.map(|end| end.cost).fold(0.0, f64::max);
    let top = if top > 0.0 { top * 1.1 } else { 1.0 };
    let (from, to) = (curves.first()?.ends[0].k, curves.first()?.ends[1].k);
    let plot = PLOT_MIN.max(GAP * curves.len() as i32);
    let told: Vec<String> = curves
        .iter()
        .map(|curve| {
            let [low, high] = curve.ends.map(|end| number(end.cost));
            format!("{}: {low} to {high}", curve.name)
        })
        .collect();
    let description = format!(
        "Cost of a conflict set where a wrong decision costs {} to {} questions. {}",
        number(from),
        number(to),
        told.join(". ")
    );
    let height = (TOP + plot + BOTTOM) as u32;
    let title = "What each policy costs, by what a wrong decision costs";
    figure(height, (title, &description), CAPTION, |canvas| {
        canvas.fill(&WHITE)?;
        let across = Times {
            range: from..to,
            scaled: f64::ln,
        };
        let up = Times {
            range: 0.0..top,
            scaled: f64::ln_1p,
        };
        let mut chart = ChartBuilder::on(canvas)
            .margin_top(TOP)
            .margin_left(10)
            .margin_right(WIDTH as i32 - RIGHT)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(SIDE)
            .build_cartesian_2d(across, up)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .axis_style(GREY)
            .label_style(words(FONT))
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .x_desc("k: what a wrong decision costs, in questions")
            .y_desc("cost of a conflict set, in questions")
            .draw()?;
        let area = chart.plotting_area();
        let at = |k: f64, curve: &Curve<'_>| -> At { area.map_coordinate(&(k, curve.at(k))) };
        let wanted: Vec<i32> = curves.iter().map(|curve| at(to, curve).1).collect();
        let places = spread(&wanted, GAP, (TOP + GAP / 2, TOP + plot));
        for (curve, place) in curves.iter().zip(places) {
            let k = |point: u32| from * (to / from).powf(f64::from(point) / f64::from(POINTS));
            let points: Vec<At> = (0..=POINTS).map(|point| at(k(point), curve)).collect();
            let colour = colour(curve.policy);
            dashed(canvas, &points, DASHES[curve.policy % DASHES.len()], colour)?;
            let end = at(to, curve);
            line(canvas, end, (RIGHT + 40, place), colour, 1)?;
            for mark_at in [at(from, curve), end, (RIGHT + 52, place)] {
                mark(canvas, mark_at, curve.policy)?;
            }
            let name = fitting(curve.name, WIDTH as i32 - RIGHT - 90);
            write(canvas, &name, (RIGHT + 76, place), HPos::Left)?;
        }
        Ok(())
    })
}
