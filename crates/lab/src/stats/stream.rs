//! Random numbers of a seed, in streams that do not touch each other.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Numbers that seed and purpose determine: a purpose that is drawn from more
/// often changes none of the others, so that runs of one seed stay paired.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a seed for a purpose.
    pub fn new(seed: u64, purpose: &str) -> Stream {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn lab stream");
        hasher.update(&seed.to_be_bytes());
        hasher.update(purpose.as_bytes());
        Stream(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number from 0 to below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * bound as u128;
        (wide >> 64) as usize
    }

    /// A share from 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}
