//! Checks over the whole tree: layers, sizes, the top level, planted bugs.
//!
//! They are tests, so that `cargo test --workspace` is all that anybody has to run.

#[cfg(test)]
mod layers;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod top_level;

#[cfg(test)]
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the tree is there")
}
