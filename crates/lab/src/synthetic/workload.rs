//! The generic workload: people who write numbers into the fields of shared
//! records, given by its parameters.

use super::Agents;
use super::domain::{Desk, Domain, Draft, Role, record, record_type, set};
use super::laws::{Hours, Law, Line};
use crate::stats::Stream;
use cairn_model::{FieldId, Kind, RecordType, TypeId, Value, limit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The record type of a generic workload.
pub const TYPE: TypeId = TypeId(1);
/// Characters of a name.
const NAME_CHARS_MAX: usize = 60;
/// Writes that a workload may come to, for one seed.
const WRITES_MAX: u64 = 20_000_000;

/// What people do, and how long they are apart. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Workload {
    /// What it is called.
    pub name: String,
    /// People, each with a device.
    pub devices: usize,
    /// Records that everybody has from the beginning.
    pub records: usize,
    /// Fields of a record, at most 1,000.
    pub fields: u16,
    /// Fields that one edit writes.
    pub writes: u16,
    /// Different values; equal ones are no conflict.
    pub values: usize,
    /// By Zipf's law: the n-th record is edited 1/n to this power as often as
    /// the first. 0 is all alike.
    pub zipf: f64,
    /// Edits of each person.
    pub edits: usize,
    /// Between two edits of a person, on average, without memory.
    pub pause: u64,
    /// Between two syncs of a device, on average, without memory.
    pub apart: u64,
    /// How far a device's clock is off at most, either way.
    pub skew: u64,
    /// Edits that delete their record.
    pub deletions: f64,
    /// Hours of the day in which people work; all of them if not given.
    pub hours: Option<Hours>,
    /// The law of spells out of reach; then devices sync about once a minute
    /// in spells of [`Workload::apart`] in reach.
    pub offline: Option<Law>,
    /// Who reacts in closed loop.
    pub agents: Agents,
}

impl Default for Workload {
    /// Five people who share forty records, half an hour apart.
    fn default() -> Workload {
        Workload {
            name: "office".to_owned(),
            devices: 5,
            records: 40,
            fields: 8,
            writes: 2,
            values: 1_000,
            zipf: 0.9,
            edits: 60,
            pause: 60_000,
            apart: 1_800_000,
            skew: 0,
            deletions: 0.0,
            hours: None,
            offline: None,
            agents: Agents::default(),
        }
    }
}

impl Workload {
    /// What the lab can live, by name: each is the office but for one thing.
    pub fn named(name: &str) -> Option<Workload> {
        let office = Workload::default();
        let workload = match name {
            "office" => office,
            "hot-records" => Workload {
                zipf: 1.4,
                ..office
            },
            "long-apart" => Workload {
                apart: 14_400_000,
                ..office
            },
            "wrong-clocks" => Workload {
                skew: 7_200_000,
                ..office
            },
            "few-values" => Workload {
                values: 3,
                ..office
            },
            "deletions" => Workload {
                deletions: 0.05,
                ..office
            },
            _ => return None,
        };
        Some(Workload {
            name: name.to_owned(),
            ..workload
        })
    }

    /// The names, with what is different.
    pub const NAMES: [(&'static str, &'static str); 6] = [
        (
            "office",
            "five people share forty records, half an hour apart",
        ),
        ("hot-records", "a few records are edited by everybody"),
        (
            "long-apart",
            "devices sync every four hours, not every half",
        ),
        ("wrong-clocks", "clocks are off by up to two hours"),
        ("few-values", "only three different values"),
        ("deletions", "every twentieth edit deletes its record"),
    ];

    /// Reads one from TOML; what is not given is as in the office. `name` is
    /// what it is called if it does not say so itself. Gives what is wrong with
    /// it, as a sentence.
    pub fn from_toml(name: &str, text: &str) -> Result<Workload, String> {
        let given: toml_edit::DocumentMut = text.parse().map_err(told)?;
        let mut workload: Workload = toml_edit::de::from_document(given.clone()).map_err(told)?;
        if !given.contains_key("name") {
            workload.name = name.to_owned();
        }
        match workload.fault() {
            Some(fault) => Err(fault),
            None => Ok(workload),
        }
    }

    /// What is wrong with it, as a sentence.
    fn fault(&self) -> Option<String> {
        let fields = u64::from(self.fields);
        let numbers: [(&str, u64, u64, u64); 9] = [
            ("devices", self.devices as u64, 1, 1_000),
            ("records", self.records as u64, 1, 1_000_000),
            ("fields", fields, 1, limit::FIELDS_MAX.min(1_000) as u64),
            (
                "writes",
                u64::from(self.writes),
                1,
                fields.min(limit::WRITES_MAX as u64),
            ),
            ("values", self.values as u64, 1, u64::from(u32::MAX)),
            ("edits", self.edits as u64, 1, 1_000_000),
            ("pause", self.pause, 1, 2_592_000_000),
            ("apart", self.apart, 1, 2_592_000_000),
            ("skew", self.skew, 0, 31_536_000_000),
        ];
        for (name, number, least, most) in numbers {
            if !(least..=most).contains(&number) {
                return Some(format!(
                    "`{name}` is {number}; {least} to {most} is possible"
                ));
            }
        }
        let shares = [
            ("zipf", self.zipf, 10.0),
            ("deletions", self.deletions, 1.0),
        ];
        for (name, share, most) in shares {
            if !(0.0..=most).contains(&share) {
                return Some(format!("`{name}` is {share}; 0 to {most} is possible"));
            }
        }
        if self.name.is_empty() || self.name.chars().count() > NAME_CHARS_MAX {
            return Some(format!("`name` must have 1 to {NAME_CHARS_MAX} characters"));
        }
        let each = self.edits as u64 * u64::from(self.writes);
        let first = self.records as u64 * fields;
        if self.devices as u64 * each + first > WRITES_MAX {
            return Some(format!(
                "this comes to more than {WRITES_MAX} writes for one seed; take fewer devices, \
                 edits, records or fields"
            ));
        }
        if let Some(Hours { from, to }) = self.hours
            && !(from < to && to <= 24)
        {
            return Some(format!(
                "`hours` are from {from} to {to}; they are from an earlier hour to a later one, of 0 to 24"
            ));
        }
        let law = self.offline.as_ref().and_then(Law::fault);
        law.map(|fault| format!("`offline`: {fault}"))
            .or_else(|| Some(format!("`agents`: {}", self.agents.fault()?)))
    }

    /// How often each record is edited, added up.
    fn weights(&self) -> Vec<f64> {
        let weights = (1..=self.records).map(|rank| (rank as f64).powf(-self.zipf));
        let mut sum = 0.0;
        weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect()
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string().trim_end().to_owned()
}

/// A workload, with what is drawn from again and again.
#[derive(Serialize)]
pub(super) struct Generic {
    workload: Workload,
    #[serde(skip)]
    weights: Vec<f64>,
}

impl From<Workload> for Generic {
    fn from(workload: Workload) -> Generic {
        Generic {
            weights: workload.weights(),
            workload,
        }
    }
}

impl Domain for Generic {
    fn types(&self) -> Vec<RecordType> {
        let names: Vec<String> = (1..=self.workload.fields)
            .map(|field| format!("number_{field}"))
            .collect();
        let fields: Vec<(&str, Kind)> = names
            .iter()
            .map(|name| (name.as_str(), Kind::integer()))
            .collect();
        vec![record_type(TYPE, "item", &fields)]
    }

    fn people(&self) -> Vec<Role> {
        let Workload {
            devices,
            pause,
            apart,
            edits,
            skew,
            hours,
            offline,
            ..
        } = self.workload;
        let now = Law::Exponential { mean: apart };
        let line = match offline {
            None => Line::Now(now),
            Some(offline) => Line::OnAndOff {
                offline,
                online: now,
                every: Law::Exponential { mean: 60_000 },
            },
        };
        let role = Role {
            name: "person",
            weight: 1,
            site: None,
            line,
            pause: Law::Exponential { mean: pause },
            hours,
            acts: edits,
            until: u64::MAX,
            skew,
        };
        vec![role; devices]
    }

    fn begin(&self) -> Vec<Draft> {
        let draft = |number: usize| {
            let puts = (1..=self.workload.fields).map(|field| integer(field, 0));
            Draft::create(TYPE, record("item", number), puts.collect())
        };
        (0..self.workload.records).map(draft).collect()
    }

    fn act(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft {
        let Workload {
            fields,
            writes,
            values,
            deletions,
            ..
        } = self.workload;
        let item = record("item", drawn(&self.weights, stream));
        let deletes = stream.share() < deletions;
        let changes: BTreeSet<u16> = (0..writes)
            .map(|_| 1 + stream.below(usize::from(fields)) as u16)
            .collect();
        let changes = changes
            .into_iter()
            .map(|field| integer(field, 1 + stream.below(values) as i64))
            .collect();
        match (desk.is_there(item), deletes) {
            (false, _) => Draft::nothing(),
            (true, true) => Draft::delete(TYPE, item),
            (true, false) => Draft::update(TYPE, item, changes),
        }
    }

    fn looks(&self) -> bool {
        false
    }
}

fn integer(field: u16, value: i64) -> (FieldId, super::domain::Put) {
    set(FieldId(field), Value::Integer(value))
}

fn drawn(weights: &[f64], stream: &mut Stream) -> usize {
    let last = weights.last().copied().unwrap_or_default();
    let at = stream.share() * last;
    weights
        .partition_point(|sum| *sum <= at)
        .min(weights.len().saturating_sub(1))
}
