//! Alternate keys: no two records that are there to be seen share one.

use super::{Rejection, Scrutiny, Subject};
use crate::index::KeyEntry;
use crate::issue::Code;
use crate::record::Record;
use cairn_model::{AlternateKey, Change, FieldId, RecordId, Value, Write};

impl Scrutiny<'_> {
    pub(super) fn admit_keys(&mut self, subject: &Subject<'_>) -> Result<(), Rejection> {
        let appears = match subject.mutation.change {
            Change::Delete | Change::Follow | Change::Unfollow => return Ok(()),
            Change::Create(_) | Change::Restore => true,
            _ => subject.record().is_some_and(|record| !record.is_alive()),
        };
        let writes = subject.writes();
        for key in &subject.record_type.keys {
            let moves = writes.iter().any(|(field, _)| key.fields.contains(field));
            if appears || moves {
                self.admit_key(subject, key)?;
            }
        }
        Ok(())
    }

    fn admit_key(&mut self, subject: &Subject<'_>, key: &AlternateKey) -> Result<(), Rejection> {
        let id = subject.mutation.record;
        let values: Option<Vec<Value>> = key
            .fields
            .iter()
            .map(|field| prospective(*field, subject))
            .collect();
        if let Some(values) = &values {
            let entry = (subject.record_type.id, key.id, values.clone());
            if let Some(holder) = self.holder(&entry, id) {
                let holder = self.may_tell_of(holder).then_some(holder);
                return Err(taken(subject, key, values, holder).at(key.fields[0]));
            }
        }
        self.ahead.keys.insert((id, key.id), values);
        Ok(())
    }

    /// Another record that has the key, once the operation is carried out.
    fn holder(&self, entry: &KeyEntry, except: RecordId) -> Option<RecordId> {
        let (record_type, key, values) = entry;
        let gives_up = |record: RecordId| {
            self.ahead.deleted.contains(&record)
                || self
                    .ahead
                    .keys
                    .get(&(record, *key))
                    .is_some_and(|ahead| ahead.as_ref() != Some(values))
        };
        let takes = |record: RecordId| {
            let created = self.ahead.created.get(&record).copied();
            let present = created.or_else(|| self.state.record(record).map(|r| r.record_type));
            present == Some(*record_type) && !self.ahead.deleted.contains(&record)
        };
        let ahead = self.ahead.keys.iter();
        ahead
            .filter(|((_, of), ahead)| of == key && ahead.as_ref() == Some(values))
            .map(|((record, _), _)| *record)
            .filter(|record| takes(*record))
            .chain(
                self.state
                    .indexes
                    .holders(entry)
                    .filter(|record| !gives_up(*record)),
            )
            .find(|record| *record != except)
    }
}

/// What a key field would show if the write stood.
fn prospective(field: FieldId, subject: &Subject<'_>) -> Option<Value> {
    let field = subject.record_type.fields.get(&field)?;
    let shown = |record: &Record| record.value(field.id).cloned();
    match subject
        .writes()
        .iter()
        .rev()
        .find(|(id, _)| *id == field.id)
    {
        Some((_, Write::Set(value))) => Some(field.kind.widened(value.clone())),
        Some(_) => None,
        None => match (subject.record(), &subject.mutation.change) {
            (Some(record), Change::Create(_)) => shown(record).or_else(|| field.default.clone()),
            (Some(record), _) => shown(record),
            (None, _) => field.default.clone(),
        },
    }
}

fn taken(
    subject: &Subject<'_>,
    key: &AlternateKey,
    values: &[Value],
    holder: Option<RecordId>,
) -> Rejection {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let holder = holder.map_or("one that you may not read".to_owned(), |holder| {
        format!("record {holder}")
    });
    let what = format!(
        "Another {} has {} {} already: {holder}.",
        subject.label(),
        key.name,
        values.join(", ")
    );
    Rejection::new(Code::KeyTaken, what)
}
