//! The engine agrees with the definition's words: an oracle that remembers
//! nothing says for every user, after every step, what they hold.

use crate::dice::Dice;
use crate::oracle::Seen;
use crate::organization::LOGINS;
use crate::world::World;
use cairn_model::{RecordId, Timestamp};
use cairn_projection::State;
use cairn_scope::{Cause, Engine};
use std::collections::{BTreeMap, BTreeSet};

/// Organizations that are lived through; more by `CAIRN_WORLDS`.
const WORLDS: u64 = 120;
const STEPS: u64 = 40;
const HOUR: u64 = 3_600_000;

/// What was lived through: that the drawing reaches what it is about.
#[derive(Debug, Default)]
struct Lived {
    /// Definitions that took effect.
    definitions: u64,
    /// Scopes that an edit, a definition, or the clock alone changed.
    by_edit: u64,
    by_definition: u64,
    by_clock: u64,
    /// Users who were told of an edit that it may have changed their scope, and
    /// of how many it had not.
    told: u64,
    told_in_vain: u64,
    /// Records in scopes, by the reason that an explanation gives.
    because: BTreeMap<&'static str, u64>,
}

/// What each user holds.
type Held = BTreeMap<&'static str, BTreeSet<RecordId>>;

fn expected(state: &State, at: Timestamp) -> Held {
    let seen = Seen { state, at };
    LOGINS
        .iter()
        .map(|login| (*login, seen.scope(login)))
        .collect()
}

fn found(engine: &mut Engine, state: &State) -> Held {
    let scope = |login: &&'static str| {
        let scope = engine.scope(state, login);
        let records = scope.iter().map(|ordinal| engine.record(ordinal));
        (*login, records.collect())
    };
    LOGINS.iter().map(scope).collect()
}

fn differing(one: &Held, other: &Held) -> Vec<String> {
    let differ = LOGINS.iter().filter(|login| one[**login] != other[**login]);
    differ
        .map(|login| {
            let missing: Vec<_> = one[login].difference(&other[login]).collect();
            let surplus: Vec<_> = other[login].difference(&one[login]).collect();
            format!("{login} lacks {missing:?} and has {surplus:?}")
        })
        .collect()
}

/// The clock moves: a bit, some days, or exactly to where something turns.
fn later(dice: &mut Dice, world: &World, engine: &Engine) -> Timestamp {
    let next = engine.next_change();
    match (dice.below(4), next) {
        (0, Some(next)) => next.max(world.now),
        (1, Some(next)) => Timestamp(next.0 - 1).max(world.now),
        (2, _) => world.now.plus(dice.below(4 * 24) * HOUR),
        _ => world.now.plus(dice.below(90_000)),
    }
}

/// What is explained as held is held, and what is not has a reason.
fn explained(engine: &Engine, state: &State, held: &Held, lived: &mut Lived) {
    for login in LOGINS {
        for record in state.records() {
            let explanation = engine.explain(state, login, record.id);
            let is_held = held[login].contains(&record.id);
            assert_eq!(explanation.held, is_held, "{explanation:?}");
            assert!(!explanation.because.is_empty(), "{explanation:?}");
            for because in explanation.because {
                *lived.because.entry(because.code).or_default() += 1;
            }
            if !is_held {
                let cause = engine.reason(state, login, record.id, None).cause;
                *lived.because.entry(cause.code()).or_default() += 1;
            }
        }
    }
}

fn live_through(seed: u64, lived: &mut Lived) {
    let mut dice = Dice::new(seed);
    let mut world = World::new(&mut dice);
    let mut engine = Engine::of(&world.state, world.now);
    let mut held = found(&mut engine, &world.state);
    assert_eq!(
        differing(&expected(&world.state, world.now), &held),
        [""; 0],
        "organization {seed} at its beginning"
    );
    for step in 1..=STEPS {
        let before = world.state.definition().number;
        let moves = dice.below(8);
        let touched = match moves {
            0 => {
                world.redefines(&mut dice);
                engine.fold(&world.state, world.now)
            }
            1 | 2 => {
                world.now = later(&mut dice, &world, &engine);
                engine.advance(&world.state, world.now)
            }
            3 => {
                world.edits(&mut dice);
                world.redefines(&mut dice);
                world.now = later(&mut dice, &world, &engine);
                world.edits(&mut dice);
                engine.fold(&world.state, world.now)
            }
            _ => {
                world.edits(&mut dice);
                engine.fold(&world.state, world.now)
            }
        };
        let should = expected(&world.state, world.now);
        lived.definitions += u64::from(world.state.definition().number - before);
        for login in LOGINS {
            let changed = should[login] != held[login];
            let by = match moves {
                0 | 3 => &mut lived.by_definition,
                1 | 2 => &mut lived.by_clock,
                _ => &mut lived.by_edit,
            };
            *by += u64::from(changed);
            if moves > 3 {
                let told = touched.users.contains(*login);
                lived.told += u64::from(told);
                lived.told_in_vain += u64::from(told && !changed);
            }
            assert!(
                !changed || touched.users.contains(*login),
                "organization {seed}, step {step}: {login}'s scope changed, and nobody was told"
            );
        }
        held = found(&mut engine, &world.state);
        assert_eq!(
            differing(&should, &held),
            [""; 0],
            "organization {seed}, step {step}"
        );
        if step % 10 == 0 {
            explained(&engine, &world.state, &held, lived);
            let mut anew = Engine::of(&world.state, world.now);
            assert_eq!(found(&mut anew, &world.state), held, "organization {seed}");
            assert_eq!(
                anew.next_change(),
                engine.next_change(),
                "organization {seed}"
            );
            let numbered = |engine: &Engine| -> Vec<RecordId> {
                (0..engine.record_count() as u32)
                    .map(|at| engine.record(at))
                    .collect()
            };
            assert_eq!(numbered(&anew), numbered(&engine), "organization {seed}");
        }
    }
}

#[test]
fn every_user_holds_what_the_definition_says_after_every_step() {
    let worlds = std::env::var("CAIRN_WORLDS").ok();
    let worlds = worlds.and_then(|worlds| worlds.parse().ok());
    let mut lived = Lived::default();
    for seed in 0..worlds.unwrap_or(WORLDS) {
        live_through(seed, &mut lived);
    }
    println!("{lived:?}");
    let reached = [
        lived.by_edit,
        lived.by_definition,
        lived.by_clock,
        lived.definitions,
    ];
    assert!(reached.iter().all(|count| *count > WORLDS / 4), "{lived:?}");
    assert!(lived.told_in_vain < lived.told / 2, "{lived:?}");
    for cause in Cause::ALL {
        let never: [Cause; 6] = [
            // Told only to whom the record was sent, or only with a `Since`.
            Cause::Missing,
            Cause::OwnerChanged,
            Cause::ShareEnded,
            Cause::RoleChanged,
            Cause::ProfileChanged,
            Cause::Unfollowed,
        ];
        let seen = lived.because.contains_key(cause.code());
        assert!(seen || never.contains(cause), "{cause:?} never came about");
    }
}
