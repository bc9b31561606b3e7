//! Reading documents back, in the order of their internal ids. These routes ignore `displayedAttributes`, as Meilisearch's
//! do.

use milli::constants::RESERVED_VECTORS_FIELD_NAME;
use milli::heed::RoTxn;
use milli::{DocumentId, Index, Object};
use roaring::RoaringBitmap;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::search::{parse_filter, select_values};

/// What to read.
#[derive(Debug, Clone)]
pub(crate) struct Browse {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    /// Absent: all of them.
    pub(crate) fields: Option<Vec<String>>,
    pub(crate) vectors: bool,
    pub(crate) filter: Option<Value>,
    pub(crate) ids: Option<Vec<String>>,
}

/// A page of documents and how many match.
///
/// # Errors
/// `invalid_document_filter` or an error of the disk.
pub(crate) fn browse(index: &Index, query: &Browse) -> Result<(u64, Vec<Object>), ApiError> {
    let txn = index.read_txn()?;
    let mut candidates = index.documents_ids(&txn)?;
    if let Some(ids) = &query.ids {
        let mut named = RoaringBitmap::new();
        for id in ids {
            named.extend(index.external_documents_ids().get(&txn, id)?);
        }
        candidates &= named;
    }
    if let Some(filter) = &query.filter
        && let Some(filter) = parse_filter(filter, "invalid_document_filter")?
    {
        let matching = filter
            .evaluate(&txn, index)
            .map_err(|error| ApiError::from(&error).filter_as("invalid_document_filter"))?;
        candidates &= matching;
    }
    let total = candidates.len();
    let mut documents = Vec::new();
    for id in candidates.iter().skip(query.offset).take(query.limit) {
        documents.push(read(index, &txn, id, query.fields.as_deref(), query.vectors)?);
    }
    Ok((total, documents))
}

/// One document.
///
/// # Errors
/// `document_not_found` or an error of the disk.
pub(crate) fn one(
    index: &Index,
    id: &str,
    fields: Option<&[String]>,
    vectors: bool,
) -> Result<Object, ApiError> {
    let txn = index.read_txn()?;
    let Some(internal) = index.external_documents_ids().get(&txn, id)? else {
        return Err(ApiError::new("document_not_found", format!("Document `{id}` not found.")));
    };
    read(index, &txn, internal, fields, vectors)
}

fn read(
    index: &Index,
    txn: &RoTxn<'_>,
    id: DocumentId,
    fields: Option<&[String]>,
    vectors: bool,
) -> Result<Object, ApiError> {
    let names = index.fields_ids_map(txn)?;
    let mut document = milli::all_obkv_to_json(index.document(txn, id)?, &names)?;
    let user = document.remove(RESERVED_VECTORS_FIELD_NAME);
    if vectors {
        document.insert(RESERVED_VECTORS_FIELD_NAME.to_owned(), with_vectors(index, txn, id, user)?);
    }
    Ok(match fields {
        None => document,
        Some(fields) => {
            let extra = vectors.then_some(RESERVED_VECTORS_FIELD_NAME);
            select_values(&document, fields.iter().map(String::as_str).chain(extra))
        }
    })
}

/// What `retrieveVectors` shows: the vectors of each embedder, and what the document says of unknown ones.
///
/// # Errors
/// An error of the disk.
pub(crate) fn with_vectors(
    index: &Index,
    txn: &RoTxn<'_>,
    id: DocumentId,
    user: Option<Value>,
) -> milli::Result<Value> {
    let mut shown = match user {
        Some(Value::Object(map)) => map,
        _ => Object::new(),
    };
    let configs = index.embedding_configs(txn)?;
    for (name, embeddings) in index.embeddings(txn, id)? {
        let provided = configs.iter().any(|config| config.name == name && config.user_provided.contains(id));
        shown.insert(name, json!({ "embeddings": embeddings, "regenerate": !provided }));
    }
    Ok(Value::Object(shown))
}
