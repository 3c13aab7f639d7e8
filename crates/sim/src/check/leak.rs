//! Nobody's device gets, or keeps, what its user may not see.

use super::marks::Marks;
use super::sight::{Sight, Words};
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::reference::scope::Eyes;
use crate::trace::{Disclosed, Event, What};
use crate::world::{DeviceView, View, image, is_scoped};
use cairn_model::{RecordId, TypeId, codec};
use cairn_oplog::storage::{Storage, Table};
use cairn_projection::page::Page;
use std::collections::BTreeMap;

/// No record or field value that its user may not read is ever in a message to
/// a device, as of when the message was made; and once a device has heard that
/// it has everything, none is among its images or in the pages it has stored.
#[derive(Debug, Default)]
pub struct ScopeLeak {
    words: Words,
    marks: Marks,
    core: Vec<u32>,
}

impl Checker for ScopeLeak {
    fn name(&self) -> &'static str {
        "scope-leak"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        if !is_scoped(view.plan()) {
            return Ok(());
        }
        self.marks.note(event, view);
        if let What::Healed { core } = &event.what {
            self.core.clone_from(core);
        }
        if let What::Disclosed {
            session, records, ..
        } = &event.what
            && let Some((host, words)) = self.told(view, *session, records)
        {
            return violation(self, view, Some(host), words);
        }
        match self.words.follow(event, view) {
            Some((device, sight)) => self.look(view, device, &sight),
            None => Ok(()),
        }
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let Some(relay) = view.relay().machine().filter(|_| is_scoped(view.plan())) else {
            return Ok(());
        };
        for number in self.core.clone() {
            if let Some(device) = view.device(number) {
                let sight = Sight::now(view, relay.state(), &device);
                self.look(view, number, &sight)?;
            }
        }
        Ok(())
    }
}

impl ScopeLeak {
    /// What of a message its reader may not see, in words.
    fn told(&self, view: &View<'_>, session: u64, records: &[Disclosed]) -> Option<(Host, String)> {
        let device = view.device(self.words.device(session)?)?;
        let state = view.relay().machine()?.state();
        let eyes = Eyes::of(state, view.relay().wall(), device.user());
        let user = device.user();
        records.iter().find_map(|told| {
            let id = told.record;
            // What was never carried out is its author's only.
            let record = state.record(id)?;
            let words = if !eyes.may_read(record) {
                format!("a message tells it of record {id}, which {user} may not read")
            } else {
                let seen = |field| eyes.may_see(told.record_type, field);
                let field = told.fields.iter().find(|field| !seen(**field))?;
                format!("a message tells it field {field} of record {id}, which {user} may not see")
            };
            Some((Host::Device(device.number()), words))
        })
    }

    /// Looks at what a device has that has heard that it has everything.
    fn look(&self, view: &View<'_>, number: u32, sight: &Sight) -> Result<(), Violation> {
        let host = Host::Device(number);
        let Some(device) = view.device(number) else {
            return Ok(());
        };
        let synced = device.machine().is_some_and(|machine| {
            machine.is_synced() && !machine.status().revoked && !machine.is_persisting()
        });
        let excused = self.marks.is_rotten(host) || self.marks.is_deceived(host);
        if !synced || excused || device.unwritten() > 0 {
            return Ok(());
        }
        match kept(&device, sight) {
            Some(words) => violation(self, view, Some(host), words),
            None => Ok(()),
        }
    }
}

/// What a device has stored that its user may not see, in words.
fn kept(device: &DeviceView<'_>, sight: &Sight) -> Option<String> {
    let user = device.user();
    let stored = stored(&**device.store());
    let unseen = |told: &Disclosed| {
        let id = told.record;
        if sight.known.contains(&id) && !sight.readable.contains(&id) {
            return Some(format!("it keeps record {id}, which {user} may not read"));
        }
        let secret = |field| sight.secret.contains(&(told.record_type, field));
        let field = told.fields.iter().find(|field| secret(**field))?;
        Some(format!(
            "it keeps field {field} of record {id}, which {user} may not see"
        ))
    };
    let left = device.machine()?.all_left();
    let mut titles = left.filter(|(_, left)| {
        let reason = left.reason.as_ref();
        reason.is_some_and(|reason| !reason.readable) && !left.title.is_empty()
    });
    stored.values().flatten().find_map(unseen).or_else(|| {
        let (id, left) = titles.next()?;
        let title = &left.title;
        Some(format!(
            "it keeps the title `{title}` of record {id}, which {user} may not read"
        ))
    })
}

/// Every image in a device's pages, outdated ones too.
fn stored(store: &dyn Storage) -> BTreeMap<RecordId, Vec<Disclosed>> {
    let mut stored: BTreeMap<RecordId, Vec<Disclosed>> = BTreeMap::new();
    let pages = store.range(Table::PageIndex, &[], usize::MAX);
    for (key, index) in pages.unwrap_or_default() {
        let index = codec::decode::<Vec<(RecordId, TypeId)>>("page index", &index);
        let body = store.get(Table::Pages, &key);
        let (Ok(index), Ok(Some(body))) = (index, body) else {
            continue;
        };
        let body = body.to_vec();
        let images = Page { index, body }.unpack().unwrap_or_default();
        for told in images.iter().filter_map(|bytes| image(bytes)) {
            stored.entry(told.record).or_default().push(told);
        }
    }
    stored
}
