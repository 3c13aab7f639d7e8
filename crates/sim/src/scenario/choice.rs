//! Scalars of a scenario file: each may be a value, a range, or a weighted set,
//! from which a seed draws.

use crate::laws::{Law, between_evenly_scaled};
use crate::streams::{MILLION, Stream};
use crate::time::{span_from_text, span_to_text};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use std::fmt;
use std::marker::PhantomData;

/// Something that stands as a scalar in a scenario file.
pub trait Scalar: Clone {
    /// What may stand there, for people: `a number`.
    fn expected() -> String;

    /// Reads it.
    fn read(text: &str) -> Option<Self>;

    /// Draws between two, where that means something.
    fn between(_: &mut Stream, _: &Self, _: &Self) -> Option<Self> {
        None
    }

    /// Whether ranges of it mean something.
    const RANGES: bool = false;
}

/// A value, a range, or a weighted set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<T> {
    /// This one.
    One(T),
    /// One between these, both included.
    Range(T, T),
    /// One of these, as likely as its weight says.
    Weighted(Vec<(T, u32)>),
}

impl<T: Scalar> Choice<T> {
    /// Makes the choice.
    pub fn draw(&self, stream: &mut Stream) -> T {
        match self {
            Choice::One(value) => value.clone(),
            Choice::Range(low, high) => {
                T::between(stream, low, high).unwrap_or_else(|| low.clone())
            }
            Choice::Weighted(choices) => match stream.weighted(choices) {
                Some(choice) => choice.clone(),
                None => choices[0].0.clone(),
            },
        }
    }
}

struct ChoiceVisitor<T>(PhantomData<T>);

impl<T: Scalar> ChoiceVisitor<T> {
    fn one<E: Error>(text: &str) -> Result<T, E> {
        T::read(text).ok_or_else(|| E::custom(format!("`{text}` is not {}", T::expected())))
    }

    fn choice<E: Error>(text: &str) -> Result<Choice<T>, E> {
        match text.split_once("..").filter(|_| T::RANGES) {
            Some((low, high)) => {
                let range = Choice::Range(Self::one(low.trim())?, Self::one(high.trim())?);
                Ok(range)
            }
            None => Self::one(text).map(Choice::One),
        }
    }
}

impl<'de, T: Scalar> Visitor<'de> for ChoiceVisitor<T> {
    type Value = Choice<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&T::expected())?;
        if T::RANGES {
            f.write_str(", a range such as \"3..12\"")?;
        }
        f.write_str(", a list to draw from, or a table of weights")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Choice<T>, E> {
        Self::choice(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Choice<T>, E> {
        Self::choice(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Choice<T>, E> {
        Self::choice(&value.to_string())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Choice<T>, E> {
        Self::choice(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Choice<T>, A::Error> {
        let mut choices = Vec::new();
        while let Some(value) = list.next_element::<Plain>()? {
            choices.push((Self::one(&value.0)?, 1));
        }
        non_empty(choices)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choice<T>, A::Error> {
        let mut choices = Vec::new();
        while let Some((value, weight)) = map.next_entry::<String, u32>()? {
            choices.push((Self::one(&value)?, weight));
        }
        non_empty(choices)
    }
}

fn non_empty<T, E: Error>(choices: Vec<(T, u32)>) -> Result<Choice<T>, E> {
    match choices.iter().any(|(_, weight)| *weight > 0) {
        true => Ok(Choice::Weighted(choices)),
        false => Err(E::custom("there is nothing to draw from")),
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Choice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor(PhantomData))
    }
}

/// Any scalar, as the text it is written with.
struct Plain(String);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl Visitor<'_> for Texts {
            type Value = Plain;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Plain, E> {
                Ok(Plain(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Plain, E> {
                Ok(Plain(value.to_string()))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Plain, E> {
                Ok(Plain(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

/// A count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

impl Scalar for Count {
    const RANGES: bool = true;
    fn expected() -> String {
        "a whole number".to_owned()
    }
    fn read(text: &str) -> Option<Count> {
        text.replace('_', "").parse().ok().map(Count)
    }
    fn between(stream: &mut Stream, low: &Count, high: &Count) -> Option<Count> {
        Some(Count(stream.between(low.0, high.0.max(low.0))))
    }
}

/// The smallest packet that a path of QUIC carries: 1,200 bytes and what the
/// internet puts before them.
pub const QUIC_PACKET_BYTES: u32 = 1_228;

/// The largest packet that a path carries, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mtu(pub u32);

impl Scalar for Mtu {
    const RANGES: bool = true;
    fn expected() -> String {
        format!("the bytes of the largest packet, {QUIC_PACKET_BYTES} to 65535")
    }
    fn read(text: &str) -> Option<Mtu> {
        let bytes = text.replace('_', "").parse().ok()?;
        (QUIC_PACKET_BYTES..=65_535)
            .contains(&bytes)
            .then_some(Mtu(bytes))
    }
    fn between(stream: &mut Stream, low: &Mtu, high: &Mtu) -> Option<Mtu> {
        let drawn = stream.between(low.0.into(), high.0.max(low.0).into());
        Some(Mtu(drawn as u32))
    }
}

/// A number with a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub i64);

impl Scalar for Amount {
    fn expected() -> String {
        "a whole number, or a span with a sign such as \"+400d\"".to_owned()
    }
    fn read(text: &str) -> Option<Amount> {
        if let Ok(number) = text.replace('_', "").parse() {
            return Some(Amount(number));
        }
        let (sign, span) = match text.split_at_checked(1)? {
            ("+", span) => (1, span),
            ("-", span) => (-1, span),
            _ => (1, text),
        };
        let milliseconds = i64::try_from(span_from_text(span)? / 1_000).ok()?;
        Some(Amount(sign * milliseconds))
    }
}

/// A probability, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub u32);

impl Scalar for Share {
    const RANGES: bool = true;
    fn expected() -> String {
        "a probability from 0 to 1, or a percentage such as \"5%\"".to_owned()
    }
    fn read(text: &str) -> Option<Share> {
        let (number, scale) = match text.trim().strip_suffix('%') {
            Some(number) => (number, 10_000.0),
            None => (text, f64::from(MILLION)),
        };
        let million = number.trim().parse::<f64>().ok()? * scale;
        let fits = (0.0..=f64::from(MILLION)).contains(&million);
        fits.then_some(Share((million + 0.5) as u32))
    }
    fn between(stream: &mut Stream, low: &Share, high: &Share) -> Option<Share> {
        let drawn = stream.between(u64::from(low.0), u64::from(high.0.max(low.0)));
        Some(Share(drawn as u32))
    }
}

/// A span of time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

impl Scalar for Span {
    const RANGES: bool = true;
    fn expected() -> String {
        "a span such as \"90s\", \"6h\" or \"1d12h\"".to_owned()
    }
    fn read(text: &str) -> Option<Span> {
        span_from_text(text).map(Span)
    }
    fn between(stream: &mut Stream, low: &Span, high: &Span) -> Option<Span> {
        Some(Span(between_evenly_scaled(stream, low.0, high.0)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&span_to_text(self.0))
    }
}

/// A law of spans as it is written: a span, a range (any span in it, equally
/// likely), or a table that names the law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LawText {
    /// Always this.
    Constant(Span),
    /// Any between these.
    Uniform(Span, Span),
    /// As the table says.
    Table(LawTable),
}

/// A law in a table. Each of its spans may be a choice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "law", deny_unknown_fields)]
pub enum LawTable {
    /// Without memory.
    Exponential {
        /// The shortest.
        #[serde(default)]
        min: Option<Choice<Span>>,
        /// The mean of what comes on top.
        mean: Choice<Span>,
    },
    /// Its logarithm is normal.
    Lognormal {
        /// Half are shorter.
        median: Choice<Span>,
        /// One in a hundred is longer.
        p99: Choice<Span>,
    },
    /// A heavy tail.
    Pareto {
        /// The shortest.
        min: Choice<Span>,
        /// The power in hundredths: 120 is a very heavy tail.
        power: Choice<Count>,
        /// The longest.
        max: Choice<Span>,
    },
}

impl LawText {
    /// Makes its choices.
    pub fn draw(&self, stream: &mut Stream) -> Law {
        match self {
            LawText::Constant(span) => Law::Constant { value: span.0 },
            LawText::Uniform(min, max) => Law::Uniform {
                min: min.0,
                max: max.0,
            },
            LawText::Table(LawTable::Exponential { min, mean }) => Law::Exponential {
                min: min.as_ref().map_or(0, |min| min.draw(stream).0),
                mean: mean.draw(stream).0,
            },
            LawText::Table(LawTable::Lognormal { median, p99 }) => Law::Lognormal {
                median: median.draw(stream).0,
                p99: p99.draw(stream).0,
            },
            LawText::Table(LawTable::Pareto { min, power, max }) => Law::Pareto {
                min: min.draw(stream).0,
                power: power.draw(stream).0 as u32,
                max: max.draw(stream).0,
            },
        }
    }
}

impl<'de> Deserialize<'de> for LawText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Laws;
        impl<'de> Visitor<'de> for Laws {
            type Value = LawText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a span, a range of spans, or a table such as { law = \"exponential\", mean = \"6h\" }",
                )
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<LawText, E> {
                let span = |text: &str| {
                    Span::read(text)
                        .ok_or_else(|| E::custom(format!("`{text}` is not {}", Span::expected())))
                };
                match text.split_once("..") {
                    Some((min, max)) => Ok(LawText::Uniform(span(min)?, span(max)?)),
                    None => span(text).map(LawText::Constant),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LawText, A::Error> {
                let table = de::value::MapAccessDeserializer::new(map);
                LawTable::deserialize(table).map(LawText::Table)
            }
        }
        deserializer.deserialize_any(Laws)
    }
}

/// Words of which only some are allowed.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $what:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl Scalar for $name {
            fn expected() -> String {
                let allowed: Vec<String> =
                    $allowed.iter().map(|word| format!("`{word}`")).collect();
                format!("{}: {}", $what, allowed.join(", "))
            }
            fn read(text: &str) -> Option<$name> {
                let known = $allowed.iter().any(|word| *word == text);
                known.then(|| $name(text.to_owned()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $name::read(&text).ok_or_else(|| {
                    D::Error::custom(format!("`{text}` is not {}", $name::expected()))
                })
            }
        }
    };
}

words!(
    /// The id of a conflict policy.
    PolicyName: "a conflict policy", cairn_policy::ids()
);
words!(
    /// What counts as one thing.
    GranularityName: "a granularity", ["field", "record"]
);
words!(
    /// What the machines are driven with.
    TierName: "a tier", super::Tier::ALL.map(super::Tier::name)
);
words!(
    /// A kind of field.
    KindName: "a kind of field", crate::organization::KINDS
);
words!(
    /// An organization to begin with.
    TemplateName: "an organization", ["workbench", "crew", "field-service", "sales"]
);
words!(
    /// Which jobs the crew's profile lets in.
    FilterName: "a filter", crate::organization::FILTERS
);
words!(
    /// What a person does.
    ActName: "an act of a person", crate::workload::ACTS
);
words!(
    /// A kind of fault.
    FaultKind: "a kind of fault", super::FAULT_KINDS
);
words!(
    /// What is counted.
    CountName: "something that is counted", crate::run::COUNTED
);
words!(
    /// Yes or no.
    Switch: "yes or no", ["true", "false"]
);

/// Whom a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(pub String);

impl Scalar for Target {
    fn expected() -> String {
        "whom it strikes: `relay`, `device` (another each time), `devices` (all), `device:3`, or `any`"
            .to_owned()
    }
    fn read(text: &str) -> Option<Target> {
        let numbered = text
            .strip_prefix("device:")
            .is_some_and(|number| number.parse::<u32>().is_ok());
        let known = ["relay", "device", "devices", "any"].contains(&text);
        (known || numbered).then(|| Target(text.to_owned()))
    }
}
