//! The top level holds what was agreed, and nothing of anybody's machine.

use std::process::Command;

const AGREED: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "crates", "proto", "deploy", "tests", "scripts", "README.md", "LICENSE"];

fn tracked() -> Vec<String> {
    let output =
        Command::new("git").args(["ls-files"]).current_dir(crate::root()).output().expect("git runs");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn the_top_level_is_as_agreed() {
    let first = |path: &String| path.split('/').next().unwrap_or_default().to_owned();
    let mut strangers: Vec<_> = tracked().iter().map(first).collect();
    strangers.retain(|name| !name.starts_with('.') && !AGREED.contains(&name.as_str()));
    strangers.dedup();
    assert!(strangers.is_empty(), "not on the agreed top level: {strangers:?}");
}
