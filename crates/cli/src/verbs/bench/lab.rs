//! What the policy lab makes of a log in a second, and what it holds meanwhile.

use super::idle::resident_kilobytes;
use super::measure::Measure;
use super::scratch::Scratch;
use crate::args::bench::LabSize;
use crate::exit::{Failure, with_causes};
use crate::settings::unusable;
use crate::verbs::lab::shelf::Folder;
use cairn_lab::compare::{Entrant, Plan, Shard, Subject};
use cairn_lab::ledger::{Archived, Ledger, LedgerFault};
use cairn_lab::long::{self, Laws};
use cairn_lab::policies::Contestant;
use cairn_lab::trace::Trace;
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_oplog::{Entry, Parsed};
use cairn_projection::State;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// The budgets.
const FOLD_TARGET: f64 = 500_000.0;
const COMPARE_TARGET_S: f64 = 30.0;
/// Between two looks at what is held.
const LOOK: Duration = Duration::from_millis(20);
/// Resamples of the comparison: a log is one block, of which nothing is inferred.
const RESAMPLES: usize = 100;

/// Measures it.
pub(super) fn run(size: &LabSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let mut measures = compare(size, scratch)?;
    let logs = [
        ("calm", Laws::calm(size.operations)),
        ("contested", Laws::contested(size.operations)),
    ];
    for (name, laws) in logs {
        let path = written(&laws, &scratch.join(name))?;
        measures.extend(folds(name, &path)?);
    }
    Ok(measures)
}

/// Every policy of the product, on a log as an administrator has it.
fn compare(size: &LabSize, scratch: &Scratch) -> Result<Vec<Measure>, Failure> {
    let edits = size.compared;
    let path = written(&Laws::calm(edits), &scratch.join("compared"))?;
    let ids = cairn_policy::ids();
    let plan = Plan {
        subjects: vec![Subject::recorded("log", String::new(), None, {
            let path = path.clone();
            move || File::open(&path).map(BufReader::new)
        })],
        entrants: ids.iter().filter_map(|id| Entrant::named(id)).collect(),
        margin: 0.001,
        resamples: RESAMPLES,
    };
    let shelf = Folder::of_shard(&scratch.join("comparison"), "1-1");
    let most = AtomicU64::new(0);
    let (running, over) = sync_channel::<()>(1);
    let (start, before) = (Instant::now(), processor_seconds("self")?);
    let done = std::thread::scope(|scope| {
        let most = &most;
        scope.spawn(move || {
            while over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let held = resident_kilobytes().unwrap_or_default() as u64;
                most.fetch_max(held, Ordering::Relaxed);
            }
        });
        let ran = plan.run(&shelf, size.jobs as usize, Shard::WHOLE, &|_| ());
        let done = ran.and_then(|()| plan.report(&shelf));
        drop(running);
        done
    });
    done.map_err(|fault| Failure::storage(with_causes(&fault)))?;
    let wall = start.elapsed().as_secs_f64();
    let processor = processor_seconds("self")? - before;
    // One pass with nothing but the reading of it, for each policy.
    let start = Instant::now();
    let read = &mut |entry: &Entry| {
        black_box(decoded(entry));
    };
    archived(&path)?.each(read).map_err(unread)?;
    let floor = start.elapsed().as_secs_f64() * ids.len() as f64 / f64::from(size.jobs);
    let metric = format!(
        "{} policies on {edits} edits, {} at a time",
        ids.len(),
        size.jobs
    );
    Ok(vec![
        Measure::lower("lab", metric, wall, "s")
            .floor(floor)
            .target(COMPARE_TARGET_S),
        Measure::lower("lab", "… processor time", processor, "s"),
        Measure::lower(
            "lab",
            "… memory at most",
            most.into_inner() as f64 / 1024.0,
            "MB",
        ),
    ])
}

/// Folds a log under each policy, on one core; what is counted is the time of
/// the processor, not of the wall.
fn folds(log: &str, path: &Path) -> Result<Vec<Measure>, Failure> {
    let ledger = archived(path)?;
    let mut entries = Vec::new();
    ledger
        .each(&mut |entry| entries.push(entry.clone()))
        .map_err(unread)?;
    let operations: usize = entries.iter().map(|entry| entry.bundle.slots().len()).sum();
    let rate = |seconds: f64| operations as f64 / seconds;
    let floor = rate(timed(|| {
        for entry in &entries {
            let parsed = Parsed::parse(entry.bundle.bytes().clone());
            black_box(parsed.map(Parsed::trust_own_storage).is_ok());
            black_box(decoded(entry));
        }
    })?);
    let by_record = cairn_policy::ids()
        .into_iter()
        .map(|id| format!("{id} by record"));
    let names = cairn_policy::ids()
        .into_iter()
        .map(str::to_owned)
        .chain(by_record);
    let mut measures = Vec::new();
    for contestant in names.filter_map(|name| Contestant::named(&name)) {
        let mut state = State::on_trial(ledger.organization(), ledger.relay(), contestant.trial());
        let seconds = timed(|| {
            for entry in &entries {
                black_box(state.fold(entry));
            }
        })?;
        let metric = format!("{} folds a {log} log, per core", contestant.name);
        measures.push(
            Measure::higher("lab", metric, rate(seconds), "operations/s")
                .floor(floor)
                .target(FOLD_TARGET),
        );
    }
    let seconds = timed(|| black_box(Trace::of(&ledger, &mut |_| ()).is_ok()))?;
    let metric = format!("what met what in a {log} log, per core");
    measures.push(Measure::higher("lab", metric, rate(seconds), "operations/s").floor(floor));
    Ok(measures)
}

/// The operations of an entry that can be read.
fn decoded(entry: &Entry) -> usize {
    let whole = |slot: &Slot| match slot {
        Slot::Whole(bytes) => decode_operation(bytes).is_ok(),
        Slot::Withheld(_) => false,
    };
    entry
        .bundle
        .slots()
        .iter()
        .filter(|slot| whole(slot))
        .count()
}

fn written(laws: &Laws, path: &Path) -> Result<PathBuf, Failure> {
    let file = File::create(path).map(BufWriter::new);
    file.and_then(|file| long::write(file, laws))
        .and_then(|file| file.into_inner().map_err(|error| error.into_error()))
        .map_err(|error| unusable(path, "written", &error))?;
    Ok(path.to_owned())
}

type Log = Archived<Box<dyn Fn() -> std::io::Result<BufReader<File>> + Sync>>;

fn archived(path: &Path) -> Result<Log, Failure> {
    let path = path.to_owned();
    Archived::new(Box::new(move || File::open(&path).map(BufReader::new)) as Box<_>).map_err(unread)
}

fn unread(fault: LedgerFault) -> Failure {
    Failure::storage(with_causes(&fault))
}

/// Seconds of the processor that something takes on this thread.
fn timed<T>(work: impl FnOnce() -> T) -> Result<f64, Failure> {
    let before = processor_seconds("thread-self")?;
    work();
    Ok(processor_seconds("thread-self")? - before)
}

/// Seconds of the processor that this process, or this thread, has had: the
/// system counts them in hundredths.
fn processor_seconds(whose: &str) -> Result<f64, Failure> {
    let path = Path::new("/proc").join(whose).join("stat");
    let text = std::fs::read_to_string(&path).map_err(|error| unusable(&path, "read", &error))?;
    // After the name, which may have spaces: the 12th and 13th.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: Option<Vec<f64>> = ticks.map(|ticks| ticks.parse().ok()).collect();
    let ticks = ticks.filter(|ticks| ticks.len() == 2);
    let ticks = ticks.ok_or_else(|| Failure::storage("/proc/*/stat is not as expected"))?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}
