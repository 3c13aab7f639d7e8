//! Devices that lose their trust: one whose log was written twice, one that is
//! revoked, one that was never enrolled.

use super::*;
use cairn_model::{Action, Definition, LogId, Operation, OrganizationId, PublicKey, User, codec};
use cairn_oplog::bundle::seal;
use cairn_oplog::{Checkpoint, Entry, LedgerHead, LogHead, SecretKey};

const ORGANIZATION: OrganizationId = OrganizationId([7; 16]);

/// A device's log, that can be gone on with from anywhere.
#[derive(Clone)]
struct Log {
    key: SecretKey,
    log: LogId,
    at: LogHead,
}

impl Log {
    fn new(number: u8) -> Log {
        let key = SecretKey::from_seed(&[number; 32]);
        let log = LogId {
            device: key.public().device(),
            generation: 0,
        };
        Log {
            at: LogHead::genesis(&ORGANIZATION, &log),
            key,
            log,
        }
    }
}

struct Ledger {
    head: LedgerHead,
    entries: Vec<Entry>,
}

impl Ledger {
    /// An operation made at one time and received at another. Gives its version.
    fn take(&mut self, by: &mut Log, (made, received): (u64, u64), action: Action) -> Version {
        let operation = Operation {
            time: HybridTime::new(Timestamp(made), 0),
            definition: 0,
            action,
        };
        let operations = vec![codec::encode(&operation)];
        let bundle = seal(&ORGANIZATION, by.log, &by.at, operations, &by.key);
        by.at = bundle.head();
        let received = Timestamp(received);
        self.head = self.head.after(received, bundle.bytes(), 1);
        self.entries.push(Entry {
            position: self.head.position,
            received,
            bundle,
        });
        Version(self.entries.len() as u64)
    }
}

fn enrol(key: PublicKey) -> Action {
    Action::Enrol {
        key,
        user: "us".to_owned(),
        name: "device".to_owned(),
    }
}

fn edit(name: &str, base: u64, change: Change) -> Action {
    Action::Edit(vec![Mutation {
        record: record(name),
        record_type: TYPE,
        base: Version(base),
        change,
    }])
}

fn create(name: &str) -> Action {
    edit(name, 0, Change::Create(vec![text(NAME, name)]))
}

fn city(name: &str, base: Version) -> Action {
    edit(name, base.0, Change::Update(vec![text(CITY, "Ulm")]))
}

/// The twin's first operation arrives at 1 second, and another builds on it at
/// 2. At 5 another first operation of the twin's log arrives: the log was
/// written twice, which could have been known 4 seconds earlier, and one
/// operation builds on it. What builds on it at 6 does so knowingly.
///
/// One is revoked at 3. What it made at 0.5 arrived before; what it made at 2.5
/// and 8 arrives after, and is rejected: nothing of the 2 that the revocation
/// had not seen gets in, and 1 of the 2 made before it is discarded. A stranger
/// writes at 9. Nothing gets in that should not, of 7 operations: the twin's
/// second branch is none, as its log does not go on with it.
#[test]
fn what_nobody_may_write_stays_out() {
    let [mut relay, mut twin, mut other, mut lost, mut stranger] = [1, 2, 3, 4, 5].map(Log::new);
    let public = relay.key.public();
    let mut ledger = Ledger {
        head: LedgerHead::genesis(&ORGANIZATION, &public),
        entries: Vec::new(),
    };
    let definition = Definition {
        name: "Us".to_owned(),
        types: [(TYPE, site())].into(),
        users: [("us".to_owned(), User::new("us"))].into(),
        ..Definition::default()
    };
    let publish = Action::Publish {
        base: 0,
        changes: Definition::default().changes_to(&definition),
        more: false,
    };
    ledger.take(&mut relay, (0, 0), publish);
    for key in [twin.key.public(), other.key.public(), lost.key.public()] {
        ledger.take(&mut relay, (0, 0), enrol(key));
    }
    let mut copy = twin.clone();
    let forked = ledger.take(&mut twin, (1_000, 1_000), create("a"));
    ledger.take(&mut lost, (500, 1_500), create("c"));
    ledger.take(&mut other, (2_000, 2_000), city("a", forked));
    let device = lost.log.device;
    ledger.take(&mut relay, (3_000, 3_000), Action::Revoke { device });
    ledger.take(&mut copy, (4_000, 5_000), create("b"));
    ledger.take(&mut other, (6_000, 6_000), city("a", forked));
    ledger.take(&mut lost, (2_500, 7_000), create("d"));
    ledger.take(&mut lost, (8_000, 8_000), create("e"));
    ledger.take(&mut stranger, (9_000, 9_000), create("f"));
    let held = Held {
        organization: ORGANIZATION,
        relay: public,
        checkpoint: Checkpoint::sign(&ORGANIZATION, &ledger.head, &relay.key),
        entries: ledger.entries,
    };
    let mut trace = Trace::default();
    held.entries().iter().for_each(|entry| trace.observe(entry));
    let found = tally(&held, &trace, "flag");
    assert_eq!((found.operations, found.forks), (7, 1));
    assert_eq!(value(&found, Metric::Unauthorised), 0.0);
    assert_eq!(value(&found, Metric::ForkDetectionLag), 4.0);
    assert_eq!(value(&found, Metric::ForkBlast), 1.0);
    assert_eq!(found.after_revocation, 2);
    assert_eq!(value(&found, Metric::RevocationLeak), 0.0);
    assert_eq!(value(&found, Metric::RevocationCollateral), 0.5);
}

/// An enrolment that the state knows nothing of: every operation it holds is
/// counted as one that should not be there.
#[test]
fn what_got_in_all_the_same_is_counted() {
    let (mut story, created) = Story::begin();
    let rename = Change::Update(vec![text(NAME, "b")]);
    story.does(1, 2_000, "a", created.0, rename);
    let (ledger, trace) = story.end();
    let nobody = State::new(ledger.organization, ledger.relay);
    let found = judge(&trace, &nobody, &Truth::default(), false).whole;
    assert_eq!(value(&found, Metric::Unauthorised), 1.0);
}
