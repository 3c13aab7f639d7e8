//! Text and numbers as the page shows them.

/// Text that comes from data, for where HTML or SVG expects text or the value
/// of an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Three digits that count, and a minus sign as printers set it.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", digits.clamp(0, 9) as usize);
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    text.replace('-', "−")
}

/// A share, for each 1,000.
pub(super) fn per_thousand(share: f64) -> String {
    number(share * 1_000.0)
}

/// A share in percent.
pub(super) fn share(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// A p-value as it is, however small.
pub(super) fn p_value(p: f64) -> String {
    match p {
        p if p < 1e-16 => "&lt;1e−16".to_owned(),
        p if p < 0.0001 => format!("{p:.1e}").replace('-', "−"),
        p if p >= 1.0 => "1".to_owned(),
        p => number((p * 10_000.0).round() / 10_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_data_cannot_become_markup() {
        assert_eq!(
            escaped("<script>\"&'\u{1b}"),
            "&lt;script&gt;&quot;&amp;&#39;\u{fffd}"
        );
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        let cases = [
            (0.0, "0"),
            (12.3456, "12.3"),
            (-0.004_567, "−0.00457"),
            (1_234.4, "1234"),
            (2.0, "2"),
            (100.0, "100"),
            (f64::NAN, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(p_value(0.000_012_3), "1.2e−5");
        assert_eq!(p_value(0.007_812_5), "0.0078");
        assert_eq!(p_value(1.0), "1");
        assert_eq!(p_value(0.0), "&lt;1e−16");
        assert_eq!(share(0.25), "25 %");
        assert_eq!(per_thousand(0.0031), "3.1");
    }
}
