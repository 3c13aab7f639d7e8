//! A TOML table while it is read: every getter checks the kind of value and
//! notes a mistake where it is.

use super::file::{File, Span};
use super::suggest::did_you_mean;
use crate::value::Decimal;
use toml_edit::{Item, TableLike, Value as Toml};

/// A table, in whichever of TOML's spellings it is written.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) file: &'a File<'a>,
    table: &'a dyn TableLike,
    start: usize,
    end: usize,
}

/// A text and where it stands.
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
}

impl<'a> Section<'a> {
    pub(super) fn new(file: &'a File<'a>, table: &'a dyn TableLike, name: Span) -> Section<'a> {
        Section {
            file,
            table,
            start: name.start,
            end: name.end,
        }
    }

    /// Where the table's own name stands.
    pub(super) fn name_span(&self) -> Span {
        self.start..self.end
    }

    /// Its name as a word of the text.
    pub(super) fn name_word(&self, text: &'a str) -> Word<'a> {
        let span = self.name_span();
        Word { text, span }
    }

    /// Whether `key` is there at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The string under `key`, if it is one; mistakes are noted elsewhere.
    pub(super) fn quiet_text(&self, key: &str) -> Option<&'a str> {
        self.table.get(key).and_then(Item::as_str)
    }

    /// Whether `key` is `true`; mistakes are noted elsewhere.
    pub(super) fn quiet_flag(&self, key: &str) -> bool {
        self.table.get(key).and_then(Item::as_bool) == Some(true)
    }

    /// The strings in the list under `key`; mistakes are noted elsewhere.
    pub(super) fn quiet_words(&self, key: &str) -> Vec<Word<'a>> {
        let list = self.table.get(key).and_then(Item::as_array);
        let word = |value: &'a Toml| {
            let (text, span) = (value.as_str()?, value.span()?);
            Some(Word { text, span })
        };
        list.into_iter().flatten().filter_map(word).collect()
    }

    /// The keys, in the order of the text.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.table.iter().map(|(key, _)| key)
    }

    /// Where the value of `key` stands; the table's own name without one.
    pub(super) fn span(&self, key: &str) -> Span {
        let span = self.table.get(key).and_then(Item::span);
        span.unwrap_or_else(|| self.key_span(key))
    }

    /// Where `key` itself stands.
    pub(super) fn key_span(&self, key: &str) -> Span {
        let span = self.table.key(key).and_then(|key| key.span());
        span.unwrap_or_else(|| self.name_span())
    }

    /// Notes a mistake at the value of `key`.
    pub(super) fn fault(&self, key: &str, wrong: impl Into<String>, instead: impl Into<String>) {
        self.file.fault(self.span(key), wrong, instead);
    }

    /// Notes every key that is not in `known`. `owner` is what the keys belong
    /// to, for the message: `a record type`.
    pub(super) fn only(&self, owner: &str, known: &[&str]) {
        for (key, _) in self.table.iter().filter(|(key, _)| !known.contains(key)) {
            let instead = did_you_mean(key, known.iter().copied(), || {
                format!("{owner} takes {}", known.join(", "))
            });
            self.file.fault(
                self.key_span(key),
                format!("`{key}` is not known here"),
                instead,
            );
        }
    }

    fn value(&self, key: &str, expected: &str) -> Option<&'a Toml> {
        match self.table.get(key)? {
            Item::Value(value) => Some(value),
            other => {
                self.mistyped(key, other.type_name(), expected);
                None
            }
        }
    }

    fn mistyped(&self, key: &str, found: &str, expected: &str) {
        self.fault(
            key,
            format!("`{key}` is {}", with_article(found)),
            format!("write {expected}"),
        );
    }

    /// The value as it stands; `expected` is said where it is a table.
    pub(super) fn raw(&self, key: &str, expected: &str) -> Option<&'a Toml> {
        self.value(key, expected)
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Toml) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key, expected)?;
        let found = read(value);
        if found.is_none() {
            self.mistyped(key, value.type_name(), expected);
        }
        found
    }

    /// A string.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.read(key, "a text in quotes", Toml::as_str)
    }

    /// `true` or `false`; `false` without one.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.read(key, "true or false", Toml::as_bool)
            .unwrap_or(false)
    }

    /// `true` or `false`; `true` without one.
    pub(super) fn flag_unless_false(&self, key: &str) -> bool {
        !self.has(key) || self.flag(key)
    }

    /// A whole number.
    pub(super) fn whole(&self, key: &str) -> Option<i64> {
        self.read(key, "a whole number, such as 42", Toml::as_integer)
    }

    /// A whole number from 0 to `max`.
    pub(super) fn count(&self, key: &str, max: u32) -> Option<u32> {
        let number = self.whole(key)?;
        let count = u32::try_from(number).ok().filter(|count| *count <= max);
        if count.is_none() {
            self.fault(
                key,
                format!("{number} is not possible here"),
                format!("write a number from 0 to {max}"),
            );
        }
        count
    }

    /// An exact decimal number: by its digits, never through a float.
    pub(super) fn decimal(&self, key: &str) -> Option<Decimal> {
        const EXPECTED: &str = "a decimal number, such as 12.50";
        let value = self.value(key, EXPECTED)?;
        let Some(digits) = self.digits(value) else {
            self.mistyped(key, value.type_name(), EXPECTED);
            return None;
        };
        let number = digits.parse().ok();
        if number.is_none() {
            self.fault(
                key,
                format!("`{digits}` is not a decimal number"),
                format!("write {EXPECTED}"),
            );
        }
        number
    }

    /// The digits of a number as they stand in the text.
    pub(super) fn digits(&self, value: &Toml) -> Option<String> {
        match value {
            Toml::Integer(number) => Some(number.value().to_string()),
            Toml::Float(_) => Some(
                self.file
                    .slice(value.span()?)
                    .trim_start_matches('+')
                    .replace('_', ""),
            ),
            Toml::String(text) => Some(text.value().clone()),
            _ => None,
        }
    }

    /// One of the named things.
    pub(super) fn one_of<T: Copy>(&self, key: &str, options: &[(&'static str, T)]) -> Option<T> {
        let given = self.text(key)?;
        let found = options.iter().find(|(name, _)| *name == given);
        if found.is_none() {
            let names: Vec<&str> = options.iter().map(|(name, _)| *name).collect();
            let instead = did_you_mean(given, names.iter().copied(), || {
                format!("write {}", either(&names))
            });
            self.fault(key, format!("`{key}` cannot be `{given}`"), instead);
        }
        found.map(|(_, value)| *value)
    }

    /// A list of strings.
    pub(super) fn words(&self, key: &str) -> Option<Vec<Word<'a>>> {
        const EXPECTED: &str = "a list of texts, such as [\"one\", \"two\"]";
        let list = self.read(key, EXPECTED, Toml::as_array)?;
        let word = |value: &'a Toml| {
            let span = value.span().unwrap_or_else(|| self.span(key));
            match value.as_str() {
                Some(text) => Some(Word { text, span }),
                None => {
                    let wrong = format!("`{key}` holds {}", with_article(value.type_name()));
                    self.file.fault(span, wrong, "write a text in quotes");
                    None
                }
            }
        };
        Some(list.iter().filter_map(word).collect())
    }

    /// A string, or a list of strings.
    pub(super) fn word_or_words(&self, key: &str) -> Option<Vec<Word<'a>>> {
        match self.table.get(key).and_then(Item::as_str) {
            Some(text) => Some(vec![Word {
                text,
                span: self.span(key),
            }]),
            None => self.words(key),
        }
    }

    /// The table under `key`; its entries are sections or mistakes.
    pub(super) fn table(&self, key: &str, expected: &str) -> Option<Section<'a>> {
        let item = self.table.get(key)?;
        match item.as_table_like() {
            Some(table) => Some(Section::new(self.file, table, self.key_span(key))),
            None => {
                self.mistyped(key, item.type_name(), expected);
                None
            }
        }
    }

    /// All entries as sections, in the order of the text.
    pub(super) fn tables(&self, expected: &str) -> Vec<(&'a str, Section<'a>)> {
        let keys = self.table.iter().map(|(key, _)| key);
        keys.filter_map(|key| Some((key, self.table(key, expected)?)))
            .collect()
    }

    /// All entries as lists of texts, in the order of the text.
    pub(super) fn lists(&self) -> Vec<(&'a str, Vec<Word<'a>>)> {
        let keys = self.table.iter().map(|(key, _)| key);
        keys.map(|key| (key, self.words(key).unwrap_or_default()))
            .collect()
    }
}

fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

/// `one, two or three`.
pub(super) fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
