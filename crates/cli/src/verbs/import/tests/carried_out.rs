//! Imports at a relay in memory.

use super::super::mapping::Mapping;
use super::super::{Report, import};
use crate::control::Progress;
use crate::editing::Place;
use crate::exit::Failure;
use crate::host::Host;
use crate::world::World;
use cairn_projection::{Record, State};
use std::io::Write;
use std::path::Path;

/// A relay, and a folder for files.
struct Site {
    world: World,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        Site {
            world: World::new().await,
            folder,
        }
    }

    async fn import(&self, files: &[(&str, &str)], mapping: &str) -> Result<Report, Failure> {
        for (name, text) in files {
            std::fs::write(self.folder.path().join(name), text).expect("a file");
        }
        self.import_from(self.folder.path(), mapping).await
    }

    async fn import_from(&self, folder: &Path, mapping: &str) -> Result<Report, Failure> {
        import_at(&self.world.host(), folder, mapping).await
    }

    /// A field of the account with this number, as text.
    async fn account(&self, number: &'static str, field: &'static str) -> String {
        let look = move |state: &State| {
            let definition = State::definition(state);
            let record_type = definition.type_named("account").expect("a type");
            let [key, field] =
                ["number", field].map(|name| record_type.field_named(name).expect("a field"));
            let is_it = |record: &&Record| {
                record.record_type == record_type.id
                    && record
                        .value(key.id)
                        .is_some_and(|value| value.to_string() == number)
            };
            let record = state.records().find(is_it).expect("an account");
            record
                .field(field.id)
                .map(|held| held.to_text(&field.kind))
                .unwrap_or_default()
        };
        self.world.look(look).await
    }
}

async fn import_at(host: &Host, folder: &Path, mapping: &str) -> Result<Report, Failure> {
    let mapping = Mapping::parse(mapping).expect("a right mapping");
    let (progress, _steps) = Progress::channel();
    import(&Place::from(host), &mapping, folder, &progress).await
}

/// Created, changed, unchanged and left out, table by table.
fn counts(report: &Report) -> Vec<[u64; 4]> {
    let table = |table: &super::super::TableReport| {
        [
            table.created,
            table.updated,
            table.unchanged,
            table.left_out,
        ]
    };
    report.tables.iter().map(table).collect()
}

/// Row, column and the beginning of the reason.
fn faults(report: &Report) -> Vec<(u64, String, String)> {
    let faults = report.tables.iter().flat_map(|table| &table.faults);
    faults
        .map(|fault| {
            (
                fault.row,
                fault.column.clone().unwrap_or_default(),
                fault.reason.clone(),
            )
        })
        .collect()
}

const ACCOUNTS: &str = "
[[table]]
file = \"accounts.csv\"
type = \"account\"
key = \"No\"
[table.fields]
number = \"No\"
name = { text = \"{Name} ({No})\" }
relation = { column = \"Kind\", map = { \"c\" = \"customer\", \"\" = \"prospect\", \"*\" = \"partner\" } }
parent = { column = \"Of\", lookup = \"account.number\" }
credit_limit = { text = \"{Limit} USD\" }
tags = { column = \"Tags\", split = \";\" }
";

#[tokio::test]
async fn a_second_run_doubles_nothing_and_a_third_changes_what_differs() {
    let site = Site::new().await;
    let first = "No,Name,Kind,Of,Limit,Tags\n1,One,c,2,10.50,a; b\n2,Two,x,,,\n";
    let report = site
        .import(&[("accounts.csv", first)], ACCOUNTS)
        .await
        .expect("an import");
    assert_eq!(counts(&report), [[2, 0, 0, 0]], "{report:?}");
    assert_eq!(site.account("1", "name").await, "One (1)");
    assert_eq!(site.account("1", "tags").await, "a, b");
    assert_eq!(site.account("2", "relation").await, "partner");
    assert_eq!(site.account("1", "credit_limit").await, "10.5 USD");
    let before = site.world.look(State::version).await;
    let report = site.import(&[], ACCOUNTS).await.expect("an import");
    assert_eq!(counts(&report), [[0, 0, 2, 0]]);
    assert_eq!(site.world.look(State::version).await, before);
    let third = "No,Name,Kind,Of,Limit,Tags\n1,One,,2,,b\n2,Two,x,,,\n3,Three,c,1,,\n";
    let report = site
        .import(&[("accounts.csv", third)], ACCOUNTS)
        .await
        .expect("an import");
    assert_eq!(counts(&report), [[1, 1, 1, 0]]);
    assert_eq!(site.account("1", "relation").await, "prospect");
    assert_eq!(site.account("1", "tags").await, "b");
    assert_eq!(site.account("1", "credit_limit").await, "");
}

#[tokio::test]
async fn counters_that_a_device_imports_are_pointed_out() {
    const STOCK: &str = "\
[[table]]
file = \"stock.csv\"
type = \"product\"
key = \"No\"
[table.fields]
number = \"No\"
name = \"No\"
on_hand = \"Stock\"
";
    let site = Site::new().await;
    let [ada, ben] = [
        site.world.device("amara", 1).await,
        site.world.device("callum", 2).await,
    ];
    let stock = [("stock.csv", "No,Stock\nP-1,7\n")];
    let at_relay = site.import(&stock, STOCK).await.expect("an import");
    assert_eq!(at_relay.tables[0].notes, [""; 0]);
    let more = "No,Stock\nP-1,7\nP-2,5\n";
    std::fs::write(site.folder.path().join("stock.csv"), more).expect("a file");
    for device in [&ada, &ben] {
        let report = import_at(&device.host, site.folder.path(), STOCK).await;
        let notes = &report.expect("an import").tables[0].notes;
        assert!(
            notes.len() == 1 && notes[0].starts_with("`on_hand` is a counter"),
            "{notes:?}"
        );
    }
    for device in [&ada, &ben] {
        device.sync().await;
    }
    // What the note warns of: neither had seen the other's work, nor the relay's.
    let on_hand = |state: &State| {
        let products = State::definition(state)
            .type_named("product")
            .expect("a type");
        let field = products.field_named("on_hand").expect("a field");
        let records = state
            .records()
            .filter(|record| record.record_type == products.id);
        let counts = records.filter_map(|record| record.field(field.id));
        counts
            .map(|held| held.to_text(&field.kind))
            .collect::<Vec<_>>()
    };
    let mut counts = site.world.look(on_hand).await;
    counts.sort();
    assert_eq!(counts, ["10", "21"]);
}

#[tokio::test]
async fn wrong_rows_are_told_and_the_others_are_in() {
    let site = Site::new().await;
    let rows = "No,Name,Kind,Of,Limit,Tags\n\
        1,One,c,,,\n\
        2,Two,c,9,,\n\
        1,Again,c,,,\n\
        ,Nobody,c,,,\n\
        5,Five,c,,much,\n\
        6,Six,c,7,,\n\
        7,Seven,c,6,,\n\
        8,Eight,c,1,,\n";
    let report = site
        .import(&[("accounts.csv", rows)], ACCOUNTS)
        .await
        .expect("an import");
    assert_eq!(counts(&report), [[2, 0, 0, 6]]);
    let told: Vec<(u64, String)> = faults(&report)
        .into_iter()
        .map(|(row, column, _)| (row, column))
        .collect();
    let expected = [
        (3, "Of"),
        (4, "No"),
        (5, "No"),
        (6, "Limit"),
        (7, "Of"),
        (8, "Of"),
    ];
    assert_eq!(told, expected.map(|(row, column)| (row, column.to_owned())));
    let reasons: Vec<String> = faults(&report)
        .into_iter()
        .map(|(_, _, reason)| reason)
        .collect();
    assert_eq!(
        reasons[0],
        "parent: there is no account with number `9`; import it first, or correct the cell"
    );
    assert_eq!(
        reasons[1],
        "row 2 is of the same record already; keep one of the two"
    );
    assert_eq!(reasons[2], "it is empty, and rows are told apart by it");
    let rejected = site.world.look(|state| state.issues().len()).await;
    assert_eq!(rejected, 0, "nothing wrong reaches the ledger");
}

#[tokio::test]
async fn rows_without_a_key_are_told_apart_by_what_they_say() {
    let site = Site::new().await;
    let mapping =
        "[[table]]\nfile = \"n.jsonl\"\ntype = \"account\"\n[table.fields]\nname = \"name\"\n";
    let rows = "{\"name\":\"A\"}\n{\"name\":\"A\"}\n{\"name\":\"B\"}\n";
    let report = site
        .import(&[("n.jsonl", rows)], mapping)
        .await
        .expect("an import");
    assert_eq!(counts(&report), [[3, 0, 0, 0]]);
    let report = site.import(&[], mapping).await.expect("an import");
    assert_eq!(counts(&report), [[0, 0, 3, 0]]);
}

#[tokio::test]
async fn a_wrong_mapping_writes_nothing() {
    let site = Site::new().await;
    let mapping = "[[table]]\nfile = \"a.csv\"\ntype = \"acount\"\n[table.fields]\n\
        [[table]]\nfile = \"a.csv\"\ntype = \"account\"\n[table.fields]\nnam = \"x\"\nparent = { column = \"p\", lookup = \"contact.number\" }\n";
    let failure = site
        .import(&[("a.csv", "x\n1\n")], mapping)
        .await
        .expect_err("a wrong mapping");
    for part in [
        "table 1 (acount)",
        "no record type `acount`",
        "no field `nam`",
        "cannot point at a `contact`",
    ] {
        assert!(failure.message.contains(part), "{part} in {failure}");
    }
    let right = "[[table]]\nfile = \"a.csv\"\ntype = \"account\"\n[table.fields]\nname = \"y\"\n";
    let failure = site.import(&[], right).await.expect_err("a missing column");
    assert!(
        failure
            .message
            .contains("there is no column y; its columns are x"),
        "{failure}"
    );
}

#[tokio::test]
async fn the_northwind_tables_keep_all_keys_and_lookups() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = root.join("../shared/data/crm-northwind");
    if !data.is_dir() {
        // Past the test harness, which keeps what is printed to itself.
        let line = "shared/data/crm-northwind is not there: its import is not tried";
        return writeln!(std::io::stderr(), "{line}").expect("standard error");
    }
    let mapping =
        std::fs::read_to_string(root.join("tests/data/northwind.toml")).expect("the mapping");
    let site = Site::new().await;
    let report = site.import_from(&data, &mapping).await.expect("an import");
    assert_eq!(faults(&report), [], "no row is left out");
    let created: Vec<u64> = report.tables.iter().map(|table| table.created).collect();
    assert_eq!(created, [9, 91, 91, 0, 29, 29, 0, 77, 830, 2155]);
    let again = site.import_from(&data, &mapping).await.expect("an import");
    let unchanged: u64 = again.tables.iter().map(|table| table.unchanged).sum();
    assert_eq!(
        unchanged,
        again.tables.iter().map(|table| table.rows).sum::<u64>()
    );
    let without = site
        .world
        .look(|state| {
            let definition = State::definition(state);
            let lookups = [
                ("work_order", "account"),
                ("work_order", "owner"),
                ("work_order_product", "work_order"),
            ];
            let lookups = lookups
                .into_iter()
                .chain([("work_order_product", "product"), ("contact", "account")]);
            lookups
                .filter(|(type_name, field)| {
                    let record_type = definition.type_named(type_name).expect("a type");
                    let field = record_type.field_named(field).expect("a field").id;
                    state.records().any(|record| {
                        record.record_type == record_type.id && record.value(field).is_none()
                    })
                })
                .count()
        })
        .await;
    assert_eq!(without, 0, "every lookup is kept");
}
