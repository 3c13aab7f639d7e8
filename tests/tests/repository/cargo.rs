//! What cargo knows about the workspace.

use std::collections::BTreeMap;
use std::process::Command;

use cairn_tests::workspace;
use serde_json::Value;

/// The packages of the workspace with the dependencies their manifests name.
pub(crate) fn members() -> Vec<Value> {
    let metadata = metadata(&["--no-deps"]);
    list(&metadata["packages"]).to_vec()
}

/// A library or program of the tree.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// Whether it comes from a registry and not from this repository.
    pub(crate) foreign: bool,
    /// The ids of what it links.
    pub(crate) links: Vec<String>,
}

/// Everything that is built on this platform, by package id.
pub(crate) fn tree() -> BTreeMap<String, Package> {
    let metadata = metadata(&["--filter-platform", &platform()]);
    let mut links = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let linked = list(&node["deps"]).iter().filter(|edge| is_linked(edge));
        let ids: Vec<String> = linked.map(|edge| text(&edge["pkg"]).to_owned()).collect();
        links.insert(text(&node["id"]).to_owned(), ids);
    }
    let package = |package: &Value| {
        let id = text(&package["id"]).to_owned();
        let links = links.remove(&id).unwrap_or_default();
        let name = text(&package["name"]).to_owned();
        let version = text(&package["version"]).to_owned();
        let license = package["license"].as_str().map(str::to_owned);
        (
            id,
            Package {
                name,
                version,
                license,
                foreign: !package["source"].is_null(),
                links,
            },
        )
    };
    list(&metadata["packages"]).iter().map(package).collect()
}

/// Whether an edge of the tree is a normal dependency: neither for builds nor for tests alone.
fn is_linked(edge: &Value) -> bool {
    list(&edge["dep_kinds"])
        .iter()
        .any(|kind| kind["kind"].is_null())
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or_else(|| panic!("cargo gave {value} for a list"), Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("cargo gave {value} for a text"))
}

fn metadata(arguments: &[&str]) -> Value {
    let shown = run(&[
        &["metadata", "--format-version", "1", "--offline"],
        arguments,
    ]
    .concat());
    serde_json::from_str(&shown).expect("cargo metadata is JSON")
}

/// The name of the platform this runs on. Cargo then needs only what is built here, all of
/// which is on the disk by the time a test runs.
fn platform() -> String {
    let version = run(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("cargo names its host").to_owned()
}

fn run(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(workspace::root())
        .output()
        .expect("cargo runs these tests, so it can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {} failed:\n{said}",
        arguments.join(" ")
    );
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}
