//! A comparison from end to end, on a shelf in memory.

use super::*;
use crate::ledger::Budget;
use crate::metrics::Metric;
use crate::policies::{Contestant, Script};
use crate::synthetic::Workload;
use cairn_model::{Granularity, OrganizationId, PublicKey};
use cairn_oplog::archive::{self, Header};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub(super) struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Memory {
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap().clone()
    }
}

impl Shelf for Memory {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0
            .lock()
            .unwrap()
            .insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

fn plan(seeds: std::ops::Range<u64>, policies: &[&str]) -> Plan {
    let workload = Workload {
        name: "office, small".to_owned(),
        records: 5,
        edits: 12,
        ..Workload::default()
    };
    Plan {
        subjects: vec![Subject::synthetic(workload, seeds)],
        entrants: policies
            .iter()
            .map(|name| Entrant::named(name).expect(name))
            .collect(),
        margin: 0.001,
        resamples: 200,
    }
}

const POLICIES: [&str; 4] = ["last-writer-wins", "flag", "random-winner", "oracle"];

pub(super) fn run(plan: &Plan, shelf: &Memory, jobs: usize, shard: Shard) -> usize {
    let told = AtomicUsize::new(0);
    plan.run(shelf, jobs, shard, &|progress| {
        assert!(progress.done <= progress.of && progress.folds <= progress.folds_of);
        assert_eq!(progress.folds_of, progress.of * plan.entrants.len());
        told.fetch_max(progress.done, Ordering::Relaxed);
    })
    .expect("it runs");
    told.into_inner()
}

#[test]
fn threads_and_shards_change_nothing() {
    let plan = plan(0..6, &POLICIES);
    let one = Memory::default();
    assert_eq!(run(&plan, &one, 1, Shard::WHOLE), 6);
    plan.report(&one).expect("all units are there");
    let other = Memory::default();
    for index in [2, 1] {
        assert_eq!(run(&plan, &other, 3, Shard { index, of: 2 }), 3);
    }
    plan.report(&other).expect("all units are there");
    assert_eq!(one.files(), other.files());
    let few = Memory::default();
    run(&plan, &few, 16, Shard::WHOLE);
    plan.report(&few).expect("all units are there");
    assert_eq!(one.files(), few.files());
}

#[test]
fn what_shards_did_elsewhere_is_brought_together() {
    let plan = plan(0..4, &POLICIES);
    let shards = [Memory::default(), Memory::default()];
    for (number, shelf) in (1..).zip(&shards) {
        run(
            &plan,
            shelf,
            1,
            Shard {
                index: number,
                of: 2,
            },
        );
    }
    let merged = Memory::default();
    for shelf in &shards {
        let manifest = Manifest::read(shelf).unwrap().expect("a run was there");
        manifest
            .gather(shelf, &merged)
            .expect("they are of one comparison");
    }
    let manifest = Manifest::read(&merged)
        .unwrap()
        .expect("it was brought over");
    manifest.report(&merged).expect("all units are there");
    let whole = Memory::default();
    run(&plan, &whole, 1, Shard::WHOLE);
    plan.report(&whole).unwrap();
    assert_eq!(merged.files(), whole.files());

    let other = Memory::default();
    run(&self::plan(0..5, &POLICIES), &other, 1, Shard::WHOLE);
    let other_manifest = Manifest::read(&other).unwrap().unwrap();
    let mixed = other_manifest.gather(&other, &merged).unwrap_err();
    assert!(mixed.to_string().contains("another comparison"), "{mixed}");
    let mut changed = merged.files()[MANIFEST].clone();
    let place = changed.windows(5).position(|w| w == b"0.001").unwrap();
    changed[place + 4] = b'9';
    merged.write(MANIFEST, &changed).unwrap();
    let damaged = Manifest::read(&merged).unwrap_err().to_string();
    assert!(damaged.contains("its hash is not"), "{damaged}");
}

/// A name that would be markup if nobody looked.
const HOSTILE: &str = "</style><script>alert(1)</script>\" onload=\"x";

#[test]
fn the_page_stands_alone_and_says_how_sure_it_is() {
    let mut plan = plan(0..8, &POLICIES);
    plan.subjects[0].name = HOSTILE.to_owned();
    let shelf = Memory::default();
    run(&plan, &shelf, 2, Shard::WHOLE);
    plan.report(&shelf).unwrap();
    let files = shelf.files();
    let page = String::from_utf8(files[PAGE].clone()).unwrap();
    assert!(!page.contains("<script") && !page.contains("onload=\""));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    let links = ["src=", "href=", "url(", "@import", "https://"];
    let linked = links.into_iter().find(|link| page.contains(link));
    assert_eq!(linked, None, "nothing is fetched from elsewhere");
    assert_eq!(page.matches("<figure><svg").count(), 3);
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), 3);
    assert_eq!(page.matches("</title>\n<desc>").count(), 3);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    for threat in THREATS {
        let escaped = threat.replace('\'', "&#39;");
        assert!(page.contains(&escaped), "{threat}");
    }
    // (1/2)^8 both ways, and times the three policies that are compared.
    assert!(page.contains("<td>0.0078</td><td>0.0234</td>"), "{page}");
    assert!(page.contains("<b>flag</b> loses less in silence"));
    let figure = String::from_utf8(files["figures/0001-differences.svg"].clone()).unwrap();
    assert!(figure.starts_with("<svg xmlns=") && page.contains(&figure));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn every_policy_is_named_in_every_figure_and_the_same_numbers_are_drawn_alike() {
    let mut plan = plan(0..4, &POLICIES);
    let other = Workload {
        records: 3,
        ..Workload::default()
    };
    plan.subjects.push(Subject::synthetic(other, 0..2));
    let figures = || {
        let shelf = Memory::default();
        run(&plan, &shelf, 2, Shard::WHOLE);
        plan.report(&shelf).unwrap();
        let mut files = shelf.files();
        files.retain(|name, _| name.starts_with("figures/"));
        files
    };
    let drawn = figures();
    let whats = ["costs", "differences", "pareto"];
    let own = [1, 2].into_iter().flat_map(|number| {
        let names = whats.map(|what| format!("figures/{number:04}-{what}.svg"));
        names.into_iter()
    });
    let names: Vec<String> = own.chain(["figures/forest.svg".to_owned()]).collect();
    assert!(drawn.keys().eq(&names), "{:?}", drawn.keys());
    for (name, figure) in &drawn {
        let figure = std::str::from_utf8(figure).unwrap();
        let against_first = name.ends_with("differences.svg") || name.ends_with("forest.svg");
        for policy in &POLICIES[usize::from(against_first)..] {
            // Plotters ends what a text says with a line.
            let text = format!(">\n{policy}\n</text>");
            assert!(figure.contains(&text), "{name} does not name {policy}");
        }
    }
    assert_eq!(drawn, figures());
}

/// A script with this body, that compares values.
pub(super) fn script(body: &str) -> Entrant {
    let source = format!(
        "fn policy() {{ #{{ id: \"mine\", order_insensitive: false, compares_values: true }} }}
        fn decide(contest) {{ {body} }}"
    );
    let script = Script::read("mine.rhai", &source).unwrap();
    Entrant::Policy(Contestant::script(Arc::new(script), Granularity::Field))
}

#[test]
fn numbers_of_a_script_that_fails_are_not_kept() {
    let mut plan = plan(0..3, &POLICIES[..2]);
    let body = "if contest.contenders[0].value_rank == 1 { throw \"the larger one\"; }
        #{ shown: 0, others: \"settled\" }";
    plan.entrants.push(script(body));
    let shelf = Memory::default();
    let fault = plan.run(&shelf, 1, Shard::WHOLE, &|_| {}).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "policy `mine` failed on office, small, seed 0: mine.rhai, line 2, column 73: it throws `the larger one`. \
         Nothing of that unit was kept; correct the policy, or leave it out"
    );
    assert!(shelf.files().into_keys().eq([MANIFEST.to_owned()]));
    plan.report(&shelf).expect_err("no unit is there");
}

#[test]
fn results_of_another_script_are_never_mixed_in() {
    let mut plan = plan(0..2, &POLICIES[..1]);
    plan.entrants
        .push(script("#{ shown: 0, others: \"settled\" }"));
    let shelf = Memory::default();
    run(&plan, &shelf, 1, Shard::WHOLE);
    let manifest = Manifest::read(&shelf).unwrap().unwrap();
    assert!(manifest.scripts.keys().eq(["mine"]), "{manifest:?}");
    plan.entrants.pop();
    plan.entrants
        .push(script("#{ shown: 1, others: \"settled\" }"));
    let other = plan.run(&shelf, 1, Shard::WHOLE, &|_| {}).unwrap_err();
    assert!(
        other.to_string().contains("is of another comparison"),
        "{other}"
    );
}

#[test]
fn a_run_that_was_broken_off_goes_on() {
    let plan = plan(0..3, &POLICIES[..2]);
    let shelf = Memory::default();
    run(&plan, &shelf, 1, Shard { index: 1, of: 3 });
    let missing = plan.report(&shelf).unwrap_err().to_string();
    assert!(missing.starts_with("2 of 3 units are missing"), "{missing}");
    let before = shelf.files();
    run(&plan, &shelf, 1, Shard::WHOLE);
    for (name, bytes) in before {
        assert_eq!(shelf.files()[&name], bytes);
    }
    plan.report(&shelf).expect("now they are there");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let shelf = Memory::default();
    let words = |plan: &Plan, shard| {
        let run = plan.run(&shelf, 1, shard, &|_| {});
        run.unwrap_err().to_string()
    };
    let good = plan(0..2, &POLICIES[..1]);
    let none = Shard { index: 3, of: 2 };
    assert_eq!(
        words(&good, none),
        "there is no shard 3/2; shards count from 1"
    );
    let twice = plan(0..2, &["flag", "flag"]);
    assert!(words(&twice, Shard::WHOLE).starts_with("`flag` is there twice"));
    assert!(words(&plan(0..0, &["flag"]), Shard::WHOLE).starts_with("there is nothing"));
    run(&good, &shelf, 1, Shard::WHOLE);
    let other = words(&plan(0..3, &POLICIES[..1]), Shard::WHOLE);
    assert!(
        other.starts_with("`manifest.json` is of another comparison"),
        "{other}"
    );
    let unit = shelf
        .files()
        .into_keys()
        .find(|name| name.starts_with("units/"));
    shelf.write(&unit.unwrap(), b"{").unwrap();
    let damaged = good.report(&shelf).unwrap_err().to_string();
    assert!(damaged.contains("is damaged"), "{damaged}");
}

/// Under flag nothing is lost silently in any of eight seeds, and that is a
/// significant difference: (1/2)^8 both ways.
#[test]
fn the_summary_says_what_the_numbers_prove() {
    let plan = plan(0..8, &POLICIES);
    let shelf = Memory::default();
    run(&plan, &shelf, 2, Shard::WHOLE);
    let report = plan.report(&shelf).expect("all units are there");
    let policies = &report.summary.scenarios["office, small"];
    let primary = |policy: &str| &policies[policy].metrics[Metric::PRIMARY.id()];
    let flag = primary("flag");
    assert_eq!((flag.whole, flag.n), (Some(0.0), 8));
    assert!((flag.none_seen.unwrap() - 0.3123).abs() < 1e-3);
    let versus = flag.versus.as_ref().expect("it is not the first");
    assert!(versus.comparison.difference.high < 0.0);
    assert_eq!(versus.comparison.test.p, 2.0 / 256.0);
    assert_eq!(versus.comparison.delta, 1.0);
    assert!(versus.p_holm >= versus.comparison.test.p);
    assert!(primary("last-writer-wins").versus.is_none());
    assert!(policies["flag"].no_worse.unwrap().p_high < 0.05);
    assert!(policies["flag"].neighbours.is_none(), "seeds have no order");
    assert!(policies["flag"].batched.is_none());
    let at: Vec<f64> = policies["flag"].costs.iter().map(|cost| cost.k).collect();
    assert_eq!(at, [1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 70.0, 100.0]);
    assert!(
        policies["flag"]
            .costs
            .windows(2)
            .all(|pair| pair[0].cost == pair[1].cost)
    );

    let table = String::from_utf8(shelf.files()[METRICS].clone()).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("scenario,seed,block,policy,metric,key_class,value,unit")
    );
    let line = "\"office, small\",3,,flag,silent_loss_rate,,0,share";
    assert!(lines.any(|found| found == line), "{table:.600}");
}

/// A log of some hours: blocks are minutes, of which there are enough.
#[test]
fn a_recorded_ledger_is_compared_in_spans_of_time() {
    let lived = Workload {
        records: 600,
        edits: 300,
        zipf: 0.0,
        ..Workload::default()
    };
    let bytes = crate::synthetic::generate(&lived, 1)
        .ledger
        .export(Vec::new())
        .unwrap();
    let subject = Subject::recorded("last month", "hash".to_owned(), None, move || {
        Ok(io::Cursor::new(bytes.clone()))
    });
    let plan = Plan {
        subjects: vec![subject],
        ..plan(0..0, &POLICIES[..3])
    };
    let shelf = Memory::default();
    run(&plan, &shelf, 2, Shard::WHOLE);
    let summary = plan.report(&shelf).unwrap().summary;
    assert_eq!(summary.blocks["last month"], "minute");
    let policies = &summary.scenarios["last month"];
    let flag = &policies["flag"].metrics[Metric::PRIMARY.id()];
    let versus = flag.versus.as_ref().expect("there are blocks");
    assert!(
        versus.comparison.blocks >= 20 && versus.p_holm < 0.05,
        "{versus:?}"
    );
    assert!(policies["last-writer-wins"].versus_random.is_some());
    assert!(policies["flag"].neighbours.is_some());
    assert!(policies["last-writer-wins"].neighbours.is_none());
    let page = String::from_utf8(shelf.files()[PAGE].clone()).unwrap();
    assert!(page.contains("A block is a minute."));
    assert!(page.contains("old apart from a winner by lot"));
    let table = String::from_utf8(shelf.files()[METRICS].clone()).unwrap();
    assert!(
        table.contains("last month,0,2027-01-15T08:"),
        "{table:.900}"
    );
}

/// An exported log, and one that was changed on its way.
#[test]
fn a_recorded_ledger_is_compared_or_refused() {
    let study = crate::synthetic::generate(Workload::default(), 1);
    let bytes = study.ledger.export(Vec::new()).unwrap();
    let of = |bytes: Vec<u8>| Plan {
        subjects: vec![Subject::recorded(
            "last month",
            "hash".to_owned(),
            None,
            move || Ok(io::Cursor::new(bytes.clone())),
        )],
        ..plan(0..0, &POLICIES)
    };
    let good = of(bytes.clone());
    let shelf = Memory::default();
    assert_eq!(run(&good, &shelf, 2, Shard::WHOLE), 1);
    let report = good.report(&shelf).unwrap();
    let flag = &report.summary.scenarios["last month"]["flag"];
    let primary = &flag.metrics[Metric::PRIMARY.id()];
    assert_eq!(primary.whole, Some(0.0));
    assert!(primary.versus.is_none(), "of one block nothing is inferred");
    let mut changed = bytes;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let shelf = Memory::default();
    let fault = of(changed)
        .run(&shelf, 1, Shard::WHOLE, &|_| {})
        .unwrap_err();
    assert!(fault.to_string().starts_with("last month: "), "{fault}");
    assert_eq!(shelf.files().len(), 1, "nothing but the manifest is kept");
}

/// One that takes more memory than there is, and a device's.
#[test]
fn a_log_that_cannot_be_compared_is_refused_before_anything_is_kept() {
    let laws = crate::long::Laws::contested(40_000);
    let bytes = crate::long::write(Vec::new(), &laws).unwrap();
    let of = |bytes: Vec<u8>, budget: Option<Budget>| Plan {
        subjects: vec![Subject::recorded(
            "last month",
            "hash".to_owned(),
            budget,
            move || Ok(io::Cursor::new(bytes.clone())),
        )],
        ..plan(0..0, &POLICIES)
    };
    let refused = |plan: Plan| {
        let shelf = Memory::default();
        let fault = plan.run(&shelf, 2, Shard::WHOLE, &|_| {}).unwrap_err();
        assert_eq!(shelf.files().len(), 1, "nothing but the manifest is kept");
        fault.to_string()
    };
    let budget = Budget {
        bytes: 512 << 20,
        held: || Some(600 << 20),
    };
    let told = refused(of(bytes.clone(), Some(budget)));
    assert!(told.contains("held 600 MiB and may hold 512"), "{told}");
    assert!(told.contains("--memory"), "{told}");
    let mut cut = bytes.clone();
    cut.truncate(bytes.len() - 100_000);
    let told = refused(of(cut, None));
    assert!(told.contains("it was cut off; copy it again"), "{told}");
    let told = refused(of(bytes[..4].to_vec(), None));
    assert!(told.contains("this is no log archive"), "{told}");
    let header = Header {
        organization: OrganizationId([1; 16]),
        relay: PublicKey([2; 32]),
        subject: archive::Subject::Device {
            key: PublicKey([7; 32]),
            user: "ann".to_owned(),
        },
    };
    let alone = archive::Writer::new(Vec::new(), &header).and_then(archive::Writer::finish);
    let told = refused(of(alone.unwrap(), None));
    assert!(told.contains("this is the log of one device"), "{told}");
}
