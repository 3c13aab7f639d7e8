//! What each connected device is sent without asking: the directory, records
//! that enter its scope, changes, leaves.

mod changes;
mod lag;
mod scope;

use crate::directory::DirectoryParts;
use crate::held::Holding;
use crate::machine::{Relay, SessionId};
use crate::session::Session;
use cairn_model::{AuthorId, RecordId, Timestamp, TypeId, Version};
use cairn_oplog::ledger_log;
use cairn_proto::limit::{ENTERS_MAX, FRAMES_QUEUED_MAX};
use cairn_proto::{HeldDigest, Hello, Refusal, ServerMessage};
pub(crate) use lag::Lags;
use roaring::RoaringBitmap;
use std::collections::BTreeMap;

/// What a device has been sent.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// The directory up to here.
    pub(crate) directory: Version,
    /// Parts of a newer one.
    pub(crate) directory_parts: Option<DirectoryParts>,
    /// Every change up to here, as far as it concerns the device.
    pub(crate) changes: Version,
    /// What the device was told that it has every change up to.
    pub(crate) told: Version,
    /// Of the records that the next version changed, those up to here: one
    /// operation may change more than a message holds.
    within: Option<(Version, RecordId)>,
    /// Issues changed up to here.
    pub(crate) issues: Version,
    /// The device's own newest operation in the ledger.
    pub(crate) own: Version,
    /// Whether it has been told that it has everything.
    pub(crate) told_last: bool,
    /// Whether it is known what the device holds.
    pub(crate) held: Held,
    /// Whether its user's scope may have changed since it was looked at.
    pub(crate) stale: bool,
    /// Records to come.
    pub(crate) entering: RoaringBitmap,
    /// Records to go.
    leaving: RoaringBitmap,
    /// What the records the device holds lack, by type.
    pub(crate) views: BTreeMap<TypeId, u64>,
    /// What they shall lack, once all of them were sent anew.
    new_views: BTreeMap<TypeId, u64>,
    /// Pages and changes sent.
    pub(crate) messages: u64,
    /// What is withheld because it comes in intervals.
    pub(crate) lags: Lags,
    /// When the device had been told everything up to `told`.
    told_at: Option<Timestamp>,
}

/// What is known of what a device holds.
#[derive(Debug, Default)]
pub(crate) enum Held {
    /// It has not said hello.
    #[default]
    Unknown,
    /// It was asked; the records it has named so far.
    Asked(RoaringBitmap),
    /// Noted with every frame that is sent to it.
    Known(Holding),
}

impl Served {
    /// What the device holds, where that is known.
    pub(crate) fn holding(&self) -> Option<&Holding> {
        match &self.held {
            Held::Known(holding) => Some(holding),
            Held::Unknown | Held::Asked(_) => None,
        }
    }
}

impl Relay {
    pub(crate) fn sent(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.queued = session.queued.saturating_sub(1);
            self.serve(id);
        }
    }

    /// Sends everybody what has changed, as far as their queues have room.
    pub(crate) fn serve_all(&mut self) {
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.serve(id);
        }
    }

    /// Makes frames for a device until enough wait to be sent, or it has
    /// everything.
    pub(crate) fn serve(&mut self, id: SessionId) {
        loop {
            let Some(session) = self.sessions.get_mut(&id) else {
                return;
            };
            let Some(author) = session.author else { return };
            if session.revoked || session.hands_in || session.queued >= FRAMES_QUEUED_MAX {
                return;
            }
            let served = &mut session.served;
            if served.directory < self.state.directory_changed() {
                self.send_directory(id);
                continue;
            }
            if !matches!(served.held, Held::Known(_)) {
                return;
            }
            if std::mem::take(&mut served.stale) {
                self.look_at_scope(id, author);
            } else if served.entering.len() > ENTERS_MAX as u64 {
                self.send_page(id, author);
            } else if self.has_news(id, author) {
                self.send_changes(id, author);
            } else {
                return;
            }
        }
    }

    /// Begins to serve a device.
    pub(crate) fn begin_serving(
        &mut self,
        id: SessionId,
        author: AuthorId,
        hello: &Hello,
    ) -> Result<(), Refusal> {
        let cursor = self.sessions.get(&id).map(|session| session.served.told);
        let told_at = match cursor.filter(|cursor| *cursor > Version(0)) {
            Some(cursor) => self.received_at(cursor)?,
            None => None,
        };
        self.want_unshown(id, author, hello)?;
        let known = self.last_holding(id, author, hello.held);
        let Some(session) = self.sessions.get_mut(&id) else {
            return Ok(());
        };
        session.served.told_at = told_at;
        session.served.stale = true;
        match known {
            Some(holding) => session.served.held = Held::Known(holding),
            None if session.revoked => {}
            None => {
                session.served.held = Held::Asked(RoaringBitmap::new());
                self.send(id, ServerMessage::TellHeld);
            }
        }
        Ok(())
    }

    /// What a device holds that says that it is of this digest, where the relay
    /// has noted that. Sessions of one device each note their own: an older one
    /// may have ended long ago without a sign.
    fn last_holding(
        &mut self,
        id: SessionId,
        author: AuthorId,
        digest: HeldDigest,
    ) -> Option<Holding> {
        let of_author = |(other, session): &(&SessionId, &Session)| {
            **other != id && session.author == Some(author)
        };
        let others = self.sessions.iter().filter(of_author);
        let standing = others.filter_map(|(_, session)| session.served.holding());
        let noted: Vec<Holding> = standing.cloned().collect();
        let rewound = |mut holding: Holding| holding.rewind(digest).then_some(holding);
        let noted = noted.into_iter().chain(self.holdings.remove(&author));
        let mut noted = noted.chain([Holding::default()]);
        noted.find_map(rewound)
    }

    /// When an operation was received.
    fn received_at(&self, version: Version) -> Result<Option<Timestamp>, Refusal> {
        if version == self.state.version() {
            return Ok(Some(self.state.received()));
        }
        let head = ledger_log::head(&self.organization, &self.key(), &*self.storage);
        let entry = head
            .and_then(|head| ledger_log::entry_of_version(version.0, &head, &*self.storage))
            .map_err(|_| Refusal::RelayFailed)?;
        Ok(entry.map(|stored| stored.entry.received))
    }

    /// A device names records that it holds.
    pub(crate) fn held_told(&mut self, id: SessionId, records: &[RecordId], last: bool) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else {
            return true;
        };
        let Held::Asked(named) = &mut session.served.held else {
            return false;
        };
        // What the ledger does not know, nobody can take back either: a device
        // that made it up keeps it.
        named.extend(records.iter().filter_map(|id| self.scopes.ordinal(*id)));
        if last {
            let named = std::mem::take(named);
            let digest = named.iter().map(|o| self.scopes.record(o)).collect();
            session.served.held = Held::Known(Holding::of(named, digest));
            self.serve(id);
        }
        true
    }

    pub(crate) fn user_of(&self, author: AuthorId) -> String {
        let device = self.state.device(author);
        device.map_or_else(String::new, |device| device.user.clone())
    }
}
