//! Policies that a person writes as a small script, in the language of Rhai.
//!
//! A script has two functions. `policy` says what it is, once:
//!
//! ```rhai
//! fn policy() {
//!     #{ id: "newest", version: 1, order_insensitive: true, compares_values: false }
//! }
//! ```
//!
//! `id` is what it is called in results, lower-case words joined by `-`;
//! `version` may be left out and is then 1. The other two are promises, as
//! [`Policy`](cairn_policy::Policy) makes them, and `cairn lab check-policy`
//! holds the script to both. `decide` then decides each contest:
//!
//! ```rhai
//! fn decide(contest) {
//!     let shown = 0;
//!     for i in range(0, contest.contenders.len) {
//!         if contest.contenders[i].rank > contest.contenders[shown].rank { shown = i; }
//!     }
//!     #{ shown: shown, others: "candidates" }
//! }
//! ```
//!
//! | of a contest | is |
//! |---|---|
//! | `contenders` | the writes, as a list, in the order of the ledger |
//! | `standing`, `arriving` | the place in that list of the one that shows so far, and of the one that has just arrived |
//!
//! | of a contender | is |
//! |---|---|
//! | `time` | when it was written, in milliseconds since 1970: by its author's clock, at most 5 minutes after it was received |
//! | `own_time`, `received` | what its author's clock said; when the relay received it |
//! | `rank` | its place by `time`, ties by device: 0 is the earliest. The same whatever came in first |
//! | `device`, `sequence` | its author's device, 32 hexadecimal digits; its place in the log of that device |
//! | `version` | its place in the ledger |
//! | `value` | what it wrote: a number, a text, `true` or `false`, a list of texts, or `()` if it emptied the field. Decimals, money, lookups and files are texts; dates are days and instants milliseconds since 1970. Where the contest is about whether a record lives on, `true` or `false` |
//! | `kind` | `text`, `integer`, `decimal`, `money`, `boolean`, `date`, `timestamp`, `choice`, `multi-choice`, `lookup`, `file` or `empty` |
//! | `value_rank` | its place by value, as the policy `max` compares: 0 is the smallest, equal values have equal places |
//!
//! The last three are there only if `policy` says that it compares values.
//!
//! | `others` | what becomes of the writes that do not show |
//! |---|---|
//! | `"settled"` | they are done with, and in the journal |
//! | `"settled-and-told"` | … and the author of the arriving one is told |
//! | `"candidates"` | a later write competes with all of them again |
//! | `"flagged"` | they are marked in conflict until a person resolves it |
//!
//! A script cannot read files, the time or random numbers, and has no `eval`,
//! `import` or `print`: what it decides depends on the contest alone. It may
//! take [`OPERATIONS_MAX`] operations for a contest of up to [`USUAL_MAX`]
//! writes and [`OPERATIONS_WIDE_MAX`] for a wider one, which is counted and not
//! timed, so that it fits on every machine or on none. What it does wrong is a
//! [`ScriptFault`], never a decision.

mod contest;
mod engine;
mod fault;
#[cfg(test)]
mod tests;

pub use engine::{
    CALLS_MAX, CONTENDERS_MAX, ENTRIES_MAX, ITEMS_MAX, OPERATIONS_MAX, OPERATIONS_WIDE_MAX,
    SOURCE_BYTES_MAX, TEXT_BYTES_MAX, USUAL_MAX, VARIABLES_MAX,
};
pub use fault::ScriptFault;

use cairn_policy::{Contest, Decision, Others};
use engine::Engines;
use rhai::{AST, Dynamic, Map};

/// A script that was read, and says what it is.
pub struct Script {
    file: String,
    hash: String,
    says: Says,
    program: AST,
    engines: Engines,
}

/// What a script says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Says {
    id: String,
    version: u32,
    order_insensitive: bool,
    compares_values: bool,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script")
            .field("file", &self.file)
            .field("says", &self.says)
            .finish_non_exhaustive()
    }
}

impl Script {
    /// Reads a script. `file` is what it is called in what it does wrong.
    pub fn read(file: &str, source: &str) -> Result<Script, ScriptFault> {
        let fault = |what: String| ScriptFault::of(file, what);
        if source.len() > SOURCE_BYTES_MAX {
            return Err(fault(format!(
                "it has {} bytes and may have {SOURCE_BYTES_MAX}; a policy is a small thing",
                source.len()
            )));
        }
        let engines = Engines::new();
        let program = engines
            .usual
            .compile(source)
            .map_err(|error| fault::unreadable(file, &error))?;
        for (name, parameters) in [("policy", 0), ("decide", 1)] {
            let is_it = |function: rhai::ScriptFnMetadata<'_>| {
                function.name == name && function.params.len() == parameters
            };
            if !program.iter_functions().any(is_it) {
                let parameters = ["", "contest"][parameters];
                return Err(fault(format!(
                    "it has no function `{name}({parameters})`; `cairn lab check-policy --help` shows a script"
                )));
            }
        }
        let said = engine::call(&engines.usual, &program, "policy", ())
            .map_err(|error| fault::failed(file, error, OPERATIONS_MAX))?;
        Ok(Script {
            says: says(said).map_err(fault)?,
            file: file.to_owned(),
            hash: blake3::hash(source.as_bytes()).to_hex().to_string(),
            program,
            engines,
        })
    }

    /// What it calls itself.
    pub fn id(&self) -> &str {
        &self.says.id
    }

    /// Which version it says it is.
    pub fn version(&self) -> u32 {
        self.says.version
    }

    /// What it promises of the order of arrival.
    pub fn order_insensitive(&self) -> bool {
        self.says.order_insensitive
    }

    /// Whether it is shown values.
    pub fn compares_values(&self) -> bool {
        self.says.compares_values
    }

    /// BLAKE3 of its source, in hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Decides a contest, or says what is wrong.
    pub fn decide(&self, contest: Contest<'_>) -> Result<Decision, ScriptFault> {
        let count = contest.contenders.len();
        let fault = |what: String| ScriptFault::of(&self.file, what);
        if count > CONTENDERS_MAX {
            return Err(fault(format!(
                "a contest has {count} writes, and a script is shown {CONTENDERS_MAX} at most; leave it out, or write the policy in Rust"
            )));
        }
        let (engine, operations) = self.engines.of(count);
        let given = contest::given(contest, self.says.compares_values);
        let answer = engine::call(engine, &self.program, "decide", (given,))
            .map_err(|error| fault::failed(&self.file, error, operations))?;
        let decision = decided(answer).map_err(fault)?;
        match decision.shown < count {
            true => Ok(decision),
            false => Err(fault(format!(
                "it chose contender {} of {count}; they count from 0",
                decision.shown
            ))),
        }
    }
}

/// Reads what `policy` gave.
fn says(said: Dynamic) -> Result<Says, String> {
    const KEYS: &str = "`id`, `version`, `order_insensitive` and `compares_values`";
    let form = || {
        "`policy` gives no map; let it give #{ id: \"my-policy\", order_insensitive: false, compares_values: false }"
            .to_owned()
    };
    let mut map: Map = said.try_cast().ok_or_else(form)?;
    let id: String = taken(&mut map, "policy", "id", "a text")?;
    let version: i64 = match map.contains_key("version") {
        true => taken(&mut map, "policy", "version", "a number")?,
        false => 1,
    };
    let says = Says {
        version: u32::try_from(version)
            .ok()
            .filter(|version| *version > 0)
            .ok_or_else(|| format!("its version is {version}; versions count from 1"))?,
        order_insensitive: taken(&mut map, "policy", "order_insensitive", "true or false")?,
        compares_values: taken(&mut map, "policy", "compares_values", "true or false")?,
        id,
    };
    nothing_else(&map, "policy", KEYS)?;
    if !super::laws::is_id(&says.id) {
        return Err(super::laws::Breach::Id(says.id).to_string());
    }
    let is_taken = |name: &str| cairn_policy::named(name).is_some();
    if is_taken(&says.id) || ["random-winner", "oracle"].contains(&says.id.as_str()) {
        return Err(format!(
            "its id is `{}`, which is another policy; results could not be told apart",
            says.id
        ));
    }
    Ok(says)
}

/// Reads what `decide` gave.
fn decided(answer: Dynamic) -> Result<Decision, String> {
    let form =
        || "`decide` gives no map; let it give #{ shown: 0, others: \"candidates\" }".to_owned();
    let mut map: Map = answer.try_cast().ok_or_else(form)?;
    let shown: i64 = taken(&mut map, "decide", "shown", "a number")?;
    let others: String = taken(&mut map, "decide", "others", "a text")?;
    nothing_else(&map, "decide", "`shown` and `others`")?;
    let others = match others.as_str() {
        "settled" => Others::Settled,
        "settled-and-told" => Others::SettledAndTold,
        "candidates" => Others::Candidates,
        "flagged" => Others::Flagged,
        other => {
            return Err(format!(
                "`others` is {other:?}; it is \"settled\", \"settled-and-told\", \"candidates\" or \"flagged\""
            ));
        }
    };
    let shown = usize::try_from(shown)
        .map_err(|_| format!("it chose contender {shown}; they count from 0"))?;
    Ok(Decision { shown, others })
}

/// Takes an entry out of a map that a function gave.
fn taken<T: Clone + Send + Sync + 'static>(
    map: &mut Map,
    function: &str,
    key: &str,
    what: &str,
) -> Result<T, String> {
    let value = map.remove(key);
    let value = value.ok_or_else(|| format!("what `{function}` gives has no `{key}`; add it"))?;
    value
        .try_cast()
        .ok_or_else(|| format!("`{key}` of what `{function}` gives is not {what}"))
}

fn nothing_else(map: &Map, function: &str, known: &str) -> Result<(), String> {
    match map.keys().next() {
        None => Ok(()),
        Some(key) => Err(format!(
            "what `{function}` gives has `{key}`; it may have {known}"
        )),
    }
}
