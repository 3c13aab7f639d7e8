//! Operations of several writes, with their number. There may be as many as
//! operations in the ledger, so each is held in the two or three bytes that
//! tell it from the one before.

use cairn_model::Version;

/// Versions with numbers, by version.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    bytes: Vec<u8>,
    last: Version,
}

impl Transactions {
    /// Takes in the next one.
    pub(super) fn push(&mut self, version: Version, writes: u32) {
        put(&mut self.bytes, version.0 - self.last.0);
        put(&mut self.bytes, u64::from(writes));
        self.last = version;
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Version, u32)> + '_ {
        let mut rest = self.bytes.as_slice();
        let mut version = Version(0);
        std::iter::from_fn(move || {
            version.0 += take(&mut rest)?;
            Some((version, take(&mut rest)? as u32))
        })
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let length = 1 + bytes.iter().position(|byte| byte & 128 == 0)?;
    let (number, rest) = bytes.split_at(length);
    *bytes = rest;
    let digits = number.iter().rev();
    Some(digits.fold(0, |sum, byte| sum << 7 | u64::from(byte & 127)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out() {
        let put = [(1, 2), (2, 300), (90, 2), (1 << 40, u32::MAX)];
        let put = put.map(|(version, writes)| (Version(version), writes));
        let mut transactions = Transactions::default();
        put.iter()
            .for_each(|(v, writes)| transactions.push(*v, *writes));
        assert_eq!(transactions.iter().collect::<Vec<_>>(), put);
    }
}
