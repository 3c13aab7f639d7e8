//! Which values a kind and its limits take.

use super::Kind;
use crate::limit;
use crate::value::Value;
use std::fmt;

impl Kind {
    /// Whether the kind and its limits take `value`; the reason when not.
    /// Whether a lookup's target exists is for the fold to say.
    pub fn accepts(&self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Kind::Text { length_max }, Value::Text(text)) => text_fits(text, *length_max),
            (Kind::Integer { min, max }, Value::Integer(number)) => in_range(number, min, max),
            (Kind::Decimal { min, max, scale }, Value::Decimal(number)) => {
                if let Some(scale) = scale
                    && number.scale() > u32::from(*scale)
                {
                    return Err(format!(
                        "{number} has more than {scale} digits after the point"
                    ));
                }
                in_range(number, min, max)
            }
            (Kind::Money { min, max, .. }, Value::Money(money)) => {
                in_range(&money.amount, min, max)
            }
            (Kind::Boolean, Value::Boolean(_))
            | (Kind::Date, Value::Date(_))
            | (Kind::Timestamp, Value::Timestamp(_))
            | (Kind::File, Value::File(_))
            | (Kind::Lookup { .. }, Value::Lookup(_)) => Ok(()),
            (Kind::Choice { options }, Value::Choice(name)) => is_option(name, options),
            (Kind::MultiChoice { options }, Value::MultiChoice(names)) => {
                names.iter().try_for_each(|name| is_option(name, options))
            }
            (Kind::Set { of }, element) => of.accepts(element),
            (kind, value) => Err(format!("`{value}` is not {}", kind.describe())),
        }
    }
}

fn text_fits(text: &str, length_max: Option<u32>) -> Result<(), String> {
    if text.len() > limit::TEXT_BYTES_MAX {
        return Err(format!(
            "the text has {} bytes; at most {} are possible",
            text.len(),
            limit::TEXT_BYTES_MAX
        ));
    }
    let Some(max) = length_max else { return Ok(()) };
    if text.len() <= max as usize {
        return Ok(());
    }
    let length = text.chars().count();
    if length > max as usize {
        return Err(format!(
            "the text has {length} characters; at most {max} are possible"
        ));
    }
    Ok(())
}

fn in_range<T: PartialOrd + fmt::Display>(
    number: &T,
    min: &Option<T>,
    max: &Option<T>,
) -> Result<(), String> {
    match (min, max) {
        (Some(min), _) if number < min => {
            Err(format!("{number} is below the smallest possible, {min}"))
        }
        (_, Some(max)) if number > max => {
            Err(format!("{number} is above the largest possible, {max}"))
        }
        _ => Ok(()),
    }
}

fn is_option(name: &str, options: &[String]) -> Result<(), String> {
    if options.iter().any(|option| option == name) {
        Ok(())
    } else {
        Err(format!("`{name}` is not one of {}", options.join(", ")))
    }
}
