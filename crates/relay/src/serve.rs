//! What each connected device is sent without asking: the directory, a first
//! download, changes.

use crate::directory::DirectoryParts;
use crate::machine::{Relay, SessionId};
use cairn_model::{RecordId, Version, codec};
use cairn_projection::Issue;
use cairn_projection::page::{PAGE_BYTES_MAX, PAGE_RECORDS_MAX, Page};
use cairn_proto::ServerMessage;
use cairn_proto::limit::{CHANGES_BYTES_MAX, FRAMES_QUEUED_MAX, ISSUES_BYTES_MAX, ISSUES_MAX};
use cairn_proto::message::ImageBytes;

/// What a device has been sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Served {
    /// The directory up to here.
    pub(crate) directory: Version,
    /// Parts of a newer one.
    pub(crate) directory_parts: Option<DirectoryParts>,
    /// Every change up to here.
    pub(crate) changes: Version,
    /// Of the records that the next version changed, those up to here: one
    /// operation may change more than a message holds.
    within: Option<(Version, RecordId)>,
    /// Issues changed up to here.
    pub(crate) issues: Version,
    /// A first download under way.
    pub(crate) download: Option<Download>,
    /// Whether it has been told that it has everything.
    pub(crate) told_last: bool,
}

/// A first download under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Download {
    /// The version it began at.
    pub(crate) began: Version,
    /// The last record sent.
    pub(crate) after: Option<RecordId>,
}

/// What one message of changes holds.
struct Changed {
    images: Vec<ImageBytes>,
    through: Version,
    within: Option<(Version, RecordId)>,
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
            let Some(session) = self.sessions.get(&id) else {
                return;
            };
            if session.author.is_none() || session.revoked || session.queued >= FRAMES_QUEUED_MAX {
                return;
            }
            if session.served.directory < self.state.directory_changed() {
                self.send_directory(id);
            } else if let Some(download) = session.served.download {
                self.send_page(id, download);
            } else if session.served.changes < self.state.version() || !session.served.told_last {
                self.send_changes(id);
            } else {
                return;
            }
        }
    }

    fn send_page(&mut self, id: SessionId, download: Download) {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut last = true;
        let from = download.after.unwrap_or(RecordId([0; 16]));
        for record in self.state.records_from(from) {
            if Some(record.id) == download.after {
                continue;
            }
            if records.len() == PAGE_RECORDS_MAX || bytes > PAGE_BYTES_MAX {
                last = false;
                break;
            }
            let image = record.to_image();
            bytes += image.len();
            records.push((record.id, record.record_type, image));
        }
        let after = records.last().map(|(id, _, _)| *id).or(download.after);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.served.download = (!last).then_some(Download { after, ..download });
        if last {
            session.served.changes = download.began;
        }
        self.send(
            id,
            ServerMessage::Page {
                page: Page::pack(records),
                began: download.began,
                last,
            },
        );
    }

    fn send_changes(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let served = session.served;
        let Changed {
            images,
            through,
            within,
        } = self.changed(served);
        let (issues, issues_through) = self.issues_for(id, served.issues);
        let last = through == self.state.version() && issues_through == self.state.version();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.served.changes = through;
        session.served.within = within;
        session.served.issues = issues_through;
        session.served.told_last = last;
        self.send(
            id,
            ServerMessage::Changes {
                images,
                issues,
                through,
                last,
            },
        );
    }

    /// Images of what changed after what was served, as many as fit a message.
    fn changed(&self, served: Served) -> Changed {
        let mut changed = Changed {
            images: Vec::new(),
            through: self.state.version(),
            within: None,
        };
        let mut bytes = 0;
        let mut records = self.state.changed_since(served.changes).peekable();
        while let Some(version) = records.peek().map(|record| record.version) {
            let mut together = Vec::new();
            while let Some(record) = records.next_if(|record| record.version == version) {
                together.push(record);
            }
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
                let image = record.to_partial_image(served.changes);
                bytes += image.len();
                changed.images.push(ImageBytes(image));
                last = Some((version, record.id));
            }
        }
        changed
    }

    /// Issues of the device's user that changed after `since`, and up to which
    /// version they are told.
    fn issues_for(&self, id: SessionId, since: Version) -> (Vec<Issue>, Version) {
        let version = self.state.version();
        let author = self.sessions.get(&id).and_then(|session| session.author);
        let Some(device) = author.and_then(|author| self.state.device(author)) else {
            return (Vec::new(), version);
        };
        let mut issues: Vec<&Issue> = self
            .state
            .issues_changed_since(since)
            .filter(|issue| issue.user == device.user)
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
        let told = issues.into_iter().take(fitting).cloned().collect();
        (told, through)
    }
}
