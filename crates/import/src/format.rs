//! From the bytes of a file to what they say.

mod json;
mod table;
mod toml;
mod yaml;

use serde_json::Value as Json;
use std::fmt;

/// How deep values may lie in each other.
const DEPTH_MAX: usize = 100;
/// How many values a file may hold, repeated ones included.
const VALUES_MAX: usize = 2_000_000;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML 1.2. Several documents are a list.
    Yaml,
    /// TOML. Dates and times are texts.
    Toml,
    /// Comma separated values under a line of names; a list of records of texts.
    Csv,
    /// The same, separated by tabs.
    Tsv,
    /// YAML between two lines `---` at the beginning of a text.
    FrontMatter,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] = [
        Format::Json,
        Format::Yaml,
        Format::Toml,
        Format::Csv,
        Format::Tsv,
        Format::FrontMatter,
    ];

    /// The format by its name.
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Yaml => "yaml",
            Format::Toml => "toml",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::FrontMatter => "front-matter",
        }
    }

    /// The format of a file, by how its name ends.
    pub(crate) fn of(path: &str) -> Option<Format> {
        let (_, extension) = path.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "json" => Some(Format::Json),
            "yaml" | "yml" => Some(Format::Yaml),
            "toml" => Some(Format::Toml),
            "csv" => Some(Format::Csv),
            "tsv" => Some(Format::Tsv),
            "md" | "markdown" => Some(Format::FrontMatter),
            _ => None,
        }
    }

    /// Whether a file of this format is always a list.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Format::Csv | Format::Tsv)
    }

    /// What a file says. Keys that are there twice in one map are told.
    pub(crate) fn read(self, bytes: &[u8], doubled: &mut Vec<String>) -> Result<Json, String> {
        if bytes.contains(&0) {
            return Err("it is binary".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Format::Json => json::read(text, doubled),
            Format::Yaml => yaml::read(text, doubled),
            Format::Toml => toml::read(text),
            Format::Csv => table::read(text, b','),
            Format::Tsv => table::read(text, b'\t'),
            Format::FrontMatter => yaml::read(front(text)?, doubled),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is between the first two lines `---`.
fn front(text: &str) -> Result<&str, String> {
    let is_border = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let begin = match lines.next() {
        Some(line) if is_border(line) => line.len(),
        _ => return Err("it does not begin with a line `---`".to_owned()),
    };
    let mut end = begin;
    for line in lines {
        if is_border(line) {
            return Ok(&text[begin..end]);
        }
        end += line.len();
    }
    Err("there is no second line `---`".to_owned())
}

/// Counts values against [`VALUES_MAX`].
struct Budget(usize);

impl Budget {
    fn new() -> Budget {
        Budget(VALUES_MAX)
    }

    fn spend(&mut self, values: usize) -> Result<(), String> {
        let left = self.0.checked_sub(values);
        self.0 = left.ok_or_else(|| format!("it holds more than {VALUES_MAX} values"))?;
        Ok(())
    }
}

fn check_depth(depth: usize) -> Result<(), String> {
    match depth > DEPTH_MAX {
        true => Err(format!(
            "values lie more than {DEPTH_MAX} deep in each other"
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
