//! Rich text and JSON fields: an Automerge document per field value.
//!
//! Documents are kept as their saved bytes. A text document starts from one
//! change that is the same everywhere, so that two people who begin the same
//! text offline begin one text, not two.
//!
//! Changes come from other machines, and Automerge was not written for
//! enemies: some bytes make it panic, some make it unroll a run of 2^60
//! operations. So a change is first looked over here (`inspect`), and
//! Automerge then runs where a panic of its own is an error
//! ([`DocumentError::Unreadable`]). Both depend on the bytes alone.

mod authorship;
mod inspect;

pub use authorship::{Authorship, authorship};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, AutoCommit, AutomergeError, Change, ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue,
};
use cairn_model::{Kind, OperationId};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of one saved document.
pub const DOCUMENT_BYTES_MAX: usize = 48 * 1024;

const TEXT: &str = "text";

/// Why a document cannot be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are no Automerge document or change.
    #[error("the edit cannot be read as a change of this document: {0}")]
    Unreadable(String),
    /// The change builds on one that this document does not have.
    #[error("the edit builds on another edit that is not here")]
    Unconnected,
    /// The document would be too large.
    #[error("the document would have {0} bytes; at most {DOCUMENT_BYTES_MAX} are possible")]
    TooLarge(usize),
    /// JSON fields hold objects.
    #[error("a JSON field holds an object, such as {{\"step\": 1}}")]
    NotAnObject,
    /// The field holds something else.
    #[error("the field's kind does not hold documents")]
    WrongKind,
}

impl From<AutomergeError> for DocumentError {
    fn from(error: AutomergeError) -> Self {
        DocumentError::Unreadable(error.to_string())
    }
}

/// Runs Automerge on what may be an enemy's bytes. Where it panics, the
/// document it was at work on is gone, and nothing else was touched.
fn guarded<T>(work: impl FnOnce() -> Result<T, DocumentError>) -> Result<T, DocumentError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let reason = "its parts contradict each other";
        Err(DocumentError::Unreadable(reason.to_owned()))
    })
}

fn fresh(kind: &Kind) -> Result<AutoCommit, DocumentError> {
    let mut document = AutoCommit::new().with_actor(ActorId::from([0u8; 16]));
    if matches!(kind, Kind::RichText) {
        document.put_object(ROOT, TEXT, ObjType::Text)?;
        document.commit_with(CommitOptions::default().with_time(0));
    }
    Ok(document)
}

fn load(kind: &Kind, saved: &[u8]) -> Result<AutoCommit, DocumentError> {
    if saved.is_empty() {
        fresh(kind)
    } else {
        Ok(AutoCommit::load(saved)?)
    }
}

/// Applies the changes of one write to a saved document (empty bytes for a
/// new one); gives the new saved bytes.
pub fn merge(kind: &Kind, saved: &[u8], changes: &[u8]) -> Result<Vec<u8>, DocumentError> {
    inspect::inspect(changes)?;
    guarded(|| merge_inspected(kind, saved, changes))
}

fn merge_inspected(kind: &Kind, saved: &[u8], changes: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let change = Change::from_bytes(changes.to_vec())
        .map_err(|error| DocumentError::Unreadable(error.to_string()))?;
    let mut document = load(kind, saved)?;
    if document.get_change_by_hash(&change.hash()).is_some() {
        return Ok(saved.to_vec());
    }
    for dependency in change.deps() {
        if document.get_change_by_hash(dependency).is_none() {
            return Err(DocumentError::Unconnected);
        }
    }
    document.apply_changes([change])?;
    let merged = bounded(document.save())?;
    read_loaded(kind, &AutoCommit::load(&merged)?)?;
    Ok(merged)
}

fn bounded(saved: Vec<u8>) -> Result<Vec<u8>, DocumentError> {
    if saved.len() > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge(saved.len()));
    }
    Ok(saved)
}

/// The change that turns a saved document into one that reads `wanted` (text,
/// or a JSON object), as the bytes of a write. `None` when nothing changes.
///
/// The change's actor comes from the operation, so that no two operations ever
/// share one, whatever was rejected, discarded or restored between them.
pub fn edit(
    kind: &Kind,
    saved: &[u8],
    wanted: &Json,
    operation: &OperationId,
) -> Result<Option<Vec<u8>>, DocumentError> {
    guarded(|| edit_loaded(kind, load(kind, saved)?, wanted, operation))
}

fn edit_loaded(
    kind: &Kind,
    mut document: AutoCommit,
    wanted: &Json,
    operation: &OperationId,
) -> Result<Option<Vec<u8>>, DocumentError> {
    document.set_actor(actor(operation));
    let before = document.get_heads();
    match kind {
        Kind::RichText => {
            let wanted = wanted.as_str().ok_or(DocumentError::WrongKind)?;
            let (_, text) = document
                .get(ROOT, TEXT)?
                .ok_or(DocumentError::Unconnected)?;
            document.update_text(&text, wanted)?;
        }
        Kind::Json => {
            if !wanted.is_object() {
                return Err(DocumentError::NotAnObject);
            }
            let now = read_loaded(kind, &document)?;
            reconcile(&mut document, &ROOT, &now, wanted)?;
        }
        _ => return Err(DocumentError::WrongKind),
    }
    document.commit_with(CommitOptions::default().with_time(0));
    let made = document.get_changes(&before);
    bounded(document.save())?;
    Ok(made
        .into_iter()
        .next()
        .map(|change| change.raw_bytes().to_vec()))
}

fn actor(operation: &OperationId) -> ActorId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn/1 automerge actor");
    hasher.update(&operation.log.device.0);
    hasher.update(&operation.log.generation.to_be_bytes());
    hasher.update(&operation.sequence.to_be_bytes());
    ActorId::from(&hasher.finalize().as_bytes()[..16])
}

/// Makes the map or list `at` read as `wanted`, with the fewest writes that
/// keys and common ends allow. In key order, so that one edit is one change on
/// every machine; Automerge's own `update_object` follows a hash map.
fn reconcile(
    document: &mut AutoCommit,
    at: &ObjId,
    now: &Json,
    wanted: &Json,
) -> Result<(), AutomergeError> {
    match (now, wanted) {
        (Json::Object(now), Json::Object(wanted)) => {
            for key in now.keys().filter(|key| !wanted.contains_key(*key)) {
                document.delete(at, key.as_str())?;
            }
            let keys: BTreeSet<&String> = wanted.keys().collect();
            for key in keys {
                place(
                    document,
                    at,
                    key.as_str().into(),
                    now.get(key),
                    &wanted[key],
                    false,
                )?;
            }
        }
        (Json::Array(now), Json::Array(wanted)) => {
            let front = now.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            let back = now[front..]
                .iter()
                .rev()
                .zip(wanted[front..].iter().rev())
                .take_while(|(a, b)| a == b)
                .count();
            let (now, wanted) = (
                &now[front..now.len() - back],
                &wanted[front..wanted.len() - back],
            );
            let shared = now.len().min(wanted.len());
            for index in 0..shared {
                place(
                    document,
                    at,
                    (front + index).into(),
                    Some(&now[index]),
                    &wanted[index],
                    false,
                )?;
            }
            for _ in shared..now.len() {
                document.delete(at, front + shared)?;
            }
            for (index, item) in wanted.iter().enumerate().skip(shared) {
                place(document, at, (front + index).into(), None, item, true)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn place(
    document: &mut AutoCommit,
    at: &ObjId,
    prop: Prop,
    now: Option<&Json>,
    wanted: &Json,
    insert: bool,
) -> Result<(), AutomergeError> {
    if now == Some(wanted) {
        return Ok(());
    }
    let nested = match (now, wanted) {
        (Some(Json::Object(_)), Json::Object(_)) | (Some(Json::Array(_)), Json::Array(_)) => {
            document.get(at, prop.clone())?.map(|(_, id)| id)
        }
        _ => None,
    };
    if let (Some(id), Some(now)) = (nested, now) {
        return reconcile(document, &id, now, wanted);
    }
    let index = match &prop {
        Prop::Seq(index) => *index,
        Prop::Map(_) => 0,
    };
    let object = match wanted {
        Json::Object(_) => Some((ObjType::Map, Json::Object(Default::default()))),
        Json::Array(_) => Some((ObjType::List, Json::Array(Vec::new()))),
        _ => None,
    };
    match object {
        Some((kind, empty)) => {
            let id = if insert {
                document.insert_object(at, index, kind)?
            } else {
                document.put_object(at, prop, kind)?
            };
            reconcile(document, &id, &empty, wanted)
        }
        None if insert => document.insert(at, index, scalar(wanted)),
        None => document.put(at, prop, scalar(wanted)),
    }
}

fn scalar(json: &Json) -> ScalarValue {
    match json {
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Null | Json::Array(_) | Json::Object(_) => ScalarValue::Null,
    }
}

/// What a saved document reads as: a string for rich text, an object for JSON.
pub fn read(kind: &Kind, saved: &[u8]) -> Result<Json, DocumentError> {
    guarded(|| read_loaded(kind, &load(kind, saved)?))
}

fn read_loaded(kind: &Kind, document: &AutoCommit) -> Result<Json, DocumentError> {
    match kind {
        Kind::RichText => {
            let text = document.get(ROOT, TEXT)?.map(|(_, id)| document.text(&id));
            Ok(text.transpose()?.unwrap_or_default().into())
        }
        _ => serde_json::to_value(automerge::AutoSerde::from(document))
            .map_err(|error| DocumentError::Unreadable(error.to_string())),
    }
}

/// The hashes of a document's heads, sorted: what the document is, whatever
/// order its changes came in.
pub fn heads(kind: &Kind, saved: &[u8]) -> Vec<[u8; 32]> {
    let mut heads: Vec<[u8; 32]> = guarded(|| Ok(load(kind, saved)?.get_heads()))
        .map(|heads| heads.into_iter().map(|head| head.0).collect())
        .unwrap_or_default();
    heads.sort_unstable();
    heads
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::{DeviceId, LogId};
    use serde_json::json;

    fn by(device: u8, sequence: u64) -> OperationId {
        let log = LogId {
            device: DeviceId([device; 16]),
            generation: 0,
        };
        OperationId { log, sequence }
    }

    #[test]
    fn two_people_typing_in_one_text_both_stay() {
        let kind = Kind::RichText;
        let start = edit(&kind, &[], &json!("pump checked"), &by(1, 1))
            .unwrap()
            .unwrap();
        let saved = merge(&kind, &[], &start).unwrap();
        let one = edit(&kind, &saved, &json!("Pump: pump checked"), &by(1, 2))
            .unwrap()
            .unwrap();
        let two = edit(
            &kind,
            &saved,
            &json!("pump checked, valve replaced"),
            &by(2, 1),
        )
        .unwrap()
        .unwrap();
        let ab = merge(&kind, &merge(&kind, &saved, &one).unwrap(), &two).unwrap();
        let ba = merge(&kind, &merge(&kind, &saved, &two).unwrap(), &one).unwrap();
        assert_eq!(
            read(&kind, &ab).unwrap(),
            json!("Pump: pump checked, valve replaced")
        );
        assert_eq!(read(&kind, &ab), read(&kind, &ba));
        assert_eq!(heads(&kind, &ab), heads(&kind, &ba));
        assert_eq!(
            merge(&kind, &ab, &one).unwrap(),
            ab,
            "a resent change alters nothing"
        );
    }

    #[test]
    fn texts_begun_offline_on_two_devices_are_one_text() {
        let kind = Kind::RichText;
        let one = edit(&kind, &[], &json!("left"), &by(1, 1))
            .unwrap()
            .unwrap();
        let two = edit(&kind, &[], &json!("right"), &by(2, 1))
            .unwrap()
            .unwrap();
        let both = merge(&kind, &merge(&kind, &[], &one).unwrap(), &two).unwrap();
        let text = read(&kind, &both).unwrap();
        let text = text.as_str().unwrap();
        assert!(text.contains("left") && text.contains("right"), "{text}");
    }

    #[test]
    fn letters_are_of_the_change_that_put_them_in() {
        let kind = Kind::RichText;
        let change = |saved: &[u8], wanted: &str, by: OperationId| {
            let change = edit(&kind, saved, &json!(wanted), &by).unwrap().unwrap();
            (merge(&kind, saved, &change).unwrap(), change)
        };
        let (saved, _) = change(&[], "[]", by(1, 1));
        let (one, _) = change(&saved, "[aé]", by(1, 2));
        let (_, two) = change(&saved, "[bb]", by(2, 1));
        let both = merge(&kind, &one, &two).unwrap();
        let found = authorship(&both).unwrap();
        let text = read(&kind, &both).unwrap();
        assert_eq!(text.as_str().unwrap().chars().count(), found.letters.len());
        let of = |letter: char| {
            let mut letters = text.as_str().unwrap().chars().zip(&found.letters);
            *letters.find(|(found, _)| *found == letter).unwrap().1
        };
        assert_eq!((of('['), of('a'), of('b')), (of(']'), of('é'), of('b')));
        let (start, one, two) = (of('['), of('a'), of('b'));
        assert!(found.seen[one].contains(&start) && found.seen[two].contains(&start));
        assert!(!found.seen[one].contains(&two) && !found.seen[two].contains(&one));
    }

    #[test]
    fn json_objects_merge_by_key() {
        let kind = Kind::Json;
        let start = edit(
            &kind,
            &[],
            &json!({"steps": ["drain"], "done": false}),
            &by(1, 1),
        )
        .unwrap()
        .unwrap();
        let saved = merge(&kind, &[], &start).unwrap();
        let one = edit(
            &kind,
            &saved,
            &json!({"steps": ["drain", "refill"], "done": false}),
            &by(1, 2),
        )
        .unwrap()
        .unwrap();
        let two = edit(
            &kind,
            &saved,
            &json!({"steps": ["drain"], "done": true}),
            &by(2, 1),
        )
        .unwrap()
        .unwrap();
        let both = merge(&kind, &merge(&kind, &saved, &one).unwrap(), &two).unwrap();
        assert_eq!(
            read(&kind, &both).unwrap(),
            json!({"steps": ["drain", "refill"], "done": true})
        );
    }

    #[test]
    fn broken_and_unconnected_changes_are_refused() {
        let kind = Kind::RichText;
        let first = edit(&kind, &[], &json!("a"), &by(1, 1)).unwrap().unwrap();
        let saved = merge(&kind, &[], &first).unwrap();
        let second = edit(&kind, &saved, &json!("ab"), &by(1, 2))
            .unwrap()
            .unwrap();
        assert_eq!(merge(&kind, &[], &second), Err(DocumentError::Unconnected));
        for length in 0..second.len() {
            assert!(
                merge(&kind, &saved, &second[..length]).is_err(),
                "{length} bytes"
            );
        }
        assert_eq!(
            edit(&Kind::Json, &[], &json!([1]), &by(1, 1)),
            Err(DocumentError::NotAnObject)
        );
    }
}
