//! What is drawn is bounded: where there is too much of a kind, neighbours in
//! time are drawn as one, which says how many it stands for.

use crate::time::{SECOND, span_to_text};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Marks, spans and arrows that are drawn at most.
const MARKS_MAX: usize = 5_000;
const SPANS_MAX: usize = 5_000;
const FLIGHTS_MAX: usize = 7_000;
/// The finest bundles are a so-manyth of the whole long.
const FINEST: u64 = 8_192;

/// Something that happened at a moment, or several alike close together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) host: usize,
    pub(super) kind: &'static str,
    pub(super) at: u64,
    pub(super) until: u64,
    pub(super) count: u64,
    pub(super) words: String,
}

/// Something that lasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) host: usize,
    pub(super) kind: &'static str,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) count: u64,
    pub(super) words: String,
}

/// A message between a device and the relay, or several close together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) device: u32,
    pub(super) up: bool,
    pub(super) sent: u64,
    pub(super) arrived: Option<u64>,
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) name: &'static str,
    pub(super) words: String,
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Mark {
            host,
            kind,
            at,
            until,
            count,
            words,
        } = self;
        (host, kind, at, until, count, words).serialize(serializer)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Span {
            host,
            kind,
            from,
            to,
            count,
            words,
        } = self;
        (host, kind, from, to, count, words).serialize(serializer)
    }
}

impl Serialize for Flight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Flight {
            device,
            up,
            sent,
            arrived,
            count,
            bytes,
            name,
            words,
        } = self;
        (device, up, sent, arrived, count, bytes, name, words).serialize(serializer)
    }
}

/// Puts neighbours together until few enough are left: things of one key whose
/// times fall into one bucket, in buckets that double.
fn bundled<T, K: Ord>(
    things: Vec<T>,
    most: usize,
    length: u64,
    key: impl Fn(&T) -> (K, u64),
    join: impl Fn(&mut T, T),
) -> (Vec<T>, Option<u64>) {
    if things.len() <= most {
        return (things, None);
    }
    let mut bucket = (length / FINEST).max(1);
    let mut left = things;
    loop {
        let mut joined: Vec<T> = Vec::new();
        let mut known: BTreeMap<(K, u64), usize> = BTreeMap::new();
        for thing in left {
            let (kind, at) = key(&thing);
            match known.get(&(kind, at / bucket)) {
                Some(place) => join(&mut joined[*place], thing),
                None => {
                    let (kind, _) = key(&thing);
                    known.insert((kind, at / bucket), joined.len());
                    joined.push(thing);
                }
            }
        }
        if joined.len() <= most || bucket > length {
            return (joined, Some(bucket));
        }
        left = joined;
        bucket = bucket.saturating_mul(2);
    }
}

fn note(what: &str, before: usize, after: usize, bucket: Option<u64>) -> Option<String> {
    // Nobody reads the milliseconds of a minute.
    let bucket = match bucket? {
        short @ ..SECOND => span_to_text(short),
        long => span_to_text(long - long % SECOND),
    };
    Some(format!(
        "{before} {what} are drawn as {after}: those of one kind within {bucket} are one. \
         Draw a shorter part of the run to see them all."
    ))
}

pub(super) fn bundled_marks(marks: Vec<Mark>, length: u64, notes: &mut Vec<String>) -> Vec<Mark> {
    let before = marks.len();
    let key = |mark: &Mark| ((mark.host, mark.kind), mark.at);
    let join = |mark: &mut Mark, more: Mark| {
        mark.count += more.count;
        mark.until = mark.until.max(more.until);
    };
    let (marks, bucket) = bundled(marks, MARKS_MAX, length, key, join);
    notes.extend(note("happenings", before, marks.len(), bucket));
    marks
}

pub(super) fn bundled_spans(spans: Vec<Span>, length: u64, notes: &mut Vec<String>) -> Vec<Span> {
    let before = spans.len();
    let key = |span: &Span| ((span.host, span.kind), span.from);
    let join = |span: &mut Span, more: Span| {
        span.count += more.count;
        span.to = span.to.max(more.to);
    };
    let (spans, bucket) = bundled(spans, SPANS_MAX, length, key, join);
    notes.extend(note("spans", before, spans.len(), bucket));
    spans
}

pub(super) fn bundled_flights(
    flights: Vec<Flight>,
    length: u64,
    notes: &mut Vec<String>,
) -> Vec<Flight> {
    let before = flights.len();
    let key = |flight: &Flight| {
        let kind = (
            flight.device,
            flight.up,
            flight.name,
            flight.arrived.is_some(),
        );
        (kind, flight.sent)
    };
    let join = |flight: &mut Flight, more: Flight| {
        flight.count += more.count;
        flight.bytes += more.bytes;
        flight.arrived = flight.arrived.max(more.arrived);
    };
    let (flights, bucket) = bundled(flights, FLIGHTS_MAX, length, key, join);
    notes.extend(note("messages", before, flights.len(), bucket));
    flights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: u64, kind: &'static str) -> Mark {
        Mark {
            host: 1,
            kind,
            at,
            until: at,
            count: 1,
            words: String::new(),
        }
    }

    #[test]
    fn a_few_are_drawn_as_they_are_and_many_as_few_that_count_all() {
        let mut notes = Vec::new();
        let few = vec![mark(3, "edit"), mark(4, "edit")];
        assert_eq!(bundled_marks(few.clone(), 10, &mut notes), few);
        assert_eq!(notes, Vec::<String>::new());
        let total = 40_000;
        let kinds = ["edit", "crash"];
        let many = (0..total)
            .map(|at| mark(at, kinds[at as usize % 2]))
            .collect();
        let drawn = bundled_marks(many, total, &mut notes);
        assert!(drawn.len() <= MARKS_MAX, "{}", drawn.len());
        assert!(drawn.len() > MARKS_MAX / 4, "{}", drawn.len());
        assert_eq!(drawn.iter().map(|mark| mark.count).sum::<u64>(), total);
        assert_eq!(notes.len(), 1, "{notes:?}");
    }
}
