//! What was made lately, within a bound.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Holds what was used lately: the younger half is dropped when the next half
/// is full, and what is used again moves to it.
pub(crate) struct Cache<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    weight: usize,
    half: usize,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// Holds about so many bytes.
    pub(crate) fn new(bytes: usize) -> Cache<K, V> {
        Cache {
            young: HashMap::new(),
            old: HashMap::new(),
            weight: 0,
            half: bytes / 2,
        }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, (value, weight)) = self.old.remove_entry(key)?;
        self.put(key, value.clone(), weight);
        Some(value)
    }

    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) {
        if self.weight + weight > self.half {
            self.old = mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        self.young.insert(key, (value, weight));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::new(8);
        for number in 0..100_u32 {
            cache.put(number, number, 1);
            assert_eq!(cache.get(&0), Some(0), "after {number}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(cache.get(&50), None);
    }
}
