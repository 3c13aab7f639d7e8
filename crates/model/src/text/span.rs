//! Spans of time as people write them: `live`, `15m`, `4h`, `7d`; and how far
//! days are ahead of UTC: `+01:00`.

use super::section::Section;

const UNITS: &[(char, u32)] = &[('d', 24 * 60), ('h', 60), ('m', 1)];

/// The minutes under `key`. What is possible at most is checked with the rest
/// of the definition.
pub(super) fn minutes(section: Section<'_>, key: &str) -> Option<u32> {
    let text = section.text(key)?;
    let read = parsed(text);
    if read.is_none() {
        section.fault(
            key,
            format!("`{text}` is not a span of time"),
            "write a number of minutes, hours or days, such as \"15m\", \"4h\" or \"1d\"",
        );
    }
    read
}

/// The minutes under `key`, where `live` is none.
pub(super) fn interval(section: Section<'_>, key: &str) -> Option<u32> {
    match section.quiet_text(key) {
        Some("live") => Some(0),
        _ => minutes(section, key),
    }
}

fn parsed(text: &str) -> Option<u32> {
    let unit = text.chars().last()?;
    let (_, minutes) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
    let number = text.strip_suffix(unit)?;
    if !number.chars().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    number.parse::<u32>().ok()?.checked_mul(*minutes)
}

/// Minutes as a person writes them.
pub(super) fn minutes_text(minutes: u32) -> String {
    let fits = |(_, unit): &&(char, u32)| minutes > 0 && minutes.is_multiple_of(*unit);
    let (letter, unit) = UNITS.iter().find(fits).unwrap_or(&('m', 1));
    format!("{}{letter}", minutes / unit)
}

/// An interval as a person writes it.
pub(super) fn interval_text(minutes: u32) -> String {
    match minutes {
        0 => "live".to_owned(),
        minutes => minutes_text(minutes),
    }
}

/// The offset from UTC under `key`, in minutes.
pub(super) fn offset(section: Section<'_>, key: &str) -> Option<i16> {
    let text = section.text(key)?;
    let read = parsed_offset(text);
    if read.is_none() {
        section.fault(
            key,
            format!("`{text}` is not an offset from UTC"),
            "write hours and minutes with a sign, such as \"+01:00\"",
        );
    }
    read
}

fn parsed_offset(text: &str) -> Option<i16> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.chars().all(|digit| digit.is_ascii_digit());
        two.then(|| digits.parse::<i16>().ok()).flatten()
    };
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    Some(sign * (60 * number(hours)? + minutes))
}

/// An offset from UTC as a person writes it.
pub(super) fn offset_text(minutes: i16) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
