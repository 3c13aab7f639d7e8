//! Figures, as SVG that stands alone.

use super::words::{escaped, number, per_thousand};
use super::{Manifest, Policies};
use crate::metrics::Metric;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 20.0;
const PLOT: f64 = 300.0;
/// Where the legend begins, and the plot ends.
const RIGHT: f64 = 520.0;
/// Colours that people with any colour sight tell apart (Okabe and Ito 2008).
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a7a00",
];

/// A figure and what it shows.
pub(super) struct Figure {
    pub(super) svg: String,
    pub(super) caption: &'static str,
}

/// An axis: values from `low` to `high` on a stretch of the canvas.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// One that shows all values.
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low == high {
            high = low + 1.0;
        }
        let room = (high - low) * 0.05;
        Axis {
            low: if low < 0.0 { low - room } else { low },
            high: high + room,
            from,
            to,
        }
    }

    fn at(&self, value: f64) -> f64 {
        let along = (value - self.low) / (self.high - self.low);
        self.from + along * (self.to - self.from)
    }

    /// Round values along it, about five.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0];
        let step = power
            * steps
                .into_iter()
                .find(|s| s * power >= rough)
                .unwrap_or(10.0);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|tick| tick as f64 * step).collect()
    }
}

/// A drawing that grows.
struct Canvas(String);

impl Canvas {
    fn new(height: f64) -> Canvas {
        Canvas(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
             font-family=\"sans-serif\" font-size=\"12\" fill=\"#1b1b1b\">"
        ))
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: &str) {
        let _ = write!(
            self.0,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {stroke}/>"
        );
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        let _ = write!(
            self.0,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(text)
        );
    }

    /// The mark of a policy: its colour, full for the first eight and hollow
    /// for the next.
    fn mark(&mut self, (x, y): (f64, f64), policy: usize) {
        let colour = COLOURS[policy % COLOURS.len()];
        let fill = if policy < COLOURS.len() {
            colour
        } else {
            "#fff"
        };
        let _ = write!(
            self.0,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{fill}\" stroke=\"{colour}\" \
             stroke-width=\"1.5\"/>"
        );
    }

    fn legend(&mut self, manifest: &Manifest, beside: impl Fn(usize) -> String) {
        for (index, name) in manifest.policies.iter().enumerate() {
            let y = TOP + 10.0 + 18.0 * index as f64;
            self.mark((RIGHT + 24.0, y - 4.0), index);
            let words = format!("{name}{}", beside(index));
            self.text((RIGHT + 36.0, y), "start", &words);
        }
    }

    /// Grid, ticks and names of both axes.
    fn axes(&mut self, x: &Axis, y: &Axis, names: (&str, &str)) {
        for tick in x.ticks() {
            let at = x.at(tick);
            self.line((at, y.from), (at, y.to), GRID);
            self.text((at, y.from + 16.0), "middle", &number(tick));
        }
        for tick in y.ticks() {
            let at = y.at(tick);
            self.line((x.from, at), (x.to, at), GRID);
            self.text((x.from - 6.0, at + 4.0), "end", &number(tick));
        }
        self.name(x, y, names);
    }

    fn name(&mut self, x: &Axis, y: &Axis, names: (&str, &str)) {
        self.text(((x.from + x.to) / 2.0, y.from + 36.0), "middle", names.0);
        self.text((x.from - 45.0, y.to - 8.0), "start", names.1);
    }

    fn finish(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }
}

const GRID: &str = "stroke=\"#ddd\"";
const ZERO: &str = "stroke=\"#555\" stroke-dasharray=\"3 3\"";

/// The height that plot and legend need.
fn height(manifest: &Manifest) -> f64 {
    (TOP + PLOT + 50.0).max(TOP + 18.0 * manifest.policies.len() as f64 + 10.0)
}

/// How much more each policy loses in silence than the first, with intervals.
pub(super) fn differences(manifest: &Manifest, policies: &Policies) -> Option<Figure> {
    let difference = |name: &String| {
        let loss = policies.get(name)?.metrics.get(Metric::PRIMARY.id())?;
        let found = loss.versus.as_ref()?.comparison.difference;
        let is_known = found.low.is_finite() && found.high.is_finite();
        is_known.then_some(found)
    };
    let named = manifest.policies.iter().enumerate();
    let rows: Vec<_> = named
        .filter_map(|(index, name)| Some((index, name, difference(name)?)))
        .collect();
    if rows.is_empty() {
        return None;
    }
    const ROW: f64 = 24.0;
    let bottom = TOP + ROW * rows.len() as f64;
    let ends = rows.iter().flat_map(|(_, _, d)| [d.low, d.high]);
    let x = Axis::of(ends.map(|share| share * 1_000.0), 170.0, RIGHT);
    let mut canvas = Canvas::new(bottom + 50.0);
    for tick in x.ticks() {
        canvas.line((x.at(tick), TOP), (x.at(tick), bottom), GRID);
        canvas.text((x.at(tick), bottom + 16.0), "middle", &number(tick));
    }
    canvas.line((x.at(0.0), TOP), (x.at(0.0), bottom), ZERO);
    for (row, (index, name, found)) in rows.iter().enumerate() {
        let y = TOP + ROW * (row as f64 + 0.5);
        let at = |share: f64| x.at(share * 1_000.0);
        let stroke = format!(
            "stroke=\"{}\" stroke-width=\"2\"",
            COLOURS[index % COLOURS.len()]
        );
        canvas.text((160.0, y + 4.0), "end", name);
        canvas.line((at(found.low), y), (at(found.high), y), &stroke);
        canvas.mark((at(found.estimate), y), *index);
        let words = format!(
            "{} [{}, {}]",
            per_thousand(found.estimate),
            per_thousand(found.low),
            per_thousand(found.high)
        );
        canvas.text((RIGHT + 14.0, y + 4.0), "start", &words);
    }
    let first = manifest.policies.first().map_or("", String::as_str);
    let name = format!("silently lost of 1,000 writes, less those under {first}");
    canvas.text(((170.0 + RIGHT) / 2.0, bottom + 36.0), "middle", &name);
    Some(Figure {
        svg: canvas.finish(),
        caption: "Silent loss against the first policy, within blocks: mean difference with its \
                  95 % BCa interval. Left of the line is less.",
    })
}

/// What a conflict set costs, over what a wrong decision costs.
pub(super) fn costs(manifest: &Manifest, policies: &Policies) -> Option<Figure> {
    // Costs reach from 0 to 100: what counts is how many times as much.
    let spread = |cost: f64| (1.0 + cost).log10();
    let costs = |name: &String| policies.get(name).map(|policy| policy.costs.as_slice());
    let all = manifest.policies.iter().filter_map(costs).flatten();
    let values: Vec<f64> = all.map(|point| spread(point.cost)).collect();
    if values.is_empty() {
        return None;
    }
    let x = Axis {
        low: 0.0,
        high: 2.0,
        from: LEFT,
        to: RIGHT,
    };
    let y = Axis::of(values.into_iter(), TOP + PLOT, TOP);
    let mut canvas = Canvas::new(height(manifest));
    for tick in [1.0f64, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
        let at = x.at(tick.log10());
        canvas.line((at, y.from), (at, y.to), GRID);
        canvas.text((at, y.from + 16.0), "middle", &number(tick));
    }
    for tick in [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
        if spread(tick) <= y.high {
            let at = y.at(spread(tick));
            canvas.line((x.from, at), (x.to, at), GRID);
            canvas.text((x.from - 6.0, at + 4.0), "end", &number(tick));
        }
    }
    canvas.name(
        &x,
        &y,
        (
            "k: what a wrong decision costs, in questions",
            "cost of a conflict set",
        ),
    );
    for (index, name) in manifest.policies.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points = costs(name).unwrap_or_default().iter();
        let points: Vec<(f64, f64)> = points
            .map(|point| (x.at(point.k.log10()), y.at(spread(point.cost))))
            .collect();
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = write!(
            canvas.0,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{}/>",
            path.join(" "),
            if index < COLOURS.len() {
                ""
            } else {
                " stroke-dasharray=\"5 3\""
            }
        );
        if let Some(last) = points.last() {
            canvas.mark(*last, index);
        }
    }
    canvas.legend(manifest, |_| String::new());
    Some(Figure {
        svg: canvas.finish(),
        caption: "Cost of a conflict set, (asked + k &times; wrong) / conflict sets, over k. Both \
                  axes are logarithmic (the cost as 1 + cost). Where curves cross, the choice turns.",
    })
}

/// Silent loss against questions asked.
pub(super) fn pareto(manifest: &Manifest, policies: &Policies) -> Option<Figure> {
    let point = |name: &String| {
        let metrics = &policies.get(name)?.metrics;
        let whole = |metric: Metric| metrics.get(metric.id())?.whole;
        let lost = whole(Metric::PRIMARY)? * 1_000.0;
        Some((whole(Metric::QuestionsAsked)?, lost))
    };
    let named = manifest.policies.iter().enumerate();
    let points: Vec<(usize, (f64, f64))> = named
        .filter_map(|(index, name)| Some((index, point(name)?)))
        .collect();
    if points.is_empty() {
        return None;
    }
    let x = Axis::of(points.iter().map(|(_, point)| point.0), LEFT, RIGHT);
    let y = Axis::of(points.iter().map(|(_, point)| point.1), TOP + PLOT, TOP);
    let mut canvas = Canvas::new(height(manifest));
    let names = (
        "questions per 1,000 writes",
        "silently lost of 1,000 writes",
    );
    canvas.axes(&x, &y, names);
    for (index, (asked, lost)) in &points {
        canvas.mark((x.at(*asked), y.at(*lost)), *index);
    }
    canvas.legend(manifest, |policy| {
        let point = points.iter().find(|(index, _)| *index == policy);
        point.map_or_else(String::new, |(_, (asked, lost))| {
            format!(" ({}, {})", number(*asked), number(*lost))
        })
    });
    Some(Figure {
        svg: canvas.finish(),
        caption: "What is lost in silence against what people are asked, over all blocks. Lower and \
                  further left is better in both; no policy that is neither can be called better \
                  without saying what a loss is worth.",
    })
}
