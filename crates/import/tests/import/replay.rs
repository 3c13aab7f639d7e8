//! Long tangled histories, checked against what was put in.

use crate::repository::{Script, plan};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

const COMMITS: usize = 150;
const RECORDS: usize = 5;
const FIELDS: usize = 3;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// What each record holds, by key; each record by field.
type Content = BTreeMap<String, BTreeMap<String, Json>>;

struct Commit {
    parents: Vec<usize>,
    content: Content,
    /// Itself and all it follows.
    behind: BTreeSet<usize>,
}

fn changed(content: &mut Content, dice: &mut Dice) {
    for _ in 0..=dice.roll(2) {
        let key = format!("r{}", dice.roll(RECORDS));
        if dice.roll(8) == 0 {
            content.remove(&key);
            continue;
        }
        let field = format!("/f{}", dice.roll(FIELDS));
        let value = Json::from(dice.roll(4));
        content.entry(key).or_default().insert(field, value);
    }
}

fn history(dice: &mut Dice) -> Vec<Commit> {
    let mut commits: Vec<Commit> = Vec::new();
    for number in 0..COMMITS {
        let near = |dice: &mut Dice| number - 1 - dice.roll(number.min(6));
        let mut parents = BTreeSet::new();
        let many = if number == 0 {
            0
        } else {
            1 + dice.roll(8) / 5 + dice.roll(30) / 29
        };
        parents.extend((0..many).map(|_| near(dice)));
        let mut parents: Vec<usize> = parents.into_iter().collect();
        if dice.roll(2) == 0 {
            parents.reverse();
        }
        let mut content = Content::new();
        // A merge takes records from any side, fields too, and what it likes.
        for key in (0..RECORDS).map(|n| format!("r{n}")) {
            let from = parents.get(dice.roll(parents.len().max(1)));
            let taken = from.and_then(|p| commits[*p].content.get(&key));
            content.extend(taken.map(|fields| (key, fields.clone())));
        }
        if parents.len() < 2 || dice.roll(3) == 0 {
            changed(&mut content, dice);
        }
        let mut behind: BTreeSet<usize> = BTreeSet::from([number]);
        parents
            .iter()
            .for_each(|p| behind.extend(&commits[*p].behind));
        commits.push(Commit {
            parents,
            content,
            behind,
        });
    }
    commits
}

/// The records as one file, in the form that keys are the keys.
fn file(content: &Content) -> String {
    let record = |fields: &BTreeMap<String, Json>| -> Map<String, Json> {
        fields
            .iter()
            .map(|(path, value)| (path[1..].to_owned(), value.clone()))
            .collect()
    };
    let all: Map<String, Json> = content
        .iter()
        .map(|(key, fields)| (key.clone(), record(fields).into()))
        .collect();
    serde_json::to_string_pretty(&all).unwrap()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

/// What steps say of each record is what its file held, after every commit; and
/// what outcomes say of every merge follows from who is behind whom.
#[test]
fn what_is_told_is_what_was_there() {
    let (mut merges_seen, mut without_base) = (0, 0);
    for seed in 0..6 {
        let commits = history(&mut Dice(seed));
        let mut script = Script::default();
        for commit in &commits {
            script.commit(
                &commit.parents,
                "ann",
                &[("all.json", &file(&commit.content))],
            );
        }
        let history = script.build(COMMITS - 1).import(&plan("all.json", "keys"));
        // Each commit has its own time, so that it can be told by it.
        let number = |json: &Json| (json["time"].as_u64().unwrap() - 1_600_000_000) as usize / 60;

        let mut states: BTreeMap<String, (usize, Option<BTreeMap<String, Json>>)> = BTreeMap::new();
        let mut last: BTreeSet<(usize, String)> = BTreeSet::new();
        for step in &history.steps {
            let (id, rec, commit) = (text(&step["id"]), text(&step["rec"]), number(step));
            let parents = step["parents"].as_array().unwrap();
            for parent in parents {
                let parent = states[text(parent)].0;
                assert!(commits[commit].behind.contains(&parent) && parent != commit);
            }
            let before = parents.first().and_then(|p| states[text(p)].1.clone());
            assert_eq!(
                step.get("new").is_some(),
                before.is_none() && step.get("gone").is_none()
            );
            let mut fields = before.unwrap_or_default();
            for path in step
                .get("del")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                assert!(fields.remove(text(path)).is_some());
            }
            for (path, value) in step
                .get("set")
                .and_then(Json::as_object)
                .into_iter()
                .flatten()
            {
                assert_ne!(
                    fields.insert(path.clone(), value.clone()).as_ref(),
                    Some(value)
                );
            }
            let state = step.get("gone").is_none().then_some(fields);
            assert_eq!(
                state.as_ref(),
                commits[commit].content.get(rec),
                "seed {seed}, {id}"
            );
            states.insert(id.to_owned(), (commit, state));
            last.insert((commit, rec.to_owned()));
        }
        // Where there is no step, nothing changed that one behind does not tell.
        for (place, commit) in commits.iter().enumerate() {
            for key in (0..RECORDS).map(|n| format!("r{n}")) {
                let behind = commit
                    .behind
                    .iter()
                    .filter(|p| last.contains(&(**p, key.clone())));
                let behind: Vec<usize> = behind.copied().collect();
                let newest = behind.iter().filter(|p| {
                    behind
                        .iter()
                        .all(|other| other == *p || !commits[*other].behind.contains(p))
                });
                for newest in newest {
                    let (told, there) =
                        (commits[*newest].content.get(&key), commit.content.get(&key));
                    assert_eq!(told, there, "seed {seed}, {key} after {place}");
                }
            }
        }

        // Two sides that met, by brute force.
        let mut expected = 0;
        let mut seen_trees = BTreeSet::new();
        for commit in commits.iter() {
            let [left, right] = commit.parents[..] else {
                continue;
            };
            let common: BTreeSet<usize> = commits[left]
                .behind
                .intersection(&commits[right].behind)
                .copied()
                .collect();
            let is_last = |p: &&usize| {
                common
                    .iter()
                    .all(|o| o == *p || !commits[*o].behind.contains(p))
            };
            let bases: Vec<usize> = common.iter().filter(is_last).copied().collect();
            if common.contains(&left) || common.contains(&right) {
                continue;
            }
            let of = |p: usize, key: &String| commits[p].content.get(key).cloned();
            let keys: Vec<String> = (0..RECORDS).map(|n| format!("r{n}")).collect();
            let met = |key: &&String| {
                let base = of(bases[0], key);
                let agreed = bases.iter().all(|p| of(*p, key) == base);
                let (left, right) = (of(left, key), of(right, key));
                agreed && left != base && right != base && left != right
            };
            without_base += keys
                .iter()
                .filter(|key| bases.iter().any(|p| of(*p, key) != of(bases[0], key)))
                .count();
            let mut trees: Vec<String> = bases.iter().map(|p| file(&commits[*p].content)).collect();
            trees.sort();
            trees.extend([left, right].map(|p| file(&commits[p].content)));
            trees.push(file(&commit.content));
            let keys: Vec<&String> = keys.iter().filter(met).collect();
            if keys.is_empty() || !seen_trees.insert(trees) {
                continue;
            }
            let merge = &history.merges[expected];
            let id = text(&merge["id"]);
            expected += 1;
            let told = history.outcomes.iter().filter(|o| text(&o["merge"]) == id);
            let mut told_keys: Vec<&str> = told.clone().map(|o| text(&o["rec"])).collect();
            told_keys.dedup();
            assert_eq!(told_keys, keys, "seed {seed}, {id}");
            for line in told.filter(|line| line.get("field").is_some()) {
                let (key, field) = (
                    line["rec"].as_str().unwrap().to_owned(),
                    text(&line["field"]),
                );
                for (name, place) in [("base", bases[0]), ("left", left), ("right", right)] {
                    let there = of(place, &key).and_then(|fields| fields.get(field).cloned());
                    assert_eq!(
                        line.get(name).cloned(),
                        there,
                        "seed {seed}, {id} {key} {field} {name}"
                    );
                }
                let resolved = commit
                    .content
                    .get(&key)
                    .and_then(|fields| fields.get(field));
                assert_eq!(line.get("resolved"), resolved);
                for (step, side, other) in [("lop", "left", right), ("rop", "right", left)] {
                    let Some(step) = line.get(step) else {
                        continue;
                    };
                    let (commit, state) = &states[text(step)];
                    let wrote = state.as_ref().and_then(|fields| fields.get(field));
                    assert_eq!(wrote, line.get(side), "seed {seed}, {id} {key} {field}");
                    assert!(
                        !commits[other].behind.contains(commit),
                        "seed {seed}, {id} {key} {field}"
                    );
                }
            }
        }
        assert_eq!(history.merges.len(), expected, "seed {seed}");
        merges_seen += expected;
    }
    assert!(merges_seen > 50, "{merges_seen}");
    assert!(without_base > 20, "{without_base}");
}
