//! The story on real tables, where they are beside the checkout.

use crate::program::cairn;
use std::io::Write;

const TABLES: &str = "../shared/data/crm-northwind";
const MAPPING: &str = "tests/data/northwind.toml";

#[test]
fn the_story_ends_in_agreement_on_real_tables_too() {
    let root = cairn_tests::workspace::root();
    let (tables, mapping) = (root.join(TABLES), root.join(MAPPING));
    let (tables, mapping) = (tables.to_str().unwrap(), mapping.to_str().unwrap());
    let there = root.join(TABLES).is_dir();
    let done = if there {
        cairn(&["demo", "--data", tables, "--mapping", mapping])
    } else {
        // Past the test harness, which keeps what is printed to itself.
        let line = "shared/data/crm-northwind is not there: the story runs on the sample instead";
        writeln!(std::io::stderr(), "{line}").unwrap();
        cairn(&["demo"])
    };
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("digest"), "{done:?}");
}
