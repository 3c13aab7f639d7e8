//! Known-bad variants of the product. Each is made outside of it: in what
//! passes between a machine and its world, or in what the fold is told. A
//! checker that no variant can fail proves nothing; a variant that no checker
//! finds shows what is not proven.

mod disk;
mod fold;
mod hunt;
mod scope;
mod session;
mod wire;

pub use hunt::{Hunt, Kill, found_in, found_only_in, hunt};

use crate::check::{Checker, Judged, judging};
use crate::wiring::{Straight, Wiring};

/// A known-bad variant.
#[derive(Clone, Copy)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// What it does wrong, in a sentence.
    pub wrong: &'static str,
    /// Whether it is about who may hold what: where everybody may hold
    /// everything it does nothing wrong.
    pub scoped: bool,
    wiring: fn() -> Box<dyn Wiring>,
    judged: Judged,
}

impl Mutant {
    /// What passes between its machines and their world.
    pub fn wiring(&self) -> Box<dyn Wiring> {
        (self.wiring)()
    }

    /// The checkers, watching it.
    pub fn checkers(&self) -> Vec<Box<dyn Checker>> {
        judging(self.judged)
    }
}

const fn wired(name: &'static str, wrong: &'static str, wiring: fn() -> Box<dyn Wiring>) -> Mutant {
    Mutant {
        name,
        wrong,
        scoped: false,
        wiring,
        judged: Judged::Product,
    }
}

const fn scoped(
    name: &'static str,
    wrong: &'static str,
    wiring: fn() -> Box<dyn Wiring>,
) -> Mutant {
    Mutant {
        scoped: true,
        ..wired(name, wrong, wiring)
    }
}

const fn folded(name: &'static str, wrong: &'static str, judged: Judged) -> Mutant {
    Mutant {
        name,
        wrong,
        scoped: false,
        wiring: straight,
        judged,
    }
}

fn straight() -> Box<dyn Wiring> {
    Box::new(Straight)
}

/// The mutant called `name`.
pub fn named(name: &str) -> Option<&'static Mutant> {
    MUTANTS.iter().find(|mutant| mutant.name == name)
}

/// Every mutant.
pub static MUTANTS: [Mutant; 44] = [
    scoped(
        "secrets-sent",
        "Everybody is sent the fullest image that anybody was.",
        || Box::new(scope::FullestImages::default()),
    ),
    scoped(
        "leaves-lost",
        "No device is told that a record leaves.",
        || Box::new(scope::NoLeaves),
    ),
    scoped(
        "no-return",
        "A record that left a device does not enter it again, whatever is granted.",
        || Box::new(scope::NoReturn::default()),
    ),
    scoped(
        "sent-is-held",
        "The relay takes what it sent for what the device has.",
        || Box::new(scope::SentIsHeld::default()),
    ),
    scoped("time-unheard", "Time alone lets nothing in or out.", || {
        Box::new(scope::NeverDue)
    }),
    scoped(
        "unreadable-kept",
        "A record stays although its user may not read it any more.",
        || Box::new(scope::NoSecretLeaves),
    ),
    scoped(
        "reasons-withheld",
        "Nobody is told why a record left.",
        || Box::new(scope::NoReasons),
    ),
    scoped(
        "views-untold",
        "What a record lacks from now on stays in what was stored of it before.",
        || Box::new(scope::NoViews),
    ),
    scoped(
        "one-history",
        "Whoever asks what was done to a record is told what anybody was told.",
        || Box::new(scope::OneHistory::default()),
    ),
    wired(
        "device-acknowledges-early",
        "A device tells its user that work is safe before its disk has it.",
        || Box::new(disk::Unsynced::at_devices()),
    ),
    wired(
        "relay-acknowledges-early",
        "The relay acknowledges bundles before its disk has them.",
        || Box::new(disk::Unsynced::at_the_relay()),
    ),
    wired(
        "relay-writes-late",
        "The relay sends images and acknowledgements while the batch behind them waits for the next.",
        || Box::new(disk::OneLate::default()),
    ),
    wired(
        "tail-lost-at-start",
        "A device that starts forgets the last operation that was not sealed.",
        || Box::new(disk::ShortTail),
    ),
    wired(
        "journal-left-out-of-checkpoints",
        "A checkpoint has no conflicts in it.",
        || Box::new(disk::Without(cairn_oplog::Table::Journal)),
    ),
    wired(
        "issues-left-out-of-checkpoints",
        "A checkpoint has no issues in it.",
        || Box::new(disk::Without(cairn_oplog::Table::Issues)),
    ),
    wired(
        "page-dropped",
        "What a first download brings is lost on the way, and nobody notices.",
        || Box::new(wire::DropDownload::default()),
    ),
    wired(
        "lane-swapped",
        "Two messages of changes change places on the way.",
        || Box::new(wire::SwapChanges::default()),
    ),
    wired(
        "images-stale",
        "The relay serves the image before the last.",
        || Box::new(wire::StaleImages::default()),
    ),
    wired(
        "image-garbled",
        "Now and then an image cannot be read.",
        || Box::new(wire::GarbledImage::default()),
    ),
    wired(
        "change-skipped",
        "A device that comes back claims one change more than it has.",
        || Box::new(wire::SkipChange),
    ),
    wired(
        "own-images-always",
        "The relay always takes a device's own images for right, and sends none of its own.",
        || Box::new(session::OwnImages::always()),
    ),
    wired(
        "acknowledged-too-far",
        "An acknowledgement covers one operation that was not in the bundle.",
        || Box::new(wire::AckTooFar),
    ),
    wired("never-acknowledged", "No acknowledgement arrives.", || {
        Box::new(wire::NoAcks)
    }),
    wired(
        "verdict-to-another",
        "What a rejection's author should be told goes to another device.",
        || Box::new(wire::WrongIssues::default()),
    ),
    wired(
        "author-not-told",
        "Nobody is told of a rejected operation.",
        || Box::new(wire::NoIssues),
    ),
    wired(
        "resend-as-new",
        "The relay takes a bundle that comes twice for a new one.",
        || Box::new(wire::ResendAsNew::default()),
    ),
    wired(
        "signature-unchecked",
        "The relay does not check signatures.",
        || Box::new(wire::Unchecked::default()),
    ),
    wired(
        "restored-writes-on",
        "A device restored from a backup goes on in the log it had.",
        || Box::new(wire::WriteOn),
    ),
    wired(
        "talk-without-end",
        "A device asks again whenever it is answered.",
        || Box::new(wire::Chatter::default()),
    ),
    wired(
        "welcome-counts-arrivals",
        "A welcome names what has arrived and is not stored yet.",
        || Box::new(session::WelcomeEarly::default()),
    ),
    wired(
        "changes-overtake",
        "A device does not wait for an acknowledgement that was overtaken by changes.",
        || Box::new(session::Overtaken::default()),
    ),
    wired(
        "rejected-in-images",
        "What builds on something rejected is in its author's images all the same.",
        || Box::new(session::OwnImages::of_dependants()),
    ),
    wired(
        "carried-over-twice",
        "A device that begins a new log does again what the relay has of the old one.",
        || Box::new(session::CarriesAll),
    ),
    wired(
        "seen-by-others",
        "A device claims to have seen what any device has, and so overwrites it unseen.",
        || Box::new(session::SeenByOthers::default()),
    ),
    wired(
        "dials-at-once",
        "A device whose session has ended dials again without waiting.",
        || Box::new(session::DialsAtOnce::default()),
    ),
    folded(
        "batch-seen",
        "The fold takes bundles that arrive together for ones whose authors had seen each other's.",
        Judged::Retold(fold::batch_seen),
    ),
    folded(
        "base-ignored",
        "The fold takes every author for one who had seen everything.",
        Judged::Retold(fold::all_seen),
    ),
    folded(
        "nothing-seen",
        "The fold takes every author for one who had seen nothing.",
        Judged::Retold(fold::nothing_seen),
    ),
    folded(
        "clock-trusted",
        "A clock that runs ahead wins for ever.",
        Judged::Retold(fold::trusted_clock),
    ),
    folded(
        "tie-break-dropped",
        "Of two writes the later arrival wins, whatever their authors' clocks say.",
        Judged::Retold(fold::arrival_order),
    ),
    folded(
        "counter-twice",
        "A counter moves twice for each change.",
        Judged::Retold(fold::twice),
    ),
    folded(
        "removal-forgotten",
        "What is removed from a set stays in it.",
        Judged::Retold(fold::no_removals),
    ),
    folded(
        "half-applied",
        "Of an operation on several records only the first is carried out.",
        Judged::Retold(fold::first_only),
    ),
    folded(
        "revocation-late",
        "A revocation counts from the bundle after the next.",
        Judged::Entries(fold::revocation_late),
    ),
];
