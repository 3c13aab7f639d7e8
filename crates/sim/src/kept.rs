//! Cases that are kept: what once broke a promise, or still breaks it in a
//! known-bad variant, as short files that a person can read.
//!
//! A kept case is a folder: [`CASE`] with its story and its plan, [`SCHEDULE`]
//! with what happens, [`EVENTS`] with what came of it when it was found, and a
//! page that says how to run it again.

use crate::check::{Checker, Violation, all};
use crate::mutants::{Mutant, named};
use crate::run::{Case, run};
use crate::scenario::Plan;
use crate::schedule::{Entry, Schedule};
use crate::trace::Event;
use crate::wiring::{Straight, Wiring};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Story and plan.
pub const CASE: &str = "case.toml";
/// What happens, an entry a line.
pub const SCHEDULE: &str = "schedule.jsonl";
/// What came of it when the case was found, an event a line.
pub const EVENTS: &str = "events.jsonl";
/// The page for a reader.
pub const PAGE: &str = "README.md";

/// The number of the format.
const FORMAT: u32 = 1;

/// A case that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it tells, in a sentence.
    pub story: String,
    /// The known-bad variant that breaks the promise, where the product keeps
    /// it.
    pub mutant: Option<String>,
    /// What was found, and by which checker.
    pub found: Violation,
    /// The case.
    pub case: Case,
}

/// [`CASE`] as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    format: u32,
    story: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mutant: Option<String>,
    found: Violation,
    plan: Plan,
}

impl Kept {
    /// Reads the two files that make the case.
    ///
    /// # Errors
    /// In words, with the file and, where there is one, the line.
    pub fn read(case: &str, schedule: &str) -> Result<Kept, String> {
        let file: CaseFile =
            toml_edit::de::from_str(case).map_err(|error| format!("{CASE}: {error}"))?;
        if file.format != FORMAT {
            let format = file.format;
            return Err(format!(
                "{CASE}: this program reads format {FORMAT}, not {format}"
            ));
        }
        let entry = |(number, line): (usize, &str)| {
            serde_json::from_str(line)
                .map_err(|error| format!("{SCHEDULE}, line {}: {error}", number + 1))
        };
        let lines = schedule.lines().enumerate();
        let entries = lines.map(entry).collect::<Result<Vec<Entry>, String>>()?;
        Ok(Kept {
            story: file.story,
            mutant: file.mutant,
            found: file.found,
            case: Case {
                plan: file.plan,
                schedule: Schedule { entries },
            },
        })
    }

    /// The files of the folder by their names. `folder` is what the folder is
    /// called in the command on the page.
    ///
    /// # Errors
    /// In words, when the plan has something that cannot be written.
    pub fn files(&self, folder: &str) -> Result<Vec<(&'static str, String)>, String> {
        let file = CaseFile {
            format: FORMAT,
            story: self.story.clone(),
            mutant: self.mutant.clone(),
            found: self.found.clone(),
            plan: self.case.plan.clone(),
        };
        let case = toml_edit::ser::to_string_pretty(&file).map_err(|error| error.to_string())?;
        Ok(vec![
            (CASE, case),
            (SCHEDULE, lines(&self.case.schedule.entries)),
            (EVENTS, lines(&self.events())),
            (PAGE, self.page(folder)),
        ])
    }

    fn page(&self, folder: &str) -> String {
        let Violation { checker, at, .. } = &self.found;
        let words = &self.found.words;
        let story = &self.story;
        match &self.mutant {
            None => format!(
                "{story}\n\nThe checker `{checker}` found at {at}: {words}\n\n\
                 Replay it with `cairn sim replay {folder}`.\n"
            ),
            Some(mutant) => format!(
                "{story}\n\nThe product keeps its promises: `cairn sim replay {folder}`.\n\n\
                 The variant `{mutant}` does not: with `--mutant`, the checker `{checker}` finds \
                 at {at}: {words}\n"
            ),
        }
    }

    /// The variant that breaks the promise, if there is one and it is known.
    pub fn mutant(&self) -> Option<&'static Mutant> {
        named(self.mutant.as_deref()?)
    }

    /// What the checkers find in the product; a panic is a finding.
    pub fn found_in_the_product(&self) -> Option<Violation> {
        guarded(&self.case, Box::new(Straight), all()).0
    }

    /// What the checkers find in the variant that it names.
    pub fn found_in_the_mutant(&self) -> Option<Violation> {
        let mutant = self.mutant()?;
        guarded(&self.case, mutant.wiring(), mutant.checkers()).0
    }

    /// What happens in the run that breaks the promise.
    fn events(&self) -> Vec<Event> {
        match self.mutant() {
            Some(mutant) => guarded(&self.case, mutant.wiring(), mutant.checkers()).1,
            None => guarded(&self.case, Box::new(Straight), all()).1,
        }
    }
}

fn guarded(
    case: &Case,
    wiring: Box<dyn Wiring>,
    mut checkers: Vec<Box<dyn Checker>>,
) -> (Option<Violation>, Vec<Event>) {
    let one = || run(case, wiring, &mut checkers, true);
    match catch_unwind(AssertUnwindSafe(one)) {
        Ok((outcome, events)) => (outcome.violation, events),
        Err(_) => {
            let panic = crate::run::Outcome::broken("panic", "the run panicked".to_owned());
            (panic.violation, Vec::new())
        }
    }
}

fn lines<T: Serialize>(values: &[T]) -> String {
    let lines = values.iter().filter_map(|v| serde_json::to_string(v).ok());
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::time::VirtualTime;

    fn kept() -> Kept {
        let text = "format = 1\nstory = \"A story.\"\n[time]\nchaos = \"2h\"\n\
                    [[fault]]\nkind = \"crash\"\nevery = \"1h\"\n[expect]\nedits = \"0..9000\"\n";
        let case = Scenario::parse("x.toml", text).unwrap().case(3).unwrap();
        Kept {
            story: "Somebody's power goes.".to_owned(),
            mutant: Some("never-acknowledged".to_owned()),
            found: Violation {
                checker: "agreement".to_owned(),
                at: VirtualTime(17),
                host: None,
                words: "no \"agreement\"".to_owned(),
            },
            case,
        }
    }

    fn file(files: &[(&'static str, String)], wanted: &str) -> String {
        let file = files.iter().find(|(name, _)| *name == wanted);
        file.map(|(_, text)| text.clone()).expect(wanted)
    }

    #[test]
    fn what_is_kept_is_read_again_as_it_was() {
        let kept = kept();
        let files = kept.files("simulations/regressions/x").unwrap();
        let again = Kept::read(&file(&files, CASE), &file(&files, SCHEDULE));
        assert_eq!(again, Ok(kept));
        let page = file(&files, PAGE);
        assert!(
            page.contains("cairn sim replay simulations/regressions/x"),
            "{page}"
        );
        assert!(!file(&files, EVENTS).is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let files = kept().files("x").unwrap();
        let (case, schedule) = (file(&files, CASE), file(&files, SCHEDULE));
        let other = case.replacen("format = 1", "format = 2", 1);
        let wrong = Kept::read(&other, &schedule).unwrap_err();
        assert_eq!(wrong, "case.toml: this program reads format 1, not 2");
        let wrong = Kept::read(&case, "{\"at\":1}\n").unwrap_err();
        assert!(wrong.starts_with("schedule.jsonl, line 1: "), "{wrong}");
        let wrong = Kept::read("format = x", &schedule).unwrap_err();
        assert!(wrong.starts_with("case.toml: "), "{wrong}");
    }
}
