//! How a definition's text is laid out: lines, lists, inline tables.

use std::fmt::Write as _;
use toml_edit::{Array, Key, Value as Toml};

/// Columns of a line at most, where a list can be broken.
const COLUMNS_MAX: usize = 100;

/// What stands between the braces of an inline table.
#[derive(Default)]
pub(super) struct Row(Vec<(&'static str, String)>);

impl Row {
    /// Adds a part.
    pub(super) fn add(&mut self, key: &'static str, value: String) {
        self.0.push((key, value));
    }

    /// Adds a part, if it is there.
    pub(super) fn add_if(
        &mut self,
        key: &'static str,
        there: bool,
        value: impl FnOnce() -> String,
    ) {
        if there {
            self.add(key, value());
        }
    }

    /// Adds a text, if it is there.
    pub(super) fn add_text(&mut self, key: &'static str, text: Option<&str>) {
        self.0.extend(text.map(|text| (key, quoted(text))));
    }

    /// Adds a number, if it is there.
    pub(super) fn add_number(&mut self, key: &'static str, number: Option<impl ToString>) {
        self.0
            .extend(number.map(|number| (key, number.to_string())));
    }

    /// The table on one line, or with its list broken when the line of `name`
    /// would be too long: TOML breaks lines in lists alone.
    pub(super) fn text(mut self, name: &str) -> String {
        let joined = self.joined();
        if name.chars().count() + joined.chars().count() + " = ".len() <= COLUMNS_MAX {
            return joined;
        }
        self.0.sort_by_key(|(_, value)| value.starts_with('['));
        match self.0.last_mut() {
            Some((_, list)) if list.starts_with('[') => *list = broken(list),
            _ => return joined,
        }
        self.joined()
    }

    fn joined(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        format!("{{ {} }}", parts.join(", "))
    }
}

/// A list on one line, or over several when it would be too long.
pub(super) fn lines(list: &str) -> String {
    if list.chars().count() <= COLUMNS_MAX {
        return list.to_owned();
    }
    broken(list)
}

/// A list over several lines.
fn broken(list: &str) -> String {
    let Ok(Toml::Array(array)) = list.parse::<Toml>() else {
        return list.to_owned();
    };
    let mut text = String::from("[");
    let mut column = COLUMNS_MAX;
    for item in &array {
        let item = format!("{},", shown(item.clone()));
        let width = item.chars().count() + 1;
        if column + width > COLUMNS_MAX {
            text.push_str("\n ");
            column = 1;
        }
        text.push(' ');
        text.push_str(&item);
        column += width;
    }
    text.push_str("\n]");
    text
}

/// Begins the table `name`, unless nothing is in it.
pub(super) fn heading_of(name: &str, empty: bool, text: &mut String) {
    if empty {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "[{name}]");
}

/// Adds `key = value`.
pub(super) fn line(text: &mut String, key: &str, value: &str) {
    let key = Key::new(key);
    let _ = writeln!(text, "{} = {value}", key.display_repr());
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    shown(text.into())
}

/// A list of texts on one line.
pub(super) fn list(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    shown(
        texts
            .into_iter()
            .map(|text| Toml::from(text.as_ref()))
            .collect::<Array>()
            .into(),
    )
}

/// A value without the space around it.
pub(super) fn shown(mut value: Toml) -> String {
    value.decor_mut().clear();
    value.to_string()
}
