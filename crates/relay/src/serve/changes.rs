//! The messages that bring records to a device: pages, and changes.

use super::Served;
use crate::held::Holding;
use crate::machine::{Relay, SessionId};
use cairn_model::{AuthorId, RecordId, Version, codec};
use cairn_projection::page::{PAGE_BYTES_MAX, PAGE_RECORDS_MAX, Page};
use cairn_projection::{Issue, Record};
use cairn_proto::limit::{CHANGES_BYTES_MAX, ISSUES_BYTES_MAX, ISSUES_MAX, LEAVES_MAX};
use cairn_proto::message::ImageBytes;
use cairn_proto::{ServerMessage, View};
use roaring::RoaringBitmap;

/// What one message of changes holds.
#[derive(Default)]
struct Changed {
    images: Vec<ImageBytes>,
    through: Version,
    within: Option<(Version, RecordId)>,
}

impl Relay {
    /// Whether there is something to tell a device. What does not concern it
    /// is passed over: nobody is woken for what others hold.
    pub(super) fn has_news(&mut self, id: SessionId, author: AuthorId) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else {
            return false;
        };
        let served = &mut session.served;
        if !served.told_last
            || !served.entering.is_empty()
            || !served.leaving.is_empty()
            || !served.new_views.is_empty()
            || served.lags.is_due()
        {
            return true;
        }
        let version = self.state.version();
        if served.changes >= version {
            return false;
        }
        let held = served.holding().map(Holding::records);
        let concerned = self.state.changed_since(served.changes).any(|record| {
            let ordinal = self.scopes.ordinal(record.id);
            !served.lags.withholds(record.record_type)
                && held
                    .zip(ordinal)
                    .is_some_and(|(held, ordinal)| held.contains(ordinal))
        });
        let user = self.state.device(author).map(|device| &device.user);
        let mut issues = self.state.issues_changed_since(served.issues);
        // Who has a new directory is told as of when.
        let is_new = self.state.directory_changed() > served.told;
        let is_own = served.own > served.told;
        if concerned || is_new || is_own || issues.any(|issue| Some(&issue.user) == user) {
            return true;
        }
        served.changes = version;
        served.issues = version;
        false
    }

    /// Sends the most useful of the records that are to come.
    pub(super) fn send_page(&mut self, id: SessionId, author: AuthorId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let began = session.served.changes;
        let user = self.user_of(author);
        let mut entered = RoaringBitmap::new();
        let mut records = Vec::new();
        let mut bytes = 0;
        for ordinal in self
            .scopes
            .first(&user, &session.served.entering, PAGE_RECORDS_MAX)
        {
            if let Some(record) = self.seen(&user, ordinal) {
                let image = record.to_image();
                bytes += image.len();
                if bytes > PAGE_BYTES_MAX && !records.is_empty() {
                    break;
                }
                records.push((record.id, record.record_type, image));
            }
            entered.insert(ordinal);
        }
        self.note(id, entered, RoaringBitmap::new());
        if let Some(session) = self.sessions.get_mut(&id) {
            session.served.told_last = false;
            session.served.messages += 1;
        }
        let page = Page::pack(records);
        self.send(id, ServerMessage::Page { page, began });
    }

    pub(super) fn send_changes(&mut self, id: SessionId, author: AuthorId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let user = self.user_of(author);
        let (issues, issues_through) = self.issues_for(&user, session.served.issues);
        self.want_issues(id, &issues);
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let served = &session.served;
        let held = served.holding().map(Holding::records);
        let staying = held.map(|held| held - &served.leaving).unwrap_or_default();
        let stays = |record: &Record| {
            let ordinal = self.scopes.ordinal(record.id);
            ordinal.is_some_and(|ordinal| staying.contains(ordinal))
        };
        // What enters comes first, and what was withheld: when the device has
        // a change, it has every record that the change let in, and all that
        // came before it.
        let (entered, mut images, bytes) = self.entering(served, &user);
        let all_entered = entered.len() == served.entering.len();
        let urgent = served.lags.urgent(&self.state, &self.scopes, &staying);
        let (caught_up, late, bytes) = match all_entered {
            true => self.withheld(served, &user, &urgent, bytes),
            false => Default::default(),
        };
        images.extend(late);
        let is_complete = all_entered && caught_up.len() == urgent.len();
        let changed = match is_complete {
            true => self.changed(served, &user, bytes, stays),
            false => Changed {
                through: served.changes,
                within: served.within,
                ..Changed::default()
            },
        };
        images.extend(changed.images);
        let left: RoaringBitmap = served.leaving.iter().take(LEAVES_MAX).collect();
        let leaves = (left.iter())
            .map(|ordinal| self.leave(served, &user, ordinal))
            .collect();
        // What leaves later would stay as it was seen before, if work keeps it.
        let views: Vec<View> = match is_complete && left.len() == served.leaving.len() {
            true => (served.new_views.iter())
                .map(|(of, view)| (*of, *view))
                .collect(),
            false => Vec::new(),
        };
        // A device that knows an issue has seen the records that it is about.
        let (issues, issues_through) = match is_complete {
            true => (issues, issues_through),
            false => (Vec::new(), served.issues),
        };
        let version = self.state.version();
        let last = changed.through == version
            && is_complete
            && issues_through == version
            && left.len() == served.leaving.len();
        self.note(id, entered, left);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.served.changes = changed.through;
        session.served.told = changed.through;
        session.served.within = changed.within;
        session.served.issues = issues_through;
        session.served.told_last = last;
        session.served.messages += 1;
        session.served.told_at = Some(self.scopes.now());
        for (of, view) in &views {
            session.served.new_views.remove(of);
            session.served.views.insert(*of, *view);
        }
        let lags = &mut session.served.lags;
        lags.sent(&caught_up, is_complete);
        if last {
            lags.close(changed.through, self.now);
        }
        let lags = lags.tell();
        self.arm(id);
        self.send(
            id,
            ServerMessage::Changes {
                images,
                leaves,
                views,
                issues,
                lags,
                through: changed.through,
                last,
            },
        );
    }

    /// Images of records that enter, as many as fit a message; and their bytes.
    fn entering(&self, served: &Served, user: &str) -> (RoaringBitmap, Vec<ImageBytes>, usize) {
        let (mut entered, mut images, mut bytes) = (RoaringBitmap::new(), Vec::new(), 0);
        for ordinal in &served.entering {
            if bytes > CHANGES_BYTES_MAX {
                break;
            }
            entered.insert(ordinal);
            if let Some(record) = self.seen(user, ordinal) {
                let image = record.to_image();
                bytes += image.len();
                images.push(ImageBytes(image));
            }
        }
        (entered, images, bytes)
    }

    /// Images of what was withheld of `urgent`, as many as fit a message that
    /// has `bytes` already.
    fn withheld(
        &self,
        served: &Served,
        user: &str,
        urgent: &RoaringBitmap,
        mut bytes: usize,
    ) -> (RoaringBitmap, Vec<ImageBytes>, usize) {
        let (mut sent, mut images) = (RoaringBitmap::new(), Vec::new());
        for ordinal in urgent {
            if bytes > CHANGES_BYTES_MAX {
                break;
            }
            sent.insert(ordinal);
            if let Some(record) = self.seen(user, ordinal) {
                let since = served.lags.since(record.record_type, served.changes);
                if record.version > since {
                    let image = record.to_partial_image(since);
                    bytes += image.len();
                    images.push(ImageBytes(image));
                }
            }
        }
        (sent, images, bytes)
    }

    /// Images of what changed after what was served among the records that
    /// stay, as many as fit a message that has `bytes` already.
    fn changed(
        &self,
        served: &Served,
        user: &str,
        mut bytes: usize,
        stays: impl Fn(&Record) -> bool,
    ) -> Changed {
        let mut changed = Changed {
            through: self.state.version(),
            ..Changed::default()
        };
        let mut records = self.state.changed_since(served.changes).peekable();
        while let Some(version) = records.peek().map(|record| record.version) {
            let mut together = Vec::new();
            while let Some(record) = records.next_if(|record| record.version == version) {
                together.push(record);
            }
            together.retain(|record| stays(record) && !served.lags.withholds(record.record_type));
            together.sort_unstable_by_key(|record| record.id);
            let after = served.within.filter(|(within, _)| *within == version);
            let rest = together
                .into_iter()
                .filter(|record| after.is_none_or(|(_, after)| record.id > after));
            let mut last = None;
            for record in rest {
                if bytes > CHANGES_BYTES_MAX {
                    changed.through = Version(version.0 - 1);
                    changed.within = last;
                    return changed;
                }
                last = Some((version, record.id));
                let seen = record.without(&self.scopes.hidden(user, record.record_type));
                let since = served.lags.since(record.record_type, served.changes);
                if seen.version > since {
                    let image = seen.to_partial_image(since);
                    bytes += image.len();
                    changed.images.push(ImageBytes(image));
                }
            }
        }
        changed
    }

    /// Issues of a user that changed after `since`, and up to which version
    /// they are told.
    fn issues_for(&self, user: &str, since: Version) -> (Vec<Issue>, Version) {
        let version = self.state.version();
        let mut issues: Vec<&Issue> = self
            .state
            .issues_changed_since(since)
            .filter(|issue| issue.user == user)
            .collect();
        issues.sort_by_key(|issue| (issue.changed, issue.number));
        let mut bytes = 0;
        let fits = |issue: &&&Issue| {
            let fits = bytes <= ISSUES_BYTES_MAX;
            bytes += codec::encode(**issue).len();
            fits
        };
        let fitting = issues.iter().take(ISSUES_MAX).take_while(fits).count();
        let through = match issues.get(fitting) {
            Some(next) => Version(next.changed.0 - 1).max(issues[fitting - 1].changed),
            None => version,
        };
        let told = issues.into_iter().take(fitting);
        let told = told.map(|issue| self.issue_as_seen(issue)).collect();
        (told, through)
    }
}
