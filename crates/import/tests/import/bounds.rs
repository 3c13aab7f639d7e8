//! How much of what there may be.

use crate::repository::{Script, plan};

/// People are told apart, and not told; robots say that they are.
#[test]
fn authors_are_pseudonyms_of_one_repository() {
    let history = |first: &str| {
        let mut script = Script::default();
        script.commit(&[], "ann", &[("x.json", first)]);
        script.commit(&[0], "Ann", &[("x.json", "{\"v\":2}")]);
        script.commit(&[1], "help[bot]", &[("x.json", "{\"v\":3}")]);
        script.build(2).import(&plan("*.json", "file"))
    };
    let [one, other] = ["{\"v\":0}", "{\"v\":1}"].map(history);
    let author =
        |history: &crate::repository::History, at: usize| history.steps[at]["author"].clone();
    assert_eq!(
        author(&one, 0),
        author(&one, 1),
        "one e-mail, however it is written"
    );
    assert_ne!(author(&one, 0), author(&one, 2));
    assert_ne!(author(&one, 0), author(&other, 0));
    assert_eq!(one.summary.authors, 2);
    assert_eq!(one.commits[2]["bot"], true);
    assert_eq!(one.commits[1].get("bot"), None);
    let name = author(&one, 0);
    let name = name.as_str().unwrap();
    let digits = name.strip_prefix('a').unwrap();
    assert!(
        digits.len() == 10 && digits.chars().all(|c| c.is_ascii_hexdigit()),
        "{name}"
    );
    for lines in [&one.steps, &one.commits] {
        let written = serde_json::to_string(lines).unwrap();
        assert!(!written.contains("example.com"), "{written}");
    }
}
