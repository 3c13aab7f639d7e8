//! From a syntax tree to conditions: what is compared with what, and whether
//! that can be answered.

use super::atom::{Atom, Place, Test};
use super::compare::key;
use super::keyed::{Keyed, RecordSide, UserSide};
use super::moving::Order;
use super::operand::{Operand, Subject, What};
use super::sort::Sort;
use super::source::{Source, fault};
use super::{Expression, ExpressionFault};
use crate::definition::{Definition, RecordType};
use crate::id::TypeId;
use crate::value::Value;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};

/// Reads `text` as a filter over records of `record_type`.
pub fn compile(
    text: &str,
    definition: &Definition,
    record_type: TypeId,
) -> Result<Expression, ExpressionFault> {
    let Some(record_type) = definition.types.get(&record_type) else {
        let wrong = "the record type to filter does not exist";
        return Err(fault(text, 0, wrong, "name one that does"));
    };
    let (tree, source) = Source::parse(text)?;
    let mut compiler = Compiler {
        source,
        definition,
        record_type,
        element: None,
    };
    compiler.condition(&tree)
}

pub(super) struct Compiler<'a> {
    pub(super) source: Source<'a>,
    pub(super) definition: &'a Definition,
    pub(super) record_type: &'a RecordType,
    element: Option<Element>,
}

/// What the name in `exists(name, …)` stands for.
struct Element {
    name: String,
    what: What,
    used: bool,
}

impl Compiler<'_> {
    /// What `name` stands for within `exists`.
    pub(super) fn element_named(&mut self, name: &str) -> Option<What> {
        let element = self.element.as_mut().filter(|known| known.name == name)?;
        element.used = true;
        Some(element.what.clone())
    }

    fn condition(&mut self, expr: &IdedExpr) -> Result<Expression, ExpressionFault> {
        match &expr.expr {
            Expr::Call(call) => self.call(call, expr),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, expr),
            Expr::Select(select) if select.test => {
                let mut plain = select.clone();
                plain.test = false;
                let field = IdedExpr {
                    id: select.operand.id,
                    expr: Expr::Select(plain),
                };
                let at = self.source.start(expr);
                let field = self.operand(&field)?;
                self.empty(field, at).map(Expression::negated)
            }
            _ => self.bare(expr),
        }
    }

    /// A yes-or-no field by itself.
    fn bare(&mut self, expr: &IdedExpr) -> Result<Expression, ExpressionFault> {
        let operand = self.operand(expr)?;
        let at = operand.at;
        let (name, words) = match &operand.what {
            What::Record(Subject { sort, name, .. }) | What::User(Subject { sort, name, .. })
                if *sort != Sort::Boolean =>
            {
                (name.clone(), sort.words(self.definition))
            }
            What::Record(_) | What::User(_) => {
                let yes = Operand {
                    what: What::Boolean(true),
                    at,
                };
                return self.compared(operand, Order::Equal, yes, at);
            }
            What::Boolean(_) => {
                let wrong = "it says nothing about the record";
                let instead = "leave the condition out, or compare a field";
                return Err(self.source.fault(at, wrong, instead));
            }
            _ => {
                let wrong = "this is a value, not a condition";
                let instead = "compare a field with it: `record.due >= today`";
                return Err(self.source.fault(at, wrong, instead));
            }
        };
        let wrong = format!("`{name}` is {words}, not a condition");
        let instead = format!("compare it, or ask has({name})");
        Err(self.source.fault(at, wrong, instead))
    }

    fn call(&mut self, call: &CallExpr, expr: &IdedExpr) -> Result<Expression, ExpressionFault> {
        let order = match call.func_name.as_str() {
            operators::EQUALS | operators::NOT_EQUALS => Some(Order::Equal),
            operators::LESS => Some(Order::Less),
            operators::LESS_EQUALS => Some(Order::AtMost),
            operators::GREATER => Some(Order::Greater),
            operators::GREATER_EQUALS => Some(Order::AtLeast),
            _ => None,
        };
        let name = call.func_name.as_str();
        let at = self.source.start(expr);
        match (name, call.target.as_deref(), call.args.as_slice()) {
            (operators::LOGICAL_AND, None, parts) if self.element.is_none() => {
                Ok(Expression::all(self.conditions(parts)?))
            }
            (operators::LOGICAL_OR, None, parts) => Ok(Expression::any(self.conditions(parts)?)),
            (operators::LOGICAL_NOT, None, [part]) if self.element.is_none() => {
                self.condition(part).map(Expression::negated)
            }
            (operators::IN, None, [one, many]) => {
                let (one, many) = (self.operand(one)?, self.operand(many)?);
                self.member(one, many, at)
            }
            (_, None, [one, other]) if order.is_some() => {
                let (one, other) = (self.operand(one)?, self.operand(other)?);
                let order = order.unwrap_or(Order::Equal);
                if name != operators::NOT_EQUALS {
                    return self.compared(one, order, other, at);
                }
                if self.element.is_some() {
                    return Err(self.not_of_an_element(at));
                }
                self.compared(one, order, other, at)
                    .map(Expression::negated)
            }
            (operators::LOGICAL_AND | operators::LOGICAL_NOT, None, _) => {
                Err(self.not_of_an_element(at))
            }
            ("startsWith", Some(text), [part]) => self.part(text, Place::Start, part),
            ("endsWith", Some(text), [part]) => self.part(text, Place::End, part),
            ("contains", Some(text), [part]) => self.part(text, Place::Anywhere, part),
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::NEGATE
                | "days"
                | "hours"
                | "minutes"
                | "duration"
                | "timestamp"
                | "date"
                | "money",
                None,
                _,
            ) => self.bare(expr),
            _ => Err(self.unknown_call(name, at)),
        }
    }

    fn conditions(&mut self, parts: &[IdedExpr]) -> Result<Vec<Expression>, ExpressionFault> {
        parts.iter().map(|part| self.condition(part)).collect()
    }

    /// `many.exists(name, condition)`: the condition of some element.
    fn comprehension(
        &mut self,
        comprehension: &ComprehensionExpr,
        expr: &IdedExpr,
    ) -> Result<Expression, ExpressionFault> {
        let at = self.source.start(expr);
        let body = match (&comprehension.accu_init.expr, &comprehension.loop_step.expr) {
            (Expr::Literal(LiteralValue::Boolean(init)), Expr::Call(step))
                if !init.inner() && step.func_name == operators::LOGICAL_OR =>
            {
                step.args.get(1)
            }
            _ => None,
        };
        let (Some(body), None) = (body, &self.element) else {
            let wrong = "of the words for lists, `exists` alone can be used, and not within itself";
            let instead = "write `record.tags.exists(t, t == \"x\")` or `\"x\" in record.tags`";
            return Err(self.source.fault(at, wrong, instead));
        };
        let many = self.operand(&comprehension.iter_range)?;
        let what = match many.what {
            What::Record(subject) if subject.many => What::Record(Subject {
                element: true,
                many: false,
                ..subject
            }),
            What::User(subject) if subject.many => What::User(Subject {
                element: true,
                many: false,
                ..subject
            }),
            _ => {
                let wrong = "`exists` asks about the elements of a set";
                let instead = "name a set or a multi-choice field, or user.teams";
                return Err(self.source.fault(many.at, wrong, instead));
            }
        };
        self.element = Some(Element {
            name: comprehension.iter_var.clone(),
            what,
            used: false,
        });
        let condition = self.condition(body);
        self.element = None;
        condition
    }

    fn not_of_an_element(&self, at: usize) -> ExpressionFault {
        let wrong = "within `exists`, an element is compared by ==, in, startsWith, endsWith, \
                     contains and ||";
        let instead = "put what is not about the element outside of it, and ! before it";
        self.source.fault(at, wrong, instead)
    }

    /// Every comparison within `exists` is of its element.
    pub(super) fn check_element(&mut self, at: usize) -> Result<(), ExpressionFault> {
        match &mut self.element {
            Some(element) if !element.used => {
                let wrong = format!("this says nothing about the element `{}`", element.name);
                Err(self.source.fault(at, wrong, "put it outside of `exists`"))
            }
            Some(element) => {
                element.used = false;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn part(
        &mut self,
        text: &IdedExpr,
        place: Place,
        part: &IdedExpr,
    ) -> Result<Expression, ExpressionFault> {
        let (text, part) = (self.operand(text)?, self.operand(part)?);
        self.check_element(text.at)?;
        let What::Record(subject) = text.what else {
            let wrong = "parts are looked for in texts of the record only";
            return Err(self
                .source
                .fault(text.at, wrong, "name a text field of the record"));
        };
        if subject.sort != Sort::Text || subject.many {
            let (name, words) = (&subject.name, subject.sort.words(self.definition));
            let (wrong, instead) = if subject.many {
                (
                    format!("`{name}` holds several values"),
                    format!("write `\"x\" in {name}`"),
                )
            } else {
                (
                    format!("`{name}` is {words}, not a text"),
                    subject.sort.example(),
                )
            };
            return Err(self.source.fault(text.at, wrong, instead));
        }
        match part.what {
            What::Text(part) => Ok(atom(Test::Part(subject.of, place, part))),
            _ => {
                let wrong = "only a text in quotes can be looked for";
                Err(self
                    .source
                    .fault(part.at, wrong, "write it: startsWith(\"BS\")"))
            }
        }
    }

    pub(super) fn empty(
        &mut self,
        field: Operand,
        at: usize,
    ) -> Result<Expression, ExpressionFault> {
        match field.what {
            What::Record(Subject { element: true, .. })
            | What::User(Subject { element: true, .. }) => {
                let wrong = "an element is never empty";
                Err(self.source.fault(at, wrong, "compare it with a value"))
            }
            What::Record(subject) => Ok(atom(Test::Empty(subject.of))),
            What::User(_) => Err(self.user_only_keyed(at)),
            _ => {
                let wrong = "this is never empty";
                Err(self
                    .source
                    .fault(at, wrong, "ask about a field: has(record.due)"))
            }
        }
    }

    pub(super) fn user_only_keyed(&self, at: usize) -> ExpressionFault {
        let wrong = "what is of the user can only be equal to something, or in something";
        let instead = "write it with == or in, such as `record.owner == user.id` or \
                       `record.owner in user.teams`";
        self.source.fault(at, wrong, instead)
    }

    fn member(
        &mut self,
        one: Operand,
        many: Operand,
        at: usize,
    ) -> Result<Expression, ExpressionFault> {
        match many.what {
            What::List(elements) => self.among(one, elements, many.at),
            What::Record(Subject { many: true, .. }) | What::User(Subject { many: true, .. }) => {
                let is_many = match &one.what {
                    What::Record(subject) => subject.many,
                    What::User(subject) => subject.many,
                    _ => false,
                };
                if is_many {
                    let wrong = "both sides of `in` hold several values";
                    let instead = "write `record.crew.exists(c, c in user.teams)`";
                    return Err(self.source.fault(at, wrong, instead));
                }
                let mut many = many;
                if let What::Record(subject) = &mut many.what {
                    subject.many = false;
                    subject.element = true;
                }
                if let What::User(subject) = &mut many.what {
                    subject.many = false;
                    subject.element = true;
                }
                self.compared(one, Order::Equal, many, at)
            }
            What::Record(Subject { name, .. }) | What::User(Subject { name, .. }) => {
                let wrong = format!("`{name}` holds one value");
                Err(self.source.fault(many.at, wrong, "write == instead of in"))
            }
            _ => {
                let wrong = "`in` needs something that holds several values after it";
                let instead = "write a list, [\"a\", \"b\"], a set, a multi-choice or user.teams";
                Err(self.source.fault(many.at, wrong, instead))
            }
        }
    }

    /// Membership in a list: one look-up when all of it is constant.
    fn among(
        &mut self,
        one: Operand,
        elements: Vec<Operand>,
        at: usize,
    ) -> Result<Expression, ExpressionFault> {
        if elements.is_empty() {
            let wrong = "nothing is in an empty list";
            return Err(self.source.fault(at, wrong, "list something"));
        }
        // An element of `exists` is used in each comparison, and named once.
        let used = self.element.as_ref().is_some_and(|element| element.used);
        let is_of_record = matches!(one.what, What::Record(_));
        let mut keys = Vec::new();
        let mut others = Vec::new();
        for element in elements {
            if let Some(element) = &mut self.element {
                element.used = used;
            }
            let part = self.compared(one.clone(), Order::Equal, element, at)?;
            match part {
                Expression::Atom(Atom(Test::Constant(path, _, value))) if is_of_record => {
                    keys.push((path, key(&value)));
                }
                part => others.push(part),
            }
        }
        if keys.len() < 2 {
            let single = |(path, value)| atom(Test::Constant(path, Order::Equal, value));
            others.extend(keys.drain(..).map(single));
        } else {
            let path = keys[0].0.clone();
            let mut keys: Vec<Value> = keys.into_iter().map(|(_, key)| key).collect();
            keys.sort();
            keys.dedup();
            others.insert(0, atom(Test::Among(path, keys)));
        }
        Ok(Expression::any(others))
    }
}

pub(super) fn atom(test: Test) -> Expression {
    Expression::Atom(Atom(test))
}

pub(super) fn keyed(record: RecordSide, user: UserSide) -> Expression {
    Expression::Keyed(Keyed { record, user })
}
