//! Where concurrent writes meet: the policy is asked, the register takes the
//! outcome, the journal tells of it.

use crate::conflict::{Conflict, Outcome, Side};
use crate::record::Origin;
use crate::register::{OpenConflict, Register, RegisterWrite};
use crate::state::{Device, Dirty};
use cairn_model::{AuthorId, FieldId, LogId, OperationId, RecordId, TypeId, Value, Version};
use cairn_policy::{Contender, Contest, Decision, Others, Policy};

/// A write on its way in.
pub(super) struct Arrival<'a> {
    pub(super) origin: &'a Origin,
    pub(super) operation: OperationId,
    pub(super) base: Version,
    pub(super) resolves: bool,
}

/// What became of an arriving write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// It stands, shown or as a candidate.
    Stands,
    /// Another stands; it is in the journal.
    SetAside,
    /// … and its author must be told.
    SetAsideAndTold,
}

/// Where writes meet.
#[derive(Clone, Copy)]
pub(super) struct Site {
    pub(super) record: RecordId,
    pub(super) record_type: TypeId,
    pub(super) field: Option<FieldId>,
}

/// The policy of an id. Definitions are published only with known policies, so
/// an unknown one is a newer program's: it is flagged rather than guessed at.
pub(super) fn policy(id: &str) -> &'static dyn Policy {
    cairn_policy::named(id).unwrap_or(&FLAG_ALWAYS)
}

/// The author of a standing write.
pub(super) fn author_of(origins: &[Origin], version: Version) -> AuthorId {
    origins
        .binary_search_by_key(&version, |origin| origin.version)
        .map_or(AuthorId(u32::MAX), |at| origins[at].author)
}

/// The outcome of a whole-record contest, which its fields then follow.
pub(super) struct Decided {
    shows_arriving: bool,
    others: Others,
}

/// The arriving row won.
pub(super) static ARRIVING_WINS: Decided = Decided {
    shows_arriving: true,
    others: Others::Settled,
};
/// The standing row won.
pub(super) static STANDING_WINS: Decided = Decided {
    shows_arriving: false,
    others: Others::Settled,
};
/// The standing row won, and the author is told.
pub(super) static STANDING_WINS_TOLD: Decided = Decided {
    shows_arriving: false,
    others: Others::SettledAndTold,
};
/// People decide.
pub(super) static FLAG_ALWAYS: Decided = Decided {
    shows_arriving: false,
    others: Others::Flagged,
};

impl Policy for Decided {
    fn id(&self) -> &'static str {
        "flag"
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

/// What a whole-record contest came to.
pub(super) enum RecordDecision {
    Arriving,
    Standing { told: bool },
    Flagged,
}

/// The journal and what its entries are made from.
pub(super) struct Contests<'a> {
    pub(super) journal: &'a mut Vec<Conflict>,
    pub(super) devices: &'a [Device],
    pub(super) dirty: &'a mut Dirty,
}

impl Contests<'_> {
    /// Takes an arriving write into a register: what it dominates goes, and if
    /// something else is left that says otherwise, the policy decides.
    #[expect(
        clippy::too_many_arguments,
        reason = "a contest is between all of these"
    )]
    pub(super) fn meet(
        &mut self,
        site: Site,
        register: &mut Register,
        origins: &[Origin],
        value: Option<Value>,
        base_value: Option<Option<Value>>,
        arrival: &Arrival<'_>,
        policy: &dyn Policy,
    ) -> Met {
        let open = register.open.clone();
        let author_of = |version| author_of(origins, version);
        let contested = register.dominate(arrival.origin.author, arrival.base, author_of)
            && register.writes.iter().any(|write| write.value != value);
        if contested {
            return self.meet_standing(
                site,
                register,
                origins,
                value,
                base_value,
                arrival,
                policy,
                policy.id(),
            );
        }
        if let Some(open) = open {
            self.close(open.number, arrival);
            register.open = None;
        }
        register.writes.push(RegisterWrite {
            version: arrival.origin.version,
            value,
        });
        Met::Stands
    }

    /// Takes an arriving write into a register where everything that stands
    /// contests it.
    #[expect(
        clippy::too_many_arguments,
        reason = "a contest is between all of these"
    )]
    pub(super) fn meet_standing(
        &mut self,
        site: Site,
        register: &mut Register,
        origins: &[Origin],
        value: Option<Value>,
        base_value: Option<Option<Value>>,
        arrival: &Arrival<'_>,
        policy: &dyn Policy,
        policy_id: &str,
    ) -> Met {
        let version = arrival.origin.version;
        register.writes.push(RegisterWrite { version, value });
        let arriving = register.writes.len() - 1;
        let mut decision = self.decide(register, origins, arriving, policy);
        if site.field.is_none() && decision.others == Others::Flagged {
            let keeps = |write: &RegisterWrite| write.value == Some(Value::Boolean(true));
            decision.shown = register
                .writes
                .iter()
                .position(keeps)
                .unwrap_or(decision.shown);
        }
        let sides: Vec<Side> = register
            .writes
            .iter()
            .map(|write| self.side(write, origins, arrival))
            .collect();
        let shown = register.writes[decision.shown].version;
        let flagged = decision.others == Others::Flagged;
        match register.open.as_ref().filter(|_| flagged) {
            Some(open) => self.extend(open.number, sides, shown, version),
            None => {
                let number = self.journal.len() as u64 + 1;
                self.dirty.journal.insert(number);
                self.journal.push(Conflict {
                    number,
                    record: site.record,
                    record_type: site.record_type,
                    field: site.field,
                    policy: policy_id.to_owned(),
                    base: base_value.clone(),
                    sides,
                    shown,
                    outcome: if flagged {
                        Outcome::Open
                    } else {
                        Outcome::Superseded
                    },
                    changed: version,
                });
                if flagged {
                    register.open = Some(OpenConflict {
                        number,
                        base: base_value,
                    });
                }
            }
        }
        if !flagged && let Some(open) = register.open.take() {
            self.close(open.number, arrival);
        }
        register.shown = decision.shown;
        match decision.others {
            Others::Flagged | Others::Candidates => Met::Stands,
            Others::Settled | Others::SettledAndTold => {
                let stays = register.writes.swap_remove(decision.shown);
                register.writes.clear();
                register.writes.push(stays);
                register.shown = 0;
                match (shown == version, decision.others) {
                    (true, _) => Met::Stands,
                    (false, Others::SettledAndTold) => Met::SetAsideAndTold,
                    (false, _) => Met::SetAside,
                }
            }
        }
    }

    fn decide(
        &self,
        register: &Register,
        origins: &[Origin],
        arriving: usize,
        policy: &dyn Policy,
    ) -> Decision {
        let contenders: Vec<Contender<'_>> = register
            .writes
            .iter()
            .map(|write| self.contender(write.version, write.value.as_ref(), origins))
            .collect();
        policy.decide(Contest {
            contenders: &contenders,
            standing: register.shown,
            arriving,
        })
    }

    /// Decides between a whole record's unseen writes and an arriving row.
    pub(super) fn decide_record(
        &self,
        origins: &[Origin],
        unseen: &[Version],
        arrival: &Arrival<'_>,
        policy: &dyn Policy,
    ) -> RecordDecision {
        let mut contenders: Vec<Contender<'_>> = unseen
            .iter()
            .map(|version| self.contender(*version, None, origins))
            .collect();
        let arriving = contenders.len();
        contenders.push(self.contender(arrival.origin.version, None, origins));
        let decision = policy.decide(Contest {
            contenders: &contenders,
            standing: 0,
            arriving,
        });
        match decision.others {
            Others::Flagged => RecordDecision::Flagged,
            _ if decision.shown == arriving => RecordDecision::Arriving,
            others => RecordDecision::Standing {
                told: others == Others::SettledAndTold,
            },
        }
    }

    fn contender<'v>(
        &self,
        version: Version,
        value: Option<&'v Value>,
        origins: &[Origin],
    ) -> Contender<'v> {
        let origin = origin_of(origins, version);
        Contender {
            version,
            device: self.devices[origin.author.0 as usize].key.device(),
            sequence: origin.sequence,
            time: origin.time,
            received: origin.received,
            value,
        }
    }

    fn side(&self, write: &RegisterWrite, origins: &[Origin], arrival: &Arrival<'_>) -> Side {
        let origin = origin_of(origins, write.version);
        let operation = if write.version == arrival.origin.version {
            arrival.operation
        } else {
            let device = self.devices[origin.author.0 as usize].key.device();
            OperationId {
                log: LogId {
                    device,
                    generation: origin.generation,
                },
                sequence: origin.sequence,
            }
        };
        Side {
            version: write.version,
            author: origin.author,
            operation,
            time: origin.time,
            received: origin.received,
            value: write.value.clone(),
        }
    }

    fn extend(&mut self, number: u64, sides: Vec<Side>, shown: Version, version: Version) {
        let conflict = &mut self.journal[number as usize - 1];
        for side in sides {
            if !conflict
                .sides
                .iter()
                .any(|known| known.version == side.version)
            {
                conflict.sides.push(side);
            }
        }
        conflict.shown = shown;
        conflict.changed = version;
        self.dirty.journal.insert(number);
    }

    fn close(&mut self, number: u64, arrival: &Arrival<'_>) {
        let by = arrival.origin.version;
        let conflict = &mut self.journal[number as usize - 1];
        conflict.outcome = if arrival.resolves {
            Outcome::Resolved { by }
        } else {
            Outcome::Overwritten { by }
        };
        conflict.changed = by;
        self.dirty.journal.insert(number);
    }
}

fn origin_of(origins: &[Origin], version: Version) -> &Origin {
    let at = origins.binary_search_by_key(&version, |origin| origin.version);
    &origins[at.expect("standing writes keep their origins")]
}
