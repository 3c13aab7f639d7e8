//! Where concurrent writes meet: the policy is asked, the register takes the
//! outcome, the journal tells of it.

use crate::conflict::{Conflict, Outcome, Side};
use crate::history::History;
use crate::record::Origin;
use crate::register::{OpenConflict, Register, RegisterWrite};
use crate::state::{Device, Dirty};
use cairn_model::{AuthorId, FieldId, LogId, OperationId, RecordId, TypeId, Value, Version};
use cairn_policy::{Contender, Contest, Decision, Others, Policy};

/// A write on its way in.
pub(super) struct Arrival<'a> {
    pub(super) origin: &'a Origin,
    pub(super) base: Version,
    pub(super) resolves: bool,
}

/// A register of a record, and what is known around it.
pub(super) struct Site<'a> {
    pub(super) record: RecordId,
    pub(super) record_type: TypeId,
    pub(super) created: Version,
    /// `None` for the record's life.
    pub(super) field: Option<FieldId>,
    pub(super) register: &'a mut Register,
    pub(super) origins: &'a [Origin],
    pub(super) history: &'a mut History,
}

/// On what terms a write meets those that stand.
pub(super) struct Terms<'a> {
    pub(super) policy: &'a dyn Policy,
    pub(super) yields: Yields,
}

/// Which standing writes yield to an arriving one before the rest contest it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Yields {
    /// Those it dominates.
    Dominated,
    /// Its author's own that do not show: the row that stands contests the
    /// arriving one, whoever wrote which of its fields.
    OwnCandidates,
    /// None: the arriving row is refused.
    Nothing,
}

/// What became of an arriving write.
pub(super) enum Met {
    /// It stands, shown or as a candidate.
    Stands,
    /// Another stands; this one is in the journal.
    SetAside {
        /// Whether its author must be told.
        told: bool,
        /// What stands.
        instead: Option<Value>,
        /// What was written.
        refused: Option<Value>,
    },
}

/// The outcome of a whole-record contest, which its fields then follow.
pub(super) struct Decided<'a> {
    pub(super) policy: &'a str,
    pub(super) shows_arriving: bool,
    pub(super) others: Others,
}

impl Policy for Decided<'_> {
    fn id(&self) -> &str {
        self.policy
    }
    fn order_insensitive(&self) -> bool {
        false
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        let shown = if self.shows_arriving {
            contest.arriving
        } else {
            contest.standing
        };
        Decision {
            shown,
            others: self.others,
        }
    }
}

/// The journal and what its entries are made from.
pub(super) struct Contests<'a> {
    pub(super) journal: &'a mut Vec<Conflict>,
    pub(super) devices: &'a [Device],
    pub(super) dirty: &'a mut Dirty,
}

/// The version of a value that nobody wrote: a default, or none.
const DEFAULT: Version = Version(0);

/// The author of a standing write.
pub(super) fn author_of(origins: &[Origin], version: Version) -> AuthorId {
    origins
        .binary_search_by_key(&version, |origin| origin.version)
        .map_or(AuthorId(u32::MAX), |at| origins[at].author)
}

/// The operation behind a standing write. A default value is the creator's.
fn origin_of<'a>(site: &'a Site<'_>, version: Version) -> &'a Origin {
    let version = if version == DEFAULT {
        site.created
    } else {
        version
    };
    let at = site
        .origins
        .binary_search_by_key(&version, |origin| origin.version);
    &site.origins[at.expect("standing writes keep their origins")]
}

impl Site<'_> {
    /// Drops what yields to an arriving write. Gives the write that showed, if
    /// it went.
    fn make_way(&mut self, arrival: &Arrival<'_>, yields: Yields) -> Option<RegisterWrite> {
        let Site {
            register, origins, ..
        } = self;
        let (author, base) = (arrival.origin.author, arrival.base);
        let is_own = |write: &RegisterWrite| author_of(origins, write.version) == author;
        if yields == Yields::Dominated {
            return register.drop_writes(|write| write.version <= base || is_own(write));
        }
        if register.writes.is_empty() {
            register.add(RegisterWrite {
                version: DEFAULT,
                value: None,
            });
        }
        if yields == Yields::OwnCandidates {
            let shown = register.shown().map(|write| write.version);
            register.drop_writes(|write| Some(write.version) != shown && is_own(write));
        }
        None
    }

    /// What showed as of `base`, given what showed until now.
    fn shown_at(&self, base: Version, now: Option<&Value>) -> Option<Option<Value>> {
        match self.field {
            None => Some(Some(Value::Boolean(true))),
            Some(field) => self.history.shown_at(field, base, self.created, now),
        }
    }

    /// Remembers the write that showed before, if its value no longer does.
    fn remember(&mut self, before: Option<RegisterWrite>, until: Version) {
        let Some(field) = self.field.filter(|_| self.created < until) else {
            return;
        };
        let nobody = RegisterWrite {
            version: DEFAULT,
            value: None,
        };
        let RegisterWrite { version, value } = before.unwrap_or(nobody);
        if self.register.value() != value.as_ref() {
            let by = (version, author_of(self.origins, version));
            self.history.ended(field, until, by, value);
        }
    }

    /// Lets only what agrees with the shown write stand, where the others are
    /// settled.
    fn settle(&mut self, others: Others, arriving: Version) -> Met {
        let told = match others {
            Others::Candidates | Others::Flagged => return Met::Stands,
            Others::Settled => false,
            Others::SettledAndTold => true,
        };
        let instead = self.register.value().cloned();
        let mut refused = None;
        self.register.drop_writes(|write| {
            let goes = write.value != instead;
            if goes && write.version == arriving {
                refused = Some(write.value.clone());
            }
            goes
        });
        match refused {
            Some(refused) => Met::SetAside {
                told,
                instead,
                refused,
            },
            None => Met::Stands,
        }
    }
}

impl Contests<'_> {
    /// Takes an arriving write into a register: what yields to it goes, and if
    /// something is left that says otherwise, the policy decides.
    pub(super) fn meet(
        &mut self,
        mut site: Site<'_>,
        value: Option<Value>,
        arrival: &Arrival<'_>,
        terms: &Terms<'_>,
    ) -> Met {
        let was_empty = site.register.writes.is_empty();
        let yielded = site.make_way(arrival, terms.yields);
        let contested = site
            .register
            .writes
            .iter()
            .any(|write| write.value != value);
        if contested {
            let before = yielded.or_else(|| site.register.shown().cloned());
            return self.contest(site, before, value, arrival, terms.policy);
        }
        self.agree(&mut site, value, arrival, terms.policy);
        if was_empty || yielded.is_some() {
            site.remember(yielded, arrival.origin.version);
        }
        Met::Stands
    }

    /// Nothing that is left says otherwise.
    fn agree(
        &mut self,
        site: &mut Site<'_>,
        value: Option<Value>,
        arrival: &Arrival<'_>,
        policy: &dyn Policy,
    ) {
        if let Some(open) = site.register.open.take() {
            self.close(open.number, arrival);
        }
        let version = arrival.origin.version;
        let arriving = site.register.add(RegisterWrite { version, value });
        if arriving > 0 && site.field.is_some() {
            site.register.shown = self.decide(site, arriving, policy).shown;
        }
    }

    /// Something that is left says otherwise.
    fn contest(
        &mut self,
        mut site: Site<'_>,
        before: Option<RegisterWrite>,
        value: Option<Value>,
        arrival: &Arrival<'_>,
        policy: &dyn Policy,
    ) -> Met {
        let version = arrival.origin.version;
        let shown = before.as_ref().and_then(|write| write.value.as_ref());
        let base = site.shown_at(arrival.base, shown);
        let arriving = site.register.add(RegisterWrite { version, value });
        let decision = self.decide(&site, arriving, policy);
        site.register.shown = decision.shown;
        self.enter(&mut site, decision.others, base, arrival, policy.id());
        let met = site.settle(decision.others, version);
        site.remember(before, version);
        met
    }

    fn decide(&self, site: &Site<'_>, arriving: usize, policy: &dyn Policy) -> Decision {
        let writes = &site.register.writes;
        let contenders: Vec<Contender<'_>> = writes
            .iter()
            .map(|write| self.contender(origin_of(site, write.version), write.value.as_ref()))
            .collect();
        let standing = site.register.shown;
        let mut decision = policy.decide(Contest {
            contenders: &contenders,
            standing,
            arriving,
        });
        if site.field.is_none() && decision.others == Others::Flagged {
            let keeps = |write: &RegisterWrite| write.value == Some(Value::Boolean(true));
            decision.shown = writes.iter().position(keeps).unwrap_or(decision.shown);
        }
        decision
    }

    /// Decides between an arriving row and the unseen writes it meets, given by
    /// their origins.
    pub(super) fn decide_row<'p>(
        &self,
        unseen: &[&Origin],
        arriving: &Origin,
        policy: &'p dyn Policy,
    ) -> (Decided<'p>, Yields) {
        let origins = unseen.iter().copied().chain([arriving]);
        let contenders: Vec<Contender<'_>> =
            origins.map(|origin| self.contender(origin, None)).collect();
        let arriving = unseen.len();
        let contest = Contest {
            contenders: &contenders,
            standing: 0,
            arriving,
        };
        let Decision { shown, others } = policy.decide(contest);
        let (yields, others) = match others {
            Others::Flagged => (Yields::OwnCandidates, Others::Flagged),
            _ if shown == arriving => (Yields::Dominated, Others::Settled),
            Others::SettledAndTold => (Yields::Nothing, Others::SettledAndTold),
            Others::Settled | Others::Candidates => (Yields::Nothing, Others::Settled),
        };
        let shows_arriving = yields == Yields::Dominated;
        (
            Decided {
                policy: policy.id(),
                shows_arriving,
                others,
            },
            yields,
        )
    }

    fn contender<'v>(&self, origin: &Origin, value: Option<&'v Value>) -> Contender<'v> {
        Contender {
            version: origin.version,
            device: self.devices[origin.author.0 as usize].id,
            sequence: origin.sequence,
            time: origin.time,
            received: origin.received,
            value,
        }
    }

    fn side(&self, origin: &Origin, value: Option<Value>) -> Side {
        let device = self.devices[origin.author.0 as usize].id;
        let log = LogId {
            device,
            generation: origin.generation,
        };
        Side {
            version: origin.version,
            author: origin.author,
            operation: OperationId {
                log,
                sequence: origin.sequence,
            },
            time: origin.time,
            received: origin.received,
            value,
        }
    }

    /// Enters the contest into the journal, or into the entry that is open.
    fn enter(
        &mut self,
        site: &mut Site<'_>,
        others: Others,
        base: Option<Option<Value>>,
        arrival: &Arrival<'_>,
        policy: &str,
    ) {
        let flagged = others == Others::Flagged;
        let side =
            |write: &RegisterWrite| self.side(origin_of(site, write.version), write.value.clone());
        let sides: Vec<Side> = site.register.writes.iter().map(side).collect();
        let shown = sides[site.register.shown].version;
        let changed = arrival.origin.version;
        if let (true, Some(open)) = (flagged, &site.register.open) {
            let entry = &mut self.journal[open.number as usize - 1];
            entry.sides = sides;
            entry.shown = shown;
            entry.changed = changed;
            self.dirty.note(open.number);
            return;
        }
        if let Some(open) = site.register.open.take() {
            self.close(open.number, arrival);
        }
        let number = self.journal.len() as u64 + 1;
        if flagged {
            site.register.open = Some(Box::new(OpenConflict {
                number,
                base: base.clone(),
            }));
        }
        self.journal.push(Conflict {
            number,
            record: site.record,
            record_type: site.record_type,
            field: site.field,
            policy: policy.to_owned(),
            base,
            sides,
            shown,
            outcome: if flagged {
                Outcome::Open
            } else {
                Outcome::Superseded
            },
            changed,
        });
    }

    fn close(&mut self, number: u64, arrival: &Arrival<'_>) {
        let by = arrival.origin.version;
        let conflict = &mut self.journal[number as usize - 1];
        conflict.outcome = match arrival.resolves {
            true => Outcome::Resolved { by },
            false => Outcome::Overwritten { by },
        };
        conflict.changed = by;
        self.dirty.note(number);
    }
}
