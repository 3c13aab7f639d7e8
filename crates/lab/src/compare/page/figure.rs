//! Figures, as SVG that stands alone: for the page, and for papers.
//!
//! Policies are told apart by shape and dash as well as by colour, and are named
//! where they are drawn. A figure has a title and a description for those who do
//! not see it. The same numbers give the same bytes.

mod costs;
mod intervals;
mod pareto;
mod place;

pub(super) use costs::costs;
pub(super) use intervals::{differences, forest};
pub(super) use pareto::pareto;

use super::words::escaped;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io;

/// Width of every figure. It is drawn twice as large as it is mostly shown,
/// because plotters draws on whole units.
const WIDTH: u32 = 1_440;
/// The font of everything that is not said otherwise, in the same units.
const FONT: f64 = 26.0;
/// What plotters divides sizes by when it writes SVG.
const PLOTTERS_FONT: f64 = 1.24;
/// Mean width of a letter of a sans-serif font, to its size.
const LETTER: f64 = 0.55;
const INK: RGBColor = RGBColor(27, 27, 27);
const GRID: RGBColor = RGBColor(222, 222, 222);
const GREY: RGBColor = RGBColor(110, 110, 110);
/// Colours that people with any colour sight tell apart (Okabe and Ito 2008);
/// their yellow is too light for lines on white, and darker here.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(138, 122, 0),
];
/// Corners of the marks, in tenths of their radius; no corners are a circle.
const SHAPES: [&[(i32, i32)]; 7] = [
    &[],
    &[(-9, -9), (9, -9), (9, 9), (-9, 9)],
    &[(0, -12), (11, 8), (-11, 8)],
    &[(0, -13), (13, 0), (0, 13), (-13, 0)],
    &[(0, 12), (11, -8), (-11, -8)],
    &[
        (-4, -12),
        (4, -12),
        (4, -4),
        (12, -4),
        (12, 4),
        (4, 4),
        (4, 12),
        (-4, 12),
        (-4, 4),
        (-12, 4),
        (-12, -4),
        (-4, -4),
    ],
    &[(-13, -7), (0, -13), (13, -7), (13, 7), (0, 13), (-13, 7)],
];
/// Dashes and gaps of curves; no gap is a line.
const DASHES: [(u32, u32); 4] = [(1, 0), (22, 10), (9, 7), (3, 8)];

/// A figure and what it shows.
pub(super) struct Figure {
    pub(super) svg: String,
    pub(super) caption: &'static str,
}

/// What is drawn on, and what may go wrong there.
type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;
/// A place on the canvas.
type At = (i32, i32);

/// Draws a figure of a height. `title` and `description` are for those who
/// cannot see it.
fn figure(
    height: u32,
    (title, description): (&str, &str),
    caption: &'static str,
    draw: impl FnOnce(&Canvas<'_>) -> Drawn,
) -> Option<Figure> {
    let mut drawing = String::new();
    let canvas = SVGBackend::with_string(&mut drawing, (WIDTH, height)).into_drawing_area();
    draw(&canvas).and_then(|()| canvas.present()).ok()?;
    drop(canvas);
    // In place of the opening tag, which gives the figure a size in pixels.
    let (_, rest) = drawing.split_once('>')?;
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{0}\">\n<title>{0}</title>\n<desc>{1}</desc>{rest}",
        escaped(title),
        escaped(description)
    );
    Some(Figure { svg, caption })
}

/// How text looks: dark, of the usual size, held at its left middle.
fn words(size: f64) -> TextStyle<'static> {
    ("sans-serif", size * PLOTTERS_FONT)
        .into_font()
        .color(&INK)
        .pos(Pos::new(HPos::Left, VPos::Center))
}

/// How wide a text is at most, about.
fn width(text: &str) -> i32 {
    (text.chars().count() as f64 * FONT * LETTER).ceil() as i32
}

/// Text that comes from data, as it may stand in a drawing.
fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

/// … cut where it would be wider than there is room.
fn fitting(text: &str, room: i32) -> String {
    let text = clean(text);
    if width(&text) <= room {
        return text;
    }
    let letters = (f64::from(room) / (FONT * LETTER)) as usize;
    let kept: String = text.chars().take(letters.saturating_sub(1)).collect();
    kept + "…"
}

/// Writes a text, whose right, middle or left end is where it is.
fn write(canvas: &Canvas<'_>, text: &str, at: At, end: HPos) -> Drawn {
    let style = words(FONT).pos(Pos::new(end, VPos::Center));
    canvas.draw(&Text::new(clean(text), at, style))
}

fn line(canvas: &Canvas<'_>, from: At, to: At, colour: RGBColor, wide: u32) -> Drawn {
    canvas.draw(&PathElement::new([from, to], colour.stroke_width(wide)))
}

/// A line of dashes with gaps between.
fn dashed(canvas: &Canvas<'_>, points: &[At], (dash, gap): (u32, u32), colour: RGBColor) -> Drawn {
    let style = colour.stroke_width(3);
    if gap == 0 {
        return canvas.draw(&PathElement::new(points.to_vec(), style));
    }
    for pieces in DashedLineSeries::new(points.iter().copied(), dash, gap, style) {
        canvas.draw(&pieces)?;
    }
    Ok(())
}

/// The mark of a policy: a shape in a colour with a light rim, and hollow after
/// the first round of colours.
fn mark(canvas: &Canvas<'_>, at: At, policy: usize) -> Drawn {
    shape(canvas, at, policy, 13, WHITE)?;
    shape(canvas, at, policy, 10, colour(policy))?;
    match policy < COLOURS.len() {
        true => Ok(()),
        false => shape(canvas, at, policy, 5, WHITE),
    }
}

fn shape(canvas: &Canvas<'_>, at: At, policy: usize, size: i32, colour: RGBColor) -> Drawn {
    let corners = SHAPES[policy % SHAPES.len()];
    if corners.is_empty() {
        return canvas.draw(&Circle::new(at, size, colour.filled()));
    }
    let corner = |(x, y): &(i32, i32)| (at.0 + x * size / 10, at.1 + y * size / 10);
    let corners: Vec<At> = corners.iter().map(corner).collect();
    canvas.draw(&Polygon::new(corners, colour.filled()))
}

fn colour(policy: usize) -> RGBColor {
    COLOURS[policy % COLOURS.len()]
}

/// The ends of an axis that shows zero and all values.
fn span(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (mut low, mut high) = (0.0f64, 0.0f64);
    for value in values.filter(|value| value.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if low == high {
        high = low + 1.0;
    }
    let room = (high - low) * 0.06;
    (if low < 0.0 { low - room } else { low })..(if high > 0.0 { high + room } else { high })
}
