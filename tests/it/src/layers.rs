//! A crate uses only crates of the rows above it, and only some use the heavy libraries.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// The crates, bottom up: architecture of the house as `crates/README.md` tells it.
const ROWS: [&str; 21] = [
    "model",
    "api",
    "documents",
    "settings",
    "placement",
    "tasks",
    "cluster",
    "query",
    "fault",
    "wire",
    "node",
    "consensus",
    "lanes",
    "search",
    "rebalancer",
    "http",
    "admin",
    "engine",
    "server",
    "ctl",
    "testkit",
];
/// The first so many rows are pure.
const PURE: usize = 8;
/// What no pure crate may use.
const IMPURE: [&str; 9] =
    ["tokio", "tonic", "axum", "hyper", "reqwest", "sled", "openraft", "rand", "tracing-subscriber"];

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(crate::root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    (packages.iter())
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            let kept = all.iter().filter(|dependency| dependency["kind"] != "dev");
            (text(&package["name"]), kept.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

fn row(package: &str) -> Option<usize> {
    let name = package.strip_prefix("miroir-")?;
    ROWS.iter().position(|row| *row == name)
}

#[test]
fn a_crate_uses_only_rows_above_it() {
    let mut wrong = Vec::new();
    for (package, uses) in dependencies() {
        let Some(at) = row(&package) else { continue };
        for used in &uses {
            if row(used).is_some_and(|used| used >= at) {
                wrong.push(format!("{package} uses {used}, which stands below it"));
            }
            if at < PURE && IMPURE.contains(&used.as_str()) {
                wrong.push(format!("{package} is pure and uses {used}"));
            }
            if used.starts_with("openraft") && package != "miroir-consensus" {
                wrong.push(format!("{package} uses {used}: only consensus may"));
            }
            if used.starts_with("milli") && package != "miroir-engine" {
                wrong.push(format!("{package} uses {used}: only engine may"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_has_its_row() {
    let known = dependencies();
    let rows = known.keys().filter(|package| package.starts_with("miroir-") && row(package).is_none());
    let strangers: Vec<_> = rows.filter(|package| !TEST_PACKAGES.contains(&package.as_str())).collect();
    assert!(strangers.is_empty(), "no row for {strangers:?}: add it to crates/README.md and here");
    assert!(known.contains_key("miroir-model"), "the metadata was read");
}

const TEST_PACKAGES: [&str; 4] = ["miroir-it", "miroir-differential", "miroir-e2e", "miroir-bench"];
