//! A crate uses only crates of the rows above it, and only some use the heavy libraries.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

/// The crates as the table of `crates/README.md` has them.
struct Floors {
    /// Bottom up.
    rows: Vec<String>,
    /// The first so many rows are pure.
    pure: usize,
}

impl Floors {
    fn read() -> Self {
        let house = fs::read_to_string(crate::root().join("crates/README.md")).expect("the map of the house");
        let table = house.lines().skip_while(|line| *line != "| crate | what it knows |").skip(2);
        let first = table.take_while(|line| line.starts_with('|')).map(|line| line[1..].split('|').next());
        let cells: Vec<&str> = first.map(|cell| cell.unwrap_or_default().trim()).collect();
        let pure = cells.iter().position(|cell| cell.starts_with('─')).expect("a line below what is pure");
        let names = cells.iter().filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        Self { rows: names.map(str::to_owned).collect(), pure }
    }

    fn row(&self, package: &str) -> Option<usize> {
        let name = package.strip_prefix("miroir-")?;
        self.rows.iter().position(|row| row == name)
    }
}

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

#[test]
fn a_crate_uses_only_rows_above_it() {
    let (floors, mut wrong) = (Floors::read(), Vec::new());
    for (package, uses) in dependencies() {
        let Some(at) = floors.row(&package) else { continue };
        for used in &uses {
            if floors.row(used).is_some_and(|used| used >= at) {
                wrong.push(format!("{package} uses {used}, which stands below it"));
            }
            if at < floors.pure && IMPURE.contains(&used.as_str()) {
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
    let (floors, known) = (Floors::read(), dependencies());
    let rows = known.keys().filter(|package| package.starts_with("miroir-") && floors.row(package).is_none());
    let strangers: Vec<_> = rows.filter(|package| !TEST_PACKAGES.contains(&package.as_str())).collect();
    assert!(strangers.is_empty(), "no row for {strangers:?}: add it to crates/README.md");
    let gone: Vec<_> =
        floors.rows.iter().filter(|row| !known.contains_key(&format!("miroir-{row}"))).collect();
    assert!(gone.is_empty(), "crates/README.md has rows for {gone:?}, which are no crates");
}

const TEST_PACKAGES: [&str; 4] = ["miroir-it", "miroir-differential", "miroir-e2e", "miroir-bench"];
