//! What stands on either side of a comparison.

use super::compile::Compiler;
use super::constant::constant_example;
use super::keyed::UserSide;
use super::moving::{Moving, Origin};
use super::path::{Path, Read, Step};
use super::sort::Sort;
use super::{EXPRESSION_HOPS_MAX, ExpressionFault};
use crate::definition::{Kind, RecordType};
use crate::id::TypeId;
use crate::text::suggest::did_you_mean;
use crate::value::{Decimal, Money};
use cel::IdedExpr;
use cel::common::ast::{Expr, SelectExpr, operators};
use std::collections::{BTreeMap, BTreeSet};

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) what: What,
    /// Bytes before it.
    pub(super) at: usize,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Record(Subject<Path>),
    User(Subject<UserSide>),
    Moving(Moving),
    /// Milliseconds.
    Duration(i64),
    Text(String),
    /// The whole number too, if it is one that arithmetic takes.
    Number(Decimal, Option<i64>),
    Boolean(bool),
    Money(Money),
    Null,
    List(Vec<Operand>),
}

/// Something of the record or of the user.
#[derive(Debug, Clone)]
pub(super) struct Subject<T> {
    pub(super) of: T,
    /// As it is written.
    pub(super) name: String,
    pub(super) sort: Sort,
    pub(super) many: bool,
    /// Whether it stands for one element of many, in `exists`.
    pub(super) element: bool,
}

/// What can be called, besides the texts' own.
const FUNCTIONS: &[&str] = &[
    "days",
    "hours",
    "minutes",
    "duration",
    "timestamp",
    "date",
    "money",
    "has",
    "exists",
    "startsWith",
    "endsWith",
    "contains",
];

const FUNCTIONS_LISTED: &str = "there are days, hours, minutes, duration, timestamp, date, money, \
     has, and on fields startsWith, endsWith, contains and exists";

impl Compiler<'_> {
    pub(super) fn operand(&mut self, expr: &IdedExpr) -> Result<Operand, ExpressionFault> {
        let at = self.source.start(expr);
        let what = match &expr.expr {
            Expr::Literal(literal) => self.literal(literal, expr, at)?,
            Expr::Ident(name) => self.word(name, at)?,
            Expr::Select(select) if !select.test => self.selected(select, expr, at)?,
            Expr::Call(call) => self.called(call, at)?,
            Expr::List(list) => {
                let elements = list.elements.iter().map(|element| self.operand(element));
                What::List(elements.collect::<Result<_, _>>()?)
            }
            _ => {
                let wrong = "a condition stands where a value is compared";
                let instead = "join conditions by && and ||";
                return Err(self.source.fault(at, wrong, instead));
            }
        };
        Ok(Operand { what, at })
    }

    fn word(&mut self, name: &str, at: usize) -> Result<What, ExpressionFault> {
        if let Some(element) = self.element_named(name) {
            return Ok(element);
        }
        let moving = |origin| Ok(What::Moving(Moving { origin, plus: 0 }));
        let (wrong, instead) = match name {
            "now" => return moving(Origin::Now),
            "today" => return moving(Origin::Today),
            "record" => (
                "`record` alone is not a value".to_owned(),
                "name a field of it, such as record.id".to_owned(),
            ),
            "user" => (
                "`user` alone is not a value".to_owned(),
                "write user.id, user.login, user.teams, user.business_unit or a field of the \
                 user's record"
                    .to_owned(),
            ),
            _ if self.record_type.field_named(name).is_some() => (
                format!("`{name}` is not known by itself"),
                format!("write `record.{name}`"),
            ),
            _ => {
                let known = ["record", "user", "now", "today", "true", "false", "null"];
                let instead = did_you_mean(name, known, || {
                    "there are record, user, now and today; write texts in quotes".to_owned()
                });
                (format!("`{name}` is not known"), instead)
            }
        };
        Err(self.source.fault(at, wrong, instead))
    }

    fn selected(
        &mut self,
        select: &SelectExpr,
        expr: &IdedExpr,
        at: usize,
    ) -> Result<What, ExpressionFault> {
        // The fields from the root on, each with its place.
        let mut fields = vec![(select.field.as_str(), self.source.field_start(expr))];
        let mut root = &*select.operand;
        while let Expr::Select(select) = &root.expr {
            fields.push((select.field.as_str(), self.source.field_start(root)));
            root = &select.operand;
        }
        fields.reverse();
        let name = |root: &str| {
            let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
            format!("{root}.{}", names.join("."))
        };
        match &root.expr {
            Expr::Ident(word) if word == "record" => {
                let (of, sort) = self.path(self.record_type, &fields)?;
                Ok(What::Record(Subject {
                    many: of.many,
                    of,
                    name: name("record"),
                    sort,
                    element: false,
                }))
            }
            Expr::Ident(word) if word == "user" => {
                let (of, sort, many) = self.user_side(&fields)?;
                Ok(What::User(Subject {
                    of,
                    name: name("user"),
                    sort,
                    many,
                    element: false,
                }))
            }
            Expr::Ident(word) => {
                if self.element_named(word).is_some() {
                    let wrong = format!("`{word}` stands for an element, which has no fields here");
                    let instead = "compare the element itself, or use a relationship of the \
                                   profile to reach the records";
                    return Err(self.source.fault(at, wrong, instead));
                }
                self.word(word, at)?;
                let wrong = format!("`{word}` has no fields");
                Err(self.source.fault(at, wrong, "write record.… or user.…"))
            }
            _ => {
                let wrong = "only a record and the user have fields";
                Err(self.source.fault(at, wrong, "write record.… or user.…"))
            }
        }
    }

    fn user_side(
        &self,
        fields: &[(&str, usize)],
    ) -> Result<(UserSide, Sort, bool), ExpressionFault> {
        let (first, at) = fields[0];
        let record_of = |name: &str| {
            self.definition.type_named(name).ok_or_else(|| {
                let wrong = format!("the organization has no record type `{name}`");
                let instead = "add it, or compare with user.login";
                self.source.fault(at, wrong, instead)
            })
        };
        let built_in = match (first, fields.len()) {
            ("id", 1) => {
                let target = BTreeSet::from([record_of("user")?.id]);
                Some((UserSide::Record, Sort::Lookup(target), false))
            }
            ("teams", 1) => {
                let target = BTreeSet::from([record_of("team")?.id]);
                Some((UserSide::Teams, Sort::Lookup(target), true))
            }
            ("login", 1) => Some((UserSide::Login, Sort::Text, false)),
            ("business_unit", 1) => Some((UserSide::BusinessUnit, Sort::Text, false)),
            _ => None,
        };
        if let Some(side) = built_in {
            return Ok(side);
        }
        let (path, sort) = self.path(record_of("user")?, fields)?;
        let many = path.many;
        Ok((UserSide::Path(path), sort, many))
    }

    fn path(
        &self,
        from: &RecordType,
        fields: &[(&str, usize)],
    ) -> Result<(Path, Sort), ExpressionFault> {
        if fields.len() > EXPRESSION_HOPS_MAX + 1 {
            let wrong = format!("the path goes through more than {EXPRESSION_HOPS_MAX} lookups");
            let instead = "use a relationship of the profile to reach records that far";
            return Err(self.source.fault(fields[0].1, wrong, instead));
        }
        let mut types = vec![from];
        let mut steps = Vec::new();
        let mut end: Option<(Sort, bool)> = None;
        for (index, (name, at)) in fields.iter().enumerate() {
            if let Some((sort, many)) = &end {
                let before = fields[index - 1].0;
                types = self.targets(before, sort, *many, fields[index - 1].1)?;
            }
            let (step, found) = self.step(&types, name, *at)?;
            steps.push(step);
            end = Some(found);
        }
        let (sort, many) = end.expect("a selection names a field");
        Ok((Path { steps, many }, sort))
    }

    /// The types that a field leads to.
    fn targets(
        &self,
        name: &str,
        sort: &Sort,
        many: bool,
        at: usize,
    ) -> Result<Vec<&RecordType>, ExpressionFault> {
        let Sort::Lookup(targets) = sort else {
            let wrong = format!("`{name}` is {}, which has no fields", {
                sort.words(self.definition)
            });
            return Err(self.source.fault(at, wrong, "go on from lookups only"));
        };
        if many {
            let wrong = format!("`{name}` leads to several records");
            let instead = format!(
                "ask about its elements, `user.id in record.{name}`, or use a relationship of \
                 the profile"
            );
            return Err(self.source.fault(at, wrong, instead));
        }
        let live = targets
            .iter()
            .filter_map(|id| self.definition.types.get(id))
            .filter(|target| !target.retired);
        Ok(live.collect())
    }

    /// What `name` is in records of these types.
    fn step(
        &self,
        types: &[&RecordType],
        name: &str,
        at: usize,
    ) -> Result<(Step, (Sort, bool)), ExpressionFault> {
        let mut step: BTreeMap<TypeId, Read> = BTreeMap::new();
        let mut joined: Option<(Sort, bool, &str)> = None;
        for record_type in types {
            let (read, sort, many) = self.read(record_type, name, at)?;
            step.insert(record_type.id, read);
            joined = Some(match joined {
                None => (sort, many, record_type.name.as_str()),
                Some((before, before_many, other)) => {
                    let words = format!(
                        "`{name}` is {} in `{other}` and {} in `{}`",
                        before.words(self.definition),
                        sort.words(self.definition),
                        record_type.name,
                    );
                    match before.joined(sort) {
                        Some(sort) if many == before_many => (sort, many, other),
                        _ => {
                            let instead = "compare a field that is alike in all of them";
                            return Err(self.source.fault(at, words, instead));
                        }
                    }
                }
            });
        }
        match joined {
            Some((sort, many, _)) => Ok((step, (sort, many))),
            None => {
                let wrong = "the lookup points at no record type that is in use";
                Err(self.source.fault(at, wrong, "go through another lookup"))
            }
        }
    }

    /// What `name` is in a record of one type. A field goes before what every
    /// record has.
    fn read(
        &self,
        record_type: &RecordType,
        name: &str,
        at: usize,
    ) -> Result<(Read, Sort, bool), ExpressionFault> {
        if let Some(field) = record_type.field_named(name) {
            let Some((sort, many)) = Sort::of(&field.kind) else {
                let wrong = format!("`{name}` is a document, which no filter can ask about");
                let instead = "keep what you filter by in a field of its own";
                return Err(self.source.fault(at, wrong, instead));
            };
            let read = match field.kind {
                Kind::Set { .. } => Read::Elements(field.id),
                _ => Read::Field(field.id),
            };
            return Ok((read, sort, many));
        }
        let own = BTreeSet::from([record_type.id]);
        match name {
            "id" => return Ok((Read::Id, Sort::Lookup(own), false)),
            "created" => return Ok((Read::Created, Sort::Timestamp, false)),
            "modified" => return Ok((Read::Modified, Sort::Timestamp, false)),
            _ => {}
        }
        let of = &record_type.name;
        if record_type.fields.values().any(|field| field.name == name) {
            let wrong = format!("the field `{name}` of `{of}` is retired");
            let instead = "compare a field that is in use";
            return Err(self.source.fault(at, wrong, instead));
        }
        let known: Vec<&str> = record_type
            .live_fields()
            .map(|field| field.name.as_str())
            .chain(["id", "created", "modified"])
            .collect();
        let instead = did_you_mean(name, known.iter().copied(), || {
            format!("it has {}", known.join(", "))
        });
        let wrong = format!("`{of}` has no field `{name}`");
        Err(self.source.fault(at, wrong, instead))
    }

    pub(super) fn unknown_call(&self, name: &str, at: usize) -> ExpressionFault {
        let (wrong, instead) = match name {
            operators::INDEX => (
                "values are not taken out of lists".to_owned(),
                "write `\"x\" in record.tags`".to_owned(),
            ),
            operators::CONDITIONAL => (
                "`? :` does not exist here".to_owned(),
                "write `(a && b) || (!a && c)`".to_owned(),
            ),
            "matches" => (
                "patterns do not exist here".to_owned(),
                "use startsWith, endsWith or contains, joined by && and ||".to_owned(),
            ),
            "size" => (
                "`size` does not exist here".to_owned(),
                "ask whether there is any: has(record.tags)".to_owned(),
            ),
            "days" | "hours" | "minutes" => (
                format!("`{name}` takes one whole number"),
                format!("write {name}(7)"),
            ),
            "duration" | "timestamp" | "date" | "money" => (
                format!("`{name}` takes one text"),
                constant_example(name).to_owned(),
            ),
            _ if name.starts_with(['_', '!', '@']) => (
                "a condition stands where a value is compared".to_owned(),
                "join conditions by && and ||".to_owned(),
            ),
            _ => (
                format!("there is no function `{name}` that can be used so"),
                did_you_mean(
                    name,
                    FUNCTIONS.iter().copied().filter(|known| *known != name),
                    || FUNCTIONS_LISTED.to_owned(),
                ),
            ),
        };
        self.source.fault(at, wrong, instead)
    }
}
