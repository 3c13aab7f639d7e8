//! Metrics of sequences: how far one is from another, and whether what two
//! people wrote at one place was mixed up.

use crate::door::Run;
use cairn_projection::document::Authorship;
use std::collections::BTreeSet;

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

/// Pairs of changes that are looked at in one document.
const PAIRS_MAX: usize = 1_000;

/// C4 over a text: how many pairs of runs were put in at one place by changes
/// that had not seen each other, and the sum of their interleaving indices. A
/// run is what is left of what one change put in at one place; a place lies
/// between letters that both had seen. What others put in there is passed over.
pub fn meetings(text: &Authorship) -> (u64, f64) {
    let (mut met, mut sum) = (0, 0.0);
    let writers: BTreeSet<usize> = text.letters.iter().copied().collect();
    let pairs = writers.iter().flat_map(|later| {
        let earlier = writers.range(..later);
        let apart = earlier.filter(|earlier| !text.seen[*later].contains(earlier));
        apart.map(|earlier| (*earlier, *later))
    });
    for (one, other) in pairs.take(PAIRS_MAX) {
        let known =
            |letter: &usize| text.seen[one].contains(letter) && text.seen[other].contains(letter);
        for place in text.letters.split(known) {
            let both = place.iter().filter(|by| **by == one || **by == other);
            let marks: Vec<bool> = both.map(|by| *by == one).collect();
            if let Some(index) = interleaving(&marks) {
                met += 1;
                sum += index;
            }
        }
    }
    (met, sum)
}

/// C4 over a text of which it is known what people wrote into it in one go: as
/// [`meetings`], of runs by different people that had not seen each other. A run
/// of which a piece is gone met nothing.
pub fn meetings_of(text: &str, runs: &[&Run]) -> (u64, f64) {
    let (mut met, mut sum) = (0, 0.0);
    let places = |run: &Run| {
        let places = run.pieces.iter().map(|piece| text.find(piece.as_str()));
        places.collect::<Option<Vec<usize>>>()
    };
    let pairs = runs.iter().enumerate().flat_map(|(at, one)| {
        let apart = |other: &&&Run| {
            other.author != one.author && other.base < one.first && one.base < other.first
        };
        runs[at + 1..]
            .iter()
            .filter(apart)
            .map(move |other| (one, other))
    });
    for (one, other) in pairs.take(PAIRS_MAX) {
        let (Some(ones), Some(others)) = (places(one), places(other)) else {
            continue;
        };
        let mut order: Vec<(usize, bool)> = ones.into_iter().map(|at| (at, true)).collect();
        order.extend(others.into_iter().map(|at| (at, false)));
        order.sort_unstable();
        let marks: Vec<bool> = order.into_iter().map(|(_, is_first)| is_first).collect();
        if let Some(index) = interleaving(&marks) {
            met += 1;
            sum += index;
        }
    }
    (met, sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::{DeviceId, FieldId, RecordId, Version};

    /// By hand, in `a1 b1 a2 b2`: of pieces a1, a2 and b1, b2 by people apart,
    /// four blocks of at most four: 1. The third run had seen the first; the
    /// fourth is of the first's author; of the fifth a piece is gone.
    #[test]
    fn runs_that_met_are_known_by_their_pieces() {
        let run = |author: u8, base: u64, first: u64, pieces: &[&str]| Run {
            record: RecordId([1; 16]),
            field: FieldId(1),
            author: DeviceId([author; 16]),
            first: Version(first),
            last: Version(first + 1),
            base: Version(base),
            pieces: pieces.iter().map(|&piece| piece.to_owned()).collect(),
        };
        let (a, b) = (run(1, 0, 1, &["a1", "a2"]), run(2, 0, 3, &["b1", "b2"]));
        let text = "a1 b1 a2 b2";
        assert_eq!(meetings_of(text, &[&a, &b]), (1, 1.0));
        assert_eq!(meetings_of("a1 a2 b1 b2", &[&a, &b]), (1, 0.0));
        let knowing = run(3, 2, 5, &["b1", "b2"]);
        assert_eq!(meetings_of(text, &[&a, &knowing]), (0, 0.0));
        let own = run(1, 0, 3, &["b1", "b2"]);
        assert_eq!(meetings_of(text, &[&a, &own]), (0, 0.0));
        let gone = run(2, 0, 3, &["b1", "b3"]);
        assert_eq!(meetings_of(text, &[&a, &gone]), (0, 0.0));
    }

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
    /// By hand. 0 wrote "[]", which 1 and 2 had seen, and 3 had seen 1. 1 and 2
    /// meet in front, ABAB: 1; and within, AABB, where what 3 put between does
    /// not count: 0. 2 and 3 meet within, too: 0. Behind there is 2 alone.
    #[test]
    fn runs_meet_at_one_place() {
        let text = Authorship {
            letters: vec![1, 2, 1, 2, 0, 1, 3, 1, 2, 2, 0, 2],
            seen: vec![[].into(), [0].into(), [0].into(), [0, 1].into()],
        };
        assert_eq!(meetings(&text), (3, 1.0));
    }
}
