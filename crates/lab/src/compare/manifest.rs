//! What decides the results, as it stands in `manifest.json`.

use super::page;
use super::{
    CompareFault, Entrant, FORMAT, MANIFEST, METRICS, PAGE, Plan, Report, SUMMARY, Shelf, THREATS,
    get, keep,
};
use super::{summary, table, unit};
use crate::metrics::Metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that decides what comes out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the results.
    pub format: u32,
    /// The version of the lab.
    pub lab: String,
    /// A hash over the rest: results of another one are never mixed in.
    pub plan: String,
    /// The histories.
    pub subjects: Vec<Known>,
    /// Policies; the first is what others are held against.
    pub policies: Vec<String>,
    /// Those of them that are scripts: the BLAKE3 of what each says.
    pub scripts: BTreeMap<String, String>,
    /// The metric that comparisons are decided by.
    pub primary: String,
    /// How much worse is no worse.
    pub margin: f64,
    /// Resamples of each interval.
    pub resamples: usize,
    /// What to know before believing the numbers.
    pub threats: Vec<String>,
}

/// A history, by what is known of it without its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// What it is called.
    pub name: String,
    /// Where it is from: `recorded`, `real` or `synthetic`.
    pub kind: String,
    /// A hash over what it was made from.
    pub source: String,
    /// Its seeds.
    pub seeds: Vec<u64>,
}

impl Manifest {
    pub(super) fn of(plan: &Plan) -> Manifest {
        let known = plan.subjects.iter().map(|subject| Known {
            name: subject.name.clone(),
            kind: subject.kind.to_owned(),
            source: subject.source.clone(),
            seeds: subject.seeds.clone(),
        });
        let mut manifest = Manifest {
            format: FORMAT,
            lab: env!("CARGO_PKG_VERSION").to_owned(),
            plan: String::new(),
            subjects: known.collect(),
            policies: plan.entrants.iter().map(|e| e.name().to_owned()).collect(),
            scripts: plan.entrants.iter().filter_map(script).collect(),
            primary: Metric::PRIMARY.id().to_owned(),
            margin: plan.margin,
            resamples: plan.resamples,
            threats: THREATS.iter().map(|&threat| threat.to_owned()).collect(),
        };
        manifest.plan = manifest.hash();
        manifest
    }

    /// Reads what a run put on its shelf. `None` where no run was.
    pub fn read(shelf: &dyn Shelf) -> Result<Option<Manifest>, CompareFault> {
        let Some(bytes) = get(shelf, MANIFEST)? else {
            return Ok(None);
        };
        let damaged = |reason: String| CompareFault::Damaged {
            name: MANIFEST.to_owned(),
            reason,
        };
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if manifest.format != FORMAT || manifest.primary != Metric::PRIMARY.id() {
            return Err(damaged("another version of the lab wrote it".to_owned()));
        }
        match manifest.plan == manifest.hash() {
            true => Ok(Some(manifest)),
            false => Err(damaged("its hash is not that of what it says".to_owned())),
        }
    }

    /// Brings over the units that another shelf has of the same comparison.
    pub fn gather(&self, from: &dyn Shelf, to: &dyn Shelf) -> Result<(), CompareFault> {
        claim(from, self)?;
        claim(to, self)?;
        for unit in unit::units(self) {
            let name = unit::name(self, unit);
            if unit::read(&self.plan, &name, from)?.is_some()
                && let Some(bytes) = get(from, &name)?
            {
                keep(to, &name, &bytes)?;
            }
        }
        Ok(())
    }

    /// Makes the tables, the figures and the page of all units, and keeps them
    /// beside.
    pub fn report(&self, shelf: &dyn Shelf) -> Result<Report, CompareFault> {
        claim(shelf, self)?;
        let outcomes = unit::read_all(self, shelf)?;
        let table = table::csv(&outcomes);
        let summary = summary::of(self, &outcomes);
        keep(shelf, METRICS, table.as_bytes())?;
        #[cfg(feature = "parquet")]
        keep(shelf, super::PARQUET, &table::parquet(&outcomes)?)?;
        let json = serde_json::to_vec_pretty(&summary).unwrap_or_default();
        keep(shelf, SUMMARY, &json)?;
        let page = page::of(self, &summary);
        for (name, figure) in &page.figures {
            keep(shelf, name, figure.as_bytes())?;
        }
        keep(shelf, PAGE, page.html.as_bytes())?;
        Ok(Report {
            manifest: self.clone(),
            summary,
        })
    }

    fn hash(&self) -> String {
        let rest = Manifest {
            plan: String::new(),
            ..self.clone()
        };
        let bytes = serde_json::to_vec(&rest).unwrap_or_default();
        blake3::hash(&bytes).to_hex().as_str()[..16].to_owned()
    }
}

/// A script's name and the hash of its source.
fn script(entrant: &Entrant) -> Option<(String, String)> {
    let Entrant::Policy(contestant) = entrant else {
        return None;
    };
    let source = contestant.source()?;
    Some((contestant.name.clone(), source.to_owned()))
}

/// Puts the manifest on the shelf, or finds the same one there.
pub(super) fn claim(shelf: &dyn Shelf, manifest: &Manifest) -> Result<(), CompareFault> {
    let bytes = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    match get(shelf, MANIFEST)? {
        Some(known) if known != bytes => Err(CompareFault::Other(MANIFEST.to_owned())),
        Some(_) => Ok(()),
        None => keep(shelf, MANIFEST, &bytes),
    }
}
