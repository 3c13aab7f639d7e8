//! Histories that were never lived: people with devices who work apart and sync
//! now and then. What they meant is what they wrote, so their operations are
//! their intents; what no operation says is told besides
//! ([`Truth`](crate::door::Truth)).
//!
//! [`generate`] lives a scene in open loop: nobody reacts to what a policy
//! showed them, and one seed is one ledger that every policy folds.
//! [`generate_closed`] lives it under a policy: people read what it shows on
//! their device, correct it, fight over it, answer its questions or do not
//! ([`Agents`]). Both draw from the same streams, so that a closed history is
//! the open one until the first reaction.

mod agents;
mod counters;
mod domain;
mod field_service;
mod folded;
mod laws;
mod mind;
mod moves;
mod sales;
mod sight;
mod text;
mod workload;
mod world;

pub use agents::Agents;
pub use laws::{Hours, Law};
use workload::Generic;
pub use workload::{TYPE, Workload};

use crate::door::Study;
use cairn_model::Timestamp;
use cairn_projection::Trial;
use domain::Domain;
use serde::Serialize;
use std::sync::Arc;

/// When all of them begin: a Friday morning at eight.
const BEGIN: Timestamp = Timestamp(1_800_000_000_000);
/// Counts changes of what scenes do, so that results of before are not mixed
/// with results of after.
const GENERATION: u32 = 1;

/// Something that can be lived.
#[derive(Clone)]
pub struct Scene {
    /// What it is called.
    pub name: String,
    /// Who reacts, in closed loop.
    pub agents: Agents,
    domain: Arc<dyn Domain>,
    /// The laws of the domain, for [`Scene::source`].
    laws: String,
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl From<Workload> for Scene {
    fn from(workload: Workload) -> Scene {
        Scene::of(
            &workload.name.clone(),
            workload.agents.clone(),
            Generic::from(workload),
        )
    }
}

impl From<&Workload> for Scene {
    fn from(workload: &Workload) -> Scene {
        workload.clone().into()
    }
}

impl From<&Scene> for Scene {
    fn from(scene: &Scene) -> Scene {
        scene.clone()
    }
}

/// Domains with a name, and what happens there.
const DOMAINS: [(&str, &str); 5] = [
    (
        "field-service-day",
        "dispatchers in the office, technicians out of reach for hours, work orders between them",
    ),
    (
        "sales",
        "a week of representatives on the road and a back office, on the same opportunities",
    ),
    (
        "text",
        "notes of which everybody writes the newest on top, and texts edited by several",
    ),
    (
        "counters",
        "a stock that must not fall below zero, and money that is moved and must not be made",
    ),
    (
        "moves",
        "a tree of tasks, of which branches are moved under one another",
    ),
];

impl Scene {
    /// The scene called this.
    pub fn named(name: &str) -> Option<Scene> {
        let agents = Agents::default();
        Some(match name {
            "field-service-day" => Scene::of(name, agents, field_service::FieldService::default()),
            "sales" => Scene::of(name, agents, sales::Sales::default()),
            "text" => Scene::of(name, agents, text::Texts::default()),
            "counters" => Scene::of(name, agents, counters::Counters::default()),
            "moves" => Scene::of(name, agents, moves::Moves::default()),
            name => return Workload::named(name).map(Scene::from),
        })
    }

    /// The names, with what happens there.
    pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
        Workload::NAMES.into_iter().chain(DOMAINS)
    }

    /// The scene that a file describes: the parameters of a [`Workload`], as
    /// TOML. Gives what is wrong with it, as a sentence.
    pub fn from_toml(name: &str, text: &str) -> Result<Scene, String> {
        Workload::from_toml(name, text).map(Scene::from)
    }

    /// The same scene with others in it.
    pub fn with(self, agents: Agents) -> Scene {
        Scene { agents, ..self }
    }

    fn of(name: &str, agents: Agents, domain: impl Domain + Serialize + 'static) -> Scene {
        let people = domain.people();
        let laws = serde_json::to_string(&(GENERATION, &domain, people, domain.sites()));
        Scene {
            name: name.to_owned(),
            agents,
            laws: laws.unwrap_or_default(),
            domain: Arc::new(domain),
        }
    }

    /// A hash over what decides its ledgers in open loop.
    pub fn source(&self) -> String {
        blake3::hash(self.laws.as_bytes()).to_hex().to_string()
    }

    /// A hash over what decides its ledgers in closed loop, given a policy.
    pub fn source_closed(&self) -> String {
        let agents = serde_json::to_string(&self.agents).unwrap_or_default();
        let both = format!("{} {agents}", self.laws);
        blake3::hash(both.as_bytes()).to_hex().to_string()
    }
}

/// Lives a scene once. One seed is one ledger.
pub fn generate(scene: impl Into<Scene>, seed: u64) -> Study {
    world::live(&scene.into(), seed, None)
}

/// Lives a scene once, with people who read what a policy shows them. One seed
/// and policy is one ledger.
pub fn generate_closed(scene: impl Into<Scene>, seed: u64, trial: Trial) -> Study {
    world::live(&scene.into(), seed, Some(trial))
}

#[cfg(test)]
mod tests;
