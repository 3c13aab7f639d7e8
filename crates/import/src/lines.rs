//! Whether git would have merged two versions of a file by itself.

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput, Token};
use std::ops::Range;

/// Whether two sides changed the same lines, or lines side by side, into
/// different ones: then git asks a person.
pub(crate) fn meet(base: &[u8], left: &[u8], right: &[u8]) -> bool {
    let mut input = InternedInput::new(byte_lines(base), byte_lines(left));
    let left_lines = input.after.clone();
    let left_hunks = hunks(&input);
    input.update_after(byte_lines(right));
    let right_hunks = hunks(&input);
    let left = Side::new(&left_lines, &left_hunks);
    let right = Side::new(&input.after, &right_hunks);
    met(left, right)
}

fn hunks(input: &InternedInput<&[u8]>) -> Vec<Hunk> {
    // The one that `git merge` takes.
    let mut diff = Diff::compute(Algorithm::Histogram, input);
    diff.postprocess_lines(input);
    diff.hunks().collect()
}

/// What one side made of the lines.
struct Side<'a> {
    lines: &'a [Token],
    hunks: &'a [Hunk],
    /// How much further down lines are than they were.
    moved: i64,
}

impl<'a> Side<'a> {
    fn new(lines: &'a [Token], hunks: &'a [Hunk]) -> Side<'a> {
        Side {
            lines,
            hunks,
            moved: 0,
        }
    }

    /// Where its next change begins.
    fn next(&self) -> Option<u32> {
        self.hunks.first().map(|hunk| hunk.before.start)
    }

    /// Takes the next change if it touches a stretch, which grows by it.
    fn take(&mut self, stretch: &mut Range<u32>) -> bool {
        let Some((hunk, rest)) = self.hunks.split_first() else {
            return false;
        };
        if hunk.before.start > stretch.end {
            return false;
        }
        stretch.end = stretch.end.max(hunk.before.end);
        self.moved += hunk.after.len() as i64 - hunk.before.len() as i64;
        self.hunks = rest;
        true
    }

    /// What it made of a stretch. `moved` is as it was at the beginning of it.
    fn made(&self, stretch: &Range<u32>, moved: i64) -> &'a [Token] {
        let begin = i64::from(stretch.start) + moved;
        let end = i64::from(stretch.end) + self.moved;
        self.lines
            .get(begin as usize..end as usize)
            .unwrap_or_default()
    }
}

fn met(mut left: Side<'_>, mut right: Side<'_>) -> bool {
    loop {
        let begin = match (left.next(), right.next()) {
            (Some(left), Some(right)) => left.min(right),
            // One side has nothing more to say.
            _ => return false,
        };
        let moved = (left.moved, right.moved);
        let mut stretch = begin..begin;
        let mut both = (false, false);
        loop {
            let more = (left.take(&mut stretch), right.take(&mut stretch));
            both = (both.0 || more.0, both.1 || more.1);
            if more == (false, false) {
                break;
            }
        }
        let alike = || left.made(&stretch, moved.0) == right.made(&stretch, moved.1);
        if both == (true, true) && !alike() {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::meet;

    #[test]
    fn lines_meet_as_git_says() {
        let base = "1\n2\n3\n4\n5\n6\n";
        for (left, right, conflict) in [
            ("1\nx\n3\n4\n5\n6\n", "1\n2\n3\n4\ny\n6\n", false),
            ("1\nx\n3\n4\n5\n6\n", "1\ny\n3\n4\n5\n6\n", true),
            ("1\nx\n3\n4\n5\n6\n", "1\nx\n3\n4\n5\n6\n", false),
            // Side by side.
            ("1\nx\n3\n4\n5\n6\n", "1\n2\ny\n4\n5\n6\n", true),
            ("1\nx\n3\n4\n5\n6\n", "1\n2\n3\ny\n5\n6\n", false),
            // Inserted at one place.
            ("1\n2\nx\n3\n4\n5\n6\n", "1\n2\ny\n3\n4\n5\n6\n", true),
            ("1\n2\nx\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n6\ny\n", false),
            // Removed, and changed.
            ("1\n3\n4\n5\n6\n", "1\nx\n3\n4\n5\n6\n", true),
            // The second meeting counts too.
            ("a\n2\n3\n4\nx\n6\n", "a\n2\n3\n4\ny\n6\n", true),
            ("", "1\n2\n3\n4\n5\n6\n7\n", true),
            (base, "9\n", false),
        ] {
            let met = meet(base.as_bytes(), left.as_bytes(), right.as_bytes());
            assert_eq!(met, conflict, "{left:?} {right:?}");
            let turned = meet(base.as_bytes(), right.as_bytes(), left.as_bytes());
            assert_eq!(turned, conflict, "{right:?} {left:?}");
        }
        assert!(meet(b"", b"a\n", b"b\n"));
        assert!(!meet(b"", b"a\n", b"a\n"));
    }
}
