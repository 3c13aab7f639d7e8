//! `cairn sim bench`: one core, no checkers, the world alone.

use crate::args::sim::BenchArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::verbs::bench::measure::{Measure, show};
use cairn_sim::bench::{Bench, FLEET, LIVE, STORM};
use cairn_sim::campaign::Findings;
use cairn_sim::coverage::Seen;
use cairn_sim::run::run as run_case;
use cairn_sim::scenario::Tier;
use cairn_sim::time::DAY;
use cairn_sim::wiring::Straight;
use std::fs;
use std::time::{Duration, Instant};

/// Delivered messages a second on one core, as promised.
const MESSAGES_TARGET: f64 = 200_000.0;
/// Device-years for an hour of one core, as promised.
const DEVICE_YEARS_TARGET: f64 = 50.0;

/// Measures and shows.
pub(super) fn run(args: &BenchArgs, output: Output) -> Result<Exit, Failure> {
    let (live, took) = measured(&LIVE, Tier::Message, args.seeds, output)?;
    let messages = counted(&live, "messages") / took.as_secs_f64();
    let (fleet, took) = measured(&FLEET, Tier::Message, args.seeds, output)?;
    let years = fleet.device_time as f64 / (365 * DAY) as f64;
    let years = years / (took.as_secs_f64() / 3_600.0);
    let sessions = counted(&fleet, "sessions") / took.as_secs_f64();
    let (quic, spent) = measured(&FLEET, Tier::Quic, args.seeds, output)?;
    let quic_years = quic.device_time as f64 / (365 * DAY) as f64;
    let quic_years = quic_years / (spent.as_secs_f64() / 3_600.0);
    let (storm, took) = measured(&STORM, Tier::Message, args.seeds, output)?;
    let seconds = took.as_secs_f64();
    let number = |metric: &str, value, unit| Measure::higher("sim", metric, value, unit);
    let measures = [
        number("delivered messages", messages, "/s/core").target(MESSAGES_TARGET),
        number(
            "50 devices, a session an hour",
            years,
            "device-years/core-hour",
        )
        .target(DEVICE_YEARS_TARGET),
        number("sessions", sessions, "/s/core"),
        number(
            "the same over QUIC and sled",
            quic_years,
            "device-years/core-hour",
        )
        .target(DEVICE_YEARS_TARGET),
        number("crashes", counted(&storm, "crashes") / seconds, "/s/core"),
        number(
            "partitions",
            counted(&storm, "partitions") / seconds,
            "/s/core",
        ),
    ];
    show(&measures, output)?;
    Ok(Exit::Done)
}

fn counted(findings: &Findings, name: &str) -> f64 {
    findings.counts.get(name).copied().unwrap_or_default() as f64
}

fn measured(
    bench: &Bench,
    tier: Tier,
    seeds: u64,
    output: Output,
) -> Result<(Findings, Duration), Failure> {
    output.say(format!(
        "measuring {} in tier {} …",
        bench.name,
        tier.name()
    ));
    let scenario = bench.read().map_err(Failure::usage)?.on(tier);
    let mut findings = Findings::default();
    let mut took = Duration::ZERO;
    for seed in 0..seeds.max(1) {
        let case = scenario.case(seed).map_err(Failure::usage)?;
        let began = Clock::start();
        let (outcome, _) = run_case(&case, Box::new(Straight), &mut [], false);
        took += began.elapsed();
        if let Some(violation) = &outcome.violation {
            output.say(format!("{}: {}", bench.name, violation.words));
        }
        findings.add(&case, &outcome, &Seen::default());
    }
    Ok((findings, took))
}

/// Time of the processor spent by this thread where the system tells it, so
/// that others at work on the machine do not count; else time on the wall.
struct Clock {
    wall: Instant,
    busy: Option<Duration>,
}

impl Clock {
    fn start() -> Clock {
        Clock {
            wall: Instant::now(),
            busy: busy(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.busy, busy()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.wall.elapsed(),
        }
    }
}

fn busy() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
