//! Which files of a repository hold records.

/// A pattern of paths is told so that a person can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{pattern}` is no pattern of paths: {reason}; write something like `data/*.json` or `**/*.yml`"
)]
pub struct PatternFault {
    pattern: String,
    reason: &'static str,
}

/// Parts of one pattern, between slashes.
const PARTS_MAX: usize = 62;

/// Patterns of paths, of which one must fit: `*` is any run of characters
/// within a name, `?` is one of them, `**` is any number of folders.
#[derive(Debug, Clone)]
pub struct Patterns(Vec<Vec<Part>>);

#[derive(Debug, Clone)]
enum Part {
    Folders,
    Name(Vec<char>),
}

/// How far each pattern has come: a bit for each part that may be next.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Vec<u64>);

impl Patterns {
    /// Reads patterns.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Patterns, PatternFault> {
        patterns
            .into_iter()
            .map(parts)
            .collect::<Result<_, _>>()
            .map(Patterns)
    }

    /// Where the root of a repository is.
    pub(crate) fn start(&self) -> Progress {
        Progress(self.0.iter().map(|parts| skipping(parts, 1)).collect())
    }

    /// Goes into something of this name.
    pub(crate) fn enter(&self, progress: &Progress, name: &str) -> Progress {
        let name: Vec<char> = name.chars().collect();
        let steps = self.0.iter().zip(&progress.0);
        Progress(
            steps
                .map(|(parts, before)| entered(parts, *before, &name))
                .collect(),
        )
    }

    /// Whether a folder that was entered may hold something.
    pub(crate) fn may_hold(&self, progress: &Progress) -> bool {
        let open = |(parts, bits): (&Vec<Part>, &u64)| bits & !(1 << parts.len()) != 0;
        self.0.iter().zip(&progress.0).any(open)
    }

    /// Whether a file that was entered fits.
    pub(crate) fn fits(&self, progress: &Progress) -> bool {
        let ended = |(parts, bits): (&Vec<Part>, &u64)| bits & 1 << parts.len() != 0;
        self.0.iter().zip(&progress.0).any(ended)
    }
}

fn parts(pattern: &str) -> Result<Vec<Part>, PatternFault> {
    let fault = |reason| PatternFault {
        pattern: pattern.to_owned(),
        reason,
    };
    let inside = pattern.strip_prefix("./").unwrap_or(pattern);
    let inside = inside.strip_prefix('/').unwrap_or(inside);
    let part = |part: &str| match part {
        "" => Err(fault(
            "a name is empty (a folder as a whole is `folder/**`)",
        )),
        "." | ".." => Err(fault("paths go down from the root of the repository")),
        "**" => Ok(Part::Folders),
        name if name.contains("**") => Err(fault("`**` must stand alone between slashes")),
        name => Ok(Part::Name(name.chars().collect())),
    };
    let mut parts: Vec<Part> = inside.split('/').map(part).collect::<Result<_, _>>()?;
    // `folder/**` is everything in it.
    if matches!(parts.last(), Some(Part::Folders)) {
        parts.push(Part::Name(vec!['*']));
    }
    match parts.len() > PARTS_MAX {
        true => Err(fault("it has too many parts")),
        false => Ok(parts),
    }
}

/// `**` may be no folder at all.
fn skipping(parts: &[Part], mut bits: u64) -> u64 {
    for (at, part) in parts.iter().enumerate() {
        if matches!(part, Part::Folders) && bits & 1 << at != 0 {
            bits |= 1 << (at + 1);
        }
    }
    bits
}

fn entered(parts: &[Part], before: u64, name: &[char]) -> u64 {
    let mut after = 0;
    for (at, part) in parts.iter().enumerate() {
        if before & 1 << at == 0 {
            continue;
        }
        match part {
            Part::Folders => after |= 1 << at,
            Part::Name(pattern) if name_fits(pattern, name) => after |= 1 << (at + 1),
            Part::Name(_) => {}
        }
    }
    skipping(parts, after)
}

/// Goes back to the last `*` where something does not fit.
fn name_fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let patterns = Patterns::new([pattern]).expect("a pattern");
        let mut progress = patterns.start();
        let names: Vec<&str> = path.split('/').collect();
        for (at, name) in names.iter().enumerate() {
            progress = patterns.enter(&progress, name);
            if at + 1 < names.len() && !patterns.may_hold(&progress) {
                return false;
            }
        }
        patterns.fits(&progress)
    }

    #[test]
    fn patterns_fit_paths_as_people_expect() {
        for (pattern, fit, other) in [
            ("data/*.json", "data/a.json", "data/deep/a.json"),
            ("./data/*.json", "data/.json", "other/a.json"),
            ("**/*.yml", "a.yml", "a.yaml"),
            ("**/*.yml", "a/b/c.yml", "a/b/c.yml/d"),
            ("a/**/z.csv", "a/z.csv", "z.csv"),
            ("a/**/z.csv", "a/b/c/z.csv", "a/b/c/zz.csv"),
            ("a/**", "a/b/c", "b/a"),
            ("*-?*.x", "a-b-c.x", "a-.x"),
            ("ä?.json", "äö.json", "ä.json"),
        ] {
            assert!(fits(pattern, fit), "{pattern} {fit}");
            assert!(!fits(pattern, other), "{pattern} {other}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for pattern in ["", "data/", "a//b", "../a", "a**/b"] {
            let fault = Patterns::new([pattern]).expect_err(pattern).to_string();
            assert!(fault.contains("is no pattern of paths"), "{fault}");
        }
    }
}
