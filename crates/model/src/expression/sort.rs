//! What values of a field are for a comparison: kinds that compare with each
//! other are of one sort.

use crate::definition::{Definition, Kind};
use crate::id::TypeId;
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sort {
    Text,
    /// Text out of these.
    Choice(Vec<String>),
    Number,
    /// The currency of amounts given without one, if it is one for all.
    Money(Option<String>),
    Boolean,
    Date,
    Timestamp,
    /// Records of these types.
    Lookup(BTreeSet<TypeId>),
    File,
}

impl Sort {
    /// The sort of a field's values, and whether there are several; `None` for
    /// documents.
    pub(super) fn of(kind: &Kind) -> Option<(Sort, bool)> {
        let sort = match kind {
            Kind::Text { .. } => Sort::Text,
            Kind::Integer { .. } | Kind::Decimal { .. } | Kind::Counter => Sort::Number,
            Kind::Money { currency, .. } => Sort::Money(Some(currency.clone())),
            Kind::Boolean => Sort::Boolean,
            Kind::Date => Sort::Date,
            Kind::Timestamp => Sort::Timestamp,
            Kind::Choice { options } => Sort::Choice(options.clone()),
            Kind::MultiChoice { options } => return Some((Sort::Choice(options.clone()), true)),
            Kind::Lookup { targets, .. } => Sort::Lookup(targets.clone()),
            Kind::File => Sort::File,
            Kind::Set { of } => return Some((Sort::of(of)?.0, true)),
            Kind::RichText | Kind::Json => return None,
        };
        Some((sort, false))
    }

    /// The sort of values that are of one of two; `None` when they do not
    /// compare.
    pub(super) fn joined(self, other: Sort) -> Option<Sort> {
        match (self, other) {
            (Sort::Choice(mut options), Sort::Choice(more)) => {
                let new = more.into_iter().filter(|option| !options.contains(option));
                let new: Vec<String> = new.collect();
                options.extend(new);
                Some(Sort::Choice(options))
            }
            (Sort::Text | Sort::Choice(_), Sort::Text | Sort::Choice(_)) => Some(Sort::Text),
            (Sort::Money(one), Sort::Money(other)) => {
                Some(Sort::Money(one.filter(|one| Some(one) == other.as_ref())))
            }
            (Sort::Lookup(mut targets), Sort::Lookup(more)) => {
                targets.extend(more);
                Some(Sort::Lookup(targets))
            }
            (one, other) => (one == other).then_some(one),
        }
    }

    /// Whether a value of one can be equal to a value of the other.
    pub(super) fn meets(&self, other: &Sort) -> bool {
        match (self, other) {
            (Sort::Lookup(one), Sort::Lookup(other)) => !one.is_disjoint(other),
            (Sort::Choice(one), Sort::Choice(other)) => {
                one.iter().any(|option| other.contains(option))
            }
            (one, other) => one.clone().joined(other.clone()).is_some(),
        }
    }

    /// Whether values have an order that people mean.
    pub(super) fn is_ordered(&self) -> bool {
        match self {
            Sort::Text | Sort::Number | Sort::Money(_) | Sort::Date | Sort::Timestamp => true,
            Sort::Choice(_) | Sort::Boolean | Sort::Lookup(_) | Sort::File => false,
        }
    }

    /// `a number`, `a lookup to account or contact`.
    pub(super) fn words(&self, definition: &Definition) -> String {
        match self {
            Sort::Text => "a text".to_owned(),
            Sort::Choice(_) => "one of its options".to_owned(),
            Sort::Number => "a number".to_owned(),
            Sort::Money(_) => "an amount of money".to_owned(),
            Sort::Boolean => "yes or no".to_owned(),
            Sort::Date => "a date".to_owned(),
            Sort::Timestamp => "a time".to_owned(),
            Sort::Lookup(targets) => {
                let names = targets.iter().filter_map(|id| definition.types.get(id));
                let names: Vec<&str> = names.map(|target| target.name.as_str()).collect();
                format!("a lookup to {}", names.join(" or "))
            }
            Sort::File => "a file".to_owned(),
        }
    }

    /// What to compare a value with.
    pub(super) fn example(&self) -> String {
        match self {
            Sort::Text => "write a text, such as \"Bristol\"".to_owned(),
            Sort::Choice(options) => format!("write one of {}", listed(options)),
            Sort::Number => "write a number, such as 12 or 12.50".to_owned(),
            Sort::Money(currency) => {
                let currency = currency.as_deref().unwrap_or("EUR");
                format!("write an amount, such as money(\"12.50 {currency}\")")
            }
            Sort::Boolean => "write true or false".to_owned(),
            Sort::Date => {
                "write a day, such as today, today + days(7) or date(\"2026-03-01\")".to_owned()
            }
            Sort::Timestamp => "write a time, such as now - hours(2), today + days(7) or \
                                timestamp(\"2026-03-01T08:00:00Z\")"
                .to_owned(),
            Sort::Lookup(_) => "write the id of a record in quotes, user.id, or go on to a field \
                                of the record it points at"
                .to_owned(),
            Sort::File => "ask only whether there is one: has(…)".to_owned(),
        }
    }
}

/// Options in quotes; the first of many.
pub(super) fn listed(options: &[String]) -> String {
    const SHOWN_MAX: usize = 12;
    let shown = options
        .iter()
        .take(SHOWN_MAX)
        .map(|option| format!("\"{option}\""));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match options.len() {
        0..=SHOWN_MAX => shown,
        all => format!("{shown} and {} more", all - SHOWN_MAX),
    }
}
