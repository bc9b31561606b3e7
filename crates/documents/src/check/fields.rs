//! How many fields the documents of a batch have together.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

/// Fields that an index may have beside the reserved one.
const LIMIT: usize = 65_535;

/// The names seen, by hash: documents mostly have the names of the one before, in the same order, and then nothing is
/// looked up.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    seen: HashSet<u64>,
    /// The name last seen at each position of a document; no longer than [`LIMIT`].
    shape: Vec<u64>,
}

impl Fields {
    /// Notes the name of the member at this position of a document.
    pub(crate) fn see(&mut self, position: usize, name: &str) {
        let hash = xxh3_64(name.as_bytes());
        if self.shape.get(position) == Some(&hash) {
            return;
        }
        if position < self.shape.len() {
            self.shape[position] = hash;
        } else if self.shape.len() < LIMIT {
            self.shape.push(hash);
        }
        if !self.too_many() {
            self.seen.insert(hash);
        }
    }

    /// Whether the documents so far have more fields than an index can.
    pub(crate) fn too_many(&self) -> bool {
        self.seen.len() > LIMIT
    }
}
