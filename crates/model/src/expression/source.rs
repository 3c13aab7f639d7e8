//! The text of an expression: its signs and words, and the places of faults.
//!
//! The text is gone through before the parser of `cel` sees it, so that what
//! reaches the parser is bounded in depth and free of what it would misread,
//! and so that common slips get words of their own.

use super::{EXPRESSION_BYTES_MAX, EXPRESSION_CHAIN_MAX, EXPRESSION_NESTING_MAX, ExpressionFault};
use cel::IdedExpr;
use cel::common::ast::{Expr, SourceInfo};
use cel::parser::{ParseError, ParseErrors, Parser};

const FORM: &str = "write comparisons joined by && and ||, such as `record.status == \"open\" && \
                    record.due < today + days(8)`";

/// Signs of several characters first.
const SIGNS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",",
    "(", ")", "[", "]",
];

/// A text, and where the parser found its parts.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Bytes before each character, and before the end.
    offsets: Vec<usize>,
    info: SourceInfo,
}

impl<'a> Source<'a> {
    /// The syntax tree of `text`.
    pub(super) fn parse(text: &'a str) -> Result<(IdedExpr, Source<'a>), ExpressionFault> {
        Scan::check(text)?;
        let parser = Parser::new().max_recursion_depth(PARSER_DEPTH_MAX);
        let (tree, info) = parser
            .parse_with_source_info(text)
            .map_err(|errors| syntax_fault(text, &errors))?;
        let offsets = text.char_indices().map(|(offset, _)| offset);
        let source = Source {
            text,
            offsets: offsets.chain([text.len()]).collect(),
            info,
        };
        Ok((tree, source))
    }

    /// Bytes before the leftmost part of `expr`.
    pub(super) fn start(&self, expr: &IdedExpr) -> usize {
        let first = match &expr.expr {
            Expr::Select(select) if !select.test => Some(&*select.operand),
            Expr::Call(call) => match &call.target {
                Some(target) => Some(&**target),
                None if is_between(&call.func_name) => call.args.first(),
                None => None,
            },
            Expr::Comprehension(comprehension) => Some(&comprehension.iter_range),
            _ => None,
        };
        match first {
            Some(first) => self.start(first),
            None => {
                let at = self.span(expr).0;
                // A call is placed at its bracket.
                let before = self.text[..at].trim_end();
                match &expr.expr {
                    Expr::Call(_) | Expr::Select(_) if self.text[at..].starts_with('(') => {
                        before.trim_end_matches(is_in_name).len()
                    }
                    _ => at,
                }
            }
        }
    }

    /// Bytes before the name of the field that `selection` selects.
    ///
    /// Found from what stands before it: within `has`, its own place is lost.
    pub(super) fn field_start(&self, selection: &IdedExpr) -> usize {
        let before = match &selection.expr {
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(name) => self.span(&select.operand).0 + name.len(),
                Expr::Select(inner) => self.field_start(&select.operand) + inner.field.len(),
                _ => self.span(selection).0,
            },
            _ => self.span(selection).0,
        };
        let after = self.text.get(before..).unwrap_or_default();
        let name = after.trim_start_matches(|c: char| c == '.' || c.is_whitespace());
        self.text.len() - name.len()
    }

    /// The text of a literal.
    pub(super) fn literal(&self, expr: &IdedExpr) -> &'a str {
        let (start, end) = self.span(expr);
        &self.text[start..end]
    }

    pub(super) fn fault(
        &self,
        offset: usize,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) -> ExpressionFault {
        fault(self.text, offset, wrong, instead)
    }

    /// The parser counts characters, the last included.
    fn span(&self, expr: &IdedExpr) -> (usize, usize) {
        let byte = |character: u32| {
            let character = character as usize;
            self.offsets
                .get(character)
                .copied()
                .unwrap_or(self.text.len())
        };
        let (first, last) = self.info.offset_for(expr.id).unwrap_or_default();
        let start = byte(first);
        (start, byte(last.saturating_add(1)).max(start))
    }
}

/// Above what [`Scan`] lets through: this one is not meant to be met.
const PARSER_DEPTH_MAX: u16 = 64;
const _: () = assert!(EXPRESSION_NESTING_MAX < PARSER_DEPTH_MAX as usize);

/// Whether an operator stands between its operands, not before.
fn is_between(operator: &str) -> bool {
    operator.starts_with('_') || operator == "@in"
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A fault at a place of `text`.
pub(super) fn fault(
    text: &str,
    offset: usize,
    wrong: impl Into<String>,
    instead: impl Into<String>,
) -> ExpressionFault {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    ExpressionFault {
        offset,
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        wrong: wrong.into(),
        instead: instead.into(),
    }
}

/// What the parser says is about its grammar; told here by place and word.
fn syntax_fault(text: &str, errors: &ParseErrors) -> ExpressionFault {
    let place = errors.errors.first().map_or((0, 0), |error| error.pos);
    let at = |number: isize| usize::try_from(number - 1).unwrap_or(0);
    let lines = text.split_inclusive('\n');
    let before: usize = lines.take(at(place.0)).map(str::len).sum();
    let within = text[before..].char_indices().nth(at(place.1));
    let offset = within.map_or(text.len(), |(within, _)| before + within);
    let found = text[offset..].trim_start();
    if found.is_empty() {
        return fault(text, text.len(), "the expression ends too early", FORM);
    }
    let word = found.split(|c| !is_in_name(c)).next().unwrap_or_default();
    let sign = || SIGNS.iter().find(|sign| found.starts_with(**sign));
    let shown = match (word, sign()) {
        ("", Some(sign)) => *sign,
        ("", None) => "this text",
        (word, _) => word,
    };
    let offset = text.len() - found.len();
    let about_has = |error: &ParseError| error.msg.contains("has()");
    if errors.errors.first().is_some_and(about_has) {
        let instead = "name one of the record's: `has(record.due)`";
        return fault(text, offset, "`has` takes a field", instead);
    }
    if shown.starts_with(|c: char| c.is_ascii_digit()) {
        let instead = "write a smaller one, or put an operator before it";
        return fault(
            text,
            offset,
            format!("`{shown}` cannot stand here or is too large a number"),
            instead,
        );
    }
    fault(text, offset, format!("`{shown}` cannot stand here"), FORM)
}

/// A walk over the signs and words of a text.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Where each open bracket stands, and the operators since its last
    /// beginning of a part.
    open: Vec<(usize, usize)>,
    chain: usize,
    after_dot: bool,
}

impl<'a> Scan<'a> {
    fn check(text: &'a str) -> Result<(), ExpressionFault> {
        if text.trim().is_empty() {
            return Err(fault(text, 0, "the expression is empty", FORM));
        }
        if text.len() > EXPRESSION_BYTES_MAX {
            let wrong = format!(
                "the expression has {} bytes; at most {EXPRESSION_BYTES_MAX} are possible",
                text.len()
            );
            let instead = "put what it lists into a field and compare with that";
            return Err(fault(text, 0, wrong, instead));
        }
        let mut scan = Scan {
            text,
            at: 0,
            open: Vec::new(),
            chain: 0,
            after_dot: false,
        };
        while let Some(next) = scan.text[scan.at..].chars().next() {
            scan.token(next)?;
        }
        match scan.open.last() {
            Some((at, _)) => Err(fault(text, *at, "this bracket is never closed", "close it")),
            None => Ok(()),
        }
    }

    fn token(&mut self, next: char) -> Result<(), ExpressionFault> {
        let rest = &self.text[self.at..];
        if next.is_ascii_whitespace() {
            self.at += 1;
            return Ok(());
        }
        if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return Ok(());
        }
        if matches!(next, '"' | '\'') {
            return self.quoted(next);
        }
        if next.is_ascii_digit() {
            return self.number();
        }
        if next.is_ascii_alphabetic() || next == '_' {
            return self.word();
        }
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => self.sign(sign),
            None => self.stranger(next),
        }
    }

    fn sign(&mut self, sign: &str) -> Result<(), ExpressionFault> {
        let at = self.at;
        self.at += sign.len();
        self.after_dot = sign == ".";
        match sign {
            "&&" | "||" | "," => self.chain = 0,
            "(" | "[" => {
                self.open.push((at, self.chain));
                self.chain = 0;
                if self.open.len() > EXPRESSION_NESTING_MAX {
                    let wrong = format!(
                        "brackets stand more than {EXPRESSION_NESTING_MAX} deep in one another"
                    );
                    return Err(self.fault(at, wrong, "take some of them apart"));
                }
            }
            ")" | "]" => {
                let opened = self
                    .open
                    .pop()
                    .filter(|(open, _)| self.text[*open..].starts_with(['(', '[']));
                let closes = |open: usize| self.text[open..].starts_with('(') == (sign == ")");
                match opened {
                    Some((open, chain)) if closes(open) => self.chain = chain,
                    _ => {
                        let wrong = format!("no bracket is open that `{sign}` would close");
                        return Err(self.fault(at, wrong, "remove it, or open one"));
                    }
                }
            }
            _ => {
                self.chain += 1;
                if self.chain > EXPRESSION_CHAIN_MAX {
                    let wrong = format!(
                        "more than {EXPRESSION_CHAIN_MAX} operators and dots follow one another"
                    );
                    return Err(self.fault(at, wrong, "join shorter comparisons by && or ||"));
                }
            }
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), ExpressionFault> {
        let at = self.at;
        let rest = &self.text[at..];
        let length = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        self.at += length;
        let after_dot = std::mem::take(&mut self.after_dot);
        if after.starts_with(['"', '\'']) {
            let wrong = format!("`{word}` stands right before a quotation mark");
            return Err(self.fault(at, wrong, "remove it, or put an operator between"));
        }
        let operator = match word {
            "and" => "&&",
            "or" => "||",
            "not" => "!",
            _ => return Ok(()),
        };
        if after_dot {
            return Ok(());
        }
        Err(self.fault(
            at,
            format!("`{word}` is no operator"),
            format!("write `{operator}`"),
        ))
    }

    fn number(&mut self) -> Result<(), ExpressionFault> {
        let at = self.at;
        let rest = &self.text[at..];
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let mut length = digits(rest);
        if let Some(fraction) = rest[length..].strip_prefix('.') {
            length += 1 + digits(fraction);
        }
        self.at += length;
        self.after_dot = false;
        if self.text[self.at..].starts_with(|c| is_in_name(c) || c == '.' || c == '"' || c == '\'')
        {
            let wrong = "this is no number";
            return Err(self.fault(at, wrong, "write numbers as 12 or 12.50"));
        }
        Ok(())
    }

    fn quoted(&mut self, mark: char) -> Result<(), ExpressionFault> {
        let at = self.at;
        self.after_dot = false;
        let rest = &self.text[at..];
        if rest.starts_with(if mark == '"' { "\"\"\"" } else { "'''" }) {
            let wrong = "three quotation marks stand together";
            return Err(self.fault(at, wrong, "write one before the text and one after it"));
        }
        let mut characters = rest.char_indices().skip(1);
        while let Some((offset, c)) = characters.next() {
            match c {
                '\n' | '\r' => break,
                '\\' => match characters.next() {
                    Some((_, '\\' | '"' | '\'' | 'n' | 't' | 'r')) => {}
                    _ => {
                        let wrong = "a backslash stands before a character that needs none";
                        let instead = "write \\\\ for a backslash; \\\", \\', \\n and \\t exist";
                        return Err(self.fault(at + offset, wrong, instead));
                    }
                },
                c if c == mark => {
                    self.at += offset + 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        let wrong = "the text that begins here does not end on its line";
        Err(self.fault(at, wrong, format!("close it with {mark}")))
    }

    fn stranger(&self, found: char) -> Result<(), ExpressionFault> {
        let instead = match found {
            '=' => "write `==` to compare",
            '&' => "write `&&` for and",
            '|' => "write `||` for or",
            '{' | '}' => "write a list in square brackets: [\"a\", \"b\"]",
            '“' | '”' | '‘' | '’' | '`' => "write texts between \" and \"",
            _ => "names are made of letters a to z, digits and underscores; write texts in quotes",
        };
        Err(self.fault(self.at, format!("`{found}` means nothing here"), instead))
    }

    fn fault(
        &self,
        offset: usize,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) -> ExpressionFault {
        fault(self.text, offset, wrong, instead)
    }
}
