//! Profiles in words, and what the relay answers of them.

use super::words::{
    bytes_words, filter_words, interval_words, related_words, seconds_words, some_of,
};
use super::{ProfileAnswer, ProfileCommand, draft};
use crate::control::{Answer, Command};
use crate::exit::{Exit, Failure};
use crate::world::{World, definition, execute};
use cairn_model::definition::ProfileType;
use cairn_model::{Definition, RecordType, text};

/// The rule of the template's profile for a type.
fn rule<'a>(definition: &'a Definition, name: &str) -> (&'a ProfileType, &'a RecordType) {
    let of = definition.type_named(name).expect("a type of the template");
    (&definition.profiles["technician"].types[&of.id], of)
}

#[test]
fn filters_and_relationships_are_told_in_words() {
    let definition = definition();
    let told = |name: &str| {
        let (rule, of) = rule(&definition, name);
        let related = rule.related.iter();
        let related: Vec<String> = related
            .map(|way| related_words(way, of, &definition))
            .collect();
        (filter_words(rule, of, &definition), related)
    };
    let (filter, related) = told("work_order");
    assert_eq!(filter, "none by itself");
    assert_eq!(
        related,
        ["those that a held booking points at by work_order"]
    );
    let (filter, related) = told("task");
    assert_eq!(filter, "records of the user's own or the user's teams");
    assert_eq!(
        related,
        ["those that point by regarding at a held work_order"]
    );
    let (filter, _) = told("booking");
    assert!(filter.starts_with("records where "), "{filter}");
    assert!(!filter.contains("record."), "in words: {filter}");
}

#[test]
fn numbers_are_told_as_people_read_them() {
    assert_eq!(interval_words(0), "live");
    assert_eq!(interval_words(15), "every 15 minutes");
    assert_eq!(interval_words(120), "every 2 hours");
    assert_eq!(bytes_words(999), "999 bytes");
    assert_eq!(bytes_words(1_250_000), "1.2 MB");
    assert_eq!(seconds_words(0.5), "0.5 s");
    assert_eq!(seconds_words(61.0), "2 min");
    let names = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(some_of(&names, 2), "a, b and 1 more");
    assert_eq!(some_of(&names, 3), "a, b, c");
}

async fn ask(world: &World, command: ProfileCommand) -> Result<ProfileAnswer, Failure> {
    match execute(&world.host(), Command::Profile(command)).await? {
        Answer::Profile(answer) => Ok(answer),
        other => panic!("{other:?}"),
    }
}

/// The template with its profile changed.
fn files(change: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let files = text::template("field-service").expect("a template");
    let changed = files.into_iter().map(|file| {
        let text = match file.path.as_str() {
            "profiles/technician.toml" => change(&file.text),
            _ => file.text,
        };
        (file.path, text)
    });
    changed.collect()
}

#[tokio::test]
async fn a_profile_is_published_alone_and_its_past_is_known() {
    let world = World::new().await;
    let publish = |name: Option<&str>| ProfileCommand::Publish {
        files: files(|text| text.replace("rank = 20", "rank = 21")),
        name: name.map(str::to_owned),
    };
    let unknown = ask(&world, publish(Some("technicians")))
        .await
        .expect_err("no such profile");
    assert_eq!(unknown.exit, Exit::NotFound);
    assert!(unknown.message.contains("`technician`"), "{unknown}");
    let Ok(ProfileAnswer::Published(done)) = ask(&world, publish(Some("technician"))).await else {
        panic!("it is published");
    };
    assert_eq!(done.definition, 2);
    assert_eq!(done.changes.len(), 1, "{done:?}");
    let Ok(ProfileAnswer::History(past)) =
        ask(&world, ProfileCommand::History("technician".to_owned())).await
    else {
        panic!("it has a past");
    };
    let numbers: Vec<u32> = past.iter().map(|change| change.definition).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(past[1].changes, done.changes);
    let before = world
        .look(|state| state.definition().profiles["technician"].clone())
        .await;
    let revert = ProfileCommand::Revert {
        name: "technician".to_owned(),
        to: past[0].version,
    };
    ask(&world, revert).await.expect("a version that was");
    let after = world
        .look(|state| state.definition().profiles["technician"].clone())
        .await;
    assert_ne!(before, after);
    assert_eq!(after, definition().profiles["technician"]);
}

#[test]
fn only_profiles_are_told_of() {
    let base = definition();
    let mut target = base.clone();
    target.name = "Other".to_owned();
    let profile = target.profiles.get_mut("technician");
    profile.expect("it is there").label = "Crew".to_owned();
    let told = draft::changes(&base, &target, None);
    assert_eq!(
        told,
        ["profile technician: label Crew (was Field technicians)"]
    );
    let other = draft::changes(&base, &target, Some("office"));
    assert_eq!(other, [""; 0]);
}
