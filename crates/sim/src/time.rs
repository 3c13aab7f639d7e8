//! Virtual time, and how people write spans of it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Microseconds in a millisecond.
pub const MILLISECOND: u64 = 1_000;
/// Microseconds in a second.
pub const SECOND: u64 = 1_000 * MILLISECOND;
/// Microseconds in a minute.
pub const MINUTE: u64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: u64 = 60 * MINUTE;
/// Microseconds in a day.
pub const DAY: u64 = 24 * HOUR;

const UNITS: [(&str, u64); 6] = [
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("us", 1),
];

/// A moment of a run: microseconds since it began.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct VirtualTime(pub u64);

impl VirtualTime {
    /// The moment `span` microseconds later.
    pub fn plus(self, span: u64) -> VirtualTime {
        VirtualTime(self.0.saturating_add(span))
    }

    /// Microseconds since `earlier`; 0 if that is later.
    pub fn since(self, earlier: VirtualTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&span_to_text(self.0))
    }
}

/// Reads a span as people write it: `90s`, `7d`, `1d12h`, `250ms`.
pub fn span_from_text(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut span: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?;
        span = span.checked_add(number.checked_mul(*unit)?)?;
        rest = &rest[letters..];
    }
    Some(span)
}

/// A span as people write it, exactly.
pub fn span_to_text(span: u64) -> String {
    let mut text = String::new();
    let mut rest = span;
    for (name, unit) in UNITS {
        if rest >= unit {
            text.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_write_alike() {
        for span in [0, 1, MILLISECOND, 90 * SECOND, DAY + 12 * HOUR, 3 * DAY + 7] {
            assert_eq!(span_from_text(&span_to_text(span)), Some(span));
        }
        assert_eq!(span_from_text("1d12h"), Some(36 * HOUR));
        assert_eq!(span_from_text("250ms"), Some(250 * MILLISECOND));
        for wrong in ["", "7", "d", "7x", "-1s", "99999999999999999999d"] {
            assert_eq!(span_from_text(wrong), None, "{wrong}");
        }
    }
}
