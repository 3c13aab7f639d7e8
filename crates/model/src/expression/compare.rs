//! How values of records are compared: by what they mean, whatever kind of
//! field they come from.

use crate::value::{Decimal, Value};
use std::cmp::Ordering;

/// The order of two values; `None` when they have none.
pub(super) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Integer(one), Value::Integer(other)) => Some(one.cmp(other)),
        (Value::Integer(_) | Value::Decimal(_), Value::Integer(_) | Value::Decimal(_)) => {
            Some(number(one)?.cmp(&number(other)?))
        }
        (Value::Money(one), Value::Money(other)) => {
            (one.currency == other.currency).then(|| one.amount.cmp(&other.amount))
        }
        (Value::Boolean(one), Value::Boolean(other)) => Some(one.cmp(other)),
        (Value::Date(one), Value::Date(other)) => Some(one.cmp(other)),
        (Value::Timestamp(one), Value::Timestamp(other)) => Some(one.cmp(other)),
        (Value::Lookup(one), Value::Lookup(other)) => Some(one.cmp(other)),
        _ => Some(text(one)?.cmp(text(other)?)),
    }
}

/// Whether two values are the same.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    compare(one, other).is_some_and(Ordering::is_eq)
}

/// Whether `value` is one of `keys`, which are keys in their order.
pub(super) fn is_among(keys: &[Value], value: &Value) -> bool {
    // Amounts have no order across currencies, and `Value` has one.
    let order = |key: &Value| match (key, value) {
        (Value::Money(key), Value::Money(value)) => key.cmp(value),
        _ => compare(key, value).unwrap_or_else(|| key.cmp(value)),
    };
    keys.binary_search_by(order).is_ok()
}

/// The one form of a value that equal values share.
pub(super) fn key(value: &Value) -> Value {
    match value {
        Value::Choice(name) => Value::Text(name.clone()),
        Value::Integer(number) => Value::Decimal(Decimal::from(*number)),
        other => other.clone(),
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Choice(text) => Some(text),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}
