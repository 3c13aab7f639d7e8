//! What a ledger folds into.

use crate::conflict::Conflict;
use crate::history::History;
use crate::index::Indexes;
use crate::issue::{Code, Issue, Verdict};
use crate::record::Record;
use crate::records::{Changes, Records};
use crate::rules::Rules;
use crate::trial::Trial;
use cairn_model::{
    AuthorId, Definition, DefinitionChange, DeviceId, FieldId, KeyId, OrganizationId, PublicKey,
    RecordId, Timestamp, TypeId, Value, Version,
};
use cairn_oplog::LogHead;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The author that stands for the relay itself.
pub const RELAY: AuthorId = AuthorId(0);

/// The user that the relay's own operations are done as.
pub const RELAY_USER: &str = "relay";

/// An enrolled device, as of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id, which is its key's hash.
    pub id: DeviceId,
    /// Its key.
    pub key: PublicKey,
    /// The user it is bound to.
    pub user: String,
    /// What people call it.
    pub name: String,
    /// When it was enrolled.
    pub enrolled: Version,
    /// When it was revoked.
    pub revoked: Option<Version>,
    /// The generation its log is in.
    pub generation: u32,
    /// Where its log ends.
    pub head: LogHead,
    /// The operation that showed its log to be written twice.
    pub quarantined: Option<Version>,
}

impl Device {
    /// When others last had to be told of it.
    pub fn changed(&self) -> Version {
        self.revoked.unwrap_or(self.enrolled)
    }
}

/// Journal entries and issues, by number, that changed since the last
/// checkpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dirty {
    /// Entries that the last checkpoint has. All later ones are new, and need
    /// not be named.
    kept: u64,
    changed: BTreeSet<u64>,
    pub(crate) issues: BTreeSet<u64>,
}

impl Dirty {
    /// Nothing has changed since a checkpoint of as many journal entries.
    pub(crate) fn since(entries: usize) -> Dirty {
        Dirty {
            kept: entries as u64,
            ..Dirty::default()
        }
    }

    /// Notes that a journal entry changed.
    pub(crate) fn note(&mut self, number: u64) {
        if number <= self.kept {
            self.changed.insert(number);
        }
    }

    /// The journal entries that changed, of as many as there are now.
    pub(crate) fn journal(&self, entries: usize) -> impl Iterator<Item = u64> {
        let new = self.kept + 1..=entries as u64;
        self.changed.iter().copied().chain(new)
    }
}

/// Records, verdicts, conflicts and issues as of a version.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) organization: OrganizationId,
    pub(crate) version: Version,
    pub(crate) position: u64,
    pub(crate) received: Timestamp,
    pub(crate) rules: Arc<Rules>,
    pub(crate) trial: Option<Trial>,
    /// The definition since which a field has been required.
    pub(crate) required_since: BTreeMap<(TypeId, FieldId), u32>,
    pub(crate) definition_changed: Version,
    /// When a device was last enrolled or revoked.
    pub(crate) devices_changed: Version,
    pub(crate) draft: Vec<DefinitionChange>,
    pub(crate) devices: Vec<Device>,
    pub(crate) authors: BTreeMap<DeviceId, AuthorId>,
    pub(crate) records: Records,
    pub(crate) indexes: Indexes,
    pub(crate) changes: Changes,
    pub(crate) journal: Vec<Conflict>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) issues_changed: Version,
    pub(crate) issue_of: BTreeMap<Version, u64>,
    /// What a device's later operations on a record depend on: the first
    /// rejected one that its author may not know of.
    pub(crate) rejections: BTreeMap<(AuthorId, RecordId), Version>,
    pub(crate) follows: BTreeSet<(String, RecordId)>,
    /// When a user last followed a record or stopped.
    pub(crate) follows_changed: Version,
    pub(crate) dirty: Dirty,
}

impl State {
    /// The state of an empty ledger. The relay's own key is enrolled from the
    /// start, as author 0.
    pub fn new(organization: OrganizationId, relay: PublicKey) -> State {
        let log = cairn_model::LogId {
            device: relay.device(),
            generation: 0,
        };
        let device = Device {
            id: relay.device(),
            key: relay,
            user: RELAY_USER.to_owned(),
            name: RELAY_USER.to_owned(),
            enrolled: Version(0),
            revoked: None,
            generation: 0,
            head: LogHead::genesis(&organization, &log),
            quarantined: None,
        };
        State {
            organization,
            version: Version(0),
            position: 0,
            received: Timestamp(0),
            rules: Arc::default(),
            trial: None,
            required_since: BTreeMap::new(),
            definition_changed: Version(0),
            devices_changed: Version(0),
            draft: Vec::new(),
            authors: [(relay.device(), RELAY)].into(),
            devices: vec![device],
            records: Records::default(),
            indexes: Indexes::default(),
            changes: Changes::default(),
            journal: Vec::new(),
            issues: Vec::new(),
            issues_changed: Version(0),
            issue_of: BTreeMap::new(),
            rejections: BTreeMap::new(),
            follows: BTreeSet::new(),
            follows_changed: Version(0),
            dirty: Dirty::default(),
        }
    }

    /// The state of an empty ledger, to be folded under policies on trial. Its
    /// checkpoints would not tell, so it is to have none.
    pub fn on_trial(organization: OrganizationId, relay: PublicKey, trial: Trial) -> State {
        State {
            trial: Some(trial),
            ..State::new(organization, relay)
        }
    }

    /// The organization.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The last folded operation.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The last folded ledger position.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// When the last folded entry was received.
    pub fn received(&self) -> Timestamp {
        self.received
    }

    /// The definition in force.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.rules.definition
    }

    /// The newest version that changed the definition.
    pub fn definition_changed(&self) -> Version {
        self.definition_changed
    }

    /// The newest version that changed the definition or the devices.
    pub fn directory_changed(&self) -> Version {
        self.definition_changed.max(self.devices_changed)
    }

    /// Devices by order of enrolment; the relay itself is the first.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The author number of a device.
    pub fn author(&self, device: &DeviceId) -> Option<AuthorId> {
        self.authors.get(device).copied()
    }

    /// A device by author number.
    pub fn device(&self, author: AuthorId) -> Option<&Device> {
        self.devices.get(author.0 as usize)
    }

    /// A record, deleted ones included.
    pub fn record(&self, id: RecordId) -> Option<&Record> {
        self.records.get(id).map(|held| &held.record)
    }

    /// A record's memory.
    pub fn history(&self, id: RecordId) -> Option<&History> {
        self.records.get(id).map(|held| &held.history)
    }

    /// Every record, deleted ones included, by id.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().map(|held| &held.record)
    }

    /// Records from `from` on, by id.
    pub fn records_from(&self, from: RecordId) -> impl Iterator<Item = &Record> {
        self.records.range(from).map(|held| &held.record)
    }

    /// The record that has these values in an alternate key; the first by id,
    /// where a contest left several.
    pub fn record_with_key(
        &self,
        record_type: TypeId,
        key: KeyId,
        values: Vec<Value>,
    ) -> Option<RecordId> {
        let entry = (record_type, key, values);
        self.indexes.holders(&entry).next()
    }

    /// The conflict journal, by number from 1.
    pub fn journal(&self) -> &[Conflict] {
        &self.journal
    }

    /// Issues, by number from 1.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Issues that changed after `since`.
    pub fn issues_changed_since(&self, since: Version) -> impl Iterator<Item = &Issue> {
        let none = self.issues_changed <= since;
        self.issues
            .iter()
            .filter(move |issue| !none && issue.changed > since)
    }

    /// The issue an operation raised.
    pub fn issue_of(&self, version: Version) -> Option<&Issue> {
        let number = self.issue_of.get(&version)?;
        self.issues.get(*number as usize - 1)
    }

    /// What the fold decided for an operation up to [`State::version`].
    pub fn verdict(&self, version: Version) -> Verdict {
        let raised = self.issue_of(version).filter(|issue| issue.is_rejection());
        let rejected = raised.map(|issue| {
            if issue.version == version {
                issue.code
            } else {
                Code::Dependent
            }
        });
        Verdict { version, rejected }
    }

    /// The records a user follows.
    pub fn follows<'a>(&'a self, user: &'a str) -> impl Iterator<Item = RecordId> + 'a {
        self.follows
            .range((user.to_owned(), RecordId([0; 16]))..)
            .take_while(move |(by, _)| by == user)
            .map(|(_, record)| *record)
    }

    /// The newest version at which a user may have followed a record or stopped.
    pub fn follows_changed(&self) -> Version {
        self.follows_changed
    }

    /// Records that changed after `since`, each with its newest version, oldest
    /// change first. Cost follows the changes, not the records.
    pub fn changed_since(&self, since: Version) -> impl Iterator<Item = &Record> {
        self.changes.since(since, &self.records)
    }
}
