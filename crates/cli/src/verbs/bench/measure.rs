//! One measured number beside its floor and its target.

use crate::exit::Failure;
use crate::output::Output;
use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    /// More is.
    Higher,
    /// Less is.
    Lower,
}

/// A measured number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// The verb that measured it.
    bench: String,
    /// What was measured.
    metric: String,
    /// What came out.
    value: f64,
    /// In what.
    unit: String,
    /// Which way is better.
    better: Better,
    /// What the machine alone reaches, measured in the same run.
    floor: Option<f64>,
    /// `value` over `floor`.
    ratio: Option<f64>,
    /// The budget.
    target: Option<f64>,
    /// Whether the budget is kept.
    met: Option<bool>,
}

impl Measure {
    /// A number of which more is better.
    pub(crate) fn higher(
        bench: &str,
        metric: impl Into<String>,
        value: f64,
        unit: &str,
    ) -> Measure {
        Measure::new(bench, metric.into(), value, unit, Better::Higher)
    }

    /// A number of which less is better.
    pub(crate) fn lower(bench: &str, metric: impl Into<String>, value: f64, unit: &str) -> Measure {
        Measure::new(bench, metric.into(), value, unit, Better::Lower)
    }

    fn new(bench: &str, metric: String, value: f64, unit: &str, better: Better) -> Measure {
        Measure {
            bench: bench.to_owned(),
            metric,
            value,
            unit: unit.to_owned(),
            better,
            floor: None,
            ratio: None,
            target: None,
            met: None,
        }
    }

    /// … beside what the machine alone reaches.
    pub(crate) fn floor(mut self, floor: f64) -> Measure {
        self.floor = Some(floor);
        self.ratio = (floor > 0.0).then(|| self.value / floor);
        self
    }

    /// … against a budget.
    pub(crate) fn target(mut self, target: f64) -> Measure {
        self.target = Some(target);
        self.met = Some(match self.better {
            Better::Higher => self.value >= target,
            Better::Lower => self.value <= target,
        });
        self
    }

    fn row(&self) -> Vec<String> {
        let bound = match self.better {
            Better::Higher => "≥",
            Better::Lower => "≤",
        };
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        let optional = |number: Option<f64>| number.map(shown).unwrap_or_default();
        vec![
            self.bench.clone(),
            self.metric.clone(),
            shown(self.value),
            self.unit.clone(),
            optional(self.floor),
            self.ratio
                .map(|ratio| format!("{ratio:.2}"))
                .unwrap_or_default(),
            self.target
                .map(|target| format!("{bound} {}", shown(target)))
                .unwrap_or_default(),
            met.to_owned(),
        ]
    }
}

/// Shows what was measured.
pub(crate) fn show(measures: &[Measure], output: Output) -> Result<(), Failure> {
    if output.json {
        return output.json(&measures);
    }
    let heading = [
        "bench", "metric", "value", "unit", "floor", "ratio", "target", "met",
    ];
    output.table(&heading, measures.iter().map(Measure::row).collect())
}

/// A number with as many digits as mean something, thousands apart.
fn shown(number: f64) -> String {
    if number.abs() < 100.0 {
        let digits = match number.abs() {
            below if below < 0.1 => 4,
            below if below < 1.0 => 3,
            below if below < 10.0 => 2,
            _ => 1,
        };
        return format!("{number:.digits$}");
    }
    let digits = format!("{number:.0}");
    let mut apart = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digit.is_ascii_digit() && (digits.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

/// The value that a share of `sorted` does not exceed: 0.5 is the median.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    assert!(!sorted.is_empty(), "something was measured");
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted[at.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_the_digits_that_mean_something() {
        assert_eq!(shown(0.0123), "0.0123");
        assert_eq!(shown(0.384), "0.384");
        assert_eq!(shown(12.34), "12.3");
        assert_eq!(shown(999.6), "1,000");
        assert_eq!(shown(1_234_567.0), "1,234,567");
    }

    #[test]
    fn a_budget_is_kept_on_its_better_side() {
        assert_eq!(
            Measure::higher("b", "m", 2.0, "u").target(2.0).met,
            Some(true)
        );
        assert_eq!(
            Measure::higher("b", "m", 1.9, "u").target(2.0).met,
            Some(false)
        );
        assert_eq!(
            Measure::lower("b", "m", 2.1, "u").target(2.0).met,
            Some(false)
        );
        assert_eq!(
            Measure::lower("b", "m", 3.0, "u").floor(2.0).ratio,
            Some(1.5)
        );
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 0.5), 50.0);
        assert_eq!(percentile(&sorted, 0.99), 99.0);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
    }
}
