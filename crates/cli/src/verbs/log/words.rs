//! Operations in words.

use cairn_model::{
    Action, Change, Definition, Mutation, Operation, RecordType, SettleOutcome, Write,
};

/// The name of what an operation does.
pub(super) fn name(operation: &Operation) -> &'static str {
    match operation.action {
        Action::Edit(_) => "edit",
        Action::Settle { .. } => "settle",
        Action::Publish { .. } => "publish",
        Action::Enrol { .. } => "enrol",
        Action::Revoke { .. } => "revoke",
    }
}

/// What an operation does, a line for each record.
pub(super) fn lines(operation: &Operation, definition: &Definition) -> Vec<String> {
    match &operation.action {
        Action::Edit(mutations) => mutations
            .iter()
            .map(|mutation| edited(mutation, definition))
            .collect(),
        Action::Settle { operation, outcome } => vec![match outcome {
            SettleOutcome::Discarded => format!("discards operation {operation}"),
            SettleOutcome::Resubmitted => format!("did operation {operation} again"),
        }],
        Action::Publish {
            base,
            changes,
            more,
        } => {
            let rest = if *more {
                ", and more in the next operation"
            } else {
                ""
            };
            let changes = crate::output::count(changes.len() as u64, "change");
            vec![format!("publishes {changes} to definition {base}{rest}")]
        }
        Action::Enrol { key, user, name } => {
            vec![format!("enrols {} ({name}) for {user}", key.device())]
        }
        Action::Revoke { device } => vec![format!("revokes {device}")],
    }
}

fn edited(mutation: &Mutation, definition: &Definition) -> String {
    let record_type = definition.types.get(&mutation.record_type);
    let type_name = record_type.map_or_else(
        || format!("type {}", mutation.record_type),
        |found| found.name.clone(),
    );
    let mut line = format!("{} {type_name} {}", mutation.change.name(), mutation.record);
    if mutation.base.0 > 0 {
        line.push_str(&format!(" on {}", mutation.base));
    }
    let mut parts: Vec<String> = mutation
        .change
        .writes()
        .iter()
        .map(|(id, write)| written(*id, write, record_type))
        .collect();
    if let Change::Resolve {
        keep: Some(keep), ..
    } = mutation.change
    {
        parts.push(if keep {
            "keeps the record".to_owned()
        } else {
            "deletes the record".to_owned()
        });
    }
    if !parts.is_empty() {
        line = format!("{line}: {}", parts.join(", "));
    }
    line
}

fn written(id: cairn_model::FieldId, write: &Write, record_type: Option<&RecordType>) -> String {
    let field = record_type.and_then(|record_type| record_type.fields.get(&id));
    let name = field.map_or_else(|| format!("field {id}"), |field| field.name.clone());
    match write {
        Write::Set(value) => format!("{name}={}", shortened(&value.to_string())),
        Write::Clear => format!("{name}="),
        Write::Add(number) => format!("{name}={number:+}"),
        Write::Change { add, remove } => {
            let added = add.iter().map(|element| format!("+{element}"));
            let removed = remove.iter().map(|element| format!("-{element}"));
            format!(
                "{name}={}",
                added.chain(removed).collect::<Vec<_>>().join(",")
            )
        }
        Write::Merge(changes) => format!("{name} edited ({} bytes)", changes.len()),
    }
}

/// A value on one line, not too long for a table.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::{FieldId, HybridTime, RecordId, TypeId, Value, Version};

    #[test]
    fn an_edit_names_what_it_writes() {
        let writes = vec![
            (FieldId(1), Write::Set(Value::Text("a\nb".into()))),
            (FieldId(2), Write::Clear),
            (FieldId(3), Write::Add(-2)),
            (
                FieldId(4),
                Write::Change {
                    add: [Value::Text("x".into())].into(),
                    remove: [Value::Text("y".into())].into(),
                },
            ),
        ];
        let mutation = Mutation {
            record: RecordId([7; 16]),
            record_type: TypeId(9),
            base: Version(4),
            change: Change::Update(writes),
        };
        let operation = Operation {
            time: HybridTime::default(),
            definition: 1,
            action: Action::Edit(vec![mutation]),
        };
        assert_eq!(
            lines(&operation, &Definition::default()),
            [
                "update type 9 07070707-0707-0707-0707-070707070707 on 4: field 1=a b, field 2=, field 3=-2, field 4=+x,-y"
            ]
        );
        assert_eq!(shortened(&"é".repeat(100)).chars().count(), 61);
    }
}
