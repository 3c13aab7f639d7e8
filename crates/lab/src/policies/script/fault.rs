//! What is wrong with a script, in a sentence.

use super::contest::Hidden;
use super::engine::{CALLS_MAX, DISABLED, ENTRIES_MAX, ITEMS_MAX, TEXT_BYTES_MAX, VARIABLES_MAX};
use rhai::{EvalAltResult, LexError, ParseError, ParseErrorType, Position};
use std::fmt;

/// Why a script cannot be read, or did not decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{place}: {what}")]
pub struct ScriptFault {
    file: String,
    place: Place,
    what: String,
}

/// Line and column, where they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place(Option<(usize, usize)>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some((line, column)) => write!(f, ", line {line}, column {column}"),
        }
    }
}

impl From<Position> for Place {
    fn from(position: Position) -> Place {
        Place(
            position
                .line()
                .map(|line| (line, position.position().unwrap_or(1))),
        )
    }
}

impl ScriptFault {
    pub(super) fn of(file: &str, what: String) -> ScriptFault {
        at(file, Position::NONE, what)
    }
}

fn at(file: &str, position: Position, what: String) -> ScriptFault {
    ScriptFault {
        file: file.to_owned(),
        place: position.into(),
        what,
    }
}

/// Characters shown of what a script throws.
const THROWN_MAX: usize = 200;
const SEE: &str = "`cairn lab check-policy --help` says what a script has";

/// It is no script.
pub(super) fn unreadable(file: &str, error: &ParseError) -> ScriptFault {
    let what = match error.err_type() {
        ParseErrorType::Reserved(word)
        | ParseErrorType::BadInput(LexError::ImproperSymbol(word, _))
            if DISABLED.contains(&word.as_str()) || word == "import" =>
        {
            format!("`{word}` is not there: a policy has nothing but the contest; {SEE}")
        }
        ParseErrorType::VariableUndefined(name) => format!(
            "there is no variable `{name}`; a function sees its parameters and what it declares with `let` or `const`"
        ),
        ParseErrorType::UnexpectedEOF => {
            "it ends too early: something that was opened is not closed".to_owned()
        }
        ParseErrorType::ExprTooDeep => {
            "an expression nests too deep; put parts of it into variables".to_owned()
        }
        other => format!("it cannot be read: {}", uncapitalised(&other.to_string())),
    };
    at(file, error.position(), what)
}

/// It was run, and something went wrong.
pub(super) fn failed(file: &str, error: Box<EvalAltResult>, operations: u64) -> ScriptFault {
    let mut error = error;
    let mut position = Position::NONE;
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, call) = *error {
        position = position.or_else(call);
        error = inner;
    }
    let position = error.take_position().or_else(position);
    let what = match &*error {
        EvalAltResult::ErrorTooManyOperations(_) => format!(
            "it takes more than {operations} operations; it loops for ever, or looks at the contenders too often"
        ),
        EvalAltResult::ErrorStackOverflow(_) => {
            format!("its functions call each other more than {CALLS_MAX} deep; write a loop")
        }
        EvalAltResult::ErrorTooManyVariables(_) => {
            format!("it has more than {VARIABLES_MAX} variables at a time; it can do with fewer")
        }
        EvalAltResult::ErrorDataTooLarge(..) => format!(
            "a text or a list grows too large; texts may have {TEXT_BYTES_MAX} bytes, lists {ITEMS_MAX} items and maps {ENTRIES_MAX}"
        ),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            format!("there is no function `{signature}`; {SEE}")
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            format!("there is no property `{name}`; {SEE}")
        }
        EvalAltResult::ErrorDotExpr(words, _) => match words.split('\'').nth(1) {
            Some(name) => format!("there is no property `{name}`; {SEE}"),
            None => format!("it fails: {}", uncapitalised(words)),
        },
        EvalAltResult::ErrorRuntime(thrown, _) => match thrown.clone().try_cast::<Hidden>() {
            Some(Hidden(name)) => format!(
                "it asks for `{name}`, but says that it compares no values; let `policy` say `compares_values: true`"
            ),
            None => {
                let words: String = thrown.to_string().chars().take(THROWN_MAX).collect();
                format!("it throws `{words}`")
            }
        },
        other => format!("it fails: {}", uncapitalised(&other.to_string())),
    };
    at(file, position, what)
}

/// Rhai's words begin with a capital letter, and here stand within a sentence.
fn uncapitalised(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
