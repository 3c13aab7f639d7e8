//! `kill -9` of relay and devices while people work: every operation that was
//! acknowledged to a person is there afterwards, none twice, and everybody
//! agrees.

use crate::network::{Network, USERS};
use crate::program::{Done, Running, until};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Kills in a default run, and with `CAIRN_LONG=1`.
const KILLS: [usize; 2] = [20, 200];
/// Edits confirmed between two kills, at most.
const CONFIRMED_BETWEEN_MAX: u64 = 6;
/// Edits that may wait to be counted; whoever makes more waits.
const EDITS_TOLD_MAX: usize = 64;
/// The longest that no edit is confirmed, with a process killed just before.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Everybody takes one from this shelf.
const SHELF: &str = "product:P-1";

/// An edit that a person made, and whether the program said that it is safe.
struct Edit {
    /// The number of the account that was created; without one, the shelf was
    /// counted.
    account: Option<String>,
    confirmed: bool,
}

#[test]
fn killed_processes_lose_nothing_and_double_nothing() {
    let kills = KILLS[usize::from(std::env::var_os("CAIRN_LONG").is_some())];
    let seed = std::env::var("CAIRN_SEED").ok();
    let seed = seed.map_or(1, |seed| seed.parse().expect("CAIRN_SEED is a number"));
    println!("CAIRN_SEED={seed} repeats this run");

    let (network, relay) = Network::with_devices(USERS.len());
    let create = ["record", "create", "product", "number=P-1", "name=Bolt"];
    network.sync(USERS[0]);
    network.ok(USERS[0], &create);
    USERS.iter().for_each(|user| network.sync(user));
    let before = version(&network);

    let mut running = BTreeMap::from([("hq", relay)]);
    running.extend(USERS.map(|user| (user, network.run(user))));
    let edits = work_and_kill(&network, &mut running, Dice(seed), kills);

    USERS.iter().for_each(|user| network.sync(user));
    // The last one's edits reach the first one after its sync.
    let everything = version(&network);
    for user in USERS {
        until("everybody has everything", || {
            let status = network.ok(user, &["device", "status", "--json"]).json();
            (status["version"] == everything).then_some(())
        });
    }
    check(&network, before, &edits);
    // The same from the disk alone.
    for (_, running) in running {
        assert_eq!(running.terminate(), 0);
    }
    check(&network, before, &edits);
}

/// Everybody edits; one process after the other is killed and started again.
fn work_and_kill(
    network: &Network,
    running: &mut BTreeMap<&'static str, Running>,
    mut dice: Dice,
    kills: usize,
) -> Vec<Edit> {
    let stop = AtomicBool::new(false);
    let (told, edits) = sync_channel(EDITS_TOLD_MAX);
    std::thread::scope(|scope| {
        for user in USERS {
            let (told, stop) = (told.clone(), &stop);
            scope.spawn(move || work(network, user, &told, stop));
        }
        drop(told);
        let mut made = Vec::new();
        for _ in 0..kills {
            wait_for_confirmed(dice.below(CONFIRMED_BETWEEN_MAX + 1), &edits, &mut made);
            let victim = dice.pick(&["hq", "hq", USERS[0], USERS[1], USERS[2]]);
            running.get_mut(victim).expect("all run").kill();
            if dice.below(4) == 0 {
                // Somebody works with the directory meanwhile, or nobody is there.
                wait_for_confirmed(2, &edits, &mut made);
            }
            running.insert(victim, network.run(victim));
        }
        wait_for_confirmed(10, &edits, &mut made);
        stop.store(true, Ordering::SeqCst);
        made.extend(edits);
        made
    })
}

fn wait_for_confirmed(count: u64, edits: &Receiver<Edit>, made: &mut Vec<Edit>) {
    let mut confirmed = 0;
    while confirmed < count {
        let edit = edits
            .recv_timeout(SILENCE_MAX)
            .expect("people go on working");
        confirmed += u64::from(edit.confirmed);
        made.push(edit);
    }
}

/// Edits, one after the other, until told to stop.
fn work(network: &Network, user: &str, told: &SyncSender<Edit>, stop: &AtomicBool) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let account = (number % 2 == 0).then(|| format!("{user}-{number}"));
        let done = match &account {
            Some(account) => {
                let number = format!("number={account}");
                network.cairn(user, &["record", "create", "account", "name=Mill", &number])
            }
            None => network.cairn(user, &["record", "set", SHELF, "on_hand=+1"]),
        };
        let confirmed = is_confirmed(&done);
        if told.send(Edit { account, confirmed }).is_err() {
            return;
        }
    }
}

/// Only the death of the process may keep an edit from being confirmed.
fn is_confirmed(done: &Done) -> bool {
    assert!([0, 4].contains(&done.code), "{done:?}");
    assert!(!done.err.contains("panicked"), "{done:?}");
    done.code == 0
}

fn version(network: &Network) -> u64 {
    let status = network.ok("hq", &["relay", "status", "--json"]).json();
    status["version"].as_u64().unwrap()
}

/// What is there is what was confirmed, and of the rest what arrived: once.
#[track_caller]
fn check(network: &Network, before: u64, edits: &[Edit]) {
    let digest = |name: &str, noun: &str| {
        let status = network
            .ok(name, &[noun, "status", "--digest", "--json"])
            .json();
        if noun == "device" {
            assert_eq!(status["unsent"], 0, "{status}");
            assert_eq!(status["generation"], 0, "no log was begun anew: {status}");
        }
        status["digest"].as_str().unwrap().to_owned()
    };
    let expected = digest("hq", "relay");
    for user in USERS {
        assert_eq!(digest(user, "device"), expected, "{user} differs");
    }

    let confirmed = edits.iter().filter(|edit| edit.confirmed);
    let confirmed: Vec<&Edit> = confirmed.collect();
    let operations = version(network) - before;
    let possible = confirmed.len() as u64..=edits.len() as u64;
    assert!(
        possible.contains(&operations),
        "{operations} of {possible:?}"
    );

    let list = ["record", "list", "account", "--limit", "1000000", "--json"];
    let listed = network.ok("hq", &list).json();
    let listed = listed.as_array().unwrap().iter();
    let numbers: Vec<String> = listed
        .map(|account| account["fields"]["number"].as_str().unwrap().to_owned())
        .collect();
    let there: BTreeSet<&String> = numbers.iter().collect();
    assert_eq!(there.len(), numbers.len(), "an account is there twice");
    let accounts = |edits: &mut dyn Iterator<Item = &Edit>| {
        let accounts = edits.filter_map(|edit| edit.account.clone());
        accounts.collect::<BTreeSet<String>>()
    };
    let lost: Vec<String> = accounts(&mut confirmed.iter().copied())
        .into_iter()
        .filter(|account| !there.contains(account))
        .collect();
    assert_eq!(lost, [""; 0], "confirmed and not there");
    let made = accounts(&mut edits.iter());
    assert!(there.iter().all(|account| made.contains(*account)));

    let shelf = network.ok("hq", &["record", "get", SHELF, "--json"]).json();
    let counted = shelf["fields"]["on_hand"].as_u64().unwrap();
    assert_eq!(
        operations,
        counted + numbers.len() as u64,
        "every operation counts once"
    );
    let counts = |edit: &&&Edit| edit.account.is_none();
    assert!(counted >= confirmed.iter().filter(counts).count() as u64);

    for name in ["hq"].into_iter().chain(USERS) {
        network.ok(name, &["log", "verify"]);
    }
}

/// Steele, Lea and Flood's SplitMix64: the same kills for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut draw = self.0;
        draw = (draw ^ (draw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (draw ^ (draw >> 31)) % below
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
