//! Chance from a seed: independent streams by name, so that a new draw in one
//! leaves the others as they were.

/// A stream of numbers: splitmix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014).
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream called `name` at `index`.
    pub(crate) fn new(seed: u64, name: &str, index: u64) -> Dice {
        let bytes: [u8; 10] = bytes(seed, name, index);
        Dice(u64::from_be_bytes(
            bytes[..8].try_into().expect("8 of 10 bytes"),
        ))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of `items`, of which there are some.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        let index = self.below(items.len() as u64);
        items[usize::try_from(index).expect("below a length")]
    }
}

/// Bytes that depend on all of the parameters.
pub(crate) fn bytes(seed: u64, name: &str, index: u64) -> [u8; 10] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes());
    hasher.update(&index.to_be_bytes());
    hasher.update(name.as_bytes());
    let hash = hasher.finalize();
    hash.as_bytes()[..10].try_into().expect("10 of 32 bytes")
}
