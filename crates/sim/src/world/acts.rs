//! What people and administrators do when their entry of the schedule comes.

use super::{Host, World, record_id};
use crate::organization::stepped;
use crate::schedule::{Action, Edit, EditKind};
use crate::trace::What;
use crate::workload;
use cairn_agent::{Agent, FieldEdit, Input, RecordEdit, RecordEditKind, ReplyId, Request};
use cairn_model::{Change, FieldId, Mutation, Version, Write};
use cairn_projection::{FieldState, Record};
use cairn_proto::Refusal;
use cairn_relay::AdminRequest;

impl World {
    /// Does the entry of this number.
    pub(super) fn act(&mut self, number: usize) {
        let entry = number as u32;
        self.note(None, What::Scheduled { entry });
        let action = self.schedule.entries[number].action.clone();
        if let Err(why) = self.do_action(action) {
            self.note(None, What::Skipped { entry, why });
        }
    }

    fn do_action(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Edit { device, edits } => self.person_edits(device, &edits),
            Action::Resolve {
                device,
                pick,
                choose,
            } => self.person_resolves(device, pick, choose),
            Action::Settle {
                device,
                pick,
                resubmit,
            } => self.person_settles(device, pick, resubmit),
            Action::LookBack { device, record } => {
                self.person_at(device)?;
                let reply = ReplyId(self.fresh_number());
                let record = record_id(record);
                self.device_input(device, Input::History { reply, record });
                Ok(())
            }
            Action::Online { device } => self.known(device).map(|()| self.online(device)),
            Action::Offline { device } => self.known(device).map(|()| self.out_of_reach(device)),
            Action::HangUp { device } => self.known(device).map(|()| self.hang_up(device)),
            Action::Enrol { device } => {
                self.known(device)?;
                self.enrol(device)
            }
            Action::Revoke { device } => {
                self.known(device)?;
                let key = self.device_mut(device).secret.public();
                self.admin_asks("revoke", AdminRequest::Revoke(key.device()))
            }
            Action::Publish { change } => {
                let relay = self.relay.machine.as_ref().ok_or("the relay is down")?;
                let target = stepped(relay.state().definition(), &change)
                    .ok_or("the definition would not change")?;
                self.admin_asks("publish", AdminRequest::Publish(Box::new(target)))
            }
            Action::Import { edits } => {
                let relay = self.relay.machine.as_ref().ok_or("the relay is down")?;
                let operations: Vec<Vec<Mutation>> = edits
                    .iter()
                    .filter_map(|edit| Some(vec![imported(relay, edit)?]))
                    .collect();
                self.admin_asks("edit", AdminRequest::Edit(operations))
            }
            Action::Checkpoint => self.admin_asks("checkpoint", AdminRequest::Checkpoint),
            Action::Fault { fault } => self.strike(fault),
        }
    }

    fn known(&self, device: u32) -> Result<(), String> {
        match self.devices.get(device as usize) {
            Some(_) => Ok(()),
            None => Err("there is no such device".to_owned()),
        }
    }

    /// A device whose machine a person can work with now.
    fn person_at(&self, device: u32) -> Result<&Agent, String> {
        self.known(device)?;
        if self.paused_until(Host::Device(device)).is_some() {
            return Err("the device stands still".to_owned());
        }
        let machine = self.devices[device as usize].machine.as_ref();
        machine.ok_or_else(|| "the device is down".to_owned())
    }

    fn admin_asks(&mut self, what: &str, request: AdminRequest) -> Result<(), String> {
        if !self.is_up(Host::Relay) || self.paused_until(Host::Relay).is_some() {
            return Err("the relay is down".to_owned());
        }
        self.ask_relay(what, request);
        Ok(())
    }

    fn person_edits(&mut self, device: u32, edits: &[Edit]) -> Result<(), String> {
        let machine = self.person_at(device)?;
        let edits = edits
            .iter()
            .map(|edit| record_edit(machine, edit))
            .collect::<Result<Vec<_>, _>>()?;
        self.person_asks(device, Request::Edit(edits));
        Ok(())
    }

    fn person_asks(&mut self, device: u32, request: Request) {
        let number = self.fresh_number();
        let records = match &request {
            Request::Edit(edits) => edits.iter().filter_map(|edit| edit.record).collect(),
            Request::Resubmit { .. }
            | Request::Discard { .. }
            | Request::StartOver
            | Request::Mode(_)
            | Request::AcceptDefinition => Vec::new(),
        };
        self.counts.edits += 1;
        let asked = What::Requested {
            request: number,
            records,
        };
        self.note_at(Host::Device(device), asked);
        let random = vec![self.device_mut(device).ids.array()];
        self.device_input(
            device,
            Input::Request {
                reply: ReplyId(number),
                random,
                request,
            },
        );
    }

    /// People whose devices the relay turns away, because it was set back and
    /// they know more, take what it has.
    pub fn people_start_over(&mut self, core: &[u32]) {
        for device in core {
            let machine = self.devices[*device as usize].machine.as_ref();
            let refused = machine.and_then(|machine| machine.status().refused);
            if let Some(Refusal::AheadOfLedger | Refusal::OtherLedger) = refused {
                self.note_at(Host::Device(*device), What::StartedOver);
                self.person_asks(*device, Request::StartOver);
            }
        }
    }

    fn person_resolves(&mut self, device: u32, pick: u32, choose: u32) -> Result<(), String> {
        let machine = self.person_at(device)?;
        let mut open: Vec<Record> = Vec::new();
        machine
            .visit(|record| {
                if record.in_conflict() {
                    open.push(record);
                }
            })
            .map_err(|error| error.to_string())?;
        open.sort_by_key(|record| record.id);
        let at = (pick as usize)
            .checked_rem(open.len())
            .ok_or("there is no conflict to resolve")?;
        let record = &open[at];
        let edit = RecordEdit {
            record: Some(record.id),
            record_type: record.record_type,
            kind: decided(record, choose as usize),
            base: None,
        };
        self.person_asks(device, Request::Edit(vec![edit]));
        Ok(())
    }

    fn person_settles(&mut self, device: u32, pick: u32, resubmit: bool) -> Result<(), String> {
        let machine = self.person_at(device)?;
        let open: Vec<u64> = machine
            .issues()
            .filter(|issue| issue.is_open() && !machine.is_settled_here(issue.version))
            .map(|issue| issue.number)
            .collect();
        let at = (pick as usize)
            .checked_rem(open.len())
            .ok_or("there is no open issue")?;
        let issue = open[at];
        let request = match resubmit {
            true => Request::Resubmit {
                issue,
                instead: Vec::new(),
            },
            false => Request::Discard { issue },
        };
        self.person_asks(device, request);
        Ok(())
    }
}

/// The decision of a person who takes the same candidate of every conflict.
fn decided(record: &Record, choose: usize) -> RecordEditKind {
    let mut fields: Vec<(FieldId, FieldEdit)> = Vec::new();
    for slot in &record.fields {
        let FieldState::Register(register) = &slot.state else {
            continue;
        };
        if register.open.is_none() {
            continue;
        }
        let Some(at) = choose.checked_rem(register.writes.len()) else {
            continue;
        };
        let write = match &register.writes[at].value {
            Some(value) => Write::Set(value.clone()),
            None => Write::Clear,
        };
        fields.push((slot.id, FieldEdit::Write(write)));
    }
    let keep = record
        .life
        .open
        .is_some()
        .then_some(choose.is_multiple_of(2));
    RecordEditKind::Resolve { fields, keep }
}

fn record_edit(machine: &Agent, edit: &Edit) -> Result<RecordEdit, String> {
    let definition = &machine.directory().definition;
    let record_type = definition
        .type_named(&edit.record_type)
        .ok_or_else(|| format!("the device knows no {}", edit.record_type))?;
    let fields = || {
        let known = |(name, write): &(String, crate::schedule::FieldWrite)| {
            let field = record_type.field_named(name)?;
            Some((field.id, workload::field_edit(field, write)?))
        };
        edit.fields.iter().filter_map(known).collect()
    };
    let kind = match edit.kind {
        EditKind::Create => RecordEditKind::Create(fields()),
        EditKind::Update => RecordEditKind::Update(fields()),
        EditKind::Delete => RecordEditKind::Delete,
        EditKind::Restore => RecordEditKind::Restore,
        EditKind::Follow => RecordEditKind::Follow,
        EditKind::Unfollow => RecordEditKind::Unfollow,
    };
    let cursor = machine.status().cursor;
    Ok(RecordEdit {
        record: Some(record_id(edit.record)),
        record_type: record_type.id,
        kind,
        base: edit
            .behind
            .map(|behind| Version(cursor.0.saturating_sub(behind))),
    })
}

/// What the relay itself writes for an import.
fn imported(relay: &cairn_relay::Relay, edit: &Edit) -> Option<Mutation> {
    let state = relay.state();
    let record_type = state.definition().type_named(&edit.record_type)?;
    let writes = edit.fields.iter().filter_map(|(name, write)| {
        let field = record_type.field_named(name)?;
        Some((field.id, workload::plain_write(field, write)?))
    });
    let record = record_id(edit.record);
    let change = match (edit.kind, state.record(record)) {
        (EditKind::Delete, Some(_)) => Change::Delete,
        (EditKind::Restore, Some(_)) => Change::Restore,
        (_, Some(_)) => Change::Update(writes.collect()),
        (_, None) => Change::Create(writes.collect()),
    };
    Some(Mutation {
        record,
        record_type: record_type.id,
        base: state.version(),
        change,
    })
}
