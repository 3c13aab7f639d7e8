//! How a command ends: the exit code, and the failure that leads to it.

use cairn_agent::EditError;
use cairn_oplog::StorageError;
use cairn_relay::AdminError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::process::ExitCode;

/// What the exit code says. Documented at the end of `cairn --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The answer is "no": digests differ, something does not verify, the
    /// relay rejected the work.
    No = 1,
    /// The command or its input is wrong.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// The directory is in use, damaged, full or not accessible.
    Storage = 4,
    /// The relay cannot be reached, or refuses.
    Relay = 5,
    /// A conflict or an issue waits for a person.
    Person = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed: a sentence for the person, a code for the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What is wrong, where, and what to do.
    pub(crate) message: String,
    /// The relay's reason, where it rejected something.
    rejection: Option<Rejection>,
}

/// Why the relay rejected something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rejection {
    code: String,
    hint: String,
}

/// A failure as programs are told.
#[derive(Debug, Serialize)]
pub(crate) struct Told<'a> {
    error: &'a str,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Failure {
    /// The command or its input is wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::NotFound, message)
    }

    /// The directory is in use, damaged, full or not accessible.
    pub(crate) fn storage(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::Storage, message)
    }

    /// The relay cannot be reached, or refuses.
    pub(crate) fn relay(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::Relay, message)
    }

    /// The process that holds the directory answered something else.
    pub(crate) fn other_answer() -> Failure {
        Failure::storage(
            "the process that holds the directory gave an unexpected answer; restart it with this version of cairn",
        )
    }

    /// Any other ending.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Failure {
        Failure {
            exit,
            message: message.to_string(),
            rejection: None,
        }
    }

    /// The relay rejected it; `message` is the whole sentence, `code` and `hint`
    /// (what can be done) included.
    pub(crate) fn rejected(message: String, code: &str, hint: &str) -> Failure {
        Failure {
            exit: Exit::No,
            message,
            rejection: Some(Rejection {
                code: code.to_owned(),
                hint: hint.to_owned(),
            }),
        }
    }

    /// As programs are told.
    pub(crate) fn told(&self) -> Told<'_> {
        let rejection = self.rejection.as_ref();
        Told {
            error: &self.message,
            exit: self.exit as u8,
            code: rejection.map(|rejection| rejection.code.as_str()),
            hint: rejection.map(|rejection| rejection.hint.as_str()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Failure {
        Failure::storage(error)
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Failure {
        let exit = match &error {
            EditError::Storage(_) => Exit::Storage,
            EditError::Offline => Exit::Relay,
            EditError::UnknownRecord(_)
            | EditError::UnknownIssue(_)
            | EditError::UnknownType(_) => Exit::NotFound,
            _ => Exit::Usage,
        };
        Failure::new(exit, error)
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Failure {
        let exit = match &error {
            AdminError::Storage(_) => Exit::Storage,
            AdminError::UnknownUser(_) | AdminError::UnknownDevice(_) => Exit::NotFound,
            AdminError::Publish(_) | AdminError::Refused { .. } => Exit::No,
        };
        Failure::new(exit, error)
    }
}

/// An error and what is behind it, in one sentence.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
