//! Makes every choice of a scenario.

use super::choice::{Amount, Choice, Count, LawText, Scalar, Share, Span};
use super::file::{FaultSection, Scenario};
use super::plan::{
    DiskPlan, FaultPlan, LinkPlan, LossPlan, OfflinePlan, OrganizationPlan, Plan, Tier,
    TopologyPlan, WorkloadPlan,
};
use crate::laws::Law;
use crate::organization::{CREW, KINDS, definition};
use crate::streams::{Stream, Streams};
use crate::time::{DAY, HOUR, MILLISECOND, MINUTE, SECOND};
use cairn_model::Timestamp;
use std::collections::BTreeMap;

/// What true clocks show at first when the scenario does not say: a Monday
/// morning.
const START: &str = "2026-05-04T06:00:00Z";
/// Devices of one run at most: each is a machine in memory.
const DEVICES_MAX: u64 = 1_000;
/// Virtual time of one run at most.
const CHAOS_MAX: u64 = 5 * 365 * DAY;

/// How often a swarm leaves a thing out, in parts per million.
const SWARM_OMITS: u32 = 500_000;

fn drawn<T: Scalar>(choice: &Option<Choice<T>>, stream: &mut Stream, otherwise: T) -> T {
    choice
        .as_ref()
        .map_or(otherwise, |choice| choice.draw(stream))
}

fn law(text: &Option<LawText>, stream: &mut Stream, otherwise: Law) -> Law {
    text.as_ref().map_or(otherwise, |text| text.draw(stream))
}

impl Scenario {
    /// The plan of a seed.
    ///
    /// # Errors
    /// In words, when the choices do not fit together.
    pub fn resolve(&self, seed: u64) -> Result<Plan, String> {
        let streams = Streams::of(seed);
        let section = |name: &str| streams.stream(&format!("plan/{name}"));
        let start = self.time.start.as_deref().unwrap_or(START);
        let start: Timestamp = start
            .parse()
            .map_err(|_| format!("time.start: `{start}` is no time such as {START}"))?;
        let mut time = section("time");
        let organization = self.organization(&mut section("organization"));
        let plan = Plan {
            name: self.name.clone().unwrap_or_default(),
            story: self.story.clone(),
            seed,
            tier: self
                .tier
                .as_ref()
                .and_then(|choice| Tier::named(&choice.draw(&mut section("tier")).0))
                .unwrap_or_default(),
            start: start.0,
            chaos: drawn(&self.time.chaos, &mut time, Span(DAY)).0,
            settle: drawn(&self.time.settle, &mut time, Span(2 * HOUR)).0,
            topology: self.topology(&mut section("topology"))?,
            link: self.link(&mut section("link")),
            offline: self.offline(&mut section("offline")),
            disk: self.disk(&mut section("disk")),
            workload: self.workload(&organization, &mut section("workload")),
            organization,
            faults: self.faults(&mut section("faults"))?,
            expect: self
                .expect
                .iter()
                .map(|(name, bounds)| (name.0.clone(), bounds.0))
                .collect(),
            expectations: self.expectations.clone(),
        };
        if plan.chaos > CHAOS_MAX {
            return Err("time.chaos: a run lasts five years at most".to_owned());
        }
        definition(&plan.organization, plan.topology.users)
            .map_err(|words| format!("organization: {words}"))?;
        Ok(plan)
    }

    fn topology(&self, stream: &mut Stream) -> Result<TopologyPlan, String> {
        let section = &self.topology;
        let devices = drawn(&section.devices, stream, Count(3)).0;
        let users = drawn(&section.users, stream, Count(devices)).0;
        let late = drawn(&section.late, stream, Count(0)).0;
        let hostile = drawn(&section.hostile, stream, Count(0)).0;
        if devices == 0 || devices + late + hostile > DEVICES_MAX {
            return Err(format!(
                "topology: 1 to {DEVICES_MAX} devices can take part"
            ));
        }
        Ok(TopologyPlan {
            devices: devices as u32,
            users: users.clamp(1, DEVICES_MAX) as u32,
            late: late as u32,
            hostile: hostile as u32,
        })
    }

    fn organization(&self, stream: &mut Stream) -> OrganizationPlan {
        let section = &self.organization;
        let all = || KINDS.map(str::to_owned).to_vec();
        let mut kinds = section.kinds.as_ref().map_or_else(all, |kinds| {
            kinds.iter().map(|kind| kind.0.clone()).collect()
        });
        if self.swarm {
            kinds.retain(|_| !stream.chance(SWARM_OMITS));
        }
        let word = |text: &str| text.to_owned();
        OrganizationPlan {
            template: section
                .template
                .as_ref()
                .map_or_else(|| word("workbench"), |choice| choice.draw(stream).0),
            policy: section
                .policy
                .as_ref()
                .map_or_else(|| word("flag"), |choice| choice.draw(stream).0),
            granularity: section
                .granularity
                .as_ref()
                .map_or_else(|| word("field"), |choice| choice.draw(stream).0),
            policies: section
                .policies
                .iter()
                .map(|(field, policy)| (field.clone(), policy.draw(stream).0))
                .filter(|(field, _)| !self.swarm || named(&kinds, field))
                .collect(),
            kinds,
            filter: section.filter.as_ref().map(|filter| filter.draw(stream).0),
            records: drawn(&section.records, stream, Count(20)).0.min(100_000) as u32,
        }
    }

    fn link(&self, stream: &mut Stream) -> LinkPlan {
        let section = &self.link;
        let usual = Law::Lognormal {
            median: 40 * MILLISECOND,
            p99: 600 * MILLISECOND,
        };
        let both = law(&section.latency, stream, usual);
        let loss = section.loss.clone().unwrap_or_default();
        LinkPlan {
            up: law(&section.up, stream, both),
            down: law(&section.down, stream, both),
            loss: LossPlan {
                good: drawn(&loss.good, stream, Share(0)).0,
                bad: drawn(&loss.bad, stream, Share(0)).0,
                to_bad: drawn(&loss.to_bad, stream, Share(0)).0,
                to_good: drawn(&loss.to_good, stream, Share(100_000)).0,
            },
            duplicate: drawn(&section.duplicate, stream, Share(0)).0,
            corrupt: drawn(&section.corrupt, stream, Share(0)).0,
            cut: drawn(&section.cut, stream, Share(0)).0,
            bandwidth: drawn(&section.bandwidth, stream, Count(0)).0,
            window: drawn(&section.window, stream, Count(32)).0.clamp(1, 10_000) as u32,
            mtu: section.mtu.as_ref().map(|mtu| mtu.draw(stream).0),
        }
    }

    fn offline(&self, stream: &mut Stream) -> OfflinePlan {
        let section = &self.offline;
        OfflinePlan {
            begin_online: drawn(&section.begin_online, stream, Share(1_000_000)).0,
            online: section.online.as_ref().map(|text| text.draw(stream)),
            offline: law(
                &section.offline,
                stream,
                Law::Exponential {
                    min: MINUTE,
                    mean: 4 * HOUR,
                },
            ),
            together: drawn(&section.together, stream, Share(0)).0,
        }
    }

    fn disk(&self, stream: &mut Stream) -> DiskPlan {
        let usual = |mean| Law::Exponential {
            min: mean / 4,
            mean,
        };
        DiskPlan {
            synced: law(&self.disk.synced, stream, usual(2 * MILLISECOND)),
            behind: law(&self.disk.behind, stream, usual(100)),
        }
    }

    fn workload(&self, organization: &OrganizationPlan, stream: &mut Stream) -> WorkloadPlan {
        let section = &self.workload;
        // What people do where jobs belong to somebody.
        let of_crews = [("assign", 6), ("share", 6), ("look-back", 4)];
        let of_crews = of_crews
            .into_iter()
            .filter(|_| organization.template == CREW);
        let usual = [
            ("create", 15),
            ("update", 60),
            ("delete", 5),
            ("restore", 3),
            ("resolve", 6),
            ("settle", 6),
            ("follow", 1),
            ("child", 2),
            ("batch", 2),
        ];
        let mut mix: BTreeMap<String, u32> = match &section.mix {
            Some(mix) => mix
                .iter()
                .map(|(act, weight)| (act.0.clone(), weight.draw(stream).0 as u32))
                .collect(),
            None => (usual.into_iter().chain(of_crews))
                .map(|(act, weight)| (act.to_owned(), weight))
                .collect(),
        };
        if self.swarm {
            mix.retain(|act, _| act == "update" || !stream.chance(SWARM_OMITS));
            for weight in mix.values_mut() {
                *weight = stream.between(1, 100) as u32;
            }
        }
        WorkloadPlan {
            pause: law(
                &section.pause,
                stream,
                Law::Exponential {
                    min: SECOND,
                    mean: 10 * MINUTE,
                },
            ),
            mix,
            hot: drawn(&section.hot, stream, Count(4)).0 as u32,
            hot_share: drawn(&section.hot_share, stream, Share(400_000)).0,
            zipf: drawn(&section.zipf, stream, Count(100)).0.min(1_000) as u32,
            batch: drawn(&section.batch, stream, Count(5)).0.clamp(1, 200) as u32,
            text: drawn(&section.text, stream, Count(500)).0.min(10_000) as u32,
            stale_base: drawn(&section.stale_base, stream, Share(0)).0,
        }
    }

    fn faults(&self, stream: &mut Stream) -> Result<Vec<FaultPlan>, String> {
        let mut faults = Vec::new();
        for (number, section) in (1..).zip(&self.fault) {
            let mut own = Streams::of(stream.word()).stream("fault");
            let optional = drawn(
                &section.optional,
                &mut own,
                super::choice::Switch("true".to_owned()),
            );
            let omitted = own.chance(SWARM_OMITS);
            if self.swarm && optional.0 == "true" && omitted {
                continue;
            }
            let fault = fault(section, &mut own);
            super::draw::check(&fault)
                .map_err(|words| format!("fault {number} ({}): {words}", fault.kind))?;
            faults.push(fault);
        }
        Ok(faults)
    }
}

fn named(kinds: &[String], field: &str) -> bool {
    let name = field.rsplit('.').next().unwrap_or(field);
    let fixed = ["title", "number"].contains(&name);
    fixed || kinds.iter().any(|kind| kind.replace('-', "_") == name)
}

fn fault(section: &FaultSection, stream: &mut Stream) -> FaultPlan {
    FaultPlan {
        kind: section.kind.0.clone(),
        target: section.target.as_ref().map(|target| target.draw(stream).0),
        at: section.at.as_ref().map(|at| at.draw(stream).0),
        every: section.every.as_ref().map(|every| every.draw(stream)),
        lasts: section.lasts.as_ref().map(|lasts| lasts.draw(stream)),
        mode: section.mode.clone(),
        amount: section
            .amount
            .as_ref()
            .map(|amount| -> Amount { amount.draw(stream) })
            .map(|amount| amount.0),
        field: section.field.clone(),
        value: section.value.clone(),
    }
}
