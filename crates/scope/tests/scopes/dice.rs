//! Chance from a seed.

/// A stream of numbers: splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }

    /// One of them, or none.
    pub(crate) fn maybe<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        (!items.is_empty() && !self.once_in(3)).then(|| self.pick(items))
    }

    /// Some of them.
    pub(crate) fn some<T: Clone>(&mut self, items: &[T], once_in: u64) -> Vec<T> {
        let taken = items.iter().filter(|_| self.once_in(once_in));
        taken.cloned().collect()
    }
}
