//! Metrics of sequences: how far one is from another, and whether what two
//! people wrote at one place was mixed up.

/// Tokens of a text: words, and every other character by itself.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric();
        let length = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !first.is_whitespace() {
            tokens.push(token);
        }
        rest = after;
    }
    tokens
}

/// Tokens of each side beyond which a distance is not worked out: as if
/// everything had to be written anew.
const DISTANCE_MAX: usize = 2_000;

/// How many tokens must be put in, taken out or replaced to make one sequence
/// of the other: Levenshtein (1966).
pub fn distance<T: PartialEq>(from: &[T], to: &[T]) -> usize {
    if from.len() > DISTANCE_MAX || to.len() > DISTANCE_MAX {
        return match from == to {
            true => 0,
            false => from.len().max(to.len()),
        };
    }
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

/// C4, the interleaving index of two runs that were inserted at one place at
/// the same time: with `b` blocks of one run in the merged order, and at most
/// `b_max = 2 min(m, n) + [m != n]` for lengths `m` and `n`, it is
/// `(b - 2) / (b_max - 2)`: 0 for runs that stay whole, 1 for runs that
/// alternate, and 0 where only two blocks are possible. The definition is ours;
/// that it should be 0 is Weidner and Kleppmann, "The Art of the Fugue" (2023).
/// `true` marks what is of the first run. `None` where a run is empty.
pub fn interleaving(merged: &[bool]) -> Option<f64> {
    let first = merged.iter().filter(|is_first| **is_first).count();
    let second = merged.len() - first;
    if first == 0 || second == 0 {
        return None;
    }
    let blocks = merged.chunk_by(|a, b| a == b).count();
    let most = 2 * first.min(second) + usize::from(first != second);
    Some(match most {
        2 => 0.0,
        most => (blocks - 2) as f64 / (most - 2) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: `kitten` to `sitting` is three, the textbook example.
    #[test]
    fn a_distance_is_what_must_be_written() {
        let letters = |word: &'static str| word.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("kitten"), &letters("sitting")), 3);
        assert_eq!(distance(&letters(""), &letters("abc")), 3);
        assert_eq!(distance(&letters("abc"), &letters("abc")), 0);
        let long = vec![1; DISTANCE_MAX + 1];
        assert_eq!(distance(&long, &[1]), DISTANCE_MAX + 1);
        assert_eq!(distance(&long, &long), 0);
    }

    #[test]
    fn words_are_tokens_and_signs_are() {
        assert_eq!(
            tokens("[\"C++\", 14]"),
            ["[", "\"", "C", "+", "+", "\"", ",", "14", "]"]
        );
        assert_eq!(tokens(""), Vec::<&str>::new());
    }

    /// By hand. AABB has 2 blocks: 0. ABAB has 4 of at most 4: 1. ABBA has 3:
    /// 1/2. For AAAB at most 3 are possible: ABAA has all of them. With one
    /// each, two blocks are all there is.
    #[test]
    fn runs_stay_whole_or_are_mixed_up() {
        let index = |merged: &str| {
            let marks: Vec<bool> = merged.chars().map(|c| c == 'A').collect();
            interleaving(&marks)
        };
        assert_eq!(index("AABB"), Some(0.0));
        assert_eq!(index("ABAB"), Some(1.0));
        assert_eq!(index("ABBA"), Some(0.5));
        assert_eq!(index("ABAA"), Some(1.0));
        assert_eq!(index("AB"), Some(0.0));
        assert_eq!(index("AAA"), None);
    }
}
