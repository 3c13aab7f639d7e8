//! A register as every write it ever took, and the causal model in one line.

use super::policy::{self, Others};
use cairn_model::{DeviceId, FieldId, HybridTime, RecordId, Timestamp, Value, Version};

/// Who did something, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By {
    /// The operation.
    pub version: Version,
    /// Its author's number.
    pub author: usize,
    /// Its author's device.
    pub device: DeviceId,
    /// Its place in the author's log.
    pub sequence: u64,
    /// The author's clock.
    pub time: HybridTime,
    /// When the relay received it.
    pub received: Timestamp,
}

/// A write of a register.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) by: By,
    /// The version it is known by; 0 for a value that nobody wrote.
    pub(super) version: Version,
    pub(super) value: Option<Value>,
    pub(super) stands: bool,
}

impl Made {
    /// The causal model: what an author had seen, and what they did before.
    fn is_dominated_by(&self, base: Version, author: usize) -> bool {
        self.version <= base || self.by.author == author
    }
}

/// A value that showed, who wrote it, and until when.
#[derive(Debug, Clone)]
struct Past {
    until: Version,
    version: Version,
    author: Option<usize>,
    value: Option<Value>,
}

/// Every write of a field, or of a record's life.
#[derive(Debug, Clone, Default)]
pub(super) struct Register {
    made: Vec<Made>,
    shown: Option<usize>,
    past: Vec<Past>,
    /// The entry of the journal that waits for a person.
    pub(super) open: Option<usize>,
}

/// Where a register is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) record: RecordId,
    /// `None` for the record's life.
    pub(super) field: Option<FieldId>,
    /// Who made the record: what nobody wrote is theirs.
    pub(super) created: By,
}

/// A write on its way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) by: By,
    pub(super) base: Version,
    pub(super) resolves: bool,
}

/// What makes way for an arriving write before the rest contests it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Yields {
    /// What it dominates.
    Dominated,
    /// Its author's own that do not show: whole rows meet.
    OwnCandidates,
    /// Nothing: the row is refused.
    Nothing,
}

/// Who decides.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) policy: String,
    pub(super) yields: Yields,
    /// The outcome of a contest of whole rows, which its fields follow:
    /// whether the arriving one shows, and what becomes of the others.
    pub(super) row: Option<(bool, Others)>,
}

impl Terms {
    pub(super) fn of(policy: &str) -> Terms {
        Terms {
            policy: policy.to_owned(),
            yields: Yields::Dominated,
            row: None,
        }
    }
}

/// What became of an arriving write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Stands,
    /// Another stands. Whether its author is told.
    SetAside(bool),
}

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contest {
    /// The record.
    pub record: RecordId,
    /// The field; `None` for the record's life.
    pub field: Option<FieldId>,
    /// The policy that decided.
    pub policy: String,
    /// What showed before the sides diverged.
    pub base: Option<Value>,
    /// The writes that met: version and value.
    pub sides: Vec<(Version, Option<Value>)>,
    /// Which of them shows.
    pub shown: Version,
    /// `superseded`, `open`, `resolved` or `overwritten`, and by what.
    pub outcome: (&'static str, Option<Version>),
}

impl Register {
    pub(super) fn standing(&self) -> impl Iterator<Item = &Made> + Clone {
        self.made.iter().filter(|made| made.stands)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.standing().next().is_none()
    }

    pub(super) fn shown(&self) -> Option<&Made> {
        self.shown.map(|at| &self.made[at])
    }

    pub(super) fn value(&self) -> Option<&Value> {
        self.shown().and_then(|made| made.value.as_ref())
    }

    /// The newest write that stands.
    pub(super) fn newest(&self) -> Version {
        self.standing()
            .map(|made| made.version)
            .max()
            .unwrap_or_default()
    }

    /// Turns every value into what it stands for after a change of the kind.
    pub(super) fn widen(&mut self, with: impl Fn(Value) -> Value) {
        for made in &mut self.made {
            made.value = made.value.take().map(&with);
        }
    }

    /// A value that nobody wrote, where nothing is.
    pub(super) fn put_default(&mut self, value: Option<Value>, created: By) {
        let by = By {
            author: usize::MAX,
            ..created
        };
        self.push(by, Version(0), value);
        self.show_what_stands();
    }

    fn push(&mut self, by: By, version: Version, value: Option<Value>) -> usize {
        self.made.push(Made {
            by,
            version,
            value,
            stands: true,
        });
        self.made.len() - 1
    }

    /// Takes writes away; then the first that is left shows, if what showed
    /// went. Gives what went of what showed.
    fn drop_all(&mut self, goes: impl Fn(usize, &Made) -> bool) -> Option<Made> {
        for (at, made) in self.made.iter_mut().enumerate() {
            made.stands &= !goes(at, made);
        }
        let went = self.shown().filter(|made| !made.stands).cloned();
        self.show_what_stands();
        went
    }

    fn show_what_stands(&mut self) {
        if self.shown().is_none_or(|made| !made.stands) {
            self.shown = self.made.iter().position(|made| made.stands);
        }
    }

    /// What showed as of `base`.
    pub(super) fn shown_at(&self, base: Version, site: &Site, now: Option<Value>) -> Option<Value> {
        if base < site.created.version {
            return None;
        }
        let later = self.past.iter().find(|past| past.until > base);
        later.map_or(now, |past| past.value.clone())
    }

    /// What an author last saw here: their own last value, or what showed as
    /// of their base.
    pub(super) fn seen_by(&self, arrival: &Arrival, site: &Site) -> Option<Value> {
        let author = arrival.by.author;
        let own = self.standing().filter(|made| made.by.author == author);
        if let Some(own) = own.last() {
            return own.value.clone();
        }
        let mut own = self.past.iter().rev();
        match own.find(|past| past.author == Some(author) && past.version > arrival.base) {
            Some(own) => own.value.clone(),
            None => self.shown_at(arrival.base, site, self.value().cloned()),
        }
    }

    fn remember(&mut self, before: Option<Made>, site: &Site, until: Version) {
        let value = before.as_ref().and_then(|made| made.value.clone());
        if site.field.is_none() || site.created.version >= until || self.value() == value.as_ref() {
            return;
        }
        self.past.push(Past {
            until,
            version: before.as_ref().map_or(Version(0), |made| made.version),
            author: before.map(|made| made.by.author),
            value,
        });
    }

    fn make_way(&mut self, arrival: &Arrival, site: &Site, yields: Yields) -> Option<Made> {
        let author = arrival.by.author;
        if yields == Yields::Dominated {
            return self.drop_all(|_, made| made.is_dominated_by(arrival.base, author));
        }
        if self.is_empty() {
            self.put_default(None, site.created);
        }
        if yields == Yields::OwnCandidates {
            let shown = self.shown;
            self.drop_all(|at, made| Some(at) != shown && made.by.author == author);
        }
        None
    }

    /// Takes a write in.
    pub(super) fn meet(
        &mut self,
        site: &Site,
        value: Option<Value>,
        arrival: &Arrival,
        terms: &Terms,
        journal: &mut Vec<Contest>,
    ) -> Met {
        let version = arrival.by.version;
        let was_empty = self.is_empty();
        let yielded = self.make_way(arrival, site, terms.yields);
        if self.standing().all(|made| made.value == value) {
            self.close(arrival, journal);
            let alone = self.is_empty();
            let at = self.push(arrival.by, version, value);
            if alone {
                self.shown = Some(at);
            } else if site.field.is_some() {
                self.shown = Some(self.decide(site, at, terms).0);
            }
            if was_empty || yielded.is_some() {
                self.remember(yielded, site, version);
            }
            return Met::Stands;
        }
        let before = yielded.or_else(|| self.shown().cloned());
        let shown = before.as_ref().and_then(|made| made.value.clone());
        let base = match site.field {
            None => Some(Value::Boolean(true)),
            Some(_) => self.shown_at(arrival.base, site, shown),
        };
        let at = self.push(arrival.by, version, value);
        let (shown, others) = self.decide(site, at, terms);
        self.shown = Some(shown);
        self.enter(site, others, base, arrival, &terms.policy, journal);
        let met = self.settle(others, at);
        self.remember(before, site, version);
        met
    }

    fn decide(&self, site: &Site, arriving: usize, terms: &Terms) -> (usize, Others) {
        let shown = self.shown.unwrap_or(arriving);
        if let Some((shows_arriving, others)) = terms.row {
            return (if shows_arriving { arriving } else { shown }, others);
        }
        let places: Vec<usize> = (0..self.made.len())
            .filter(|at| self.made[*at].stands)
            .collect();
        let contenders: Vec<Made> = places
            .iter()
            .map(|at| match &self.made[*at] {
                nobody if nobody.version == Version(0) => Made {
                    by: site.created,
                    ..nobody.clone()
                },
                made => made.clone(),
            })
            .collect();
        let place = |wanted: usize| places.iter().position(|at| *at == wanted).unwrap_or(0);
        let contenders: Vec<&Made> = contenders.iter().collect();
        let (mut index, others) =
            policy::decide(&terms.policy, &contenders, place(shown), place(arriving));
        if site.field.is_none() && others == Others::Open {
            let keeps = |made: &&Made| made.value == Some(Value::Boolean(true));
            index = contenders.iter().position(keeps).unwrap_or(index);
        }
        (places[index], others)
    }

    fn enter(
        &mut self,
        site: &Site,
        others: Others,
        base: Option<Value>,
        arrival: &Arrival,
        policy: &str,
        journal: &mut Vec<Contest>,
    ) {
        let sides: Vec<_> = self
            .standing()
            .map(|made| (made.version, made.value.clone()))
            .collect();
        let shown = self.shown().map(|made| match made.version {
            Version(0) => site.created.version,
            version => version,
        });
        let shown = shown.unwrap_or_default();
        let sides = sides
            .into_iter()
            .map(|(version, value)| match version {
                Version(0) => (site.created.version, value),
                version => (version, value),
            })
            .collect();
        if let (Others::Open, Some(open)) = (others, self.open) {
            journal[open].sides = sides;
            journal[open].shown = shown;
            return;
        }
        self.close(arrival, journal);
        let waits = others == Others::Open;
        self.open = waits.then_some(journal.len());
        journal.push(Contest {
            record: site.record,
            field: site.field,
            policy: policy.to_owned(),
            base,
            sides,
            shown,
            outcome: (if waits { "open" } else { "superseded" }, None),
        });
    }

    fn close(&mut self, arrival: &Arrival, journal: &mut [Contest]) {
        if let Some(open) = self.open.take() {
            let how = if arrival.resolves {
                "resolved"
            } else {
                "overwritten"
            };
            journal[open].outcome = (how, Some(arrival.by.version));
        }
    }

    fn settle(&mut self, others: Others, arriving: usize) -> Met {
        if matches!(others, Others::Compete | Others::Open) {
            return Met::Stands;
        }
        let instead = self.value().cloned();
        self.drop_all(|_, made| made.value != instead);
        match self.made[arriving].stands {
            true => Met::Stands,
            false => Met::SetAside(others == Others::Told),
        }
    }
}
