//! The scenario file, section by section, as a person writes it.

use super::choice::{
    ActName, Amount, Choice, Count, CountName, FaultKind, FilterName, GranularityName, KindName,
    LawText, Mtu, PolicyName, Share, Span, Switch, Target, TemplateName, TierName,
};
use super::plan::CountRange;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;

/// A scenario file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// The format's number; 1.
    pub format: Format,
    /// Its name; the file's name if it is not given.
    #[serde(default)]
    pub name: Option<String>,
    /// What it tells, in a sentence or two.
    pub story: String,
    /// What shall come out, in words.
    #[serde(default)]
    pub expectations: Vec<String>,
    /// Whether each seed also draws which faults, acts and kinds are on.
    #[serde(default)]
    pub swarm: bool,
    /// What the machines are driven with; `message` if it is not given.
    #[serde(default)]
    pub tier: Option<Choice<TierName>>,
    /// How long.
    #[serde(default)]
    pub time: TimeSection,
    /// Who.
    #[serde(default)]
    pub topology: TopologySection,
    /// What was agreed on.
    #[serde(default)]
    pub organization: OrganizationSection,
    /// How messages travel.
    #[serde(default)]
    pub link: LinkSection,
    /// When devices are out of reach.
    #[serde(default)]
    pub offline: OfflineSection,
    /// How long storage takes.
    #[serde(default)]
    pub disk: DiskSection,
    /// What people do.
    #[serde(default)]
    pub workload: WorkloadSection,
    /// What goes wrong.
    #[serde(default)]
    pub fault: Vec<FaultSection>,
    /// What shall be counted.
    #[serde(default)]
    pub expect: BTreeMap<CountName, Bounds>,
}

/// The number of the format; only 1 is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format;

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1 => Ok(Format),
            other => Err(D::Error::custom(format!(
                "this program reads format 1, not {other}"
            ))),
        }
    }
}

/// How long.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TimeSection {
    /// What true clocks show at first, as in RFC 3339.
    #[serde(default)]
    pub start: Option<String>,
    /// How long people work and faults strike.
    #[serde(default)]
    pub chaos: Option<Choice<Span>>,
    /// How long the healed world may take to agree.
    #[serde(default)]
    pub settle: Option<Choice<Span>>,
}

/// Who.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TopologySection {
    /// Devices enrolled from the beginning.
    #[serde(default)]
    pub devices: Option<Choice<Count>>,
    /// Users; as many as devices if not given.
    #[serde(default)]
    pub users: Option<Choice<Count>>,
    /// Devices enrolled later.
    #[serde(default)]
    pub late: Option<Choice<Count>>,
    /// Devices whose keys are misused.
    #[serde(default)]
    pub hostile: Option<Choice<Count>>,
}

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrganizationSection {
    /// Which organization.
    #[serde(default)]
    pub template: Option<Choice<TemplateName>>,
    /// The conflict policy.
    #[serde(default)]
    pub policy: Option<Choice<PolicyName>>,
    /// What counts as one thing.
    #[serde(default)]
    pub granularity: Option<Choice<GranularityName>>,
    /// The kinds of field of a workbench; all if not given.
    #[serde(default)]
    pub kinds: Option<Vec<KindName>>,
    /// Policies of fields that differ: `"job.integer" = "max"`.
    #[serde(default)]
    pub policies: BTreeMap<String, Choice<PolicyName>>,
    /// Which jobs the profile of the crew lets in.
    #[serde(default)]
    pub filter: Option<Choice<FilterName>>,
    /// Records that are there from the beginning.
    #[serde(default)]
    pub records: Option<Choice<Count>>,
}

/// How messages travel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkSection {
    /// One way, either way.
    #[serde(default)]
    pub latency: Option<LawText>,
    /// Towards the relay, where that differs.
    #[serde(default)]
    pub up: Option<LawText>,
    /// Towards the device, where that differs.
    #[serde(default)]
    pub down: Option<LawText>,
    /// Loss.
    #[serde(default)]
    pub loss: Option<LossSection>,
    /// How often a session ends before an upload is answered, so that it comes
    /// again.
    #[serde(default)]
    pub duplicate: Option<Choice<Share>>,
    /// How often a message is corrupted.
    #[serde(default)]
    pub corrupt: Option<Choice<Share>>,
    /// How often a message is its session's last.
    #[serde(default)]
    pub cut: Option<Choice<Share>>,
    /// Bytes a second; 0 is without limit.
    #[serde(default)]
    pub bandwidth: Option<Choice<Count>>,
    /// Messages of one lane under way at a time.
    #[serde(default)]
    pub window: Option<Choice<Count>>,
    /// The largest packet that paths carry; each device's own is drawn if not
    /// given.
    #[serde(default)]
    pub mtu: Option<Choice<Mtu>>,
}

/// Loss: how often a message is lost, and in bad times.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LossSection {
    /// In good times.
    #[serde(default)]
    pub good: Option<Choice<Share>>,
    /// In bad times.
    #[serde(default)]
    pub bad: Option<Choice<Share>>,
    /// How often good times turn bad, per message.
    #[serde(default)]
    pub to_bad: Option<Choice<Share>>,
    /// How often bad times turn good, per message.
    #[serde(default)]
    pub to_good: Option<Choice<Share>>,
}

/// When devices are out of reach.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OfflineSection {
    /// How often a device begins online.
    #[serde(default)]
    pub begin_online: Option<Choice<Share>>,
    /// How long a device is in reach; for ever if not given.
    #[serde(default)]
    pub online: Option<LawText>,
    /// How long it is out of reach.
    #[serde(default)]
    pub offline: Option<LawText>,
    /// How often everybody goes out of reach together.
    #[serde(default)]
    pub together: Option<Choice<Share>>,
}

/// How long storage takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DiskSection {
    /// A batch that must last.
    #[serde(default)]
    pub synced: Option<LawText>,
    /// A batch written behind.
    #[serde(default)]
    pub behind: Option<LawText>,
}

/// What people do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WorkloadSection {
    /// Time between two acts of a person.
    #[serde(default)]
    pub pause: Option<LawText>,
    /// Weights of acts.
    #[serde(default)]
    pub mix: Option<BTreeMap<ActName, Choice<Count>>>,
    /// Records that most edits go to.
    #[serde(default)]
    pub hot: Option<Choice<Count>>,
    /// How often an edit goes to one of them.
    #[serde(default)]
    pub hot_share: Option<Choice<Share>>,
    /// How unevenly, by Zipf's law: the n-th of them gets its n-th part, to
    /// this power in hundredths.
    #[serde(default)]
    pub zipf: Option<Choice<Count>>,
    /// Records that one edit touches at most.
    #[serde(default)]
    pub batch: Option<Choice<Count>>,
    /// Characters of a long text.
    #[serde(default)]
    pub text: Option<Choice<Count>>,
    /// How often an edit is made on an older state than the device has.
    #[serde(default)]
    pub stale_base: Option<Choice<Share>>,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultSection {
    /// What.
    pub kind: FaultKind,
    /// Whom it strikes.
    #[serde(default)]
    pub target: Option<Choice<Target>>,
    /// When.
    #[serde(default)]
    pub at: Option<Choice<Span>>,
    /// How long between two of them.
    #[serde(default)]
    pub every: Option<LawText>,
    /// How long it lasts.
    #[serde(default)]
    pub lasts: Option<LawText>,
    /// Which way of doing it.
    #[serde(default)]
    pub mode: Option<String>,
    /// How much: milliseconds of a clock's step, parts per million of a drift,
    /// bytes of the largest packet.
    #[serde(default)]
    pub amount: Option<Choice<Amount>>,
    /// The record type and field a publication is about: `job.integer`.
    #[serde(default)]
    pub field: Option<String>,
    /// What a publication sets.
    #[serde(default)]
    pub value: Option<String>,
    /// Whether a swarm may leave it out.
    #[serde(default)]
    pub optional: Option<Choice<Switch>>,
}

/// Bounds of a count: `"10..200"`, or one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds(pub CountRange);

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let range = match Choice::<Count>::deserialize(deserializer)? {
            Choice::One(count) => CountRange {
                min: count.0,
                max: count.0,
            },
            Choice::Range(min, max) => CountRange {
                min: min.0,
                max: max.0,
            },
            Choice::Weighted(_) => {
                return Err(D::Error::custom("a count or a range such as \"10..200\""));
            }
        };
        Ok(Bounds(range))
    }
}
