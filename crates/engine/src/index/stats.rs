//! Figures and dates of one index.

use milli::heed::RoTxn;
use milli::{Index, Result};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// The object of `GET /indexes/{uid}/stats`.
pub(crate) fn stats(index: &Index, txn: &RoTxn<'_>, is_indexing: bool) -> Result<Value> {
    let documents = index.documents_stats(txn)?.unwrap_or_default();
    let vectors = index.arroy_stats(txn)?;
    Ok(json!({
        "numberOfDocuments": index.number_of_documents(txn)?,
        "rawDocumentDbSize": documents.total_size(),
        "avgDocumentSize": documents.average_value_size(),
        "isIndexing": is_indexing,
        "numberOfEmbeddings": vectors.number_of_embeddings,
        "numberOfEmbeddedDocuments": vectors.documents.len(),
        "fieldDistribution": index.field_distribution(txn)?,
    }))
}

/// When the index was created and last changed.
pub(crate) fn dates(index: &Index, txn: &RoTxn<'_>) -> Result<(OffsetDateTime, OffsetDateTime)> {
    Ok((index.created_at(txn)?, index.updated_at(txn)?))
}
