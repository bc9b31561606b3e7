//! Embedders, kept open: a local model would otherwise be loaded again for every batch and search.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use milli::heed::RoTxn;
use milli::vector::{Embedder, EmbedderOptions, EmbeddingConfigs};
use milli::{Index, Result};

/// Texts whose vectors an embedder remembers.
const CACHE: usize = 0;

#[derive(Default)]
pub(crate) struct Embedders(Mutex<HashMap<EmbedderOptions, Arc<Embedder>>>);

impl Embedders {
    /// The embedders that an index's settings name.
    ///
    /// # Errors
    /// When one cannot be built, for instance because its service does not answer.
    pub(crate) fn of(&self, index: &Index, txn: &RoTxn<'_>) -> Result<EmbeddingConfigs> {
        let mut embedders = HashMap::new();
        for config in index.embedding_configs(txn)? {
            let quantized = config.config.quantized.unwrap_or_default();
            let prompt = config.config.prompt.try_into().map_err(milli::Error::from)?;
            let embedder = self.open(config.config.embedder_options)?;
            embedders.insert(config.name, (embedder, Arc::new(prompt), quantized));
        }
        Ok(EmbeddingConfigs::new(embedders))
    }

    fn open(&self, options: EmbedderOptions) -> Result<Arc<Embedder>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(embedder) = known.get(&options) {
            return Ok(embedder.clone());
        }
        let built = Embedder::new(options.clone(), CACHE).map_err(milli::vector::Error::from)?;
        let embedder = Arc::new(built);
        known.insert(options, embedder.clone());
        Ok(embedder)
    }
}
