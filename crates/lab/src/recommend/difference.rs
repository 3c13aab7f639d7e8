//! Two texts of a definition, line by line.

use cairn_model::text::SourceFile;
use serde::Serialize;

/// Lines that are looked ahead for one that both texts have.
const AHEAD_MAX: usize = 200;

/// A file that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its path in the folder.
    pub path: String,
    /// The lines that change, in order: with `-` what goes, with `+` what
    /// comes.
    pub lines: Vec<String>,
}

/// The files that differ. Both folders have the same files.
pub(super) fn of(before: &[SourceFile], after: &[SourceFile]) -> Vec<Changed> {
    let pairs = before.iter().zip(after);
    let changed = pairs.filter(|(before, after)| before.text != after.text);
    let changed = changed.map(|(before, after)| Changed {
        path: before.path.clone(),
        lines: lines(&before.text, &after.text),
    });
    changed.collect()
}

fn lines(before: &str, after: &str) -> Vec<String> {
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    let (mut old, mut new) = (0, 0);
    let mut changed = Vec::new();
    while old < before.len() || new < after.len() {
        let (gone, come) = apart(&before[old..], &after[new..]);
        if gone == 0 && come == 0 {
            old += 1;
            new += 1;
            continue;
        }
        let going = before[old..old + gone]
            .iter()
            .map(|line| format!("-{line}"));
        let coming = after[new..new + come].iter().map(|line| format!("+{line}"));
        changed.extend(going.chain(coming));
        old += gone;
        new += come;
    }
    changed
}

/// How many lines of each go by until both say the same: the fewest.
fn apart(before: &[&str], after: &[&str]) -> (usize, usize) {
    let far = AHEAD_MAX.min(before.len() + after.len());
    for sum in 0..=far {
        for gone in 0..=sum {
            let come = sum - gone;
            match (before.get(gone), after.get(come)) {
                (Some(one), Some(other)) if one == other => return (gone, come),
                (None, None) if gone == before.len() && come == after.len() => {
                    return (gone, come);
                }
                _ => {}
            }
        }
    }
    (before.len(), after.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_shown() {
        let before = "a\nb\nc\nd\n";
        assert_eq!(lines(before, before), [""; 0]);
        assert_eq!(lines(before, "a\nB\nc\nd\n"), ["-b", "+B"]);
        assert_eq!(lines(before, "a\nb\nc\nd\ne\n"), ["+e"]);
        assert_eq!(lines(before, "b\nc\nx\ny\nd\n"), ["-a", "+x", "+y"]);
        assert_eq!(lines(before, ""), ["-a", "-b", "-c", "-d"]);
    }
}
