//! A file of vectors: written once, then compared and read.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use std::path::PathBuf;

/// What a reader makes of bytes: what they say, and the bytes it would write
/// for that.
pub(crate) struct Read {
    pub(crate) says: Json,
    pub(crate) again: Vec<u8>,
}

/// Reads bytes, or says why it refuses them.
type Reader = Box<dyn Fn(&[u8]) -> Result<Read, String>>;

/// Vectors that are read in one way.
pub(crate) struct Group {
    name: &'static str,
    context: Json,
    read: Reader,
    valid: Vec<(String, Vec<u8>)>,
    invalid: Vec<Invalid>,
}

struct Invalid {
    rule: &'static str,
    name: String,
    bytes: Vec<u8>,
}

impl Group {
    pub(crate) fn new(
        name: &'static str,
        read: impl Fn(&[u8]) -> Result<Read, String> + 'static,
    ) -> Group {
        Group {
            name,
            context: Json::Null,
            read: Box::new(read),
            valid: Vec::new(),
            invalid: Vec::new(),
        }
    }

    /// A group of values in the encoding of [`cairn_model::codec`].
    pub(crate) fn of<T>(name: &'static str) -> Group
    where
        T: Serialize + serde::de::DeserializeOwned + 'static,
    {
        Group::new(name, |bytes| {
            let value: T = cairn_model::codec::decode("value", bytes).map_err(words)?;
            Ok(Read {
                says: shown(&value),
                again: cairn_model::codec::encode(&value),
            })
        })
    }

    /// What a reader must know besides the bytes.
    pub(crate) fn with(mut self, context: Json) -> Group {
        self.context = context;
        self
    }

    pub(crate) fn valid(mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Group {
        self.valid.push((name.into(), bytes.into()));
        self
    }

    /// Bytes that break `rule` of `proto/README.md`.
    pub(crate) fn invalid(
        mut self,
        rule: &'static str,
        name: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) -> Group {
        let (name, bytes) = (name.into(), bytes.into());
        self.invalid.push(Invalid { rule, name, bytes });
        self
    }

    /// The group as it stands in the file.
    fn written(&self) -> Json {
        let valid = self.valid.iter().map(|(name, bytes)| {
            let read = (self.read)(bytes).unwrap_or_else(|why| panic!("{name} is refused: {why}"));
            let mut vector = json!({"name": name, "bytes": hex(bytes), "says": read.says});
            if read.again != *bytes {
                vector["written"] = hex(&read.again).into();
            }
            vector
        });
        let invalid = self.invalid.iter().map(|Invalid { rule, name, bytes }| {
            let refused = (self.read)(bytes).err();
            let refused = refused.unwrap_or_else(|| panic!("{name} is accepted"));
            json!({"name": name, "rule": rule, "bytes": hex(bytes), "refused": refused})
        });
        let mut group = Map::new();
        if !self.context.is_null() {
            group.insert("context".into(), self.context.clone());
        }
        group.insert("valid".into(), valid.collect());
        group.insert("invalid".into(), invalid.collect());
        group.into()
    }

    /// Reads the bytes of the file, which may be older than this program.
    fn check(&self, kept: &Json) {
        for vector in vectors(&kept["valid"]) {
            let (name, bytes) = (&vector["name"], unhex(&vector["bytes"]));
            let read = (self.read)(&bytes).unwrap_or_else(|why| panic!("{name} is refused: {why}"));
            assert_eq!(read.says, vector["says"], "{name} says something else");
            let written = match &vector["written"] {
                Json::Null => bytes,
                other => unhex(other),
            };
            assert_eq!(
                hex(&read.again),
                hex(&written),
                "{name} is written otherwise"
            );
        }
        for vector in vectors(&kept["invalid"]) {
            let name = &vector["name"];
            let refused = (self.read)(&unhex(&vector["bytes"])).err();
            let refused = refused.unwrap_or_else(|| panic!("{name} is accepted"));
            assert_eq!(
                vector["refused"], refused,
                "{name} is refused for another reason"
            );
        }
    }
}

fn vectors(kept: &Json) -> impl Iterator<Item = &Json> {
    kept.as_array().expect("a list of vectors").iter()
}

/// Holds the program to a file, or writes the file anew where that was asked.
pub(crate) fn check(name: &str, about: &str, groups: Vec<Group>) {
    let mut written = Map::from_iter([("about".to_owned(), about.into())]);
    for group in &groups {
        written.insert(group.name.to_owned(), group.written());
    }
    let mut text = serde_json::to_string_pretty(&written).expect("it is JSON");
    text.push('\n');
    let kept_text = kept(name, &text);
    let kept: Json = serde_json::from_str(&kept_text).expect("it is JSON");
    for group in &groups {
        group.check(&kept[group.name]);
    }
    let differ = text
        .lines()
        .zip(kept_text.lines())
        .find(|(now, then)| now != then);
    assert!(
        kept_text == text,
        "the program writes {name} otherwise now; the first difference: {differ:?}. \
         If vectors were added, CAIRN_BLESS=1 keeps them; if not, the format has changed"
    );
}

/// What a file holds; before that, where it was asked, writes it anew.
pub(crate) fn kept(name: &str, text: &str) -> String {
    let path = path(name);
    if std::env::var_os("CAIRN_BLESS").is_some() {
        let new = path.with_extension("new");
        std::fs::write(&new, text).expect("the file can be written");
        std::fs::rename(new, &path).expect("the file can be replaced");
    }
    std::fs::read_to_string(&path).expect("the file is there")
}

/// A file of vectors.
pub(crate) fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../proto/vectors/v1");
    folder.join(name)
}

/// A value as JSON; its byte strings, from 16 bytes on, in hexadecimal.
pub(crate) fn shown(value: &impl Serialize) -> Json {
    in_hex(serde_json::to_value(value).expect("it can be shown"))
}

fn in_hex(json: Json) -> Json {
    match json {
        Json::Array(items) => {
            let byte = |item: &Json| item.as_u64().and_then(|n| u8::try_from(n).ok());
            let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
            match bytes.filter(|bytes| bytes.len() >= 16) {
                Some(bytes) => hex(&bytes).into(),
                None => items.into_iter().map(in_hex).collect(),
            }
        }
        Json::Object(parts) => {
            let parts = parts.into_iter().map(|(name, part)| (name, in_hex(part)));
            Json::Object(parts.collect())
        }
        other => other,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &Json) -> Vec<u8> {
    let text = text.as_str().expect("bytes in hexadecimal");
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits");
    (0..text.len()).step_by(2).map(digits).collect()
}

/// An error as this program words it.
pub(crate) fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
