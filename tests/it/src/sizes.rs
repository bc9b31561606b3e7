//! Files stay small. Functions and arguments are clippy's (`.clippy.toml`).

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES: usize = 500;
const MEDIAN_LINES: usize = 150;

/// Source files of the product: tests and benches may be longer.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in
        fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be read"))
    {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            if !["tests", "benches", "fixtures", "target"].contains(&name.as_str()) {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

fn lengths() -> Vec<(usize, PathBuf)> {
    let mut files = Vec::new();
    sources(&crate::root().join("crates"), &mut files);
    let length = |path: PathBuf| (fs::read_to_string(&path).expect("source is text").lines().count(), path);
    let mut lengths: Vec<_> = files.into_iter().map(length).collect();
    lengths.sort();
    lengths
}

#[test]
fn no_file_is_long() {
    let long: Vec<_> = lengths().into_iter().filter(|(lines, _)| *lines > FILE_LINES).collect();
    assert!(long.is_empty(), "files over {FILE_LINES} lines; is there a room missing? {long:#?}");
}

#[test]
fn the_median_file_is_short() {
    let lengths = lengths();
    assert!(!lengths.is_empty());
    let (median, path) = &lengths[lengths.len() / 2];
    assert!(*median < MEDIAN_LINES, "the median file has {median} lines ({})", path.display());
}
