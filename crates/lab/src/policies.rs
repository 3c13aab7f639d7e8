//! What is compared: every policy of the product at both granularities, the
//! random winner that policies must beat, the oracle that none can, and what a
//! person adds.
//!
//! A policy is added as any type that implements [`Policy`] ([`Contestant::new`])
//! or as a [`script`] ([`Contestant::script`]), after [`check_policy`] or
//! [`check_script`] found nothing. All are folded [`Guarded`], so that one that is
//! wrong brings no run down, and no numbers come of it either.

mod guard;
mod laws;
mod oracle;
pub mod script;

pub use guard::{Given, Guarded};
pub use laws::{Breach, check_policy, check_script};
pub use oracle::{Oracle, hindsight};
pub use script::{Script, ScriptFault};

use cairn_model::Granularity;
use cairn_policy::{Contender, Contest, Decision, Others, Policy};
use cairn_projection::Trial;
use std::sync::Arc;

/// A policy that takes part in a comparison.
#[derive(Clone)]
pub struct Contestant {
    /// What it is called in results: `flag`, `last-writer-wins by record`.
    pub name: String,
    /// What counts as one thing when writes are concurrent.
    pub granularity: Granularity,
    policy: Given,
}

impl std::fmt::Debug for Contestant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Contestant {
    /// A policy at a granularity.
    pub fn new(policy: Arc<dyn Policy + Send>, granularity: Granularity) -> Contestant {
        Contestant::of(Given::Type(policy), granularity)
    }

    /// A script at a granularity.
    pub fn script(script: Arc<Script>, granularity: Granularity) -> Contestant {
        Contestant::of(Given::Script(script), granularity)
    }

    fn of(policy: Given, granularity: Granularity) -> Contestant {
        let id = policy.id();
        Contestant {
            name: match granularity {
                Granularity::Field => id.to_owned(),
                Granularity::Record => format!("{id} by record"),
            },
            granularity,
            policy,
        }
    }

    /// The contestant called this, as [`all`] calls them.
    pub fn named(name: &str) -> Option<Contestant> {
        all().into_iter().find(|contestant| contestant.name == name)
    }

    /// What the fold is given.
    pub fn trial(&self) -> Trial {
        self.guarded().0
    }

    /// … with who says afterwards whether the policy made a mistake, so that
    /// what came of it counts for nothing. One fold each.
    pub fn guarded(&self) -> (Trial, Arc<Guarded>) {
        let guard = Arc::new(Guarded::new(self.policy.clone()));
        let trial = Trial::everywhere(Arc::clone(&guard) as _, self.granularity);
        (trial, guard)
    }

    /// … with what counts as one thing left as the definition says.
    pub fn trial_as_defined(&self) -> Trial {
        let guard = Arc::new(Guarded::new(self.policy.clone()));
        Trial::choosing(None, move |_, _| Some(Arc::clone(&guard) as _))
    }

    /// The hash of its source, if it is a script.
    pub fn source(&self) -> Option<&str> {
        match &self.policy {
            Given::Type(_) => None,
            Given::Script(script) => Some(script.hash()),
        }
    }

    /// Whether its outcome depends on which side arrived last.
    pub fn asks_for_arrival(&self) -> bool {
        !self.policy.order_insensitive()
    }
}

/// A policy of the product, in a form that can be handed on.
struct Product(&'static dyn Policy);

impl Policy for Product {
    fn id(&self) -> &'static str {
        self.0.id()
    }
    fn version(&self) -> u32 {
        self.0.version()
    }
    fn order_insensitive(&self) -> bool {
        self.0.order_insensitive()
    }
    fn compares_values(&self) -> bool {
        self.0.compares_values()
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        self.0.decide(contest)
    }
}

/// The product's policies at both granularities. Those that compare values work
/// field by field at either, and so are there once.
pub fn all() -> Vec<Contestant> {
    let mut all = Vec::new();
    for policy in cairn_policy::all() {
        all.push(Contestant::new(
            Arc::new(Product(policy)),
            Granularity::Field,
        ));
        if !policy.compares_values() {
            all.push(Contestant::new(
                Arc::new(Product(policy)),
                Granularity::Record,
            ));
        }
    }
    all
}

/// The null model: a winner by lot, drawn anew for each seed. A policy that is
/// no better has learned nothing from what it looks at.
#[derive(Debug, Clone, Copy)]
pub struct RandomWinner {
    /// The seed.
    pub seed: u64,
}

impl Policy for RandomWinner {
    fn id(&self) -> &'static str {
        "random-winner"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        let lot = |contender: &Contender<'_>| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(b"cairn lab random winner");
            hasher.update(&self.seed.to_be_bytes());
            hasher.update(&contender.device.0);
            hasher.update(&contender.sequence.to_be_bytes());
            *hasher.finalize().as_bytes()
        };
        Decision {
            shown: highest(contest, lot),
            others: Others::Candidates,
        }
    }
}

fn highest<K: Ord>(contest: Contest<'_>, key: impl Fn(&Contender<'_>) -> K) -> usize {
    (0..contest.contenders.len())
        .max_by_key(|index| key(&contest.contenders[*index]))
        .unwrap_or_default()
}
