//! The whole said again, small enough to be seen to be right: what a ledger
//! means, in ordered maps and the causal order.
//!
//! It shares with the product the words of an operation and of a definition
//! (`cairn-model`) and no code of the fold, the policies or the chains. It
//! keeps every write there ever was and marks what no longer stands; nothing
//! is indexed, cached or bounded. Two things it takes from the product's own
//! word: whether an Automerge edit applies, and whether a record has grown too
//! large.
//!
//! Reading order: [`bytes`], `register`, `policy`, then `admission` (may an
//! operation stand, by [`rights`]) and `effect` (what it does); beside them
//! [`scope`] (what devices shall hold).

mod admission;
pub mod bytes;
mod effect;
mod policy;
mod register;
pub mod rights;
pub mod scope;

pub use register::{By, Contest};

use bytes::Bundle;
use cairn_model::{
    Access, Action, Definition, DefinitionChange, DeviceId, FieldId, Hash, Mutation, Operation,
    OrganizationId, PublicKey, RecordId, SettleOutcome, Timestamp, TypeId, Value, Version, codec,
    limit,
};
use register::Register;
use std::collections::{BTreeMap, BTreeSet};

/// Why an operation was rejected: the stable code.
pub type Fault = &'static str;

/// Bytes of operations that may be filed under the rejection they build on.
const FILED_BYTES_MAX: usize = 48 * 1024;

/// A device in the ledger.
#[derive(Debug, Clone)]
pub struct Author {
    /// Its id.
    pub device: DeviceId,
    /// Its key.
    pub key: PublicKey,
    /// Its user.
    pub user: String,
    /// The operation that revoked it.
    pub revoked: Option<Version>,
    /// The operation that showed its log to be written twice.
    pub quarantined: Option<Version>,
    generation: u32,
    sequence: u64,
    head: Hash,
}

/// What a field holds.
#[derive(Debug, Clone)]
enum Cell {
    Register(Register),
    Counter(i64),
    /// Elements, each with the additions that no removal had seen.
    Set(BTreeMap<Value, Vec<(Version, usize)>>),
    /// Compared by convergence only.
    Document,
}

/// A record.
#[derive(Debug, Clone)]
struct Row {
    record_type: TypeId,
    created: By,
    life: Register,
    cells: BTreeMap<FieldId, Cell>,
}

/// Something a person must know of: a rejected operation, or one that a
/// policy set aside.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The operation.
    pub version: Version,
    /// Why.
    pub code: Fault,
    /// Whose it is.
    pub user: String,
    /// How it was settled.
    pub settled: Option<SettleOutcome>,
    /// The operations that were rejected with it.
    pub filed: Vec<Version>,
    filed_bytes: usize,
}

/// What a field reads as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// What stands, by version; and what shows.
    Register {
        /// The writes that nothing dominates and no policy settled.
        standing: Vec<(Version, Option<Value>)>,
        /// What is read.
        value: Option<Value>,
    },
    /// A sum.
    Counter(i64),
    /// Elements.
    Set(BTreeSet<Value>),
    /// A document.
    Document,
}

/// What a ledger means.
#[derive(Debug, Clone)]
pub struct Reference {
    organization: OrganizationId,
    version: Version,
    definition: Definition,
    draft: Vec<DefinitionChange>,
    required_since: BTreeMap<(TypeId, FieldId), u32>,
    authors: Vec<Author>,
    rows: BTreeMap<RecordId, Row>,
    journal: Vec<Contest>,
    notices: Vec<Notice>,
    /// The first rejected operation of an author on a record that their later
    /// ones may build on.
    builds_on: BTreeMap<(usize, RecordId), Version>,
    follows: BTreeSet<(String, RecordId)>,
    verdicts: Vec<Option<Fault>>,
}

/// Why an operation is rejected, and what its rejection takes along.
struct Rejection {
    code: Fault,
    records: Vec<RecordId>,
    builds_on: Option<Version>,
}

impl From<Fault> for Rejection {
    fn from(code: Fault) -> Rejection {
        Rejection {
            code,
            records: Vec::new(),
            builds_on: None,
        }
    }
}

/// What the product said of an operation, where the reference takes its word.
pub type Said<'a> = &'a dyn Fn(Version) -> Option<Fault>;

/// An operation on its way in.
struct Incoming<'a> {
    by: By,
    definition: u32,
    may_edit: bool,
    /// The user whose rights are asked; nobody's where there is nothing to ask.
    user: Option<&'a str>,
    said: Said<'a>,
}

impl Reference {
    /// An empty ledger. The relay's own key is there from the start.
    pub fn new(organization: OrganizationId, relay: PublicKey) -> Reference {
        let mut reference = Reference {
            organization,
            version: Version(0),
            definition: Definition::default(),
            draft: Vec::new(),
            required_since: BTreeMap::new(),
            authors: Vec::new(),
            rows: BTreeMap::new(),
            journal: Vec::new(),
            notices: Vec::new(),
            builds_on: BTreeMap::new(),
            follows: BTreeSet::new(),
            verdicts: Vec::new(),
        };
        reference.learn(relay, "relay");
        reference
    }

    /// The last operation taken in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The definition in force.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Devices by author number; the relay first.
    pub fn authors(&self) -> &[Author] {
        &self.authors
    }

    /// The code an operation was rejected with.
    pub fn verdict(&self, version: Version) -> Option<Fault> {
        self.verdicts[version.0 as usize - 1]
    }

    /// The journal.
    pub fn journal(&self) -> &[Contest] {
        &self.journal
    }

    /// What people are told of.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Who wants what offline.
    pub fn follows(&self) -> &BTreeSet<(String, RecordId)> {
        &self.follows
    }

    /// Every record there ever was, and its type.
    pub fn records(&self) -> impl Iterator<Item = (RecordId, TypeId)> {
        self.rows.iter().map(|(id, row)| (*id, row.record_type))
    }

    /// The fields of a record that were ever written.
    pub fn fields(&self, record: RecordId) -> Vec<FieldId> {
        let row = self.rows.get(&record);
        row.map(|row| row.cells.keys().copied().collect())
            .unwrap_or_default()
    }

    /// Whether a record is there to be seen.
    pub fn is_alive(&self, record: RecordId) -> bool {
        self.rows.get(&record).is_some_and(Row::is_alive)
    }

    /// What a field of a record reads as; `None` when it was never written.
    pub fn shown(&self, record: RecordId, field: Option<FieldId>) -> Option<Shown> {
        let row = self.rows.get(&record)?;
        let of = |register: &Register| Shown::Register {
            standing: register
                .standing()
                .map(|made| (made.version, made.value.clone()))
                .collect(),
            value: register.value().cloned(),
        };
        let Some(field) = field else {
            return Some(of(&row.life));
        };
        Some(match row.cells.get(&field)? {
            Cell::Register(register) => of(register),
            Cell::Counter(sum) => Shown::Counter(*sum),
            Cell::Set(elements) => Shown::Set(elements.keys().cloned().collect()),
            Cell::Document => Shown::Document,
        })
    }

    /// Takes the next entry of the ledger in, by its bytes. `said` gives what
    /// the product said of an operation.
    pub fn take_in(&mut self, received: Timestamp, bundle: &[u8], said: Said<'_>) {
        let Some(bundle) = Bundle::read(bundle) else {
            return;
        };
        let speaker = self.continue_log(&bundle);
        for (sequence, bytes) in (bundle.first..).zip(&bundle.operations) {
            self.version = self.version.next();
            let bytes = bytes.as_deref().unwrap_or_default();
            let outcome = speaker.map_err(Rejection::from).and_then(|speaker| {
                self.operation(speaker, &bundle, sequence, received, bytes, said)
            });
            self.verdicts
                .push(outcome.as_ref().err().map(|rejection| rejection.code));
            if let Err(rejection) = outcome {
                self.reject(rejection, &bundle.device, bytes.len());
            }
        }
    }

    fn author(&self, device: &DeviceId) -> Option<usize> {
        self.authors
            .iter()
            .position(|author| author.device == *device)
    }

    fn learn(&mut self, key: PublicKey, user: &str) {
        let device = key.device();
        self.authors.push(Author {
            device,
            key,
            user: user.to_owned(),
            revoked: None,
            quarantined: None,
            generation: 0,
            sequence: 0,
            head: bytes::empty_log(&self.organization, &device, 0),
        });
    }

    /// Whose log goes on, or why it does not.
    fn continue_log(&mut self, bundle: &Bundle) -> Result<usize, Fault> {
        let number = self.author(&bundle.device).ok_or("device.unknown")?;
        let organization = self.organization;
        let author = &mut self.authors[number];
        if author.quarantined.is_some() {
            return Err("log.quarantined");
        }
        if bundle.generation < author.generation {
            return Err("log.closed");
        }
        let (sequence, head) = match bundle.generation > author.generation {
            true => (
                0,
                bytes::empty_log(&organization, &bundle.device, bundle.generation),
            ),
            false => (author.sequence, author.head),
        };
        if bundle.first > sequence + 1 {
            return Err("log.gap");
        }
        if bundle.first <= sequence || bundle.previous != head {
            author.quarantined = Some(self.version.next());
            return Err("log.equivocation");
        }
        author.generation = bundle.generation;
        author.sequence = bundle.last();
        author.head = bundle.head();
        match author.revoked {
            Some(_) => Err("device.revoked"),
            None => Ok(number),
        }
    }

    fn operation(
        &mut self,
        author: usize,
        bundle: &Bundle,
        sequence: u64,
        received: Timestamp,
        bytes: &[u8],
        said: Said<'_>,
    ) -> Result<(), Rejection> {
        if bytes.len() > limit::OPERATION_BYTES_MAX {
            return Err("limit.exceeded".into());
        }
        let operation: Operation =
            codec::decode("operation", bytes).map_err(|_| "structure.malformed")?;
        let login = self.authors[author].user.clone();
        let user = self.definition.users.get(&login);
        let has_secrets = (self.definition.types.values())
            .any(|of| of.fields.values().any(|field| field.secured));
        let judged = author != 0 && (has_secrets || !self.definition.roles.is_empty());
        let incoming = Incoming {
            by: By {
                version: self.version,
                author,
                device: bundle.device,
                sequence,
                time: operation.time,
                received,
            },
            definition: operation.definition,
            may_edit: author == 0 || user.is_some_and(|user| user.access == Access::Edit),
            user: user.filter(|_| judged).map(|_| login.as_str()),
            said,
        };
        let known = operation.definition <= self.definition.number;
        match operation.action {
            Action::Edit(mutations) => {
                let rejected = |mut rejection: Rejection| {
                    rejection.records = mutations.iter().map(|m| m.record).collect();
                    rejection
                };
                if !known {
                    return Err(rejected("definition.unknown".into()));
                }
                self.may_stand(&mutations, &incoming).map_err(rejected)?;
                self.edit(mutations, &incoming);
                Ok(())
            }
            _ if !known => Err("definition.unknown".into()),
            Action::Settle { operation, outcome } => self.settle(operation, outcome, author),
            _ if author != 0 => Err("privilege.administration".into()),
            Action::Publish {
                base,
                changes,
                more,
            } => self.publish(base, changes, more, &incoming),
            Action::Enrol { key, user, .. } => self.enrol(key, &user),
            Action::Revoke { device } => self.revoke(&device),
        }
    }

    fn edit(&mut self, mutations: Vec<Mutation>, incoming: &Incoming<'_>) {
        for mutation in &mutations {
            let key = (incoming.by.author, mutation.record);
            if self
                .builds_on
                .get(&key)
                .is_some_and(|first| mutation.base >= *first)
            {
                self.builds_on.remove(&key);
            }
        }
        self.carry_out(mutations, incoming);
    }

    fn enrol(&mut self, key: PublicKey, user: &str) -> Result<(), Rejection> {
        if !self.definition.users.contains_key(user) {
            return Err("privilege.denied".into());
        }
        if self.author(&key.device()).is_some() {
            return Err("record.exists".into());
        }
        self.learn(key, user);
        Ok(())
    }

    fn revoke(&mut self, device: &DeviceId) -> Result<(), Rejection> {
        let author = self.author(device).filter(|author| *author != 0);
        let author = &mut self.authors[author.ok_or("device.unknown")?];
        author.revoked = author.revoked.or(Some(self.version));
        Ok(())
    }

    fn settle(
        &mut self,
        operation: Version,
        outcome: SettleOutcome,
        author: usize,
    ) -> Result<(), Rejection> {
        let user = &self.authors[author].user;
        let is_it = |notice: &&mut Notice| notice.version == operation && notice.user == *user;
        let notice = self.notices.iter_mut().find(is_it).ok_or("issue.unknown")?;
        if notice.settled.is_none() {
            notice.settled = Some(outcome);
            let mut gone = notice.filed.clone();
            gone.push(notice.version);
            self.builds_on
                .retain(|(by, _), first| *by != author || !gone.contains(first));
        }
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection, device: &DeviceId, bytes: usize) {
        let version = self.version;
        let first = rejection.builds_on;
        let under = self.notices.iter_mut().find(|notice| {
            let about = first.is_some_and(|first| notice.is_about(first));
            about && notice.settled.is_none() && notice.filed_bytes + bytes <= FILED_BYTES_MAX
        });
        let filed = under.is_some();
        if let Some(notice) = under {
            notice.filed.push(version);
            notice.filed_bytes += bytes + 16;
        }
        if let Some(author) = self.author(device) {
            for record in &rejection.records {
                let first = self.builds_on.entry((author, *record)).or_insert(version);
                if !filed {
                    *first = version;
                }
            }
        }
        if !filed {
            self.tell(rejection.code, device);
        }
    }

    fn tell(&mut self, code: Fault, device: &DeviceId) {
        let author = self.author(device).map(|author| &self.authors[author]);
        self.notices.push(Notice {
            version: self.version,
            code,
            user: author.map(|author| author.user.clone()).unwrap_or_default(),
            settled: None,
            filed: Vec::new(),
            filed_bytes: 0,
        });
    }
}

impl Notice {
    fn is_about(&self, operation: Version) -> bool {
        self.version == operation || self.filed.contains(&operation)
    }
}

impl Row {
    fn is_alive(&self) -> bool {
        self.life.value() == Some(&Value::Boolean(true))
    }

    fn register(&self, field: FieldId) -> Option<&Register> {
        match self.cells.get(&field)? {
            Cell::Register(register) => Some(register),
            _ => None,
        }
    }

    fn value(&self, field: FieldId) -> Option<&Value> {
        self.register(field)?.value()
    }
}
