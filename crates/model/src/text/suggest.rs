//! Did you mean: the known word nearest to a mistyped one.

/// The word of `known` that is most like `given`, if one is like it at all.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase().replace(['-', ' '], "_");
    known
        .into_iter()
        .map(|word| {
            (
                distance(&given, &word.to_lowercase().replace('-', "_")),
                word,
            )
        })
        .filter(|(distance, word)| *distance <= word.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `did you mean …?` where a word is near, else what `otherwise` says.
pub fn did_you_mean<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    match nearest(given, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None => otherwise(),
    }
}

/// Insertions, removals, replacements and swaps of neighbours between two words.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > LENGTHS_APART_MAX {
        return usize::MAX;
    }
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// Words whose lengths differ by more are not alike: keeps hostile words cheap.
const LENGTHS_APART_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["required", "default", "options", "on_delete", "min"];
        assert_eq!(nearest("requierd", words), Some("required"));
        assert_eq!(nearest("option", words), Some("options"));
        assert_eq!(nearest("on-delete", words), Some("on_delete"));
        assert_eq!(nearest("Min", words), Some("min"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest(&"x".repeat(10_000), words), None);
    }
}
