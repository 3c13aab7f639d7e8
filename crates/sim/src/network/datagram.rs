//! How datagrams travel over a link: each on its own, late, lost, twice, changed
//! or past each other. Sending again is the transport's affair.

use super::{LaneId, Link, Way};
use crate::scenario::LinkPlan;
use crate::streams::MILLION;
use crate::time::{MILLISECOND, SECOND, VirtualTime};

/// How long datagrams wait for a busy line before the next are dropped.
const QUEUE: u64 = 2 * SECOND;

/// A datagram on its way.
pub(crate) struct Carried {
    pub(crate) at: VirtualTime,
    /// A second copy, when there is one.
    pub(crate) again: Option<VirtualTime>,
    /// Where a byte is changed, in parts of a million of its length.
    pub(crate) corrupt: Option<u32>,
}

impl Carried {
    /// Where nothing is lost.
    pub(crate) fn unharmed(now: VirtualTime) -> Carried {
        Carried {
            at: now.plus(MILLISECOND),
            again: None,
            corrupt: None,
        }
    }
}

impl Link {
    /// Carries a datagram; `free` is when the line is free for it. `None` when
    /// it is lost.
    pub(crate) fn carry(
        &mut self,
        plan: &LinkPlan,
        now: VirtualTime,
        upward: bool,
        bytes: usize,
        free: &mut VirtualTime,
    ) -> Option<Carried> {
        let (lane, passes) = match upward {
            true => (LaneId::Up, self.passes_up()),
            false => (LaneId::Control, self.passes_down()),
        };
        let span = self.latency(plan, lane);
        let twice = upward && std::mem::take(&mut self.duplicate_next);
        let way = match upward {
            true => &mut self.up,
            false => &mut self.down,
        };
        if way.loses(plan) || !passes {
            return None;
        }
        let mut leaves = now;
        if let Some(took) = (bytes as u64 * SECOND).checked_div(plan.bandwidth) {
            if free.since(now) > QUEUE {
                return None;
            }
            leaves = leaves.max(*free).plus(took);
            *free = leaves;
        }
        let draws = |way: &mut Way, million| million > 0 && way.stream.chance(million);
        let twice = twice || draws(way, plan.duplicate);
        let corrupt = std::mem::take(&mut way.corrupt_next) || draws(way, plan.corrupt);
        let corrupt = corrupt.then(|| way.stream.below(u64::from(MILLION)) as u32);
        let again = twice.then(|| leaves.plus(self.latency(plan, lane)));
        Some(Carried {
            at: leaves.plus(span),
            again,
            corrupt,
        })
    }
}

impl Way {
    fn loses(&mut self, plan: &LinkPlan) -> bool {
        let loss = &plan.loss;
        if loss.good == 0 && loss.to_bad == 0 {
            return false;
        }
        let (turns, rate) = match self.is_bad {
            true => (loss.to_good, loss.bad),
            false => (loss.to_bad, loss.good),
        };
        if self.stream.chance(turns) {
            self.is_bad = !self.is_bad;
        }
        self.stream.chance(rate)
    }
}
