//! Rust source with what is not code taken out, so that a rule can look for words in it.

/// `source` with comments and the contents of literals blanked. Every line stays where it was.
pub fn code(source: &str) -> String {
    let mut reader = Reader {
        rest: source,
        code: String::with_capacity(source.len()),
    };
    while !reader.rest.is_empty() {
        reader.step();
    }
    reader.code
}

/// `code` with every item under `#[cfg(test)]` blanked.
pub fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        let item = &rest[start..];
        let end = item_length(item);
        kept.push_str(&rest[..start]);
        blank(&item[..end], &mut kept);
        rest = &item[end..];
    }
    kept + rest
}

/// Whether the file at `path` holds nothing but tests.
pub fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Where `word` stands in `code` as whole words: `Map` is not found in `HashMap`. Byte offsets.
pub fn find_word(code: &str, word: &str) -> Vec<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (opens, closes) = (word.starts_with(is_part), word.ends_with(is_part));
    let alone = |at: usize| {
        let before = opens && code[..at].ends_with(is_part);
        let after = closes && code[at + word.len()..].starts_with(is_part);
        !before && !after
    };
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| alone(*at))
        .collect()
}

/// The 1-based line of a byte offset.
pub fn line(code: &str, offset: usize) -> usize {
    code[..offset].matches('\n').count() + 1
}

/// The length of what stands between the bracket that opens `code` and its partner, both included.
pub fn bracketed_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    code.len()
}

/// The length of the item at the start of `code`, its attributes included.
fn item_length(code: &str) -> usize {
    let mut at = 0;
    while let Some(c) = code[at..].chars().next() {
        match c {
            '(' | '[' => at += bracketed_length(&code[at..]),
            '{' => return at + bracketed_length(&code[at..]),
            ';' => return at + 1,
            _ => at += c.len_utf8(),
        }
    }
    code.len()
}

fn blank(text: &str, into: &mut String) {
    into.extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
}

struct Reader<'a> {
    rest: &'a str,
    code: String,
}

impl Reader<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment_length(rest));
        } else if rest.starts_with('"') {
            self.literal(string_length(rest));
        } else if let Some(length) = self.raw_string_length() {
            self.literal(length);
        } else if let Some(length) = char_length(rest) {
            self.literal(length);
        } else {
            self.keep(rest.chars().next().map_or(0, char::len_utf8));
        }
    }

    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.code.push_str(kept);
        self.rest = rest;
    }

    fn blank(&mut self, length: usize) {
        let (blanked, rest) = self.rest.split_at(length);
        blank(blanked, &mut self.code);
        self.rest = rest;
    }

    /// A literal keeps its first and last byte, so that it is still seen to be one.
    fn literal(&mut self, length: usize) {
        self.keep(1);
        self.blank(length.saturating_sub(2));
        self.keep(self.rest.len().min(1));
    }

    /// The length of the raw string that starts here: `r"..."`, `r#"..."#`; a `b` or `c` before
    /// it was kept as code.
    fn raw_string_length(&self) -> Option<usize> {
        let hashes = self.rest.strip_prefix('r')?;
        let body = hashes.trim_start_matches('#');
        let count = hashes.len() - body.len();
        let starts_a_token = !self
            .code
            .ends_with(|c: char| c.is_alphanumeric() && !"bc".contains(c));
        if !body.starts_with('"') || !starts_a_token {
            return None;
        }
        let close = format!("\"{}", "#".repeat(count));
        let inside = &body[1..];
        let end = inside
            .find(&close)
            .map_or(inside.len(), |at| at + close.len());
        Some(1 + count + 1 + end)
    }
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the character literal that starts here; `None` for a lifetime.
fn char_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    if first == '\\' {
        let escape = 1 + inside[1..].chars().next()?.len_utf8();
        return Some(1 + escape + inside[escape..].find('\'')? + 1);
    }
    let closed = inside[first.len_utf8()..].starts_with('\'');
    closed.then(|| 1 + first.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let found = code(source);
        assert_eq!(found, expected);
        assert_eq!(found.lines().count(), source.lines().count());
    }

    #[test]
    fn comments_go() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c\n */ */ d", "a          \n       d");
    }

    #[test]
    fn literals_lose_their_contents() {
        check(r#"f("a\"b") + g"#, r#"f("    ") + g"#);
        check("f(r#\"a\"b\"#) + g", "f(r      #) + g");
        check(r#"f(br"\") + g"#, r#"f(br  ") + g"#);
        check(r"('/', '\'', '\u{41}')", r"(' ', '  ', '      ')");
    }

    #[test]
    fn lifetimes_and_identifiers_stay() {
        check("fn f<'a>(for_: &'a str) {}", "fn f<'a>(for_: &'a str) {}");
        check("var\"x\"", "var\" \"");
    }

    #[test]
    fn test_items_go() {
        let source = "a;\n#[cfg(test)]\n#[x]\nmod tests {\n { b }\n}\nc;\n#[cfg(test)]\nmod t;\nd;";
        let lines: Vec<_> = without_tests(source)
            .lines()
            .map(|l| l.trim().to_owned())
            .collect();
        assert_eq!(lines, ["a;", "", "", "", "", "", "c;", "", "", "d;"]);
        assert_eq!(
            without_tests("#[cfg(test)] fn f(x: [u8; 4]) { b } c").trim(),
            "c"
        );
    }

    #[test]
    fn a_word_is_found_whole() {
        assert_eq!(find_word("HashMap Map _Map Map2 x::Map", "Map"), [8, 25]);
        assert_eq!(find_word("std::fs std::fsx", "std::fs"), [0]);
        assert_eq!(find_word("a.await", ".await"), [1]);
        assert_eq!(line("a\nb\nc", 4), 3);
    }
}
