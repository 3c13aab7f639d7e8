//! The metrics and their definitions.

use super::Tally;

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
    /// A3: the mean over conflict sets of how many writes of one side the
    /// other had not seen.
    DepthMean, "depth_mean", "writes";
    /// A4: the mean time from the first write of a conflict set, by its
    /// author's clock, until the relay, the first to have it whole, had it.
    DivergenceWindow, "divergence_window", "seconds";
    /// B1, the primary metric: `|{o in W: o stands, effect(o) not in the
    /// state, o not surfaced}| / |W|`.
    SilentLossRate, "silent_loss_rate", "share";
    /// B1 over the writes that met a concurrent one.
    SilentLossOfContested, "silent_loss_of_contested", "share";
    /// B2: as B1, but surfaced. B1 + B2 is how much the policy displaces.
    SurfacedLossRate, "surfaced_loss_rate", "share";
    /// B3: bytes of lost writes, silent or surfaced, of those of all.
    InformationLost, "information_lost", "share";
    /// B4: the largest loss rate of an author less the smallest.
    FairnessSpread, "fairness_spread", "share";
    /// B4: the Gini coefficient (Gini 1912) of the authors' loss rates.
    FairnessGini, "fairness_gini", "share";
    /// B4: how much likelier a contested value is shown for each hour that its
    /// author's clock is ahead: the slope of the share over the hours. A good
    /// policy shows none. Known where the history says how clocks were off.
    ClockAdvantage, "clock_advantage", "share per hour";
    /// B6: operations of several writes of which some survive and some are
    /// lost, of all operations of several writes.
    FractureRate, "fracture_rate", "share";
    /// B7: standing deletions of records and elements whose object is there
    /// all the same, of all deletions.
    ResurrectionRate, "resurrection_rate", "share";
    /// C1: of the writes that stand, those whose intent holds. The intent is
    /// the write's own: the field shows the value, the element is there, the
    /// record is gone. All weigh the same.
    IntentSatisfaction, "intent_satisfaction", "share";
    /// C2: `1 - satisfied / best`, where best is the most intents that one state
    /// could satisfy: of each key the value that most want, and of each record
    /// whether it lives.
    Regret, "regret", "share";
    /// C3: the distance in tokens from the state to what people made of it, of
    /// the longer of both. After Ahmed-Nacer, Urso and Charoy, "Improving
    /// textual merge result" (2013).
    MergeEffort, "merge_effort", "share";
    /// D1: lookups that point at no living record, of all lookups.
    Orphans, "orphans", "share";
    /// D1: records that share an alternate key with an earlier one, of all
    /// records that have one.
    DuplicateKeys, "duplicate_keys", "share";
    /// D1 and C6: records that are on a circle of lookups to their own type,
    /// of all records with such a lookup.
    Circles, "circles", "share";
    /// D3: operations that the fold rejected, of all.
    RefusalRate, "refusal_rate", "share";
    /// E2: the mean time from an operation, by its author's clock, to its
    /// arrival. The same for all policies.
    VisibilityLag, "visibility_lag", "seconds";
    /// E4: writes that stand and vanished before their author's eyes, at the
    /// end or for a while, `/ |W|`. A candidate that is marked as one is seen.
    SurpriseRate, "surprise_rate", "share";
    /// E5: how often a shown value gave way to one whose author had not seen
    /// it, for each 1,000 writes.
    Flips, "flips", "per 1000 writes";
    /// F1: `|J| / |W| * 1000`: conflicts that were left open and issues about
    /// writes that were set aside.
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
            Metric::FractureRate => share(t.fractured, t.transactions),
            Metric::ResurrectionRate => share(t.resurrected, t.deletions),
            Metric::IntentSatisfaction => share(t.satisfied, t.standing),
            Metric::Regret => share(t.satisfied, t.satisfiable).map(|share| 1.0 - share),
            Metric::MergeEffort => share(t.edits, t.tokens),
            Metric::Orphans => share(t.orphans, t.lookups),
            Metric::DuplicateKeys => share(t.duplicates, t.keyed),
            Metric::Circles => share(t.circular, t.treed),
            Metric::RefusalRate => share(t.refused, t.operations),
            Metric::VisibilityLag => seconds(t.lag_ms, t.operations),
            Metric::SurpriseRate => share(t.surprises, t.writes),
            Metric::Flips => thousand(t.flips, t.writes),
            Metric::QuestionsAsked => thousand(t.questions, t.writes),
            Metric::DetectionPrecision => share(t.asked_rightly, t.asked),
            Metric::DetectionRecall => share(t.asked_rightly, t.harmful),
            Metric::HalfLife => t.half_life(),
            Metric::Siblings => share(t.siblings, t.open),
            Metric::LogBytes => share(t.log_bytes, t.operations),
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
