//! `cairn lab compare`.

use super::failure;
use super::gap;
use super::history::{self, Taken};
use super::memory;
use super::script;
use super::shelf::Folder;
use crate::args::lab::{CompareArgs, Granularities};
use crate::control::Step;
use crate::exit::{Exit, Failure};
use crate::output::{Bar, Output, count};
use crate::verbs::sim::jobs;
use cairn_lab::compare::{Entrant, Estimate, Plan, Progress, Report, Shard};
use cairn_lab::door::Lists;
use cairn_lab::metrics::Metric;
use cairn_lab::policies::{Contestant, check_script};
use cairn_model::Granularity;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The policies of the product that others are held against by default: what
/// most software does.
const FIRST: &str = "last-writer-wins";

/// Runs what is not there yet, and reports when all is.
pub(super) fn run(args: &CompareArgs, output: Output) -> Result<Exit, Failure> {
    let taken = Taken {
        seeds: args.seeds,
        lists: match args.sets {
            true => Lists::Sets,
            false => Lists::Values,
        },
        whole: args.whole,
        budget: memory::budget(args.memory),
    };
    let entrants = entrants(&args.policies, args.granularity)?;
    let subjects = args.histories.iter().map(|h| history::subject(h, &taken));
    let plan = Plan {
        subjects: subjects.collect::<Result<_, _>>()?,
        entrants,
        margin: args.margin / 1_000.0,
        resamples: args.resamples as usize,
    };
    gap::left_out(&plan, output);
    let (index, of) = args.shard;
    let shard = Shard {
        index: index as usize + 1,
        of: of as usize,
    };
    let shelf = Folder::of_shard(&args.out, &format!("{index}-{of}"));
    let bar = Mutex::new(Watched::new(output));
    let tell = |progress: Progress| {
        bar.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .show(&progress);
    };
    plan.run(&shelf, jobs(args.jobs), shard, &tell)
        .map_err(failure)?;
    drop(bar);
    if shard != Shard::WHOLE {
        output.say(format!(
            "Shard {index}/{of} is in {}; `cairn lab merge` brings all of them together.",
            args.out.display()
        ));
        return Ok(Exit::Done);
    }
    let report = plan.report(&shelf).map_err(failure)?;
    show(&report, &args.out, output)
}

/// Shows how far a run is: a bar of folds where a person watches, elsewhere a
/// line for every tenth of the units.
struct Watched {
    bar: Bar,
    is_watched: bool,
    tenth: usize,
}

impl Watched {
    fn new(output: Output) -> Watched {
        Watched {
            bar: output.bar(),
            is_watched: std::io::stderr().is_terminal(),
            tenth: 0,
        }
    }

    fn show(&mut self, progress: &Progress) {
        let Progress { done, of, .. } = *progress;
        self.bar.show(&Step {
            what: "folded".to_owned(),
            done: progress.folds as u64,
            total: Some(progress.folds_of as u64),
            aloud: false,
        });
        let tenth = tenth(done, of);
        if !self.is_watched && tenth > self.tenth {
            self.tenth = tenth;
            self.bar.show(&Step {
                what: format!("{done} of {} done", count(of as u64, "unit")),
                done: 0,
                total: None,
                aloud: true,
            });
        }
    }
}

/// How many tenths are done.
fn tenth(done: usize, of: usize) -> usize {
    done.saturating_mul(10).checked_div(of).unwrap_or(10)
}

/// The policies that were asked for, at the granularity that was.
pub(super) fn entrants(
    names: &[String],
    granularity: Granularities,
) -> Result<Vec<Entrant>, Failure> {
    let mut wanted: Vec<String> = names.to_vec();
    if wanted.is_empty() {
        let ids = cairn_policy::ids().into_iter().filter(|id| *id != FIRST);
        let brackets = ["random-winner", "oracle"];
        let all = [FIRST].into_iter().chain(ids).chain(brackets);
        wanted = all.map(str::to_owned).collect();
    }
    let mut entrants = Vec::new();
    for name in &wanted {
        let (by_field, by_record) = match script::is_file(name) {
            true => of_script(name)?,
            false => {
                let by_field = Entrant::named(name).ok_or_else(|| script::unknown(name))?;
                (by_field, Entrant::named(&format!("{name} by record")))
            }
        };
        // What compares values works field by field at either granularity.
        match (granularity, by_record) {
            (Granularities::Field, _) | (_, None) => entrants.push(by_field),
            (Granularities::Record, Some(by_record)) => entrants.push(by_record),
            (Granularities::Both, Some(by_record)) => entrants.extend([by_field, by_record]),
        }
    }
    Ok(entrants)
}

/// A script that keeps the laws, at both granularities if it has both.
fn of_script(name: &str) -> Result<(Entrant, Option<Entrant>), Failure> {
    let script = script::read(name)?;
    if let Some(breach) = check_script(&script).first() {
        return Err(Failure::usage(format!(
            "{name} breaks a law, so that results under it would mean nothing: {breach}. `cairn lab check-policy {name}` tells every law that it breaks"
        )));
    }
    let at = |granularity| Entrant::Policy(Contestant::script(Arc::clone(&script), granularity));
    let by_record = (!script.compares_values()).then(|| at(Granularity::Record));
    Ok((at(Granularity::Field), by_record))
}

/// The primary metric, its price, and where the rest is.
pub(super) fn show(report: &Report, folder: &Path, output: Output) -> Result<Exit, Failure> {
    if output.json {
        output.json(&report.summary)?;
        return Ok(Exit::Done);
    }
    for (name, policies) in &report.summary.scenarios {
        let first = &report.summary.baseline;
        output.line(format!("{name}, against {first}:"))?;
        let rows = report.manifest.policies.iter().filter_map(|name| {
            let metrics = &policies.get(name)?.metrics;
            let whole = |metric: Metric| metrics.get(metric.id()).and_then(|e| e.whole);
            let loss = metrics.get(Metric::PRIMARY.id())?;
            Some(vec![
                name.clone(),
                shown(loss.whole.map(|share| share * 1_000.0)),
                difference(loss),
                loss.versus
                    .as_ref()
                    .map_or_else(String::new, |versus| p_value(versus.p_holm)),
                shown(whole(Metric::QuestionsAsked)),
                shown(whole(Metric::AgreementOnConflicts).map(|share| share * 100.0)),
                loss.n.to_string(),
            ])
        });
        let heading = [
            "policy",
            "lost silently",
            "difference [95 %]",
            "p (Holm)",
            "questions",
            "as people %",
            "n",
        ];
        output.table(&heading, rows.collect())?;
        output.line("")?;
    }
    gap::show(&report.summary, output)?;
    output.say(format!(
        "Lost and asked are of 1,000 writes, differences means over n blocks. The report is {}; open it in any browser.",
        folder.join(cairn_lab::compare::PAGE).display()
    ));
    Ok(Exit::Done)
}

fn difference(loss: &Estimate) -> String {
    let Some(versus) = &loss.versus else {
        return String::new();
    };
    let found = versus.comparison.difference;
    let [estimate, low, high] = [found.estimate, found.low, found.high].map(|x| x * 1_000.0);
    format!("{estimate:+.2} [{low:+.2}, {high:+.2}]")
}

fn p_value(p: f64) -> String {
    match p < 0.0001 {
        true => format!("{p:.0e}"),
        false => format!("{p:.4}"),
    }
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &[&str], granularity: Granularities) -> Vec<String> {
        let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        let entrants = entrants(&wanted, granularity).expect("they are there");
        entrants.iter().map(|e| e.name().to_owned()).collect()
    }

    #[test]
    fn a_policy_that_compares_values_has_one_granularity() {
        let wanted = ["flag", "max", "oracle"];
        assert_eq!(names(&wanted, Granularities::Field), wanted);
        let by_record = names(&wanted, Granularities::Record);
        assert_eq!(by_record, ["flag by record", "max", "oracle"]);
        let both = names(&wanted, Granularities::Both);
        assert_eq!(both, ["flag", "flag by record", "max", "oracle"]);
    }

    #[test]
    fn without_names_all_are_compared_with_last_writer_wins() {
        let all = names(&[], Granularities::Field);
        assert_eq!(all.len(), cairn_policy::ids().len() + 2);
        assert_eq!(all.first().map(String::as_str), Some(FIRST));
        assert_eq!(all.last().map(String::as_str), Some("oracle"));
    }
}
