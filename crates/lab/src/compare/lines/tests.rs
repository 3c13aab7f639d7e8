//! The lines are enough to work the numbers out anew: here it is done with
//! nothing of the trace and the judge, as their definitions are written.

use super::*;
use crate::compare::tests::{Memory, run, script};
use crate::compare::{Plan, Shard};
use crate::metrics::Metric;
use crate::synthetic::Scene;
use std::collections::BTreeSet;

#[derive(Default)]
struct Files(BTreeMap<(Option<String>, Kind), Vec<Json>>);

impl Files {
    fn written(subject: &Subject, entrants: &[Entrant], seed: u64) -> Files {
        let mut files = Files::default();
        let mut take = |policy: Option<&str>, kind, line| {
            let of = (policy.map(str::to_owned), kind);
            files.0.entry(of).or_default().push(line);
            Ok(())
        };
        write(subject, entrants, seed, &mut take).expect("memory takes everything");
        files
    }

    fn of(&self, policy: Option<&str>, kind: Kind) -> &[Json] {
        let lines = self.0.get(&(policy.map(str::to_owned), kind));
        lines.map_or(&[], Vec::as_slice)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Wants {
    Shows(Json),
    Lives(bool),
    Has(Json, bool),
    Merges,
}

#[derive(Clone, Debug)]
struct Wrote {
    version: u64,
    base: u64,
    device: String,
    record: String,
    field: Option<u64>,
    wants: Wants,
}

impl Wrote {
    fn before(&self, later: &Wrote) -> bool {
        let seen = self.version <= later.base || self.device == later.device;
        self.version < later.version && seen
    }

    fn apart(&self, other: &Wrote) -> bool {
        self.version != other.version && !self.before(other) && !other.before(self)
    }

    fn element(&self) -> Option<&Json> {
        match &self.wants {
            Wants::Has(element, _) => Some(element),
            _ => None,
        }
    }

    fn same_key(&self, other: &Wrote) -> bool {
        (self.field, self.element()) == (other.field, other.element())
    }

    fn deletes(&self) -> bool {
        self.wants == Wants::Lives(false)
    }

    fn meets(&self, other: &Wrote) -> bool {
        let deletion = self.deletes() && other.field.is_some();
        let deleted = other.deletes() && self.field.is_some();
        self.apart(other) && (self.same_key(other) || deletion || deleted)
    }

    fn is_superseded_by(&self, later: &Wrote) -> bool {
        let same = self.same_key(later) && later.wants != Wants::Merges;
        let deleted = self.field.is_some() && later.deletes();
        let written = self.deletes() && later.field.is_some();
        self.before(later) && (same || deleted || written)
    }
}

/// Every write, by record.
fn writes(operations: &[Json]) -> BTreeMap<String, Vec<Wrote>> {
    let mut writes: BTreeMap<String, Vec<Wrote>> = BTreeMap::new();
    for operation in operations {
        let version = operation["version"].as_u64().unwrap();
        for mutation in operation["mutations"].as_array().unwrap() {
            let record = mutation["record"].as_str().unwrap().to_owned();
            let mut add = |field: Option<u64>, wants| {
                writes.entry(record.clone()).or_default().push(Wrote {
                    version,
                    base: mutation["base"].as_u64().unwrap().min(version - 1),
                    device: operation["device"].as_str().unwrap().to_owned(),
                    record: record.clone(),
                    field,
                    wants,
                });
            };
            match mutation["change"].as_str().unwrap() {
                "create" | "restore" => add(None, Wants::Lives(true)),
                "delete" => add(None, Wants::Lives(false)),
                _ => {}
            }
            for write in mutation["writes"].as_array().unwrap() {
                let field = write["field"].as_u64();
                for (how, has) in [("add", true), ("remove", false)] {
                    for element in write[how].as_array().into_iter().flatten() {
                        add(field, Wants::Has(element.clone(), has));
                    }
                }
                if let Some(value) = write.get("set") {
                    add(field, Wants::Shows(value.clone()));
                } else if write.get("clear").is_some() {
                    add(field, Wants::Shows(Json::Null));
                } else if write.get("add").is_none() {
                    add(field, Wants::Merges);
                }
            }
            if let Some(keep) = mutation["keep"].as_bool() {
                add(None, Wants::Lives(keep));
            }
        }
    }
    writes
}

/// What a policy made of it.
struct Made<'a> {
    records: BTreeMap<&'a str, &'a Json>,
    rejected: BTreeSet<u64>,
    told: BTreeSet<u64>,
    asked: BTreeSet<(&'a str, Option<u64>, u64)>,
    questions: usize,
}

impl<'a> Made<'a> {
    fn of(files: &'a Files, policy: &str) -> Made<'a> {
        let version = |line: &Json| line["version"].as_u64().unwrap();
        let records = files.of(Some(policy), Kind::Record).iter();
        let conflicts = files.of(Some(policy), Kind::Conflict).iter();
        let left: Vec<&Json> = conflicts.filter(|c| c["outcome"] != "superseded").collect();
        let issues = files.of(Some(policy), Kind::Issue);
        let set_aside = issues
            .iter()
            .filter(|issue| issue["code"] == "conflict.superseded" && !issue["record"].is_null());
        Made {
            records: records
                .map(|r| (r["record"].as_str().unwrap(), r))
                .collect(),
            rejected: files
                .of(Some(policy), Kind::Rejected)
                .iter()
                .map(version)
                .collect(),
            told: issues.iter().map(version).collect(),
            questions: left.len() + set_aside.count(),
            asked: left
                .into_iter()
                .flat_map(|conflict| {
                    let sides = conflict["sides"].as_array().unwrap().iter();
                    let record = conflict["record"].as_str().unwrap();
                    sides.map(move |side| {
                        (record, conflict["field"].as_u64(), side.as_u64().unwrap())
                    })
                })
                .collect(),
        }
    }

    fn has(&self, write: &Wrote) -> bool {
        let record = self.records.get(write.record.as_str());
        let record = record.filter(|record| record["lives"] == true);
        let field = write.field.map(|field| field.to_string());
        let held = record
            .zip(field)
            .map(|(record, field)| &record["fields"][field]);
        match &write.wants {
            Wants::Lives(lives) => record.is_some() == *lives,
            Wants::Merges => record.is_some() && !self.rejected.contains(&write.version),
            Wants::Shows(value) => held.is_some_and(|held| held["shows"] == *value),
            Wants::Has(element, has) => {
                let has_it = held.and_then(|held| held["has"].as_array());
                let has_it = has_it.is_some_and(|all| all.contains(element));
                match record {
                    Some(_) => has_it == *has,
                    None => !has,
                }
            }
        }
    }

    fn surfaced(&self, write: &Wrote) -> bool {
        let place = (write.record.as_str(), write.field, write.version);
        self.rejected.contains(&write.version)
            || self.told.contains(&write.version)
            || self.asked.contains(&place)
    }
}

/// Key conflict rate, silent loss rate and questions for each 1,000 writes.
fn anew(writes: &BTreeMap<String, Vec<Wrote>>, made: &Made<'_>) -> [f64; 3] {
    let (mut all, mut met, mut lost) = (0, 0, 0);
    for own in writes.values() {
        for write in own {
            all += 1;
            met += usize::from(own.iter().any(|other| write.meets(other)));
            let stands = !own.iter().any(|later| write.is_superseded_by(later));
            lost += usize::from(stands && !made.has(write) && !made.surfaced(write));
        }
    }
    let of_all = |part: usize| part as f64 / all as f64;
    [of_all(met), of_all(lost), of_all(made.questions) * 1_000.0]
}

/// Scenes with deletions, sets, counters, texts, keys and circles, under
/// policies that decide, ask, refuse, and take a record for one thing.
#[test]
fn numbers_are_worked_out_anew_from_the_lines() {
    let policies = [
        "last-writer-wins",
        "flag",
        "server-wins",
        "client-wins by record",
        "oracle",
    ];
    let mut losing = 0;
    for scene in ["deletions", "field-service-day", "counters", "sales"] {
        let subject = || Subject::synthetic(Scene::named(scene).expect(scene), [3]);
        let plan = Plan {
            subjects: vec![subject()],
            entrants: policies
                .map(|name| Entrant::named(name).expect(name))
                .into(),
            margin: 0.001,
            resamples: 100,
        };
        let shelf = Memory::default();
        run(&plan, &shelf, 1, Shard::WHOLE);
        let report = plan.report(&shelf).expect("all units are there");
        let files = Files::written(&subject(), &plan.entrants, 3);
        let writes = writes(files.of(None, Kind::Operation));
        for entrant in &plan.entrants {
            let told = &report.summary.scenarios[scene][entrant.name()].metrics;
            let told = [
                Metric::KeyConflictRate,
                Metric::SilentLossRate,
                Metric::QuestionsAsked,
            ]
            .map(|metric| told[metric.id()].whole.expect("there are writes"));
            let found = anew(&writes, &Made::of(&files, entrant.name()));
            for (found, told) in found.iter().zip(told) {
                let apart = (found - told).abs();
                assert!(apart < 1e-9, "{scene}, {entrant:?}: {found} is not {told}");
            }
            losing += usize::from(found[1] > 0.0);
        }
    }
    assert!(losing > 4, "{losing}");
}

/// In closed loop every policy has operations of its own, and the oracle none.
#[test]
fn in_closed_loop_every_policy_has_its_own_operations() {
    let subject = Subject::closed(Scene::named("few-values").expect("it is there"), [1]);
    let entrants = ["flag", "last-writer-wins", "oracle"].map(|n| Entrant::named(n).expect(n));
    let files = Files::written(&subject, &entrants, 1);
    assert!(files.of(None, Kind::Operation).is_empty());
    let own = |policy| files.of(Some(policy), Kind::Operation);
    assert_ne!(own("flag"), own("last-writer-wins"));
    assert!(!own("flag").is_empty() && own("oracle").is_empty());
}

/// A script that fails in the middle leaves no lines of what it decided till then.
#[test]
fn of_a_script_that_fails_nothing_is_written() {
    let failing = script("throw \"the larger one\";");
    for make in [Subject::synthetic, Subject::closed] {
        let subject = make(Scene::named("few-values").expect("it is there"), vec![1]);
        let mut kinds = Vec::new();
        let mut take = |policy: Option<&str>, kind, _| {
            kinds.push((policy.is_some(), kind));
            Ok(())
        };
        let fault = write(&subject, std::slice::from_ref(&failing), 1, &mut take).unwrap_err();
        assert!(fault.to_string().contains("the larger one"), "{fault}");
        assert!(!kinds.iter().any(|(is_policy, _)| *is_policy), "{kinds:?}");
    }
}
