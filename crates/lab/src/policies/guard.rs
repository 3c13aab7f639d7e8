//! A policy that cannot do harm: what it decides is checked before it counts.

use super::Script;
use cairn_policy::{Contest, Decision, Others, Policy};
use std::sync::{Arc, OnceLock};

/// A policy as it comes: a Rust type, or a script.
#[derive(Clone)]
pub enum Given {
    /// A type.
    Type(Arc<dyn Policy + Send>),
    /// A script.
    Script(Arc<Script>),
}

impl Given {
    /// What it is called.
    pub fn id(&self) -> &str {
        match self {
            Given::Type(policy) => policy.id(),
            Given::Script(script) => script.id(),
        }
    }

    /// Counts changes of its meaning.
    pub fn version(&self) -> u32 {
        match self {
            Given::Type(policy) => policy.version(),
            Given::Script(script) => script.version(),
        }
    }

    /// Whether it says that the order of arrival does not matter.
    pub fn order_insensitive(&self) -> bool {
        match self {
            Given::Type(policy) => policy.order_insensitive(),
            Given::Script(script) => script.order_insensitive(),
        }
    }

    /// Whether it says that it compares values.
    pub fn compares_values(&self) -> bool {
        match self {
            Given::Type(policy) => policy.compares_values(),
            Given::Script(script) => script.compares_values(),
        }
    }

    fn decide(&self, contest: Contest<'_>) -> Result<Decision, String> {
        let decision = match self {
            Given::Type(policy) => policy.decide(contest),
            Given::Script(script) => script.decide(contest).map_err(|fault| fault.to_string())?,
        };
        let (shown, count) = (decision.shown, contest.contenders.len());
        match shown < count {
            true => Ok(decision),
            false => Err(format!(
                "policy `{}` chose contender {shown} of {count}; they count from 0",
                self.id()
            )),
        }
    }
}

/// Runs a policy for one fold. After its first mistake it is not asked again:
/// what stood goes on standing, flagged, and what was folded counts for
/// nothing. Who folds asks for the mistake.
pub struct Guarded {
    policy: Given,
    mistake: OnceLock<String>,
}

impl Guarded {
    /// Around a policy.
    pub fn new(policy: Given) -> Guarded {
        Guarded {
            policy,
            mistake: OnceLock::new(),
        }
    }

    /// The mistake it made.
    pub fn mistake(&self) -> Option<&str> {
        self.mistake.get().map(String::as_str)
    }
}

impl Policy for Guarded {
    fn id(&self) -> &str {
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
        if self.mistake.get().is_none() {
            match self.policy.decide(contest) {
                Ok(decision) => return decision,
                Err(mistake) => drop(self.mistake.set(mistake)),
            }
        }
        Decision {
            shown: contest.standing,
            others: Others::Flagged,
        }
    }
}
