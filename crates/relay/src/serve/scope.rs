//! What has to come to a device and go from it.

use super::lag::Look;
use super::{Held, Served};
use crate::machine::{Relay, SessionId};
use cairn_model::{AuthorId, FieldId, Hash, codec};
use cairn_proto::{Leave, LeaveReason};
use cairn_scope::Since;
use roaring::RoaringBitmap;
use std::collections::BTreeSet;

impl Relay {
    /// What has to come and go, now that the scope of the device's user may
    /// have changed. A record that was deleted where it is held stays: its
    /// deletion is a change like others, and it may be restored.
    pub(super) fn look_at_scope(&mut self, id: SessionId, author: AuthorId) {
        let user = self.user_of(author);
        let scope = self.scopes.scope(&self.state, &user);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let served = &mut session.served;
        let Held::Known(holding) = &served.held else {
            return;
        };
        let mut entering = &*scope - holding.records();
        let look = Look {
            state: &self.state,
            scopes: &self.scopes,
            user: &user,
            held: holding.records(),
            changes: served.changes,
            now: self.now,
        };
        served.lags.look(&look, &mut entering);
        served.entering = entering;
        let outside = holding.records() - &*scope;
        served.leaving = (outside.into_iter())
            .filter(|ordinal| {
                let record = self.state.record(self.scopes.record(*ordinal));
                let dead = record.filter(|record| !record.is_alive());
                !dead.is_some_and(|record| self.scopes.may_read(&user, record))
            })
            .collect();
        served.new_views.clear();
        for record_type in self.state.definition().types.keys() {
            let view = view_of(&self.scopes.hidden(&user, *record_type));
            let before = served.views.get(record_type).copied().unwrap_or_default();
            if view != before {
                served.new_views.insert(*record_type, view);
            }
        }
        if !served.new_views.is_empty() {
            // Deleted ones come anew as well: nothing that is held keeps more.
            let held = holding.records() - &served.leaving;
            let anew = (held.iter()).filter(|ordinal| {
                let record = self.state.record(self.scopes.record(*ordinal));
                record.is_some_and(|record| served.new_views.contains_key(&record.record_type))
            });
            served.entering.extend(anew);
        }
        self.arm(id);
    }

    pub(super) fn leave(&self, served: &Served, user: &str, ordinal: u32) -> Leave {
        let record = self.scopes.record(ordinal);
        let since = served.told_at.map(|time| Since {
            version: served.told,
            time,
        });
        let reason = self.scopes.reason(&self.state, user, record, since);
        let found = self.state.record(record);
        Leave {
            record,
            reason: LeaveReason {
                code: reason.cause.code().to_owned(),
                words: reason.words,
                since: reason.since,
                readable: found.is_some_and(|record| self.scopes.may_read(user, record)),
            },
        }
    }

    /// Notes what is on its way to a device.
    pub(super) fn note(&mut self, id: SessionId, entered: RoaringBitmap, left: RoaringBitmap) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.served.entering -= &entered;
        session.served.leaving -= &left;
        let Held::Known(holding) = &mut session.served.held else {
            return;
        };
        let scopes = &self.scopes;
        let entered = entered - holding.records();
        holding.sent(entered, left, |ordinal| scopes.record(ordinal));
    }
}

/// A number for the fields that are left out; 0 when none is.
fn view_of(hidden: &BTreeSet<FieldId>) -> u64 {
    if hidden.is_empty() {
        return 0;
    }
    let hash = Hash::of(&codec::encode(hidden));
    u64::from_be_bytes(hash.0[..8].try_into().expect("8 of 32 bytes")).max(1)
}
