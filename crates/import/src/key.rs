//! How records are told apart.

use serde_json::Value as Json;
use std::fmt;
use std::str::FromStr;

/// A JSON pointer: names of members, and places in lists, from the outside in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer(String);

impl FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Pointer, String> {
        match text.is_empty() || text.starts_with('/') {
            true => Ok(Pointer(text.to_owned())),
            false => Err(format!(
                "`{text}` is no JSON pointer; one begins with a slash, like `/release/name`"
            )),
        }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pointer {
    /// A pointer; a name without a slash is that of a member.
    fn of_name(text: &str) -> Pointer {
        match text.starts_with('/') {
            true => Pointer(text.to_owned()),
            false => Pointer(format!("/{}", escaped(text))),
        }
    }

    pub(crate) fn find<'a>(&self, json: &'a Json) -> Option<&'a Json> {
        json.pointer(&self.0)
    }

    pub(crate) fn take(&self, mut json: Json) -> Option<Json> {
        json.pointer_mut(&self.0).map(Json::take)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name as a part of a JSON pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Where the keys of records are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What the file's place has to do with it.
    pub(crate) of_file: OfFile,
    /// What is in the file.
    pub(crate) inside: Inside,
}

/// The part of a key that a file's place gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfFile {
    /// None.
    Nothing,
    /// Its path.
    Path,
    /// Its name, without folders and without what comes after the last dot.
    Name,
}

/// The part of a key that a file's content gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inside {
    /// None: a file is a record.
    Nothing,
    /// A file is a record, and this its key.
    Value(Pointer),
    /// A file is a map of records by their keys.
    Keys,
    /// A file is a list of records, and these together are the key of each.
    Columns(Vec<Pointer>),
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Key, String> {
        let (file, inside) = match text.split_once('+') {
            Some((file, inside)) if matches!(file, "file" | "name") => (file, inside),
            _ if matches!(text, "file" | "name") => (text, ""),
            _ => ("", text),
        };
        let of_file = match file {
            "file" => OfFile::Path,
            "name" => OfFile::Name,
            _ => OfFile::Nothing,
        };
        let columns = inside.strip_prefix('[').and_then(|i| i.strip_suffix(']'));
        let inside = match (inside, columns) {
            ("", _) if of_file != OfFile::Nothing && !text.ends_with('+') => Inside::Nothing,
            ("keys", _) => Inside::Keys,
            (_, Some(columns)) if columns.split(',').all(|c| !c.trim().is_empty()) => {
                let columns = columns.split(',').map(str::trim);
                Inside::Columns(columns.map(Pointer::of_name).collect())
            }
            (pointer, _) if pointer.starts_with('/') => Inside::Value(Pointer(pointer.to_owned())),
            _ => {
                return Err(format!(
                    "`{text}` does not say how records are told apart; write file, name, keys, \
                     a pointer like /id, columns like [name,version], or file or name with one \
                     of the others, like file+keys"
                ));
            }
        };
        Ok(Key { of_file, inside })
    }
}

impl Key {
    /// Whether a file is one record.
    pub(crate) fn is_of_whole_files(&self) -> bool {
        matches!(self.inside, Inside::Nothing | Inside::Value(_))
    }

    /// The key of a record, from where it is and what names it there.
    pub(crate) fn whole(&self, path: &str, inside: &str) -> String {
        let file = match self.of_file {
            OfFile::Nothing => return inside.to_owned(),
            OfFile::Path => path,
            OfFile::Name => {
                let name = path.rsplit('/').next().unwrap_or(path);
                match name.rsplit_once('.') {
                    Some((stem, _)) if !stem.is_empty() => stem,
                    _ => name,
                }
            }
        };
        match self.inside {
            Inside::Nothing => file.to_owned(),
            _ => format!("{file}#{inside}"),
        }
    }
}

/// A value as a key, or a part of one.
pub(crate) fn named_by(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The key that several columns make together. What stands in one never looks
/// like a border between two.
pub(crate) fn joined(columns: &[Pointer], record: &Json) -> Option<String> {
    let parts = columns.iter().map(|column| named_by(column.find(record)));
    let parts: Vec<String> = parts.collect::<Option<_>>()?;
    match <[String; 1]>::try_from(parts) {
        Ok([one]) => Some(one),
        Err(parts) => {
            let quoted = |part: String| part.replace('\\', "\\\\").replace(',', "\\,");
            let quoted: Vec<String> = parts.into_iter().map(quoted).collect();
            Some(quoted.join(","))
        }
    }
}

/// A list of which the rows have keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Where the list is in a record.
    pub(crate) list: Pointer,
    /// What names a row.
    pub(crate) key: Pointer,
}

impl FromStr for Rows {
    type Err = String;

    fn from_str(text: &str) -> Result<Rows, String> {
        let parts = text.rsplit_once('=').filter(|(_, key)| !key.is_empty());
        let Some((list, key)) = parts else {
            return Err(format!(
                "`{text}` does not say what names the rows of which list; write something like `/releases=name`"
            ));
        };
        Ok(Rows {
            list: list.parse()?,
            key: Pointer::of_name(key),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(text: &str) -> Key {
        text.parse().expect(text)
    }

    #[test]
    fn keys_are_what_the_expression_says() {
        for (text, whole) in [
            ("file", "a/b.c.json"),
            ("name", "b.c"),
            ("keys", "x"),
            ("/id", "x"),
            ("[id]", "x"),
            ("file+keys", "a/b.c.json#x"),
            ("name+[id]", "b.c#x"),
        ] {
            assert_eq!(key(text).whole("a/b.c.json", "x"), whole, "{text}");
        }
        assert_eq!(key("name").whole("a/.json", ""), ".json");
        for text in ["", "id", "[]", "[a,,b]", "file+", "keys+file", "file+id"] {
            let fault = text.parse::<Key>().expect_err(text);
            assert!(fault.contains("write file, name, keys"), "{fault}");
        }
    }

    #[test]
    fn columns_together_never_look_like_others() {
        let Inside::Columns(columns) = key("[a, /b/c]").inside else {
            panic!("columns");
        };
        let joined = |record: Json| joined(&columns, &record);
        assert_eq!(
            joined(json!({"a": 1, "b": {"c": true}})).as_deref(),
            Some("1,true")
        );
        let one = joined(json!({"a": "x,y", "b": {"c": "z"}}));
        let other = joined(json!({"a": "x", "b": {"c": "y,z"}}));
        assert_ne!(one, other);
        assert_eq!(joined(json!({"a": "x", "b": {"c": null}})), None);
        assert_eq!(joined(json!({"a": "x", "b": {"c": ""}})), None);
    }

    #[test]
    fn rows_are_told_by_list_and_key() {
        let rows: Rows = "/a/b=name".parse().expect("rows");
        assert_eq!((rows.list.as_str(), rows.key.as_str()), ("/a/b", "/name"));
        for text in ["/a", "/a=", "a=name"] {
            assert!(text.parse::<Rows>().is_err(), "{text}");
        }
    }
}
