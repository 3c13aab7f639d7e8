//! What every implementation of the storage port promises.

use crate::history;
use crate::subject::{Subject, all, noise};
use cairn_oplog::storage::{
    Batch, Durability, Pair, Storage, StorageError, Table, VALUE_BYTES_MAX,
};

/// Checks every promise, each on a port that `make` made for it.
pub(crate) fn check<S: Subject>(make: impl Fn() -> S) {
    ranges_are_ordered_and_limited(make().port());
    tables_are_apart(make().port());
    keys_are_compared_byte_by_byte(make().port());
    the_last_change_wins(make().port());
    values_of_every_size_come_back(make().port());
    what_is_too_large_changes_nothing(make().port());
    an_empty_batch_is_nothing(make().port());
    readers_see_batches_whole(make().port());
    committers_share_the_port(make());
    what_is_synced_is_there_after_a_start(make());
    what_is_synced_is_there_after_a_crash(make());
    history::any_history_reads_like_a_map(make);
}

fn put(port: &impl Storage, table: Table, pairs: &[(&[u8], &[u8])]) {
    let mut batch = Batch::default();
    for (key, value) in pairs {
        batch.put(table, *key, *value);
    }
    port.commit(batch, Durability::Synced).unwrap();
}

fn pair(key: &str, value: &str) -> Pair {
    (key.into(), value.into())
}

fn ranges_are_ordered_and_limited(port: &impl Storage) {
    put(
        port,
        Table::Tail,
        &[(b"c", b"3"), (b"a", b"1"), (b"d", b"4"), (b"b", b"2")],
    );
    let forth = |from: &str, limit| port.range(Table::Tail, from.as_bytes(), limit).unwrap();
    let back = |before: &str, limit| {
        port.range_back(Table::Tail, before.as_bytes(), limit)
            .unwrap()
    };
    assert_eq!(forth("", 2), [pair("a", "1"), pair("b", "2")]);
    assert_eq!(
        forth("b", 9),
        [pair("b", "2"), pair("c", "3"), pair("d", "4")]
    );
    assert_eq!(forth("bb", 1), [pair("c", "3")]);
    assert_eq!(forth("e", 9), []);
    assert_eq!(forth("a", 0), []);
    assert_eq!(back("d", 2), [pair("c", "3"), pair("b", "2")]);
    assert_eq!(back("dd", 1), [pair("d", "4")]);
    assert_eq!(back("b", 9), [pair("a", "1")]);
    assert_eq!(back("a", 9), []);
    assert_eq!(back("", 9), []);
    assert_eq!(back("d", 0), []);
}

fn tables_are_apart(port: &impl Storage) {
    for table in Table::ALL {
        put(port, table, &[(b"key", table.to_string().as_bytes())]);
    }
    for table in Table::ALL {
        let own = [pair("key", &table.to_string())];
        assert_eq!(all(port, table), own);
        assert_eq!(port.range_back(table, &[255; 40], 9).unwrap(), own);
        assert_eq!(port.get(table, b"other").unwrap(), None);
    }
    let mut batch = Batch::default();
    batch.remove(Table::Bundles, *b"key");
    port.commit(batch, Durability::Synced).unwrap();
    assert_eq!(all(port, Table::Bundles), []);
    assert_eq!(all(port, Table::Meta).len(), 1);
    assert_eq!(all(port, Table::Tail).len(), 1);
}

fn keys_are_compared_byte_by_byte(port: &impl Storage) {
    let keys: [&[u8]; 7] = [
        &[],
        &[0],
        &[0, 0],
        &[0, 255],
        &[1],
        &[255],
        &[255, 255, 255],
    ];
    for key in keys.iter().rev() {
        put(port, Table::Pages, &[(key, b"x")]);
    }
    let found: Vec<Vec<u8>> = all(port, Table::Pages)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(found, keys);
}

fn the_last_change_wins(port: &impl Storage) {
    let mut batch = Batch::default();
    batch.put(Table::Meta, "kept", "first");
    batch.put(Table::Meta, "kept", "last");
    batch.put(Table::Meta, "gone", "value");
    batch.remove(Table::Meta, "gone");
    batch.remove(Table::Meta, "back");
    batch.put(Table::Meta, "back", "value");
    batch.remove(Table::Meta, "never there");
    port.commit(batch, Durability::Synced).unwrap();
    assert_eq!(
        all(port, Table::Meta),
        [pair("back", "value"), pair("kept", "last")]
    );

    put(port, Table::Meta, &[(b"kept", b"anew")]);
    assert_eq!(
        port.get(Table::Meta, b"kept").unwrap(),
        Some(b"anew".to_vec())
    );
}

fn values_of_every_size_come_back(port: &impl Storage) {
    let sizes = [
        0,
        1,
        511,
        512,
        4_095,
        4_096,
        4_097,
        8_192,
        65_536,
        VALUE_BYTES_MAX,
    ];
    // Each value takes the place of one of another size, larger and smaller.
    for (first, second) in sizes.iter().zip(sizes.iter().rev()) {
        for (size, packs) in [(first, false), (second, false), (first, true)] {
            let value = value(*size, packs);
            put(port, Table::Pages, &[(b"page", &value)]);
            assert_eq!(
                port.get(Table::Pages, b"page").unwrap(),
                Some(value.clone())
            );
            assert_eq!(all(port, Table::Pages), [(b"page".to_vec(), value)]);
        }
    }
}

fn value(size: usize, packs: bool) -> Vec<u8> {
    if packs {
        vec![size as u8; size]
    } else {
        noise(size as u64, size)
    }
}

fn what_is_too_large_changes_nothing(port: &impl Storage) {
    let mut batch = Batch::default();
    batch.put(Table::Meta, "before", "value");
    batch.put(Table::Ledger, "large", vec![1; VALUE_BYTES_MAX + 1]);
    batch.put(Table::Meta, "after", "value");
    let refused = port.commit(batch, Durability::Synced).unwrap_err();
    let expected = StorageError::TooLarge {
        table: Table::Ledger,
        bytes: VALUE_BYTES_MAX + 1,
    };
    assert_eq!(refused, expected);
    assert_eq!(all(port, Table::Meta), []);
    put(port, Table::Meta, &[(b"still", b"fine")]);
}

fn an_empty_batch_is_nothing(port: &impl Storage) {
    for durability in [Durability::Behind, Durability::Synced] {
        port.commit(Batch::default(), durability).unwrap();
    }
    for table in Table::ALL {
        assert_eq!(all(port, table), []);
    }
}

/// Each batch writes one number under every key: a reader finds one number.
fn readers_see_batches_whole(port: &impl Storage) {
    const BATCHES: u64 = 200;
    let write = |number: u64| {
        let mut batch = Batch::default();
        for key in 0..8_u8 {
            batch.put(Table::Issues, [key], number.to_be_bytes().repeat(700));
        }
        port.commit(batch, Durability::Behind).unwrap();
    };
    write(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (1..=BATCHES).for_each(write));
        let mut last = 0;
        while !writer.is_finished() {
            let found = all(port, Table::Issues);
            assert!(found.iter().all(|(_, value)| *value == found[0].1));
            let number = u64::from_be_bytes(*found[0].1.first_chunk().unwrap());
            assert!(number >= last);
            last = number;
        }
    });
}

fn committers_share_the_port<S: Subject>(subject: S) {
    const COMMITTERS: u8 = 8;
    const BATCHES: u8 = 20;
    let port = subject.port();
    std::thread::scope(|scope| {
        for committer in 0..COMMITTERS {
            scope.spawn(move || {
                for batch in 0..BATCHES {
                    put(port, Table::Bundles, &[(&[committer, batch], &[batch])]);
                }
            });
        }
    });
    let expected: Vec<Pair> = (0..COMMITTERS)
        .flat_map(|committer| (0..BATCHES).map(move |batch| (vec![committer, batch], vec![batch])))
        .collect();
    assert_eq!(all(port, Table::Bundles), expected);
    assert_eq!(all(subject.crashed().port(), Table::Bundles), expected);
}

fn what_is_synced_is_there_after_a_start<S: Subject>(subject: S) {
    put(subject.port(), Table::Ledger, &[(b"1", b"a"), (b"2", b"b")]);
    let subject = subject.reopened();
    put(
        subject.port(),
        Table::Ledger,
        &[(b"2", b"changed"), (b"3", b"c")],
    );
    let expected = [pair("1", "a"), pair("2", "changed"), pair("3", "c")];
    let subject = subject.reopened().reopened();
    assert_eq!(all(subject.port(), Table::Ledger), expected);
}

fn what_is_synced_is_there_after_a_crash<S: Subject>(subject: S) {
    let behind = |key: &str| {
        let mut batch = Batch::default();
        batch.put(Table::Ledger, key, "behind");
        batch.put(Table::LogIndex, key, "behind");
        subject.port().commit(batch, Durability::Behind).unwrap();
    };
    behind("1");
    put(subject.port(), Table::Ledger, &[(b"2", b"synced")]);
    behind("3");
    let crashed = subject.crashed();
    let found = all(crashed.port(), Table::Ledger);
    assert_eq!(found[..2], [pair("1", "behind"), pair("2", "synced")]);
    assert_eq!(
        crashed.port().get(Table::LogIndex, b"3").unwrap().is_some(),
        found.len() == 3,
        "a batch is there whole or not at all"
    );
    let again = crashed.crashed();
    assert_eq!(all(again.port(), Table::Ledger), found);
}
