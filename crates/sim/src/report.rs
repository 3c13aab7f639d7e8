//! Pictures of a run: one HTML file that needs nothing else to be opened. It
//! shows who did what when, how far devices were apart, and what became of the
//! records that people disagreed about.
//!
//! The case is run twice: once to learn which records are worth a closer look,
//! and once to watch them.

mod bundled;
mod diagram;
mod holdings;
mod lens;
mod recorder;
mod words;

use crate::check::Checker;
use crate::run::{Case, Outcome, run};
use crate::time::VirtualTime;
use crate::wiring::Wiring;
use recorder::{Recorder, Shared};
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("report/page.html");
const STYLE: &str = include_str!("report/page.css");
const SCRIPTS: [&str; 4] = [
    include_str!("report/page.js"),
    include_str!("report/diagram.js"),
    include_str!("report/divergence.js"),
    include_str!("report/lens.js"),
];

/// What checkers hold the world to, in words.
const PROMISES: [(&str, &str); 13] = [
    (
        "durability",
        "what was acknowledged stays, through every crash that the disks' promises cover",
    ),
    (
        "log-integrity",
        "chains and signatures are what the rules say",
    ),
    (
        "order",
        "where a policy says that the order of arrival does not matter, it does not",
    ),
    ("honest", "nobody honest is taken for a liar"),
    ("bounds", "memory, messages and bytes stay within bounds"),
    ("agreement", "once the core is healed, it agrees"),
    ("once", "saying something again changes nothing"),
    ("revocation", "who is revoked is a function of the ledger"),
    (
        "refold",
        "one ledger gives one state: entry by entry, from nothing, from a checkpoint, after every restart",
    ),
    (
        "rules",
        "the relay's state is what a second, simple implementation makes of its ledger",
    ),
    (
        "session",
        "a person at a device reads their own writes, and never goes back in time",
    ),
    ("no-silent-loss", "nothing is lost in silence"),
    (
        "same-version-same-digest",
        "whenever a device and the relay stand at one version, they hold the same",
    ),
];

/// What a run itself holds the world to, besides its checkers.
const OWN_PROMISES: [(&str, &str); 3] = [
    (
        "liveness",
        "once healed, everybody in reach comes to agree in time",
    ),
    ("silence", "once agreed, nobody sends anything"),
    ("expectation", "the counts are what the scenario expects"),
];

/// The part of a run that the diagram shows; the whole of it if nothing is
/// said. A shorter part is drawn in more detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// From here.
    pub from: Option<VirtualTime>,
    /// To here.
    pub until: Option<VirtualTime>,
}

impl Part {
    fn has(&self, at: VirtualTime) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at <= until)
    }
}

/// How a case is run for a report; each is asked once for every run of it.
pub struct Stage<'a> {
    /// What passes between machines and world.
    pub wiring: &'a dyn Fn() -> Box<dyn Wiring>,
    /// Who watches.
    pub checkers: &'a dyn Fn() -> Vec<Box<dyn Checker>>,
}

/// A run, ready to be looked at.
pub struct Report {
    outcome: Outcome,
    data: Json,
}

#[derive(Serialize)]
struct Verdict {
    name: String,
    promise: &'static str,
    /// `None` when the run ended before it was asked.
    kept: Option<bool>,
    words: String,
}

impl Report {
    /// Runs a case and draws what happens.
    pub fn of(case: &Case, stage: &Stage<'_>, part: Part) -> Report {
        let (first, _) = watched(case, stage, Recorder::new(case, part, &[]));
        let records = first.lens.worth_a_look(case);
        let (recorder, outcome) = watched(case, stage, Recorder::new(case, part, &records));
        let data = recorded(case, stage, recorder, &outcome);
        Report { outcome, data }
    }

    /// What came out.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The data that is drawn.
    pub fn data(&self) -> &Json {
        &self.data
    }

    /// The file: its own styles, scripts and data, and nothing from elsewhere.
    pub fn to_html(&self) -> String {
        let title = self.data["name"].as_str().unwrap_or_default();
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        // A script element ends at the first `</script`, wherever that stands.
        let data = self.data.to_string().replace("</", "<\\/");
        let data = data.replace("<!--", "<\\u0021--");
        let mut page = String::with_capacity(data.len() + 100_000);
        for part in PAGE.split_inclusive("@@") {
            match part.strip_suffix("@@") {
                None => page.push_str(part),
                Some("TITLE") => page.push_str(&title),
                Some("STYLE") => page.push_str(STYLE),
                Some("DATA") => page.push_str(&data),
                Some("SCRIPT") => SCRIPTS.iter().for_each(|script| page.push_str(script)),
                Some(text) => page.push_str(text),
            }
        }
        page
    }
}

/// Runs the case under the eyes of a recorder, which sees every event first.
fn watched(case: &Case, stage: &Stage<'_>, recorder: Recorder) -> (Recorder, Outcome) {
    let shared = Shared::new(recorder);
    let mut checkers: Vec<Box<dyn Checker>> = vec![Box::new(shared.clone())];
    checkers.extend((stage.checkers)());
    let (outcome, _) = run(case, (stage.wiring)(), &mut checkers, false);
    drop(checkers);
    (shared.into_recorder(case), outcome)
}

fn recorded(case: &Case, stage: &Stage<'_>, recorder: Recorder, outcome: &Outcome) -> Json {
    let plan = &case.plan;
    let end = outcome.virtual_time;
    let expected: BTreeMap<&String, [u64; 2]> = plan
        .expect
        .iter()
        .map(|(name, range)| (name, [range.min, range.max]))
        .collect();
    json!({
        "name": plan.name,
        "story": plan.story,
        "expectations": plan.expectations,
        "seed": plan.seed.to_string(),
        "trace": outcome.trace.to_string(),
        "events": outcome.events,
        "start": plan.start,
        "chaos": plan.chaos,
        "end": end,
        "options": words::options(plan),
        "verdicts": verdicts(stage, outcome),
        "violation": outcome.violation,
        "counts": outcome.counts,
        "expected": expected,
        "hosts": recorder.hosts(case),
        "diagram": recorder.diagram.finish(VirtualTime(end)),
        "divergence": recorder.holdings.finish(VirtualTime(end)),
        "lens": recorder.lens.finish(),
    })
}

fn verdicts(stage: &Stage<'_>, outcome: &Outcome) -> Vec<Verdict> {
    let watching = (stage.checkers)();
    let promise = |name: &str| {
        let known = PROMISES.iter().find(|(known, _)| *known == name);
        known.map_or("", |(_, promise)| *promise)
    };
    let named = watching
        .iter()
        .map(|checker| (checker.name(), promise(checker.name())));
    let mut verdicts: Vec<Verdict> = named
        .chain(OWN_PROMISES)
        .map(|(name, promise)| Verdict {
            name: name.to_owned(),
            promise,
            kept: Some(true),
            words: String::new(),
        })
        .collect();
    let Some(violation) = &outcome.violation else {
        return verdicts;
    };
    for (name, _) in OWN_PROMISES {
        // The run ended before these were asked, unless one of them ended it.
        let own = verdicts.iter_mut().find(|verdict| verdict.name == name);
        if let Some(own) = own {
            own.kept = None;
        }
    }
    let broken = Verdict {
        name: violation.checker.clone(),
        promise: "",
        kept: Some(false),
        words: format!("at {}: {}", violation.at, violation.words),
    };
    match verdicts.iter_mut().find(|known| known.name == broken.name) {
        Some(known) => {
            known.kept = broken.kept;
            known.words = broken.words;
        }
        None => verdicts.insert(0, broken),
    }
    verdicts
}
