//! Who is there in closed loop, and what they are like.

use super::domain::weighed;
use super::laws::Law;
use crate::stats::Stream;
use serde::{Deserialize, Serialize};

/// Who is there, by weight, and what they are like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Agents {
    /// Never look.
    pub oblivious: u32,
    /// Write their own value again where somebody who had not seen it
    /// displaced it, with the probability `corrects`; answer questions.
    pub corrector: u32,
    /// Accept what is shown, and answer questions with it.
    pub deferrer: u32,
    /// Always write their own value again, whoever displaced it.
    pub fighter: u32,
    /// Are as correctors, but never answer a question or an issue.
    pub inattentive: u32,
    /// How probably a corrector writes again.
    pub corrects: f64,
    /// How probably a question is answered by each who could.
    pub answers: f64,
    /// How long it takes them, on average, in milliseconds.
    pub delay: u64,
}

impl Default for Agents {
    fn default() -> Agents {
        Agents {
            oblivious: 2,
            corrector: 3,
            deferrer: 3,
            fighter: 1,
            inattentive: 1,
            corrects: 0.7,
            answers: 0.8,
            delay: 600_000,
        }
    }
}

impl Agents {
    /// Nobody ever looks.
    pub fn oblivious() -> Agents {
        Agents {
            oblivious: 1,
            corrector: 0,
            deferrer: 0,
            fighter: 0,
            inattentive: 0,
            ..Agents::default()
        }
    }

    fn weights(&self) -> [(Temper, u32); 5] {
        [
            (Temper::Oblivious, self.oblivious),
            (Temper::Corrector, self.corrector),
            (Temper::Deferrer, self.deferrer),
            (Temper::Fighter, self.fighter),
            (Temper::Inattentive, self.inattentive),
        ]
    }

    /// What a person is like.
    pub(super) fn drawn(&self, stream: &mut Stream) -> Temper {
        let weights = self.weights();
        let place = weighed(&weights.map(|(_, weight)| weight), stream);
        weights[place].0
    }

    /// What is wrong with it, as a sentence.
    pub(crate) fn fault(&self) -> Option<String> {
        let weights = self.weights().map(|(_, weight)| u64::from(weight));
        if !(1..=1_000_000).contains(&weights.iter().sum::<u64>()) {
            return Some("the weights of the agents must come to 1 to 1,000,000".to_owned());
        }
        for (name, share) in [("corrects", self.corrects), ("answers", self.answers)] {
            if !(0.0..=1.0).contains(&share) {
                return Some(format!(
                    "`{name}` is {share}; a share from 0 to 1 is possible"
                ));
            }
        }
        let delay = Law::Exponential { mean: self.delay }.fault()?;
        Some(delay.replace("`mean`", "`delay`"))
    }
}

/// What somebody is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temper {
    Oblivious,
    Corrector,
    Deferrer,
    Fighter,
    Inattentive,
}
