//! Expressions: filters of profiles, and what types allow offline.

use super::Faults;
use crate::definition::{Definition, Filter, RecordType};
use crate::expression::{Expression, ExpressionFault, Path, Read, compile};

impl Definition {
    /// What is wrong with the expressions of types and profiles.
    pub(super) fn expression_faults(&self, faults: &mut Faults) {
        for record_type in self.types.values().filter(|t| !t.retired) {
            if let Some(expression) = &record_type.offline_where {
                let place = format!("{}, offline_where", record_type.name);
                let compiled = self.expression_fault(expression, record_type, &place, faults);
                if compiled.is_some_and(|compiled| compiled.asks_user()) {
                    faults.add(
                        &place,
                        "it asks who the user is, but holds for everybody",
                        "ask that in the profiles' `where`",
                    );
                }
            }
        }
        for (name, profile) in &self.profiles {
            for (id, rule) in &profile.types {
                if let (Filter::Where(expression), Some(record_type)) =
                    (&rule.filter, self.types.get(id))
                {
                    let place = format!("profile {name}, {}, where", record_type.name);
                    self.expression_fault(expression, record_type, &place, faults);
                }
            }
        }
    }

    /// Notes what is wrong with an expression over records of a type; gives it
    /// compiled when it can be.
    fn expression_fault(
        &self,
        expression: &str,
        of: &RecordType,
        place: &str,
        faults: &mut Faults,
    ) -> Option<Expression> {
        if expression.trim().is_empty() {
            let instead = format!("say which records of {} it lets in", of.name);
            faults.add(place, "the expression is empty", instead);
            return None;
        }
        match compile(expression, self, of.id) {
            Ok(compiled) => {
                self.secured_fault(&compiled, place, faults);
                Some(compiled)
            }
            Err(fault) => {
                let ExpressionFault {
                    line,
                    column,
                    wrong,
                    instead,
                    ..
                } = fault;
                let at = match line {
                    1 => format!("at column {column}"),
                    line => format!("in line {line}, column {column}"),
                };
                let wrong = format!("{at} of the expression: {wrong}");
                faults.add(place, wrong, instead);
                None
            }
        }
    }

    /// Who holds a record could be told from a filter what its secured fields
    /// hold.
    fn secured_fault(&self, expression: &Expression, place: &str, faults: &mut Faults) {
        let reads = expression.paths().into_iter().flat_map(Path::reads);
        let secured = reads
            .filter_map(|(of, read)| match read {
                Read::Field(field) | Read::Elements(field) => {
                    self.types.get(&of)?.fields.get(&field)
                }
                Read::Id | Read::Created | Read::Modified => None,
            })
            .find(|field| field.secured);
        if let Some(field) = secured {
            faults.add(
                place,
                format!(
                    "it reads `{}`, which is secured: who holds a record would know its value",
                    field.name
                ),
                "ask about another field, or remove `secured` there",
            );
        }
    }
}
