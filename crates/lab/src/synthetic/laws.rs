//! Laws of time: how long people pause, how long devices are out of reach, when
//! a site has no line to the world. Times are in milliseconds.

use super::BEGIN;
use crate::stats::{Stream, normal_quantile};
use serde::{Deserialize, Serialize};

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;
/// The longest span that is drawn: what has longer tails than a year would
/// leave nothing of a history.
const SPAN_MAX: f64 = 366.0 * DAY as f64;
/// How long after its site is back a device waits at most before it tries
/// again: they all come at once.
const BURST: usize = 30_000;

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "law", deny_unknown_fields)]
pub enum Law {
    /// Without memory.
    Exponential {
        /// The mean.
        mean: u64,
    },
    /// Below a shape of 1, what has lasted long will last longer still: many
    /// short absences, a few very long ones.
    Weibull {
        /// What all but a share of 1/e is shorter than.
        scale: u64,
        /// 1 is exponential.
        shape: f64,
    },
    /// The product of many causes.
    Lognormal {
        /// What half of them are shorter than.
        median: u64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
}

impl Law {
    /// A span, at least a millisecond.
    pub(crate) fn draw(&self, stream: &mut Stream) -> u64 {
        let share = stream.share();
        let span = match *self {
            Law::Exponential { mean } => -(1.0 - share).ln() * mean as f64,
            Law::Weibull { scale, shape } => scale as f64 * (-(1.0 - share).ln()).powf(1.0 / shape),
            Law::Lognormal { median, sigma } => {
                let quantile = normal_quantile(share.clamp(1e-12, 1.0 - 1e-12));
                median as f64 * (sigma * quantile).exp()
            }
        };
        1 + span.min(SPAN_MAX) as u64
    }

    /// What is wrong with it, as a sentence.
    pub(crate) fn fault(&self) -> Option<String> {
        let (span, shape, name) = match *self {
            Law::Exponential { mean } => (mean, 1.0, "mean"),
            Law::Weibull { scale, shape } => (scale, shape, "scale"),
            Law::Lognormal { median, sigma } => (median, sigma, "median"),
        };
        if !(1..=30 * DAY).contains(&span) {
            let most = 30 * DAY;
            return Some(format!(
                "`{name}` is {span} ms; 1 to {most} (30 days) are possible"
            ));
        }
        let sound = (0.1..=10.0).contains(&shape);
        (!sound).then(|| format!("its shape (or sigma) is {shape}; 0.1 to 10 is possible"))
    }
}

/// When people work: hours of the day, from one to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// The first hour.
    pub from: u64,
    /// The hour they go home.
    pub to: u64,
}

impl Hours {
    /// The time at which `span` of working time after `now` is over.
    pub(crate) fn after(&self, now: u64, span: u64) -> u64 {
        let day = (self.to - self.from) * HOUR;
        let (mut time, mut left) = (now, span);
        // Whole days first, so that a long span takes no long loop.
        time += left / day * DAY;
        left %= day;
        loop {
            let midnight = time / DAY * DAY;
            let (from, to) = (midnight + self.from * HOUR, midnight + self.to * HOUR);
            time = time.max(from);
            if time + left < to {
                return time + left;
            }
            left -= to.saturating_sub(time);
            time = midnight + DAY;
        }
    }
}

/// How a device is in reach of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) enum Line {
    /// It syncs now and then.
    Now(Law),
    /// It is out of reach for a while and then in reach for another, in which
    /// it syncs every so often.
    OnAndOff {
        offline: Law,
        online: Law,
        every: Law,
    },
}

impl Line {
    /// When the device tries next. `until` is the end of the spell that it is
    /// in reach for.
    pub(crate) fn next(&self, now: u64, until: &mut u64, stream: &mut Stream) -> u64 {
        match self {
            Line::Now(law) => now + law.draw(stream),
            Line::OnAndOff {
                offline,
                online,
                every,
            } => {
                let soon = now + every.draw(stream);
                if soon <= *until {
                    return soon;
                }
                let back = now.max(*until) + offline.draw(stream);
                *until = back + online.draw(stream);
                back
            }
        }
    }
}

/// The uplink of a place where several people work: when it fails, it fails for
/// all of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Uplink {
    pub(crate) up: Law,
    pub(crate) down: Law,
}

/// When a site's uplink is down, drawn as far as anybody has asked.
pub(crate) struct Outages {
    law: Uplink,
    stream: Stream,
    /// From when to when, in order.
    known: Vec<(u64, u64)>,
}

impl Outages {
    pub(crate) fn new(law: Uplink, stream: Stream) -> Outages {
        Outages {
            law,
            stream,
            known: Vec::new(),
        }
    }

    /// The end of the outage that `time` falls into, if it does.
    pub(crate) fn end(&mut self, time: u64) -> Option<u64> {
        while self.known.last().is_none_or(|(_, to)| *to <= time) {
            let after = self.known.last().map_or(BEGIN.0, |(_, to)| *to);
            let from = after + self.law.up.draw(&mut self.stream);
            let to = from + self.law.down.draw(&mut self.stream);
            self.known.push((from, to));
        }
        let at = self.known.partition_point(|(_, to)| *to <= time);
        let (from, to) = self.known[at];
        (from <= time).then_some(to)
    }
}

/// When a device that waited for its site to come back tries again.
pub(crate) fn burst(back: u64, stream: &mut Stream) -> u64 {
    back + stream.below(BURST) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(law: Law) -> u64 {
        let mut stream = Stream::new(1, "law");
        let mut spans: Vec<u64> = (0..4_001).map(|_| law.draw(&mut stream)).collect();
        spans.sort_unstable();
        spans[2_000]
    }

    /// Medians: `mean ln 2`, `scale (ln 2)^(1/shape)`, the median itself.
    #[test]
    fn spans_follow_their_laws() {
        let shape = 0.5;
        let laws = [
            (Law::Exponential { mean: HOUR }, std::f64::consts::LN_2),
            (Law::Weibull { scale: HOUR, shape }, 0.480_453),
            (
                Law::Lognormal {
                    median: HOUR,
                    sigma: 1.5,
                },
                1.0,
            ),
        ];
        for (law, expected) in laws {
            let found = median(law) as f64 / HOUR as f64;
            assert!((found / expected - 1.0).abs() < 0.1, "{law:?}: {found}");
        }
    }

    #[test]
    fn nobody_works_at_night() {
        let hours = Hours { from: 8, to: 17 };
        let nine = 20 * DAY + 9 * HOUR;
        assert_eq!(hours.after(nine, HOUR), nine + HOUR);
        let next_morning = 21 * DAY + 8 * HOUR;
        assert_eq!(hours.after(nine, 8 * HOUR), next_morning);
        assert_eq!(hours.after(nine, 8 * HOUR + MINUTE), next_morning + MINUTE);
        assert_eq!(hours.after(20 * DAY, 0), 20 * DAY + 8 * HOUR);
        assert_eq!(hours.after(nine, 90 * HOUR), nine + 10 * DAY);
    }

    #[test]
    fn a_site_is_down_for_everybody_at_once() {
        let law = Uplink {
            up: Law::Exponential { mean: 4 * HOUR },
            down: Law::Exponential { mean: HOUR },
        };
        let new = || Outages::new(law, Stream::new(3, "site"));
        let (mut one, mut other) = (new(), new());
        let times: Vec<u64> = (0..500).map(|n| BEGIN.0 + n * 10 * MINUTE).collect();
        let ends: Vec<_> = times.iter().map(|time| one.end(*time)).collect();
        let backwards = times.iter().rev().map(|time| other.end(*time));
        assert_eq!(ends, backwards.rev().collect::<Vec<_>>());
        let down = ends.iter().flatten().count();
        assert!((50..=150).contains(&down), "a fifth of the time: {down}");
    }
}
