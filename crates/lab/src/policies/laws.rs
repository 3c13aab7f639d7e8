//! The laws that a policy must keep before its results mean anything.

use super::{Given, Guarded, Script};
use crate::stats::Stream;
use cairn_model::{DeviceId, HybridTime, Timestamp, Value, Version};
use cairn_policy::{CLOCK_AHEAD_MS_MAX, Contender, Contest, Decision, Others, Policy};
use std::sync::Arc;

/// Contests that a policy is tried on.
const CONTESTS: u64 = 2_000;
/// Contenders of the largest.
const CONTENDERS_MAX: usize = super::script::USUAL_MAX;
/// When everything is received.
const RECEIVED: Timestamp = Timestamp(10_000_000);

/// A law that a policy breaks, with the contest that shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// It has no usable name.
    #[error("its id is `{0}`; an id is lower-case words joined by `-`")]
    Id(String),
    /// It names a contender that is not there.
    #[error("in contest {contest} it chose contender {shown} of {count}; they count from 0")]
    Nobody {
        /// Which contest.
        contest: u64,
        /// Whom it chose.
        shown: usize,
        /// How many there were.
        count: usize,
    },
    /// It is a script, and did not decide.
    #[error("in contest {contest}: {fault}")]
    Undecided {
        /// Which contest.
        contest: u64,
        /// Why.
        fault: String,
    },
    /// It decides one contest in two ways.
    #[error(
        "it decided contest {contest} in two ways; the same ledger must give the same state on every machine"
    )]
    Moody {
        /// Which contest.
        contest: u64,
    },
    /// It says that the order of arrival does not matter, and it does.
    #[error(
        "it says that the order of arrival does not matter, but in contest {contest} another order gave another winner"
    )]
    Order {
        /// Which contest.
        contest: u64,
    },
    /// It says that the order of arrival does not matter, and drops writes
    /// that a later one should still meet.
    #[error(
        "it says that the order of arrival does not matter, but in contest {contest} it settled the other writes, so that later ones do not meet them"
    )]
    Settles {
        /// Which contest.
        contest: u64,
    },
    /// It says that it compares no values, and does.
    #[error(
        "it says that it compares no values, but in contest {contest} other values gave another winner; a record as a whole has none"
    )]
    Values {
        /// Which contest.
        contest: u64,
    },
    /// A clock that is far ahead wins more than one that is a little ahead.
    #[error("in contest {contest} a clock far ahead won by that; use `effective_time`, which is at most {} minutes after arrival", CLOCK_AHEAD_MS_MAX / 60_000)]
    Clock {
        /// Which contest.
        contest: u64,
    },
}

/// A write of a contest that is tried in several ways.
#[derive(Clone)]
struct Write {
    device: DeviceId,
    sequence: u64,
    time: HybridTime,
    value: Option<Value>,
}

/// Tries a policy on contests that are drawn the same way each time. Gives the
/// first breach of each law.
pub fn check_policy(policy: &dyn Policy) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let id = policy.id();
    if !is_id(id) {
        breaches.push(Breach::Id(id.to_owned()));
    }
    for contest in 0..CONTESTS {
        note(&mut breaches, broken(policy, contest));
    }
    breaches
}

/// Tries a script as [`check_policy`] does. One that does not decide is not
/// tried further.
pub fn check_script(script: &Arc<Script>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let guard = Guarded::new(Given::Script(Arc::clone(script)));
    for contest in 0..CONTESTS {
        let found = broken(&guard, contest);
        if let Some(fault) = guard.mistake() {
            let fault = fault.to_owned();
            breaches.push(Breach::Undecided { contest, fault });
            break;
        }
        note(&mut breaches, found);
    }
    breaches
}

/// Whether a policy can be called so.
pub(super) fn is_id(id: &str) -> bool {
    let is_word = |word: &str| {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        !word.is_empty() && word.chars().all(is_letter)
    };
    id.split('-').all(is_word)
}

fn note(breaches: &mut Vec<Breach>, found: Vec<Breach>) {
    for breach in found {
        let is_same =
            |known: &Breach| std::mem::discriminant(known) == std::mem::discriminant(&breach);
        if !breaches.iter().any(is_same) {
            breaches.push(breach);
        }
    }
}

fn broken(policy: &dyn Policy, contest: u64) -> Vec<Breach> {
    let mut stream = Stream::new(contest, "laws");
    let writes = drawn(&mut stream);
    let standing = stream.below(writes.len() - 1);
    let order: Vec<usize> = (0..writes.len()).collect();
    let decision = decide(policy, &writes, &order, standing);
    let count = writes.len();
    if decision.shown >= count {
        let shown = decision.shown;
        return vec![Breach::Nobody {
            contest,
            shown,
            count,
        }];
    }
    let mut breaches = Vec::new();
    if decide(policy, &writes, &order, standing) != decision {
        breaches.push(Breach::Moody { contest });
    }
    if policy.order_insensitive() {
        breaches.extend(order_breach(
            policy,
            contest,
            &writes,
            decision,
            &mut stream,
        ));
    }
    let with = |change: &dyn Fn(&mut Write)| {
        let mut changed = writes.clone();
        changed.iter_mut().for_each(change);
        decide(policy, &changed, &order, standing)
    };
    if !policy.compares_values() && with(&|write| write.value = None) != decision {
        breaches.push(Breach::Values { contest });
    }
    let cap = HybridTime::new(RECEIVED.plus(CLOCK_AHEAD_MS_MAX), 0);
    if with(&|write| write.time = write.time.min(cap)) != decision {
        breaches.push(Breach::Clock { contest });
    }
    breaches
}

fn order_breach(
    policy: &dyn Policy,
    contest: u64,
    writes: &[Write],
    decision: Decision,
    stream: &mut Stream,
) -> Option<Breach> {
    match decision.others {
        Others::Settled | Others::SettledAndTold => return Some(Breach::Settles { contest }),
        Others::Flagged => return None,
        Others::Candidates => {}
    }
    let mut order: Vec<usize> = (0..writes.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, stream.below(last + 1));
    }
    let standing = stream.below(writes.len() - 1);
    let again = decide(policy, writes, &order, standing);
    let winner = order.get(again.shown);
    (winner != Some(&decision.shown)).then_some(Breach::Order { contest })
}

/// Writes with few different times and values, so that ties are common, each
/// of a device of its own.
fn drawn(stream: &mut Stream) -> Vec<Write> {
    let count = 2 + stream.below(CONTENDERS_MAX - 1);
    (0..count)
        .map(|device| {
            let far = stream.below(8) == 0;
            let base = RECEIVED.0 + u64::from(far) * 100 * CLOCK_AHEAD_MS_MAX;
            let wall = Timestamp(base - 3 + stream.below(4) as u64);
            let number = stream.below(4);
            Write {
                device: DeviceId([device as u8 * 37 + 1; 16]),
                sequence: 1 + stream.below(3) as u64,
                time: HybridTime::new(wall, stream.below(2) as u16),
                value: (number > 0).then_some(Value::Integer(number as i64)),
            }
        })
        .collect()
}

/// Decides a contest of writes that arrived in an order, the last just now.
fn decide(policy: &dyn Policy, writes: &[Write], order: &[usize], standing: usize) -> Decision {
    let contender = |(version, write): (u64, &usize)| {
        let Write {
            device,
            sequence,
            time,
            value,
        } = &writes[*write];
        Contender {
            version: Version(version),
            device: *device,
            sequence: *sequence,
            time: *time,
            received: RECEIVED,
            value: value.as_ref(),
        }
    };
    let contenders: Vec<Contender<'_>> = (1..).zip(order).map(contender).collect();
    policy.decide(Contest {
        contenders: &contenders,
        standing,
        arriving: contenders.len() - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::RandomWinner;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn what_ships_keeps_the_laws() {
        for policy in cairn_policy::all() {
            assert_eq!(check_policy(policy), [], "{}", policy.id());
        }
        assert_eq!(check_policy(&RandomWinner { seed: 3 }), []);
    }

    /// A policy that is wrong in one way.
    struct Wrong {
        id: &'static str,
        insensitive: bool,
        decide: fn(Contest<'_>) -> Decision,
    }

    impl Policy for Wrong {
        fn id(&self) -> &'static str {
            self.id
        }
        fn order_insensitive(&self) -> bool {
            self.insensitive
        }
        fn decide(&self, contest: Contest<'_>) -> Decision {
            (self.decide)(contest)
        }
    }

    fn found(id: &'static str, insensitive: bool, decide: fn(Contest<'_>) -> Decision) -> String {
        let wrong = Wrong {
            id,
            insensitive,
            decide,
        };
        let breaches = check_policy(&wrong);
        let words: Vec<String> = breaches.iter().map(|b| format!("{b:?}")).collect();
        let kinds = words.iter().filter_map(|w| w.split([' ', '(']).next());
        kinds.collect::<Vec<_>>().join(" ")
    }

    fn shows(shown: usize, others: Others) -> Decision {
        Decision { shown, others }
    }

    #[test]
    fn each_law_is_broken_by_who_breaks_it() {
        static DRAWS: AtomicUsize = AtomicUsize::new(0);
        let moody = |contest: Contest<'_>| {
            let draw = DRAWS.fetch_add(1, Ordering::Relaxed);
            shows(draw % contest.contenders.len(), Others::Settled)
        };
        let raw = |contest: Contest<'_>| {
            let key = |c: &Contender<'_>| (c.time, c.device);
            shows(crate::policies::highest(contest, key), Others::Candidates)
        };
        let by_value = |contest: Contest<'_>| {
            let key = |c: &Contender<'_>| (c.value.cloned(), c.device);
            shows(crate::policies::highest(contest, key), Others::Candidates)
        };
        assert_eq!(
            found("Bad id", false, |c| shows(c.arriving, Others::Settled)),
            "Id"
        );
        assert_eq!(
            found("nobody", false, |_| shows(9, Others::Settled)),
            "Nobody"
        );
        assert!(found("moody", false, moody).contains("Moody"));
        assert_eq!(
            found("late", true, |c| shows(c.arriving, Others::Candidates)),
            "Order"
        );
        assert_eq!(
            found("drops", true, |c| shows(c.arriving, Others::Settled)),
            "Settles"
        );
        assert_eq!(found("raw", true, raw), "Clock");
        assert_eq!(found("values", true, by_value), "Values");
    }

    #[test]
    fn a_policy_that_lies_is_flagged_and_remembered() {
        let wrong = Wrong {
            id: "liar",
            insensitive: false,
            decide: |_| shows(7, Others::Settled),
        };
        let liar = Guarded::new(Given::Type(Arc::new(wrong)));
        assert_eq!(liar.mistake(), None);
        let writes = drawn(&mut Stream::new(1, "liar"))[..2].to_vec();
        let decision = decide(&liar, &writes, &[0, 1], 0);
        assert_eq!(decision, shows(0, Others::Flagged));
        assert_eq!(
            liar.mistake().unwrap(),
            "policy `liar` chose contender 7 of 2; they count from 0"
        );
    }
}
