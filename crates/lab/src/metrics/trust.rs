//! Whether what nobody was allowed to do stayed out, and what that cost.

use super::Tally;
use crate::trace::{Done, Survey, Trace};
use cairn_model::Version;
use cairn_projection::{Device, State};

/// H of a ledger. The fold judges devices alike under every policy.
pub(super) fn of(trace: &Trace, state: &State) -> Tally {
    let survey = trace.survey();
    let mut tally = Tally::default();
    let of = |id| state.author(id).and_then(|author| state.device(author));
    let devices: Vec<Option<&Device>> = survey.devices().iter().map(of).collect();
    for done in survey.done() {
        let device = devices[survey.sent_in(done).device as usize];
        let may = device.is_some_and(|device| may_write(device, done.version));
        let accepted = || state.verdict(done.version).rejected.is_none();
        tally.strangers += u64::from(!may && accepted());
        if let Some(revoked) = device.and_then(|device| device.revoked) {
            let at = trace.received(revoked).unwrap_or_default();
            let unseen = done.version > revoked;
            tally.after_revocation += u64::from(unseen);
            tally.leaked += u64::from(unseen && accepted());
            let before = done.time < at;
            tally.before_revocation += u64::from(before);
            tally.discarded += u64::from(before && unseen && !accepted());
        }
    }
    for device in state.devices() {
        if let Some(quarantined) = device.quarantined {
            fork(survey, device, quarantined, &mut tally);
        }
    }
    tally
}

/// Whether a device may write at this point of the ledger.
fn may_write(device: &Device, version: Version) -> bool {
    let ends = [device.revoked, device.quarantined];
    device.enrolled < version && ends.into_iter().flatten().all(|end| version < end)
}

/// A log that was written twice: since when that could have been known, and
/// who built on the branch that came first.
fn fork(survey: &Survey, device: &Device, quarantined: Version, tally: &mut Tally) {
    let at = survey
        .sent()
        .partition_point(|sent| sent.begin <= quarantined);
    let Some(second) = at.checked_sub(1).map(|at| survey.sent()[at]) else {
        return;
    };
    let earlier = survey.sent()[..at - 1].iter().zip(&survey.sent()[1..at]);
    let is_branch = |sent: &crate::trace::Sent| {
        (sent.device, sent.generation) == (second.device, second.generation)
            && sent.first <= second.first
    };
    let first = earlier.rev().find(|(sent, _)| is_branch(sent));
    let Some((first, after)) = first else {
        return;
    };
    // Where the second branch goes on behind the first, they parted before.
    let begin = Version(first.begin.0 + (second.first - first.first));
    let forked = begin.min(Version(after.begin.0.saturating_sub(1)));
    let builds_on = |done: &&Done| {
        let author = survey.sent_in(done).device;
        author != second.device && done.base >= forked && done.version < quarantined
    };
    debug_assert_eq!(survey.devices()[second.device as usize], device.id);
    tally.forks += 1;
    tally.fork_ms += second.received.since(first.received);
    tally.fork_blast += survey.done().iter().filter(builds_on).count() as u64;
}
