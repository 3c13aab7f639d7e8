//! Two sides, a base, and what was made of them: for one field.

use serde_json::Value as Json;

/// Which side changed a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    CleanLeft,
    CleanRight,
    Same,
    Conflict,
}

impl Sort {
    pub(super) fn name(self) -> &'static str {
        match self {
            Sort::CleanLeft => "clean_left",
            Sort::CleanRight => "clean_right",
            Sort::Same => "same",
            Sort::Conflict => "conflict",
        }
    }
}

/// Which side changed it, if one did.
pub(super) fn sort(base: Option<&Json>, left: Option<&Json>, right: Option<&Json>) -> Option<Sort> {
    match (left == base, right == base) {
        (true, true) => None,
        (false, true) => Some(Sort::CleanLeft),
        (true, false) => Some(Sort::CleanRight),
        (false, false) if left == right => Some(Sort::Same),
        (false, false) => Some(Sort::Conflict),
    }
}

/// What a person made of it.
pub(super) fn how(
    sort: Sort,
    base: Option<&Json>,
    left: Option<&Json>,
    right: Option<&Json>,
    resolved: Option<&Json>,
) -> &'static str {
    let (written, taken, undone) = match sort {
        Sort::CleanLeft => (left, "kept", "lost"),
        Sort::CleanRight => (right, "kept", "lost"),
        Sort::Same => (left, "agreed", "base"),
        Sort::Conflict => (left, "left", "base"),
    };
    let is_clean = matches!(sort, Sort::CleanLeft | Sort::CleanRight);
    match resolved {
        resolved if resolved == written => taken,
        resolved if sort == Sort::Conflict && resolved == right => "right",
        Some(set) if sort == Sort::Conflict && is_union(base, left, right, set) => "set_union",
        resolved if resolved == base => undone,
        _ if is_clean => "changed",
        None => "removed",
        Some(_) => "other",
    }
}

pub(super) fn is_list(value: Option<&Json>) -> bool {
    value.is_some_and(|value| items(Some(value)).is_some())
}

/// The items of a plain list.
fn items(value: Option<&Json>) -> Option<&[Json]> {
    let list = value?.as_array()?;
    let is_plain = |item: &Json| !item.is_array() && !item.is_object();
    list.iter().all(is_plain).then_some(list.as_slice())
}

/// Whether a list is, as a set, what both sides made of it together: with what
/// either added, without what either removed.
fn is_union(base: Option<&Json>, left: Option<&Json>, right: Option<&Json>, set: &Json) -> bool {
    let base = items(base).unwrap_or_default();
    let (Some(left), Some(right), Some(set)) = (items(left), items(right), items(Some(set))) else {
        return false;
    };
    let stays = |item: &&Json| match base.contains(item) {
        true => left.contains(item) && right.contains(item),
        false => true,
    };
    let mut union = left.iter().chain(right).filter(stays);
    let nothing_more = set
        .iter()
        .all(|item| (left.contains(item) || right.contains(item)) && stays(&item));
    nothing_more && union.all(|item| set.contains(item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What became of values, of which null is none.
    fn told(base: Json, left: Json, right: Json, resolved: Json) -> (Sort, &'static str) {
        let value = |json: &'static Json| (!json.is_null()).then_some(json);
        let kept = [base, left, right, resolved].map(|json| value(Box::leak(Box::new(json))));
        let [base, left, right, resolved] = kept;
        let sort = sort(base, left, right).expect("a side changed it");
        (sort, how(sort, base, left, right, resolved))
    }

    #[test]
    fn outcomes_are_told_as_the_public_histories_tell_them() {
        use Sort::{CleanLeft, CleanRight, Conflict, Same};
        let none = Json::Null;
        for (base, left, right, resolved, expected) in [
            (json!(1), json!(2), json!(1), json!(2), (CleanLeft, "kept")),
            (json!(1), json!(1), json!(2), json!(1), (CleanRight, "lost")),
            (
                json!(1),
                none.clone(),
                json!(1),
                none.clone(),
                (CleanLeft, "kept"),
            ),
            (
                none.clone(),
                json!(2),
                none.clone(),
                json!(3),
                (CleanLeft, "changed"),
            ),
            (json!(1), json!(2), json!(2), json!(2), (Same, "agreed")),
            (json!(1), json!(2), json!(2), json!(1), (Same, "base")),
            (
                json!(1),
                json!(2),
                json!(2),
                none.clone(),
                (Same, "removed"),
            ),
            (json!(1), json!(2), json!(3), json!(2), (Conflict, "left")),
            (json!(1), json!(2), json!(3), json!(3), (Conflict, "right")),
            (json!(1), json!(2), json!(3), json!(1), (Conflict, "base")),
            (
                json!(1),
                json!(2),
                json!(3),
                none.clone(),
                (Conflict, "removed"),
            ),
            (json!(1), json!(2), json!(3), json!(4), (Conflict, "other")),
            (
                json!(1),
                none.clone(),
                json!(3),
                none.clone(),
                (Conflict, "left"),
            ),
            (
                json!(["a", "b"]),
                json!(["b"]),
                json!(["a", "b", "c"]),
                json!(["c", "b"]),
                (Conflict, "set_union"),
            ),
            (
                json!(["a", "b"]),
                json!(["b"]),
                json!(["a", "b", "c"]),
                json!(["a", "b", "c", "d"]),
                (Conflict, "other"),
            ),
            (
                json!([["a"]]),
                json!([["b"]]),
                json!([["c"]]),
                json!([["b"], ["c"]]),
                (Conflict, "other"),
            ),
        ] {
            let line = format!("{base} {left} {right} {resolved}");
            assert_eq!(told(base, left, right, resolved), expected, "{line}");
        }
    }
}
