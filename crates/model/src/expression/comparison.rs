//! Which comparisons there are: of what with what, and in which order.

use super::atom::Test;
use super::compare::key;
use super::compile::{Compiler, atom, keyed};
use super::keyed::RecordSide;
use super::moving::{Moving, Order, Unit};
use super::operand::{Operand, Subject, What};
use super::path::Path;
use super::sort::{Sort, listed};
use super::{Expression, ExpressionFault};
use crate::text::suggest::did_you_mean;
use crate::value::{Money, Value};

impl Compiler<'_> {
    /// The condition that two sides compare so.
    pub(super) fn compared(
        &mut self,
        one: Operand,
        order: Order,
        other: Operand,
        at: usize,
    ) -> Result<Expression, ExpressionFault> {
        self.check_element(at)?;
        let is_null = |side: &Operand| matches!(side.what, What::Null);
        if !is_null(&one) && !is_null(&other) {
            self.check_single(&one)?;
            self.check_single(&other)?;
        }
        match (one.what, other.what) {
            (What::Null, subject) | (subject, What::Null) if order == Order::Equal => {
                self.empty(Operand { what: subject, at }, at)
            }
            (What::Null, _) | (_, What::Null) => {
                let wrong = "null is neither before nor after anything";
                Err(self.source.fault(at, wrong, "write == null or != null"))
            }
            (What::Record(one), What::Record(other)) => {
                self.check_sorts(&one, &other, order, at)?;
                Ok(atom(Test::Fields(one.of, order, other.of)))
            }
            (What::Record(record), What::User(user)) | (What::User(user), What::Record(record)) => {
                if order != Order::Equal {
                    return Err(self.user_only_keyed(at));
                }
                self.check_sorts(&record, &user, order, at)?;
                let record = RecordSide::Path(record.of);
                Ok(keyed(record, user.of))
            }
            (What::User(_), What::User(_)) => {
                let wrong = "the user is compared with the user";
                let instead = "compare with a field of the record";
                Err(self.source.fault(at, wrong, instead))
            }
            (What::User(user), constant) | (constant, What::User(user)) => {
                if order != Order::Equal || matches!(constant, What::Moving(_)) {
                    return Err(self.user_only_keyed(at));
                }
                let value = self.constant_for(&user.name, &user.sort, constant, other.at)?;
                Ok(keyed(RecordSide::Constants(vec![key(&value)]), user.of))
            }
            (What::Record(record), What::Moving(moving)) => {
                self.timed(record, order, moving, other.at)
            }
            (What::Moving(moving), What::Record(record)) => {
                self.timed(record, order.flipped(), moving, one.at)
            }
            (What::Moving(left), What::Moving(right)) => self.clock(left, order, right, at),
            (What::Record(record), constant) => {
                self.with_constant(record, order, constant, other.at)
            }
            (constant, What::Record(record)) => {
                self.with_constant(record, order.flipped(), constant, one.at)
            }
            _ => {
                let wrong = "neither side is of the record";
                let instead = "compare a field: `record.status == \"open\"`";
                Err(self.source.fault(at, wrong, instead))
            }
        }
    }

    /// A side that holds several values is asked about by `in`.
    fn check_single(&self, side: &Operand) -> Result<(), ExpressionFault> {
        let (wrong, instead) = match &side.what {
            What::Record(Subject {
                many: true, name, ..
            })
            | What::User(Subject {
                many: true, name, ..
            }) => (
                format!("`{name}` holds several values"),
                format!("write `… in {name}`, or has({name})"),
            ),
            What::List(_) => (
                "a list is no single value".to_owned(),
                "write in instead of ==".to_owned(),
            ),
            What::Duration(_) => (
                "how long is no point in time".to_owned(),
                "count it from now or today: `record.due > now - hours(2)`".to_owned(),
            ),
            _ => return Ok(()),
        };
        Err(self.source.fault(side.at, wrong, instead))
    }

    fn check_sorts<A, B>(
        &self,
        one: &Subject<A>,
        other: &Subject<B>,
        order: Order,
        at: usize,
    ) -> Result<(), ExpressionFault> {
        self.check_order(one, order, at)?;
        if one.sort == Sort::File || !one.sort.meets(&other.sort) {
            let wrong = format!(
                "`{}` is {} and `{}` is {}: they are never equal",
                one.name,
                one.sort.words(self.definition),
                other.name,
                other.sort.words(self.definition),
            );
            let instead = "compare fields of the same kind";
            return Err(self.source.fault(at, wrong, instead));
        }
        Ok(())
    }

    fn check_order<T>(
        &self,
        subject: &Subject<T>,
        order: Order,
        at: usize,
    ) -> Result<(), ExpressionFault> {
        if order == Order::Equal || (subject.sort.is_ordered() && !subject.element) {
            return Ok(());
        }
        let wrong = format!("values of `{}` have no order", subject.name);
        Err(self.source.fault(at, wrong, "compare by == or in"))
    }

    fn with_constant(
        &self,
        record: Subject<Path>,
        order: Order,
        constant: What,
        at: usize,
    ) -> Result<Expression, ExpressionFault> {
        let value = self.constant_for(&record.name, &record.sort, constant, at)?;
        self.check_order(&record, order, at)?;
        Ok(atom(Test::Constant(record.of, order, value)))
    }

    /// The constant as a value that the subject can hold.
    fn constant_for(
        &self,
        name: &str,
        sort: &Sort,
        constant: What,
        at: usize,
    ) -> Result<Value, ExpressionFault> {
        let unlike = |given: &str| {
            let words = sort.words(self.definition);
            let wrong = format!("`{name}` is {words} and is compared with {given}");
            Err(self.source.fault(at, wrong, sort.example()))
        };
        match (sort, constant) {
            (Sort::Text, What::Text(text)) => Ok(Value::Text(text)),
            (Sort::Choice(options), What::Text(text)) if options.contains(&text) => {
                Ok(Value::Choice(text))
            }
            (Sort::Choice(options), What::Text(text)) => {
                let wrong = format!("\"{text}\" is not an option of `{name}`");
                let known = options.iter().map(String::as_str);
                let instead = did_you_mean(&text, known, || {
                    format!("its options are {}", listed(options))
                });
                Err(self.source.fault(at, wrong, instead))
            }
            (Sort::Number, What::Number(number, whole)) => {
                Ok(whole.map_or(Value::Decimal(number), Value::Integer))
            }
            (Sort::Money(Some(currency)), What::Number(amount, _)) => Ok(Money {
                amount,
                currency: currency.clone(),
            }
            .into()),
            (Sort::Money(None), What::Number(..)) => {
                let wrong = format!("`{name}` is in one of several currencies");
                Err(self.source.fault(at, wrong, sort.example()))
            }
            (Sort::Money(_), What::Money(money)) => Ok(money.into()),
            (Sort::Boolean, What::Boolean(value)) => Ok(Value::Boolean(value)),
            (Sort::Lookup(_), What::Text(text)) => match text.parse() {
                Ok(record) => Ok(Value::Lookup(record)),
                Err(_) => unlike(&format!("\"{text}\", which is not the id of a record")),
            },
            (_, What::Text(_)) => unlike("a text"),
            (_, What::Number(..)) => unlike("a number"),
            (_, What::Boolean(_)) => unlike("yes or no"),
            (_, What::Money(_)) => unlike("an amount of money"),
            _ => unlike("something else"),
        }
    }

    fn timed(
        &self,
        record: Subject<Path>,
        order: Order,
        moving: Moving,
        at: usize,
    ) -> Result<Expression, ExpressionFault> {
        let name = &record.name;
        let unit = match (&record.sort, moving.is_day()) {
            (Sort::Date, true) => Unit::Days,
            (Sort::Date, false) => {
                let wrong = format!("`{name}` is a date and is compared with a time of a day");
                return Err(self.source.fault(at, wrong, record.sort.example()));
            }
            (Sort::Timestamp, true) if order == Order::Equal => {
                let wrong = format!("`{name}` is a time, and a day has many");
                let instead =
                    format!("write its bounds: `{name} >= today && {name} < today + days(1)`");
                return Err(self.source.fault(at, wrong, instead));
            }
            (Sort::Timestamp, false) if order == Order::Equal && moving.moves() => {
                let wrong = format!("`{name}` is equal to that for a millisecond only");
                return Err(self.source.fault(at, wrong, "write <=, <, > or >="));
            }
            (Sort::Timestamp, _) => Unit::Milliseconds,
            (sort, _) => {
                let words = sort.words(self.definition);
                let wrong = format!("`{name}` is {words} and is compared with a time");
                return Err(self.source.fault(at, wrong, sort.example()));
            }
        };
        Ok(atom(Test::Time(record.of, order, moving, unit)))
    }

    /// The clock by itself: holds of every record or of none.
    fn clock(
        &self,
        left: Moving,
        order: Order,
        right: Moving,
        at: usize,
    ) -> Result<Expression, ExpressionFault> {
        let (constant, order, moving) = match (left.moves(), right.moves()) {
            (false, true) => (left, order, right),
            (true, false) => (right, order.flipped(), left),
            (true, true) => {
                let wrong = "both sides move with the clock";
                let instead = "compare now or today with a field, date(…) or timestamp(…)";
                return Err(self.source.fault(at, wrong, instead));
            }
            (false, false) => {
                let wrong = "neither side is of the record or of the clock";
                let instead = "compare a field: `record.due < today`";
                return Err(self.source.fault(at, wrong, instead));
            }
        };
        let unit = match (constant.is_day(), moving.is_day()) {
            (true, true) => Unit::Days,
            _ if order == Order::Equal => {
                let wrong = "these are equal for a moment only";
                return Err(self.source.fault(at, wrong, "write <=, <, > or >="));
            }
            _ => Unit::Milliseconds,
        };
        Ok(atom(Test::Clock(constant, order, moving, unit)))
    }
}
