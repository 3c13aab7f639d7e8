//! Speeds of a line as people type them.

const UNITS: [(&str, u64); 3] = [
    ("gbit", 1_000_000_000),
    ("mbit", 1_000_000),
    ("kbit", 1_000),
];

/// Reads `512kbit`, `1Mbit` or `1Gbit`, with or without `/s`, as bits a second.
pub(crate) fn bandwidth(text: &str) -> Result<u64, String> {
    let wrong = || "write a whole number and a unit, such as 512kbit, 1Mbit or 1Gbit".to_owned();
    let lower = text.to_ascii_lowercase();
    let speed = lower.strip_suffix("/s").unwrap_or(&lower);
    let parts = UNITS
        .iter()
        .find_map(|(unit, bits)| Some((speed.strip_suffix(unit)?, *bits)));
    let (count, unit) = parts.ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let bits = count.checked_mul(unit).filter(|bits| *bits > 0);
    bits.ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_have_a_number_and_a_unit() {
        assert_eq!(bandwidth("512kbit"), Ok(512_000));
        assert_eq!(bandwidth("1Mbit"), Ok(1_000_000));
        assert_eq!(bandwidth("2Gbit/s"), Ok(2_000_000_000));
        for wrong in [
            "",
            "1",
            "Mbit",
            "-1Mbit",
            "0kbit",
            "1.5Mbit",
            "1 Mbit",
            "9999999999999Gbit",
        ] {
            assert!(bandwidth(wrong).is_err(), "{wrong} was taken");
        }
    }
}
