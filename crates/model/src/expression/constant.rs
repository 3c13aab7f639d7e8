//! Constants: literals, points in time, and what is calculated from them.

use super::compile::Compiler;
use super::moving::{DAY_MS, HOUR_MS, MINUTE_MS, Moving, Origin};
use super::operand::{Operand, What};
use super::{EXPRESSION_DAYS_MAX, ExpressionFault};
use crate::definition::Kind;
use crate::time::Timestamp;
use crate::value::{Decimal, Value};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, LiteralValue, operators};

impl Compiler<'_> {
    pub(super) fn literal(
        &self,
        literal: &LiteralValue,
        expr: &IdedExpr,
        at: usize,
    ) -> Result<What, ExpressionFault> {
        Ok(match literal {
            LiteralValue::Boolean(value) => What::Boolean(*value.inner()),
            LiteralValue::Int(number) => {
                What::Number(Decimal::from(*number.inner()), Some(*number.inner()))
            }
            LiteralValue::Double(number) => {
                // The exact digits, which the binary number may have lost.
                let digits = self.source.literal(expr);
                let digits = digits.trim_start_matches('-').trim_start();
                let sign = if number.inner().is_sign_negative() {
                    "-"
                } else {
                    ""
                };
                match format!("{sign}{digits}").parse() {
                    Ok(number) => What::Number(number, None),
                    Err(_) => {
                        let wrong = format!("`{digits}` has too many digits to be exact");
                        return Err(self.source.fault(at, wrong, "at most 28 are possible"));
                    }
                }
            }
            LiteralValue::String(text) => What::Text(text.inner().to_owned()),
            LiteralValue::Null => What::Null,
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                let wrong = "values are compared with texts and numbers only";
                return Err(self.source.fault(at, wrong, "write \"text\", 12 or 12.50"));
            }
        })
    }

    pub(super) fn called(&mut self, call: &CallExpr, at: usize) -> Result<What, ExpressionFault> {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), call.args.as_slice()) {
            (operators::ADD, None, [one, other]) => self.sum(one, other, false, at),
            (operators::SUBSTRACT, None, [one, other]) => self.sum(one, other, true, at),
            (operators::MULTIPLY, None, [one, other]) => {
                let (one, other) = (self.operand(one)?, self.operand(other)?);
                match (whole(&one), whole(&other)) {
                    (Some(one), Some(other)) => self.counted(one.checked_mul(other), at),
                    _ => Err(self.no_arithmetic(at)),
                }
            }
            (operators::NEGATE, None, [one]) => match self.operand(one)?.what {
                What::Number(number, whole) => Ok(What::Number(
                    number.negated(),
                    whole.and_then(i64::checked_neg),
                )),
                What::Duration(duration) => Ok(What::Duration(-duration)),
                _ => Err(self.no_arithmetic(at)),
            },
            (operators::DIVIDE | operators::MODULO, ..) => Err(self.no_arithmetic(at)),
            ("days", None, [count]) => self.span_of(count, DAY_MS),
            ("hours", None, [count]) => self.span_of(count, HOUR_MS),
            ("minutes", None, [count]) => self.span_of(count, MINUTE_MS),
            ("duration" | "timestamp" | "date" | "money", None, [text]) => {
                let text = self.operand(text)?;
                match &text.what {
                    What::Text(given) => self.constant(name, given, text.at),
                    _ => Err(self.not_constant(name, text.at)),
                }
            }
            _ => Err(self.unknown_call(name, at)),
        }
    }

    fn sum(
        &mut self,
        one: &IdedExpr,
        other: &IdedExpr,
        minus: bool,
        at: usize,
    ) -> Result<What, ExpressionFault> {
        let (one, other) = (self.operand(one)?, self.operand(other)?);
        let signed = |amount: i64| if minus { -amount } else { amount };
        match (&one.what, &other.what) {
            (What::Moving(moving), What::Duration(duration)) => {
                self.moved(*moving, signed(*duration), at)
            }
            (What::Duration(duration), What::Moving(moving)) if !minus => {
                self.moved(*moving, *duration, at)
            }
            (What::Duration(one), What::Duration(other)) => {
                let sum = one + signed(*other);
                self.bounded(sum, at).map(What::Duration)
            }
            (What::Moving(_), What::Number(..)) => {
                let wrong = "a plain number does not say how long";
                let instead = "write days(7), hours(7) or minutes(7)";
                Err(self.source.fault(other.at, wrong, instead))
            }
            _ => match (whole(&one), whole(&other)) {
                (Some(one), Some(other)) if minus => self.counted(one.checked_sub(other), at),
                (Some(one), Some(other)) => self.counted(one.checked_add(other), at),
                _ => Err(self.no_arithmetic(at)),
            },
        }
    }

    fn moved(&self, moving: Moving, by: i64, at: usize) -> Result<What, ExpressionFault> {
        let plus = self.bounded(moving.plus + by, at)?;
        Ok(What::Moving(Moving { plus, ..moving }))
    }

    /// Sums of what is bounded are far from the limits of the number.
    fn bounded(&self, duration: i64, at: usize) -> Result<i64, ExpressionFault> {
        if duration.abs() <= EXPRESSION_DAYS_MAX * DAY_MS {
            return Ok(duration);
        }
        let wrong = format!("that is longer than {EXPRESSION_DAYS_MAX} days");
        Err(self
            .source
            .fault(at, wrong, "write a shorter time, or a date"))
    }

    fn span_of(&mut self, count: &IdedExpr, unit: i64) -> Result<What, ExpressionFault> {
        let count = self.operand(count)?;
        let Some(number) = whole(&count) else {
            let wrong = "only a whole number can be counted here";
            return Err(self.source.fault(count.at, wrong, "write it out: days(7)"));
        };
        let duration = number.checked_mul(unit).unwrap_or(i64::MAX);
        // The least number has no absolute value.
        self.bounded(duration.max(-i64::MAX), count.at)
            .map(What::Duration)
    }

    fn counted(&self, number: Option<i64>, at: usize) -> Result<What, ExpressionFault> {
        match number {
            Some(number) => Ok(What::Number(Decimal::from(number), Some(number))),
            None => {
                let wrong = "the result is too large a number";
                Err(self.source.fault(at, wrong, "write smaller ones"))
            }
        }
    }

    fn no_arithmetic(&self, at: usize) -> ExpressionFault {
        let wrong = "this cannot be calculated";
        let instead = "calculate with whole numbers and times only, and move what is added to a \
                       field to the other side: `record.due > now - hours(2)`";
        self.source.fault(at, wrong, instead)
    }

    fn constant(&self, name: &str, given: &str, at: usize) -> Result<What, ExpressionFault> {
        let moving = |origin| What::Moving(Moving { origin, plus: 0 });
        let read =
            match name {
                "duration" => duration(given).map(What::Duration),
                "money" => Value::from_text(&Kind::money(""), given)
                    .ok()
                    .and_then(|value| match value {
                        Value::Money(money) => Some(What::Money(*money)),
                        _ => None,
                    }),
                "date" => match Value::from_text(&Kind::Date, given) {
                    Ok(Value::Date(day)) => Some(moving(Origin::Day(day))),
                    _ => None,
                },
                _ => given
                    .parse()
                    .ok()
                    .and_then(|time: Timestamp| i64::try_from(time.0).ok())
                    .map(|time| moving(Origin::Instant(time))),
            };
        match read {
            Some(What::Duration(duration)) => self.bounded(duration, at).map(What::Duration),
            Some(read) => Ok(read),
            None => Err(self.not_constant(name, at)),
        }
    }

    fn not_constant(&self, name: &str, at: usize) -> ExpressionFault {
        let wrong = format!("`{name}` cannot be read from this");
        self.source.fault(at, wrong, constant_example(name))
    }
}

pub(super) fn constant_example(name: &str) -> &'static str {
    match name {
        "duration" => "write duration(\"7d\"), duration(\"36h\") or duration(\"1d12h30m\")",
        "timestamp" => "write timestamp(\"2026-03-01T08:00:00Z\")",
        "date" => "write date(\"2026-03-01\")",
        _ => "write money(\"12.50 EUR\")",
    }
}

fn whole(operand: &Operand) -> Option<i64> {
    match operand.what {
        What::Number(_, whole) => whole,
        _ => None,
    }
}

/// `7d`, `36h`, `1d12h30m`, `-90m`: each unit at most once, the larger first.
fn duration(text: &str) -> Option<i64> {
    let (text, sign) = match text.strip_prefix('-') {
        Some(text) => (text, -1),
        None => (text, 1),
    };
    let mut rest = text;
    let mut sum: i64 = 0;
    for (name, unit) in [
        ("d", DAY_MS),
        ("h", HOUR_MS),
        ("m", MINUTE_MS),
        ("s", 1_000),
    ] {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let Some(after) = rest[digits..].strip_prefix(name) else {
            continue;
        };
        let count: i64 = rest[..digits].parse().ok()?;
        sum = sum.checked_add(count.checked_mul(unit)?)?;
        rest = after;
    }
    (rest.is_empty() && !text.is_empty()).then_some(sign * sum)
}
