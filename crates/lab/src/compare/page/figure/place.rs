//! Where names go, so that none covers another.

use super::{At, FONT};
use std::ops::Range;

/// Half the height of a name, and half that of a mark.
const HALF: i32 = (FONT * 0.62) as i32;
const MARK: i32 = 14;
/// Between a mark and its name.
pub(super) const APART: i32 = 22;
/// How far up or down a name may go before it is left where it is.
const ROWS: i32 = 12;

/// Moves names that stand above each other apart: each as near to where it
/// wants to be as `gap` lets it, and none beyond the ends while there is room.
pub(super) fn spread(wanted: &[i32], gap: i32, (low, high): (i32, i32)) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|at| wanted[*at]);
    let mut places = wanted.to_vec();
    let mut free = low;
    for at in &order {
        places[*at] = places[*at].max(free);
        free = places[*at] + gap;
    }
    let mut free = high;
    for at in order.iter().rev() {
        places[*at] = places[*at].min(free);
        free = places[*at] - gap;
    }
    places
}

/// A part of the canvas.
#[derive(Clone, Copy)]
struct Area {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Area {
    /// What a name takes whose left middle is here.
    fn of_name((x, y): At, width: i32) -> Area {
        Area {
            left: x - 2,
            top: y - HALF,
            right: x + width,
            bottom: y + HALF,
        }
    }

    fn of_mark((x, y): At) -> Area {
        Area {
            left: x - MARK,
            top: y - MARK,
            right: x + MARK,
            bottom: y + MARK,
        }
    }

    fn meets(&self, other: &Area) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn is_in(&self, (x, y): &(Range<i32>, Range<i32>)) -> bool {
        self.left >= x.start && self.right <= x.end && self.top >= y.start && self.bottom <= y.end
    }
}

/// The left middle of a name for each point, given with the widths of the names:
/// beside its point where there is room, else a row or more above or below.
pub(super) fn beside(points: &[(At, i32)], within: (Range<i32>, Range<i32>)) -> Vec<At> {
    let marks: Vec<Area> = points.iter().map(|(at, _)| Area::of_mark(*at)).collect();
    let mut taken: Vec<Area> = Vec::new();
    let mut places = vec![(0, 0); points.len()];
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|at| (points[*at].0.1, points[*at].0.0));
    for at in order {
        let ((x, y), width) = points[at];
        let right = (x + APART, y);
        let rows = (1..=ROWS).flat_map(|row| [-row, row]).map(|row| {
            let y = y + row * (2 * HALF + 4);
            [(x + 4 * APART, y), (x - 3 * APART - width, y)]
        });
        let beside = [right, (x - APART - width, y)];
        let is_free = |place: &At| {
            let area = Area::of_name(*place, width);
            let is_met = |other: &Area| other.meets(&area);
            area.is_in(&within) && !marks.iter().any(is_met) && !taken.iter().any(is_met)
        };
        let place = beside.into_iter().chain(rows.flatten()).find(is_free);
        places[at] = place.unwrap_or(right);
        taken.push(Area::of_name(places[at], width));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_distance_and_their_order() {
        assert_eq!(spread(&[10, 200, 100], 20, (0, 300)), [10, 200, 100]);
        assert_eq!(spread(&[100, 100, 100], 20, (0, 300)), [100, 120, 140]);
        assert_eq!(spread(&[290, 290, 10], 20, (0, 300)), [280, 300, 10]);
        assert_eq!(spread(&[], 20, (0, 300)), [0; 0]);
    }

    #[test]
    fn names_beside_points_that_coincide_do_not_cover_each_other() {
        let points: Vec<(At, i32)> = vec![((100, 300), 150); 9];
        let within = (0..800, 0..600);
        let places = beside(&points, within.clone());
        let areas: Vec<Area> = places.iter().map(|at| Area::of_name(*at, 150)).collect();
        for (at, area) in areas.iter().enumerate() {
            assert!(area.is_in(&within), "{:?}", places[at]);
            let others = areas[at + 1..].iter();
            assert!(!others.clone().any(|other| other.meets(area)), "{places:?}");
        }
        assert_eq!(places[0], (100 + APART, 300));
        let at_the_edge = beside(&[((790, 300), 150)], within);
        assert_eq!(at_the_edge, [(790 - APART - 150, 300)]);
    }
}
