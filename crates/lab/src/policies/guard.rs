//! A policy that cannot do harm: what it decides is checked before it counts.

use cairn_policy::{Contest, Decision, Others, Policy};
use std::sync::Mutex;

/// Runs a policy that is not trusted. Where it names a contender that is not
/// there, what stood goes on standing, flagged, and the mistake is kept.
pub struct Guarded<P> {
    policy: P,
    mistake: Mutex<Option<String>>,
}

impl<P: Policy> Guarded<P> {
    /// Around a policy.
    pub fn new(policy: P) -> Guarded<P> {
        Guarded {
            policy,
            mistake: Mutex::new(None),
        }
    }

    /// The first mistake it made.
    pub fn mistake(&self) -> Option<String> {
        let kept = self.mistake.lock();
        kept.map_or_else(
            |poisoned| poisoned.into_inner().clone(),
            |kept| kept.clone(),
        )
    }
}

impl<P: Policy> Policy for Guarded<P> {
    fn id(&self) -> &'static str {
        self.policy.id()
    }
    fn version(&self) -> u32 {
        self.policy.version()
    }
    fn order_insensitive(&self) -> bool {
        self.policy.order_insensitive()
    }
    fn compares_values(&self) -> bool {
        self.policy.compares_values()
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        let decision = self.policy.decide(contest);
        let count = contest.contenders.len();
        if decision.shown < count {
            return decision;
        }
        if let Ok(mut mistake) = self.mistake.lock() {
            mistake.get_or_insert_with(|| {
                format!(
                    "policy `{}` chose contender {} of {count}; they count from 0",
                    self.policy.id(),
                    decision.shown
                )
            });
        }
        Decision {
            shown: contest.standing,
            others: Others::Flagged,
        }
    }
}
