//! Scenario files: what a person writes, and what a seed makes of it.

pub mod choice;
mod draw;
pub mod file;
mod plan;
mod resolve;

pub use draw::FAULT_KINDS;
pub use file::Scenario;
pub use plan::{
    CountRange, DiskPlan, FaultPlan, LinkPlan, LossPlan, OfflinePlan, OrganizationPlan, Plan, Tier,
    TopologyPlan, WorkloadPlan,
};

use crate::run::Case;
use choice::{Choice, TierName};
use std::fmt;

/// What is wrong with a scenario file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioFault {
    /// The file.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub words: String,
}

impl fmt::Display for ScenarioFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScenarioFault {
            path,
            line,
            column,
            words,
        } = self;
        write!(f, "{path}:{line}:{column}: {words}")
    }
}

impl Scenario {
    /// Reads a scenario file; `path` is for words about its faults, and names
    /// the scenario if it does not name itself.
    ///
    /// # Errors
    /// The first fault there is, with its place.
    pub fn parse(path: &str, text: &str) -> Result<Scenario, ScenarioFault> {
        let mut scenario: Scenario = toml_edit::de::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = place(text, at);
            ScenarioFault {
                path: path.to_owned(),
                line,
                column,
                words: error.message().trim().to_owned(),
            }
        })?;
        let stem = path.rsplit('/').next().unwrap_or(path);
        let stem = stem.strip_suffix(".toml").unwrap_or(stem);
        scenario.name.get_or_insert_with(|| stem.to_owned());
        // What can only be seen as a whole is found by making the choices once.
        scenario.resolve(0).map_err(|words| ScenarioFault {
            path: path.to_owned(),
            line: 1,
            column: 1,
            words,
        })?;
        Ok(scenario)
    }

    /// The same scenario in another tier than its own.
    pub fn on(mut self, tier: Tier) -> Scenario {
        self.tier = Some(Choice::One(TierName(tier.name().to_owned())));
        self
    }

    /// The case of a seed: every choice made, and what happens drawn.
    ///
    /// # Errors
    /// In words, when the choices do not fit together.
    pub fn case(&self, seed: u64) -> Result<Case, String> {
        let plan = self.resolve(seed)?;
        let schedule = draw::schedule(&plan)?;
        Ok(Case { plan, schedule })
    }
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "format = 1\nstory = \"A story.\"\n";

    fn fault(text: &str) -> String {
        let text = format!("{HEAD}{text}");
        Scenario::parse("simulations/x.toml", &text)
            .expect_err("the text is wrong")
            .to_string()
    }

    #[test]
    fn mistakes_are_shown_where_they_are_with_what_is_allowed() {
        let wrong = fault("[time]\nkaos = \"1d\"\n");
        assert!(wrong.starts_with("simulations/x.toml:4:1: "), "{wrong}");
        assert!(wrong.contains("`chaos`"), "{wrong}");
        let wrong = fault("[organization]\npolicy = \"lww\"\n");
        assert!(wrong.starts_with("simulations/x.toml:4:10: "), "{wrong}");
        assert!(wrong.contains("`last-writer-wins`"), "{wrong}");
        let wrong = fault("[time]\nchaos = \"7 days\"\n");
        assert!(wrong.starts_with("simulations/x.toml:4:9: "), "{wrong}");
        assert!(wrong.contains("\"1d12h\""), "{wrong}");
        let wrong = fault("[[fault]]\nkind = \"chrash\"\n");
        assert!(wrong.starts_with("simulations/x.toml:4:8: "), "{wrong}");
        assert!(wrong.contains("`crash`"), "{wrong}");
        let wrong = fault("[link]\nmtu = 900\n");
        assert!(wrong.starts_with("simulations/x.toml:4:7: "), "{wrong}");
        assert!(wrong.contains("1228 to 65535"), "{wrong}");
        let wrong = fault("[workload.mix]\nupdaet = 3\n");
        assert!(wrong.starts_with("simulations/x.toml:4:"), "{wrong}");
        assert!(wrong.contains("`update`"), "{wrong}");
    }

    #[test]
    fn faults_of_paths_say_what_they_can_be() {
        let wrong = |keys: &str| fault(&format!("[[fault]]\n{keys}\n"));
        for (keys, words) in [
            ("kind = \"mtu\"\namount = 7", "68 to 65535, not 7"),
            ("kind = \"mtu\"\namount = 70000", "68 to 65535, not 70000"),
            ("kind = \"mtu\"\nmode = \"up\"", "it has no mode `up`"),
            (
                "kind = \"mtu\"\ntarget = \"relay\"",
                "it strikes devices only",
            ),
            ("kind = \"address\"\nmode = \"wifi\"", "port, network"),
            (
                "kind = \"address\"\ntarget = \"any\"",
                "it strikes devices only",
            ),
        ] {
            let told = wrong(keys);
            assert!(told.contains("fault 1"), "{told}");
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn a_seed_makes_every_choice_and_always_the_same() {
        let text = format!(
            "{HEAD}[topology]\ndevices = \"2..9\"\n[organization]\npolicy = {{ flag = 1, max = 3 }}\n\
             [link]\nlatency = {{ law = \"lognormal\", median = \"20ms..90ms\", p99 = \"2s\" }}\n"
        );
        let scenario = Scenario::parse("x.toml", &text).unwrap();
        assert_eq!(scenario.case(7).unwrap(), scenario.case(7).unwrap());
        let mut sizes = std::collections::BTreeSet::new();
        let mut policies = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let plan = scenario.resolve(seed).unwrap();
            sizes.insert(plan.topology.devices);
            policies.insert(plan.organization.policy);
        }
        assert_eq!(sizes, (2..=9).collect());
        assert_eq!(policies.len(), 2);
    }

    #[test]
    fn a_case_comes_back_from_json() {
        let text = format!("{HEAD}[[fault]]\nkind = \"crash\"\nevery = \"1h\"\n");
        let case = Scenario::parse("x.toml", &text).unwrap().case(3).unwrap();
        assert!(!case.schedule.entries.is_empty());
        let json = serde_json::to_string(&case).unwrap();
        assert_eq!(serde_json::from_str::<Case>(&json).unwrap(), case);
    }
}
