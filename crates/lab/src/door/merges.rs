//! What met in each merge, as a ledger: the state both sides started from, what
//! the side wrote that others had already, then what the side wrote that had
//! worked apart. The person's own result is not in it: it is the truth that
//! policies are held against.
//!
//! Each record of each merge is a record of its own, and its merge is its
//! block. A side is a device; what it wrote is, field by field, what it wrote
//! last, at its author's time.

use super::{
    Lists, Resolution, Resolved, Slots, Study, TYPE, Truth, elements, parts, record_type, value_of,
    write_of,
};
use crate::history::{HistoryFault, Merge, MergedField, MergedRecord, Side, SideWrite};
use crate::scribe::{Pen, Scribe};
use cairn_model::{
    Change, FieldId, HybridTime, Mutation, RecordId, Timestamp, Value, Version, Write,
};
use std::collections::BTreeMap;

/// Makes a study of merges.
pub fn merges(name: &str, merges: &[Merge], lists: Lists) -> Result<Study, HistoryFault> {
    let began = merges.iter().map(|merge| merge.base_time).min();
    let mut scribe = Scribe::new(name, vec![record_type()], began.unwrap_or_default());
    let mut writer = MergeWriter {
        origin: scribe.enrol(),
        server: scribe.enrol(),
        client: scribe.enrol(),
        scribe,
        lists,
        truth: Truth::default(),
        classes: BTreeMap::new(),
        names: BTreeMap::new(),
    };
    for merge in merges {
        writer.merge(merge)?;
    }
    Ok(Study {
        name: name.to_owned(),
        ledger: writer.scribe.finish(),
        truth: writer.truth,
    })
}

struct MergeWriter {
    scribe: Scribe,
    origin: Pen,
    server: Pen,
    client: Pen,
    lists: Lists,
    truth: Truth,
    classes: BTreeMap<String, u32>,
    names: BTreeMap<RecordId, String>,
}

/// What a side did to one record at one time.
struct Act {
    time: Timestamp,
    step: String,
    record: RecordId,
    existed: bool,
    base: Version,
    deletes: bool,
    writes: Vec<(FieldId, Write)>,
}

impl MergeWriter {
    fn merge(&mut self, merge: &Merge) -> Result<(), HistoryFault> {
        let block = self.truth.blocks.len() as u32;
        self.truth.blocks.push(merge.id.clone());
        self.scribe.receive_at(merge.time);
        let server = merge.server.unwrap_or(Side::Left);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for record in &merge.records {
            let id = self.name(merge, record)?;
            self.truth.block_of.insert(id, block);
            let mut slots = Slots::default();
            let mut placed = Vec::new();
            for field in &record.fields {
                placed.push((field, self.place(&mut slots, record, id, field)?));
            }
            let base = self.begin(merge, record, id, &mut slots, &placed)?;
            for (side, acts) in [(server, &mut first), (other(server), &mut second)] {
                acts.extend(acts_of(side, merge, record, id, base, &mut slots, &placed)?);
            }
            self.resolve(merge, record, id, &placed);
        }
        for (pen, mut acts) in [(self.server, first), (self.client, second)] {
            acts.sort_by(|a, b| (a.time, &a.step, a.record).cmp(&(b.time, &b.step, b.record)));
            for act in acts {
                self.act(pen, act)?;
            }
        }
        Ok(())
    }

    fn name(&mut self, merge: &Merge, record: &MergedRecord) -> Result<RecordId, HistoryFault> {
        let id = RecordId::derive(merge.id.as_bytes(), &record.record);
        let name = format!("{} in {}", record.record, merge.id);
        match self.names.insert(id, name.clone()) {
            None => Ok(id),
            Some(first) => Err(HistoryFault::KeysCollide {
                first,
                second: name,
            }),
        }
    }

    /// The number of a field, and whether it is a set.
    fn place(
        &mut self,
        slots: &mut Slots,
        record: &MergedRecord,
        id: RecordId,
        field: &MergedField,
    ) -> Result<(FieldId, bool), HistoryFault> {
        let is_set = self.lists == Lists::Sets && is_set(field);
        let slot = match is_set {
            true => slots.set(&record.record, &field.path)?,
            false => slots.register(&record.record, &field.path)?,
        };
        let class = self.truth.class(&mut self.classes, &field.path);
        self.truth.class_of.insert((id, slot), class);
        Ok((slot, is_set))
    }

    /// Writes the state that both sides started from. Gives its version.
    fn begin(
        &mut self,
        merge: &Merge,
        record: &MergedRecord,
        id: RecordId,
        slots: &mut Slots,
        placed: &[(&MergedField, (FieldId, bool))],
    ) -> Result<Version, HistoryFault> {
        if !record.existed {
            return Ok(Version(0));
        }
        let mut writes: Vec<(FieldId, Write)> = Vec::new();
        for (field, (slot, is_set)) in placed {
            match (is_set, elements(field.base.as_ref())) {
                (true, Some(add)) if !add.is_empty() => {
                    let remove = Default::default();
                    writes.push((*slot, Write::Change { add, remove }));
                }
                (false, _) if field.base.is_some() => {
                    writes.push((*slot, write_of(field.base.as_ref())));
                }
                _ => {}
            }
        }
        for path in record.deletion.iter().flat_map(|d| &d.edited) {
            let slot = slots.register(&record.record, path)?;
            writes.push((slot, Write::Set(Value::Text("before".to_owned()))));
        }
        let act = Act {
            time: merge.base_time,
            step: format!("{} before {}", record.record, merge.id),
            record: id,
            existed: false,
            base: Version(0),
            deletes: false,
            writes,
        };
        self.act(self.origin, act)?;
        Ok(self.scribe.version())
    }

    fn act(&mut self, pen: Pen, act: Act) -> Result<(), HistoryFault> {
        let time = HybridTime::new(act.time, 0);
        let mut exists = act.existed;
        for writes in parts(act.writes) {
            let change = match (act.deletes, exists) {
                (true, _) => Change::Delete,
                (false, true) => Change::Update(writes),
                (false, false) => Change::Create(writes),
            };
            exists = true;
            let mutation = Mutation {
                record: act.record,
                record_type: TYPE,
                base: act.base,
                change,
            };
            let written = self.scribe.edit(pen, time, vec![mutation]);
            written.map_err(|reason| HistoryFault::TooLarge {
                id: act.step.clone(),
                reason,
            })?;
        }
        Ok(())
    }

    fn resolve(
        &mut self,
        merge: &Merge,
        record: &MergedRecord,
        id: RecordId,
        placed: &[(&MergedField, (FieldId, bool))],
    ) {
        let arrival_known = merge.server.is_some();
        for (field, (slot, is_set)) in placed {
            let value = match (is_set, elements(field.resolved.as_ref())) {
                (true, Some(elements)) => Some(Resolved::Set(elements)),
                _ => field
                    .resolved
                    .as_ref()
                    .map(|v| Resolved::Value(value_of(v))),
            };
            self.truth.resolutions.push(Resolution {
                record: id,
                field: Some(*slot),
                value,
                conflict: field.is_conflict(),
                by_hand: field.by_hand,
                sequel: field.sequel,
                existed: record.existed,
                arrival_known,
                times_known: true,
            });
        }
        if let Some(deletion) = &record.deletion {
            self.truth.resolutions.push(Resolution {
                record: id,
                field: None,
                value: Some(Resolved::Value(Value::Boolean(!deletion.deleted))),
                conflict: true,
                by_hand: true,
                sequel: false,
                existed: record.existed,
                arrival_known,
                times_known: false,
            });
        }
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Left => Side::Right,
        Side::Right => Side::Left,
    }
}

fn written(field: &MergedField, side: Side) -> Option<&SideWrite> {
    match side {
        Side::Left => field.left.as_ref(),
        Side::Right => field.right.as_ref(),
    }
}

/// Whether a field is a list of texts wherever it is there, and is there.
fn is_set(field: &MergedField) -> bool {
    let sides = [&field.left, &field.right].into_iter().flatten();
    let values: Vec<_> = sides
        .map(|side| side.value.as_ref())
        .chain([field.base.as_ref(), field.resolved.as_ref()])
        .collect();
    values.iter().any(Option::is_some) && values.into_iter().all(|v| elements(v).is_some())
}

/// What a side did to one record, in the order it was done.
fn acts_of(
    side: Side,
    merge: &Merge,
    record: &MergedRecord,
    id: RecordId,
    base: Version,
    slots: &mut Slots,
    placed: &[(&MergedField, (FieldId, bool))],
) -> Result<Vec<Act>, HistoryFault> {
    let act = |time, step: &str| Act {
        time,
        step: step.to_owned(),
        record: id,
        existed: true,
        base,
        deletes: false,
        writes: Vec::new(),
    };
    let mut acts: BTreeMap<(Timestamp, &str), Act> = BTreeMap::new();
    for (field, (slot, is_set)) in placed {
        let Some(wrote) = written(field, side) else {
            continue;
        };
        let key = (wrote.time, wrote.step.as_str());
        let act = acts
            .entry(key)
            .or_insert_with(|| act(wrote.time, &wrote.step));
        let after = elements(wrote.value.as_ref()).filter(|_| *is_set);
        let write = match (after, elements(field.base.as_ref())) {
            (Some(after), Some(before)) => Write::Change {
                add: after.difference(&before).cloned().collect(),
                remove: before.difference(&after).cloned().collect(),
            },
            _ => write_of(wrote.value.as_ref()),
        };
        act.writes.push((*slot, write));
    }
    let mut acts: Vec<Act> = acts.into_values().collect();
    if let Some(first) = acts.first_mut() {
        first.existed = record.existed;
    }
    if let Some(deletion) = &record.deletion {
        let mut last = act(merge.time, &record.record);
        last.deletes = deletion.by == side;
        if !last.deletes {
            for path in &deletion.edited {
                let slot = slots.register(&record.record, path)?;
                last.writes
                    .push((slot, Write::Set(Value::Text("after".to_owned()))));
            }
        }
        acts.push(last);
    }
    Ok(acts)
}
