//! Which records each device holds, as far as the relay knows.
//!
//! The device is the authority: it says at the beginning of a session, in
//! short, what it holds. What the relay sent and the device did not keep, for
//! want of time or power, is taken back here; when nothing fits, the device is
//! asked.

use cairn_model::RecordId;
use cairn_proto::HeldDigest;
use roaring::RoaringBitmap;
use std::collections::VecDeque;

/// Frames that may be lost with a session: those queued, and those on the way.
const FRAMES_REMEMBERED_MAX: usize = 16;

/// What a device holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holding {
    /// Records, by ordinal.
    records: RoaringBitmap,
    digest: HeldDigest,
    /// What the last frames changed, newest last.
    frames: VecDeque<Frame>,
}

/// What one frame changed, to be taken back when the device never kept it.
#[derive(Debug, Clone)]
struct Frame {
    before: HeldDigest,
    entered: RoaringBitmap,
    left: RoaringBitmap,
}

impl Holding {
    /// Of a device that says that it holds these.
    pub(crate) fn of(records: RoaringBitmap, digest: HeldDigest) -> Holding {
        Holding {
            records,
            digest,
            frames: VecDeque::new(),
        }
    }

    /// Records, by ordinal.
    pub(crate) fn records(&self) -> &RoaringBitmap {
        &self.records
    }

    /// Notes a frame on its way.
    pub(crate) fn sent(
        &mut self,
        entered: RoaringBitmap,
        left: RoaringBitmap,
        id: impl Fn(u32) -> RecordId,
    ) {
        if entered.is_empty() && left.is_empty() {
            return;
        }
        let before = self.digest;
        for ordinal in &entered {
            self.digest.add(id(ordinal));
        }
        for ordinal in &left {
            self.digest.remove(id(ordinal));
        }
        self.records |= &entered;
        self.records -= &left;
        if self.frames.len() == FRAMES_REMEMBERED_MAX {
            self.frames.pop_front();
        }
        self.frames.push_back(Frame {
            before,
            entered,
            left,
        });
    }

    /// Goes back to when the device held what `digest` says; whether there was
    /// such a time.
    pub(crate) fn rewind(&mut self, digest: HeldDigest) -> bool {
        let known = self.digest == digest || self.frames.iter().any(|frame| frame.before == digest);
        while known && self.digest != digest {
            let Some(frame) = self.frames.pop_back() else {
                return false;
            };
            self.records -= &frame.entered;
            self.records |= &frame.left;
            self.digest = frame.before;
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ordinal: u32) -> RecordId {
        RecordId::derive(&ordinal.to_be_bytes(), "held")
    }

    fn set(ordinals: &[u32]) -> RoaringBitmap {
        ordinals.iter().copied().collect()
    }

    fn digest(ordinals: &[u32]) -> HeldDigest {
        ordinals.iter().map(|ordinal| id(*ordinal)).collect()
    }

    #[test]
    fn frames_that_were_never_kept_are_taken_back() {
        let mut holding = Holding::default();
        holding.sent(set(&[1, 2, 3]), set(&[]), id);
        holding.sent(set(&[4]), set(&[1]), id);
        holding.sent(set(&[5]), set(&[2]), id);
        assert_eq!(holding.records(), &set(&[3, 4, 5]));
        assert!(!holding.rewind(digest(&[9])), "nobody ever held that");
        assert_eq!(holding.records(), &set(&[3, 4, 5]));
        assert!(holding.rewind(digest(&[1, 2, 3])));
        assert_eq!(holding.records(), &set(&[1, 2, 3]));
        assert!(holding.rewind(digest(&[])));
        assert!(holding.records().is_empty());
    }

    #[test]
    fn only_the_last_frames_are_remembered() {
        let mut holding = Holding::default();
        for ordinal in 0..40 {
            holding.sent(set(&[ordinal]), set(&[]), id);
        }
        assert!(!holding.rewind(digest(&[0])));
        let kept: Vec<u32> = (0..24).collect();
        assert!(holding.rewind(digest(&kept)));
    }
}
