//! A scenario with every choice made: what a run is built from.

use crate::laws::Law;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every resolved option of a run. With the seed and the schedule it is the
/// whole story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// What it tells, in a sentence.
    pub story: String,
    /// The seed of every stream.
    pub seed: u64,
    /// What the machines are driven with.
    #[serde(default)]
    pub tier: Tier,
    /// What true clocks show when the run begins, in milliseconds since 1970.
    pub start: u64,
    /// How long people work and faults strike, in microseconds.
    pub chaos: u64,
    /// How long the healed world may take to agree, in microseconds.
    pub settle: u64,
    /// Who takes part.
    pub topology: TopologyPlan,
    /// What the organization has agreed on.
    pub organization: OrganizationPlan,
    /// How messages travel.
    pub link: LinkPlan,
    /// When devices are out of reach.
    pub offline: OfflinePlan,
    /// How long storage takes.
    pub disk: DiskPlan,
    /// What people do.
    pub workload: WorkloadPlan,
    /// What goes wrong.
    pub faults: Vec<FaultPlan>,
    /// What shall come out.
    pub expect: BTreeMap<String, CountRange>,
    /// What shall come out, in words.
    pub expectations: Vec<String>,
}

/// What the machines are driven with, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The world itself, over links that carry messages.
    #[default]
    Message,
    /// The services, over QUIC on a network of datagrams, with sled beneath.
    Quic,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Tier; 2] = [Tier::Message, Tier::Quic];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Message => "message",
            Tier::Quic => "quic",
        }
    }

    /// The tier of a name.
    pub fn named(name: &str) -> Option<Tier> {
        Tier::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

/// Who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopologyPlan {
    /// Devices enrolled before the run begins.
    pub devices: u32,
    /// Users; device n belongs to user n modulo this.
    pub users: u32,
    /// Devices that are enrolled during the run; their numbers come next.
    pub late: u32,
    /// Enrolled devices whose keys somebody misuses and nobody works with;
    /// their numbers come last.
    pub hostile: u32,
}

/// What the organization has agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationPlan {
    /// `workbench`, or one of the built-in organizations.
    pub template: String,
    /// The conflict policy.
    pub policy: String,
    /// `field` or `record`.
    pub granularity: String,
    /// The kinds of field that the workbench has, by their names.
    pub kinds: Vec<String>,
    /// Policies of fields that differ, by `type.field`.
    pub policies: BTreeMap<String, String>,
    /// The filter of the crew's profile, by name; without one there is no
    /// profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Records that are there from the beginning.
    pub records: u32,
}

/// How messages travel between a device and the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    /// Towards the relay.
    pub up: Law,
    /// Towards the device.
    pub down: Law,
    /// Loss: the transport sends again, which costs time, and in the end the
    /// session.
    pub loss: LossPlan,
    /// How often, in parts per million, a session ends before an upload is
    /// answered, so that it comes again.
    pub duplicate: u32,
    /// How often, in parts per million, a message is corrupted, which ends its
    /// session.
    pub corrupt: u32,
    /// How often, in parts per million, a message is followed by the end of its
    /// session.
    pub cut: u32,
    /// Bytes a second in each direction; 0 is without limit.
    pub bandwidth: u64,
    /// Messages of one lane under way at a time.
    pub window: u32,
    /// The largest packet that paths carry, in bytes; `None` lets the run draw
    /// one for each device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

/// Loss in two states, each with its own rate (Gilbert and Elliott). One that
/// stays in the good state is plain random loss.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LossPlan {
    /// How often a message is lost in the good state, in parts per million.
    pub good: u32,
    /// … in the bad state.
    pub bad: u32,
    /// How often a good state turns bad, in parts per million and message.
    pub to_bad: u32,
    /// How often a bad state turns good.
    pub to_good: u32,
}

/// When devices are out of reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflinePlan {
    /// How often, in parts per million, a device begins online.
    pub begin_online: u32,
    /// How long a device is in reach; `None` is for ever.
    pub online: Option<Law>,
    /// How long it is out of reach.
    pub offline: Law,
    /// How often, in parts per million, everybody goes out of reach together.
    pub together: u32,
}

/// How long storage takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskPlan {
    /// A batch that must last.
    pub synced: Law,
    /// A batch written behind.
    pub behind: Law,
}

/// What people do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// Time between two acts of a person at a device.
    pub pause: Law,
    /// Weights of the acts, by name.
    pub mix: BTreeMap<String, u32>,
    /// Records most edits go to.
    pub hot: u32,
    /// How often, in parts per million, an edit goes to one of them.
    pub hot_share: u32,
    /// The power of Zipf's law among them, in hundredths.
    pub zipf: u32,
    /// Records one edit touches at most.
    pub batch: u32,
    /// Characters of a long text.
    pub text: u32,
    /// How often, in parts per million, an edit is made on an older state than
    /// the device has.
    pub stale_base: u32,
}

/// Something that goes wrong, once or again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// What.
    pub kind: String,
    /// To whom: `relay`, `device`, `devices`, `device:3`, `any`.
    pub target: Option<String>,
    /// When first, in microseconds; else it is drawn from `every`.
    pub at: Option<u64>,
    /// The time between two of them.
    pub every: Option<Law>,
    /// How long it lasts.
    pub lasts: Option<Law>,
    /// How it is done, where the kind has several ways.
    pub mode: Option<String>,
    /// How much: a clock's step in milliseconds, a drift in parts per million,
    /// the bytes of the largest packet.
    pub amount: Option<i64>,
    /// The record type and field that a publication is about.
    pub field: Option<String>,
    /// What a publication sets.
    pub value: Option<String>,
}

/// A count that shall lie within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRange {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}
