//! The bugs that `scripts/planted` plants still fit the code: one that does not would go unnoticed until it is planted.

use std::fs;
use std::process::Command;

#[test]
fn every_planted_bug_fits_the_code() {
    let root = crate::root();
    let folder = fs::read_dir(root.join("scripts/planted.d")).expect("the planted bugs");
    let patches: Vec<_> = folder.map(|entry| entry.expect("it can be read").path()).collect();
    assert!(patches.len() >= 8, "{patches:?}");
    for patch in patches {
        let check = Command::new("git").args(["apply", "--check"]).arg(&patch).current_dir(&root).output();
        let check = check.expect("git runs");
        let told = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{} does not apply any more: {told}", patch.display());
        let text = fs::read_to_string(&patch).expect("a patch is text");
        assert!(text.starts_with("# test: "), "{} does not say which test catches it", patch.display());
    }
}
