//! Randomness: one seed, many named streams that do not disturb each other.
//!
//! A stream's draws depend on the seed and its name alone, so a schedule with
//! one entry less leaves every other stream as it was, and code that gains a
//! draw keeps old seeds meaningful.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The streams of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// Of a seed.
    pub fn of(seed: u64) -> Streams {
        Streams { seed }
    }

    /// The stream called `name`, from its beginning.
    pub fn stream(&self, name: &str) -> Stream {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn/1 stream");
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(name.as_bytes());
        Stream(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// 32 bytes that belong to `name`: the seed of a key.
    pub fn bytes(&self, name: &str) -> [u8; 32] {
        self.stream(name).array()
    }
}

/// One part in a million: how probabilities are kept, so that no draw depends
/// on how a machine rounds.
pub const MILLION: u32 = 1_000_000;

/// A stream of random numbers, the same on every machine.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`, or 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(end)) >> 64) as u64
    }

    /// An index of a list of this length.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Whether something of this probability, in parts per million, happens.
    pub fn chance(&mut self, million: u32) -> bool {
        self.below(u64::from(MILLION)) < u64::from(million)
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        match choices.len() {
            0 => None,
            length => choices.get(self.index(length)),
        }
    }

    /// One of `choices`, each as likely as its weight says.
    pub fn weighted<'a, T>(&mut self, choices: &'a [(T, u32)]) -> Option<&'a T> {
        let total: u64 = choices.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut at = self.below(total);
        choices.iter().find_map(|(choice, weight)| {
            let weight = u64::from(*weight);
            if at < weight {
                return Some(choice);
            }
            at -= weight;
            None
        })
    }

    /// Random bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number strictly between 0 and 1 with 52 bits.
    pub fn unit(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_their_names_and_seeds() {
        let words = |seed, name| {
            let mut stream = Streams::of(seed).stream(name);
            [stream.word(), stream.word(), stream.word()]
        };
        assert_eq!(words(1, "disk"), words(1, "disk"));
        assert_ne!(words(1, "disk"), words(2, "disk"));
        assert_ne!(words(1, "disk"), words(1, "clock"));
    }

    #[test]
    fn the_first_words_are_the_same_for_ever() {
        let mut stream = Streams::of(42).stream("golden");
        assert_eq!(
            [stream.word(), stream.below(1_000)],
            [2_298_780_198_124_537_732, 954]
        );
    }

    #[test]
    fn weights_are_kept() {
        let mut stream = Streams::of(7).stream("weights");
        let choices = [("never", 0), ("often", 3), ("seldom", 1)];
        let mut counts = [0; 3];
        for _ in 0..4_000 {
            let chosen = stream.weighted(&choices).expect("a weight is not 0");
            counts[choices.iter().position(|(name, _)| name == chosen).unwrap()] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!((2_800..3_200).contains(&counts[1]), "{counts:?}");
        assert_eq!(stream.weighted::<u8>(&[]), None);
    }
}
