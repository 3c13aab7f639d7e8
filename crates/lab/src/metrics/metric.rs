//! The metrics and their definitions.

use super::Tally;
use super::tally::{at_most, quantile};

/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident, $id:literal, $unit:literal;)*) => {
        /// A metric. Each says how it is defined, and whose definition it is;
        /// where no source is named, it is the lab's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $($(#[$doc])* $name,)*
        }

        impl Metric {
            /// Every metric.
            pub const ALL: &'static [Metric] = &[$(Metric::$name),*];

            /// Its name in tables.
            pub fn id(self) -> &'static str {
                match self { $(Metric::$name => $id,)* }
            }

            /// What it is counted in.
            pub fn unit(self) -> &'static str {
                match self { $(Metric::$name => $unit,)* }
            }
        }
    };
}

metrics! {
    /// A1: `|{o in W: exists p in W, p || o, k(p) = k(o)}| / |W|`, the same for
    /// all policies. A deletion is of the key of every field of its record.
    KeyConflictRate, "key_conflict_rate", "share";
    /// A2: as A1, but only pairs that do not commute on the state of their
    /// common past. Equal values commute, counters and documents always do.
    SemanticConflictRate, "semantic_conflict_rate", "share";
    /// A3: the largest antichain of a key (Dilworth 1950), the widest of all.
    WidthMax, "width_max", "writes";
    /// A3: the median of the widths of keys at which writes met that do not
    /// commute.
    WidthP50, "width_p50", "writes";
    /// A3: … the 99th percentile.
    WidthP99, "width_p99", "writes";
    /// A3: the mean over conflict sets of how many writes of one side the
    /// other had not seen.
    DepthMean, "depth_mean", "writes";
    /// A4: the mean time from the first write of a conflict set, by its
    /// author's clock, until the relay, the first to have it whole, had it.
    DivergenceWindow, "divergence_window", "seconds";
    /// B1, the primary metric: `|{o in W: o stands, effect(o) not in the
    /// state, o not in J}| / |W|`. `J` is what the policy surfaces to people:
    /// sides of conflicts that were ever left open, and operations with an issue
    /// to their author. What the policy settled by itself is in the product's
    /// journal too, but is nobody's to look at, so it is not in `J`: a record
    /// that one could look up has told nobody.
    SilentLossRate, "silent_loss_rate", "share";
    /// B1 over the writes that met a concurrent one.
    SilentLossOfContested, "silent_loss_of_contested", "share";
    /// B2: as B1, but surfaced. B1 + B2 is how much the policy displaces.
    SurfacedLossRate, "surfaced_loss_rate", "share";
    /// B3: bytes of lost writes, silent or surfaced, of those of all. For text
    /// the reference counts characters deleted by policy: no policy decides
    /// documents, and their merge deletes only what somebody deleted, so they
    /// count where their record is gone, with the bytes of their changes.
    InformationLost, "information_lost", "share";
    /// B4: the largest loss rate of an author less the smallest.
    FairnessSpread, "fairness_spread", "share";
    /// B4: the Gini coefficient (Gini 1912) of the authors' loss rates.
    FairnessGini, "fairness_gini", "share";
    /// B4: how much likelier a contested value is shown for each hour that its
    /// author's clock is ahead: the slope of the share over the hours. A good
    /// policy shows none. Known where the history says how clocks were off.
    ClockAdvantage, "clock_advantage", "share per hour";
    /// B5: `d SLR / d sigma`, how much more is lost silently for each hour of
    /// standard deviation of the clocks: the slope by least squares over the
    /// histories of one name, so there is none of one history alone. Known where
    /// histories say how clocks were off.
    SkewSensitivity, "skew_sensitivity", "share per hour";
    /// B6: operations of several writes of which some survive and some are
    /// lost, of all operations of several writes.
    FractureRate, "fracture_rate", "share";
    /// B7: standing deletions of records and elements whose object is there
    /// all the same, of all deletions.
    ResurrectionRate, "resurrection_rate", "share";
    /// C1: of the writes that stand, those whose intent holds. The intent is
    /// the write's own: the field shows the value, the element is there, the
    /// record is gone. It weighs what its author's intents count where the
    /// history says so (`Truth::weights`), and else 1.
    IntentSatisfaction, "intent_satisfaction", "share";
    /// C2: `1 - satisfied / best`, where best is the most intents that one state
    /// could satisfy: of each key the value that most want, and of each record
    /// whether it lives.
    Regret, "regret", "share";
    /// C3: the distance in tokens from the state to what people made of it, of
    /// the longer of both. After Ahmed-Nacer, Urso and Charoy, "Improving
    /// textual merge result" (2013).
    MergeEffort, "merge_effort", "share";
    /// C4: the mean interleaving index of runs that people apart put in at one
    /// place of a text ([`super::sequence::interleaving`]): 0 for runs that stay
    /// whole, 1 for such that alternate. A run is what a person wrote in one go
    /// where the history says so, and else what is left of one operation's
    /// letters. No policy decides it.
    Interleaving, "interleaving", "share";
    /// C6: records from which lookups to their own type lead to a record that is
    /// not there, of all records with such a lookup: orphaned subtrees.
    OrphanedSubtrees, "orphaned_subtrees", "share";
    /// D1: lookups that point at no living record, of all lookups.
    Orphans, "orphans", "share";
    /// D1: records that share an alternate key with an earlier one, of all
    /// records that have one.
    DuplicateKeys, "duplicate_keys", "share";
    /// D1 and C6: records that are on a circle of lookups to their own type,
    /// of all records with such a lookup.
    Circles, "circles", "share";
    /// D1: how far numbers are beyond their bounds, of what there is room for
    /// within: `sum max(0, overshoot) / capacity`. Of bounds that the history
    /// declares and those of whole numbers in the definition. A record has room
    /// for what lies between both ends, or for the size of the only one.
    Overshoot, "overshoot", "share";
    /// D1: `|actual - expected| / |expected|` of the sums that the history
    /// declares, numerators and denominators added up.
    SumsOff, "sums_off", "share";
    /// D2: the device-hours in which a device was shown broken promises (keys,
    /// lookups, bounds, circles), of those it was watched for:
    /// `sum_d integral [violated in P(V_d(t))] dt / (D T)`. `V_d(t)` is the
    /// ledger as far as the device's last base proves it, from the first base to
    /// the last operation; own unsent writes are left out. The state is looked
    /// at in up to 32 places, and in between is what it was at the last.
    Exposure, "exposure", "share";
    /// D3: operations that the fold rejected, of all that reached the relay: what
    /// a device refuses at once is in no ledger. Escrow and its transfers of
    /// rights do not exist here, so there are no messages to count.
    RefusalRate, "refusal_rate", "share";
    /// D4: operations by which people resolved conflicts and settled issues, for
    /// each 1,000. The fold invents no compensating operation, so these are the
    /// only ones. The same for all policies on one log.
    RepairCost, "repair_cost", "per 1000 operations";
    /// D4: operations undone by a repair that were no part of the violation, for
    /// each 1,000: those rejected because they build on a rejected one.
    Collateral, "collateral", "per 1000 operations";
    /// E1: the time from the end of the last outage until all core devices had
    /// what was made before it, at most (see the visibility lag). Known where the
    /// history says when that was, and all of it was seen.
    TimeToConvergence, "time_to_convergence", "seconds";
    /// The mean time from an operation, by its author's clock, to its arrival at
    /// the relay. The same for all policies, as all of E1 to E3 and E6 is.
    ArrivalLag, "arrival_lag", "seconds";
    /// E2: the time from an operation until a core device had it, at most; the
    /// median over operations and devices. A device had it at the latest when it
    /// first wrote on a base that reaches it; it is taken to have had the whole
    /// ledger up to there, which types that come in intervals may be behind.
    /// Core devices of an operation are those besides its author's that wrote
    /// after it was made; one that never wrote on such a base was watched until
    /// it last wrote (Kaplan and Meier's estimate). To a thirty-second. Times are
    /// the authors', set right where the history says how clocks were off.
    VisibilityLagP50, "visibility_lag_p50", "seconds";
    /// E2: … the ninth decile.
    VisibilityLagP90, "visibility_lag_p90", "seconds";
    /// E2: … the 99th percentile.
    VisibilityLagP99, "visibility_lag_p99", "seconds";
    /// E2, t-visibility: the share of operations that all core devices had
    /// within an hour, at least. Bailis, Venkataraman, Franklin, Hellerstein and
    /// Stoica, "Probabilistically bounded staleness" (VLDB 2012).
    VisibleWithinHour, "visible_within_hour", "share";
    /// E2: … within a day.
    VisibleWithinDay, "visible_within_day", "share";
    /// E2, k-staleness: the share of writes of a field whose author had seen all
    /// writes of it that the relay had by then, by the author's clock. Exact, as
    /// the base says what the author had seen; devices that only read are not
    /// in it.
    FreshWrites, "fresh_writes", "share";
    /// E2, k-staleness: how many writes of the field an author had not seen at
    /// most, of 99 in 100 writes.
    UnseenP99, "unseen_p99", "writes";
    /// E3, TACT's triple for each field of each record, averaged over the writes
    /// of it: Yu and Vahdat, "Design and evaluation of a conit-based continuous
    /// consistency model" (2002). Numerical error: what a counter was off by at
    /// its author, as changes that the relay had were not seen.
    NumericalError, "numerical_error", "units";
    /// E3: order error: own earlier writes that the relay did not have yet, so
    /// that others might come before them.
    OrderError, "order_error", "writes";
    /// E3: staleness: for how long the relay had had the first write that the
    /// author had not seen.
    Staleness, "staleness", "seconds";
    /// E4: writes that stand and vanished before their author's eyes, at the
    /// end or for a while, `/ |W|`. A candidate that is marked as one is seen.
    SurpriseRate, "surprise_rate", "share";
    /// E5: how often a shown value gave way to one whose author had not seen
    /// it, for each 1,000 writes.
    Flips, "flips", "per 1000 writes";
    /// E6: the time until the outcome for an operation can no longer change but
    /// by somebody who has seen it: until the relay has an operation of every
    /// core device on a base that reaches it. What then still arrives from them
    /// was made later; a device that has been silent since may still come with
    /// old work, which no ledger foretells. The median. There is no relay epoch
    /// that would fix an outcome earlier.
    FinalityLagP50, "finality_lag_p50", "seconds";
    /// E6: … the 99th percentile.
    FinalityLagP99, "finality_lag_p99", "seconds";
    /// F1: `|J| / |W| * 1000`: conflicts that were left open and issues about
    /// writes that were set aside. Operations that the fold rejected are told to
    /// their authors too, but by no policy: they are D3.
    QuestionsAsked, "questions_asked", "per 1000 writes";
    /// F2: of the conflict sets that people were asked about, those in which
    /// no value could have satisfied everybody.
    DetectionPrecision, "detection_precision", "share";
    /// F2: of the conflict sets in which no value could have satisfied
    /// everybody, those that people were asked about.
    DetectionRecall, "detection_recall", "share";
    /// F4: the time after which half of the conflicts that were left open were
    /// closed, by an answer or by a later write: Kaplan and Meier's median
    /// (1958), as some are still open at the end.
    HalfLife, "half_life", "seconds";
    /// F4: writes side by side in a conflict that is still open, on average.
    Siblings, "siblings", "writes";
    /// G: bytes of the log for each operation. The same for all policies.
    LogBytes, "log_bytes", "bytes per operation";
    /// H1: operations in the state of devices that were not enrolled, or revoked,
    /// or whose log was written twice, of all operations. Must be 0. Signatures
    /// are checked before: a ledger with a forged one is not studied at all. What
    /// a user's roles allow is the fold's to judge, and not judged again.
    Unauthorised, "unauthorised", "share";
    /// H2: the mean time from the arrival of the first of two operations at one
    /// place of a log until the relay had the second, and so knew.
    ForkDetectionLag, "fork_detection_lag", "seconds";
    /// H2: operations of others that build on a branch of a log that was written
    /// twice, before that was known, for each such log. Only the first branch
    /// gets into a state, so that nobody can build on the second.
    ForkBlast, "fork_blast", "operations";
    /// H3: operations of revoked devices that were accepted though the
    /// revocation had not seen them, of all that it had not seen.
    RevocationLeak, "revocation_leak", "share";
    /// H4: operations of revoked devices that were discarded though made before
    /// the revocation, of all made before it, by the devices' own clocks. Whether
    /// they were honest no ledger says: all count.
    RevocationCollateral, "revocation_collateral", "share";
    /// Of the fields that a person left in a known state, those that the
    /// policy left in the same without asking.
    Agreement, "agreement", "share";
    /// … and of those that both sides had changed, to different values.
    AgreementOnConflicts, "agreement_on_conflicts", "share";
    /// Of those conflicts, the share that the policy asked people about.
    ConflictsAsked, "conflicts_asked", "share";
    /// Of those conflicts that it did not ask about, the share it left as the
    /// person did.
    AccuracyOnConflicts, "accuracy_on_conflicts", "share";
}

impl Metric {
    /// The metric that comparisons are decided by, declared beforehand.
    pub const PRIMARY: Metric = Metric::SilentLossRate;

    /// Whether it is of the ledger alone, and so the same for all policies on
    /// one log: there is nothing to compare.
    pub fn is_of_ledger(self) -> bool {
        matches!(
            self,
            Metric::KeyConflictRate
                | Metric::SemanticConflictRate
                | Metric::WidthMax
                | Metric::WidthP50
                | Metric::WidthP99
                | Metric::DepthMean
                | Metric::DivergenceWindow
                | Metric::RepairCost
                | Metric::TimeToConvergence
                | Metric::ArrivalLag
                | Metric::VisibilityLagP50
                | Metric::VisibilityLagP90
                | Metric::VisibilityLagP99
                | Metric::VisibleWithinHour
                | Metric::VisibleWithinDay
                | Metric::FreshWrites
                | Metric::UnseenP99
                | Metric::NumericalError
                | Metric::OrderError
                | Metric::Staleness
                | Metric::FinalityLagP50
                | Metric::FinalityLagP99
                | Metric::LogBytes
                | Metric::ForkDetectionLag
                | Metric::ForkBlast
        )
    }

    /// Its value; `None` where there is nothing it could be of.
    pub fn of(self, tally: &Tally) -> Option<f64> {
        let t = tally;
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let thousand = |part, whole| share(part, whole).map(|share| share * 1_000.0);
        let seconds = |ms, count| share(ms, count).map(|ms| ms / 1_000.0);
        match self {
            Metric::KeyConflictRate => share(t.contested, t.writes),
            Metric::SemanticConflictRate => share(t.disputed, t.writes),
            Metric::WidthMax => share(t.width_max, 1).filter(|width| *width > 0.0),
            Metric::WidthP50 => quantile(&t.widths, 0.5),
            Metric::WidthP99 => quantile(&t.widths, 0.99),
            Metric::DepthMean => share(t.depth, t.conflict_sets),
            Metric::DivergenceWindow => seconds(t.window_ms, t.conflict_sets),
            Metric::SilentLossRate => share(t.lost_silently, t.writes),
            Metric::SilentLossOfContested => share(t.contested_lost_silently, t.contested),
            Metric::SurfacedLossRate => share(t.lost_surfaced, t.writes),
            Metric::InformationLost => share(t.bytes_lost, t.bytes),
            Metric::FairnessSpread => t.loss_rates().map(|rates| {
                let highest = rates.iter().copied().fold(f64::MIN, f64::max);
                highest - rates.iter().copied().fold(f64::MAX, f64::min)
            }),
            Metric::FairnessGini => t.loss_rates().map(|rates| gini(&rates)),
            Metric::ClockAdvantage => t.clock_slope(),
            Metric::SkewSensitivity => t.skew_slope(),
            Metric::FractureRate => share(t.fractured, t.transactions),
            Metric::ResurrectionRate => share(t.resurrected, t.deletions),
            Metric::IntentSatisfaction => share(t.meant_kept, t.meant),
            Metric::Regret => share(t.satisfied, t.satisfiable).map(|share| 1.0 - share),
            Metric::MergeEffort => share(t.edits, t.tokens),
            Metric::Interleaving => share(t.interleaved, t.meetings).map(|sum| sum / 1e6),
            Metric::OrphanedSubtrees => share(t.stranded, t.treed),
            Metric::Orphans => share(t.orphans, t.lookups),
            Metric::DuplicateKeys => share(t.duplicates, t.keyed),
            Metric::Circles => share(t.circular, t.treed),
            Metric::Overshoot => share(t.beyond, t.room),
            Metric::SumsOff => share(t.sums_off, t.sums_expected),
            Metric::Exposure => share(t.exposed_ms, t.watched_ms),
            Metric::RefusalRate => share(t.refused, t.operations),
            Metric::RepairCost => thousand(t.answers, t.operations),
            Metric::Collateral => thousand(t.collateral, t.operations),
            Metric::TimeToConvergence => seconds(t.heal_ms, t.heals),
            Metric::ArrivalLag => seconds(t.lag_ms, t.operations),
            Metric::VisibilityLagP50 => t.sights.quantile(0.5),
            Metric::VisibilityLagP90 => t.sights.quantile(0.9),
            Metric::VisibilityLagP99 => t.sights.quantile(0.99),
            Metric::VisibleWithinHour => t.sights_by_all.within(HOUR_MS),
            Metric::VisibleWithinDay => t.sights_by_all.within(24 * HOUR_MS),
            Metric::FreshWrites => at_most(&t.unseen, 0),
            Metric::UnseenP99 => quantile(&t.unseen, 0.99),
            Metric::NumericalError => share(t.off_by, t.counted),
            Metric::OrderError => share(t.unsent, t.unseen.values().sum()),
            Metric::Staleness => seconds(t.stale_ms, t.unseen.values().sum()),
            Metric::FinalityLagP50 => t.finals.quantile(0.5),
            Metric::FinalityLagP99 => t.finals.quantile(0.99),
            Metric::SurpriseRate => share(t.surprises, t.writes),
            Metric::Flips => thousand(t.flips, t.writes),
            Metric::QuestionsAsked => thousand(t.questions, t.writes),
            Metric::DetectionPrecision => share(t.asked_rightly, t.asked),
            Metric::DetectionRecall => share(t.asked_rightly, t.harmful),
            Metric::HalfLife => t.half_life(),
            Metric::Siblings => share(t.siblings, t.open),
            Metric::LogBytes => share(t.log_bytes, t.operations),
            Metric::Unauthorised => share(t.strangers, t.operations),
            Metric::ForkDetectionLag => seconds(t.fork_ms, t.forks),
            Metric::ForkBlast => share(t.fork_blast, t.forks),
            Metric::RevocationLeak => share(t.leaked, t.after_revocation),
            Metric::RevocationCollateral => share(t.discarded, t.before_revocation),
            Metric::Agreement => share(t.fields.agreed, t.fields.known),
            Metric::AgreementOnConflicts => share(t.conflicts.agreed, t.conflicts.known),
            Metric::ConflictsAsked => share(t.conflicts.asked, t.conflicts.known),
            Metric::AccuracyOnConflicts => {
                share(t.conflicts.agreed, t.conflicts.known - t.conflicts.asked)
            }
        }
    }
}

impl Tally {
    /// F3: the cost of what a policy did, `(asked + k * wrong) / conflict
    /// sets`, where a wrong decision costs `k` times a question. `k` is as in
    /// Schesch et al., "Evaluation of Version Control Merge Tools" (ASE 2024);
    /// the formula is ours. `None` without conflict sets.
    pub fn cost(&self, k: f64) -> Option<f64> {
        let cost = self.asked as f64 + k * self.wrong as f64;
        (self.conflict_sets > 0).then(|| cost / self.conflict_sets as f64)
    }

    /// F3: the `k` from which on another policy costs less than this one;
    /// `None` where their curves do not cross between 1 and 100.
    pub fn costs_cross(&self, other: &Tally) -> Option<f64> {
        let line = |tally: &Tally| Some((tally.cost(0.0)?, tally.cost(1.0)? - tally.cost(0.0)?));
        let ((asked, wrong), (other_asked, other_wrong)) = (line(self)?, line(other)?);
        let k = (other_asked - asked) / (wrong - other_wrong);
        (wrong > other_wrong && (1.0..=100.0).contains(&k)).then_some(k)
    }
}

/// Gini's coefficient: half the mean difference between any two, of the mean.
fn gini(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let apart: f64 = values
        .iter()
        .flat_map(|a| values.iter().map(move |b| (a - b).abs()))
        .sum();
    if sum == 0.0 {
        0.0
    } else {
        apart / (2.0 * values.len() as f64 * sum)
    }
}
