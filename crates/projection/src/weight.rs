//! How large a record may grow: its image must fit into one value of the store
//! and one message, with its history beside it.

use crate::record::{FieldSlot, FieldState, Record};
use crate::register::Register;
use cairn_model::{Field, Value};

/// Bytes that a record may weigh. With the history's own bounds it stays below
/// the storage port's limit for one value.
pub const RECORD_BYTES_MAX: usize = 80 * 1024;

/// What one standing write or addition adds to an image at most besides its
/// value: where it stands, and the operation behind it.
const WRITE_BYTES: usize = 80;

/// The bytes of a value, within a few.
pub(crate) fn of_value(value: &Value) -> usize {
    let text = match value {
        Value::Text(text) | Value::Choice(text) => text.len(),
        Value::MultiChoice(names) => names.iter().map(|name| name.len() + 4).sum(),
        Value::File(file) => file.name.len(),
        _ => 0,
    };
    text + 48
}

impl Register {
    pub(crate) fn weight(&self) -> usize {
        let values = self.writes.iter().filter_map(|write| write.value.as_ref());
        let base = self
            .open
            .iter()
            .filter_map(|open| open.base.as_ref()?.as_ref());
        let values: usize = values.chain(base).map(of_value).sum();
        self.writes.len() * WRITE_BYTES + values
    }
}

impl FieldSlot {
    pub(crate) fn weight(&self) -> usize {
        match &self.state {
            FieldState::Register(register) => register.weight(),
            FieldState::Counter(_) => WRITE_BYTES,
            FieldState::Document(saved) => WRITE_BYTES + saved.len(),
            FieldState::Set(set) => set
                .additions
                .iter()
                .map(|(element, by)| of_value(element) + by.len() * WRITE_BYTES)
                .sum(),
        }
    }
}

impl Record {
    /// The bytes its image has at most.
    pub(crate) fn weight(&self) -> usize {
        self.life.weight() + self.fields.iter().map(FieldSlot::weight).sum::<usize>()
    }

    /// The weight of a field, were it not there.
    pub(crate) fn weight_of(&self, field: &Field) -> usize {
        self.slot(field.id).map_or(0, FieldSlot::weight)
    }
}
