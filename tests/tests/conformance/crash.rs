//! `kill -9` while committing: every acknowledged batch is there afterwards,
//! whole, and nothing else but the one that was under way.
//!
//! The test starts its own binary again as a child that commits in a loop and
//! writes the number of every acknowledged batch to its standard output.

use crate::held::{child, directory_of_child};
use crate::subject::{all, noise, open};
use cairn_oplog::storage::{Batch, Durability, Storage, Table};
use cairn_store::SledStorage;
use std::io::{BufRead, BufReader, Write};

/// Kills in a default run, and with `CAIRN_LONG=1`.
const KILLS: [u64; 2] = [20, 200];
/// What the child says when it starts.
const OPENING: &str = "opening";
/// The child keeps this many entries in the tail.
const TAIL: u64 = 20;
/// The child's committers, each with tables and numbers of its own.
const COMMITTERS: [(Table, Table, &str); 2] = [
    (Table::Ledger, Table::Tail, "one"),
    (Table::Bundles, Table::Issues, "two"),
];

#[test]
fn killed_processes_lose_nothing_they_acknowledged() {
    let kills = KILLS[usize::from(std::env::var_os("CAIRN_LONG").is_some())];
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = [0; 2];
    for kill in 0..kills {
        let mut child = child("crash::commits_until_killed", directory.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines
            .map(|line| line.unwrap())
            .skip_while(|line| line != OPENING)
            .skip(1);
        let mut note = |line: String| {
            if let Some((committer, number)) = acknowledgement(&line) {
                acknowledged[committer] = number;
            }
        };
        // Every fifth dies at its start.
        let wanted = (kill % 5) * (1 + kill * 7 % 11);
        for _ in 0..wanted {
            note(lines.next().expect("the child commits until it is killed"));
        }
        child.kill().unwrap();
        lines.for_each(note);
        child.wait().unwrap();
        if kill % 5 == 0 {
            continue;
        }
        let storage = open(directory.path());
        for (committer, number) in acknowledged.iter().enumerate() {
            check(&storage, committer, *number);
        }
    }
}

fn acknowledgement(line: &str) -> Option<(usize, u64)> {
    let (committer, number) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((committer.parse().ok()?, number.parse().ok()?))
}

/// What the process that is killed does.
#[test]
fn commits_until_killed() {
    let Some(directory) = directory_of_child() else {
        return;
    };
    println!("\n{OPENING}");
    let storage = open(&directory);
    std::thread::scope(|scope| {
        for committer in 0..COMMITTERS.len() {
            let storage = &storage;
            scope.spawn(move || {
                for number in head(storage, committer) + 1.. {
                    let last = 3 + number % 5;
                    // Some batches go first without being waited for.
                    let durability = if number % last == 0 {
                        Durability::Behind
                    } else {
                        Durability::Synced
                    };
                    storage
                        .commit(batch(committer, number), durability)
                        .unwrap();
                    if durability == Durability::Synced {
                        acknowledge(committer, number);
                    }
                }
            });
        }
    });
}

fn acknowledge(committer: usize, number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged {committer} {number}").unwrap();
    out.flush().unwrap();
}

fn batch(committer: usize, number: u64) -> Batch {
    let (entries, tail, name) = COMMITTERS[committer];
    let mut batch = Batch::default();
    batch.put(entries, number.to_be_bytes(), value(number));
    batch.put(Table::Meta, name, number.to_be_bytes());
    batch.put(tail, number.to_be_bytes(), number.to_le_bytes());
    if number > TAIL {
        batch.remove(tail, (number - TAIL).to_be_bytes());
    }
    batch
}

fn value(number: u64) -> Vec<u8> {
    let length = number.wrapping_mul(2_654_435_761) % 12_000;
    noise(number, length as usize)
}

fn head(storage: &SledStorage, committer: usize) -> u64 {
    let head = storage.get(Table::Meta, COMMITTERS[committer].2.as_bytes());
    head.unwrap()
        .map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()))
}

/// Batches of the committer up to one not before `acknowledged` are there.
fn check(storage: &SledStorage, committer: usize, acknowledged: u64) {
    let (entries, tail, _) = COMMITTERS[committer];
    let head = head(storage, committer);
    assert!(
        head >= acknowledged,
        "batch {acknowledged} was acknowledged and the store ends at {head}"
    );
    let found = all(storage, entries);
    let expected = (1..=head).map(|number| (number.to_be_bytes().to_vec(), value(number)));
    assert!(expected.eq(found), "every batch up to {head}, whole");
    let first = head.saturating_sub(TAIL) + 1;
    let expected = (first..=head).map(|n| (n.to_be_bytes().to_vec(), n.to_le_bytes().to_vec()));
    assert!(
        expected.eq(all(storage, tail)),
        "and what it removed is gone"
    );
}
