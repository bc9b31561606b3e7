//! The documents: cities, as many as are asked for.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Cities as raw JSON, with ids of their own. The excerpt in the repository is repeated under new names where the file
/// has too few.
pub(crate) fn cities(count: usize) -> Vec<String> {
    let excerpt = Path::new(env!("CARGO_MANIFEST_DIR")).join("../differential/data");
    let folder = std::env::var_os("MIROIR_DATA").map_or(excerpt, PathBuf::from);
    let text = std::fs::read_to_string(folder.join("cities.ndjson")).expect("MIROIR_DATA has cities.ndjson");
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() >= count {
        return lines[..count].iter().map(ToString::to_string).collect();
    }
    (0..count).map(|n| repeated(lines[n % lines.len()], n, n / lines.len())).collect()
}

/// One more city of the same kind: another id, and a name that most of its likes do not have.
fn repeated(line: &str, id: usize, round: usize) -> String {
    let mut city: Value = serde_json::from_str(line).expect("a line is a document");
    city["id"] = id.into();
    if round > 0 {
        let name = city["name"].as_str().unwrap_or_default();
        let moved: String = name.chars().cycle().skip(round % 5).take(name.chars().count()).collect();
        city["name"] = format!("{moved} {}", SUFFIXES[round % SUFFIXES.len()]).into();
    }
    city.to_string()
}

const SUFFIXES: [&str; 7] = ["North", "Upper", "Old", "Harbour", "Mills", "East", "Springs"];

/// Words that occur in the documents, in an order that is always the same.
pub(crate) fn queries(cities: &[String], count: usize) -> Vec<String> {
    let step = (cities.len() / count).max(1);
    let names = cities.iter().step_by(step).filter_map(|line| {
        let city: Value = serde_json::from_str(line).ok()?;
        Some(city["name"].as_str()?.to_owned())
    });
    // Some whole names, some beginnings, as people type.
    names.enumerate().map(|(n, name)| name.chars().take(if n % 3 == 0 { 4 } else { 40 }).collect()).collect()
}
