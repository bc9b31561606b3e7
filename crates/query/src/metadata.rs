//! What an answer tells of its searches where its user asks for that (the header `Meili-Include-Metadata`).

use crate::merge::{ObjectWriter, write_string};
use crate::plan::Plan;

/// One search. Which index it is of is known by whoever tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Described {
    query: Option<String>,
    primary_key: Option<String>,
}

impl Described {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self { query: plan.request.q.clone(), primary_key: plan.primary_key.clone() }
    }

    /// Meilisearch's `SearchMetadata`.
    pub(crate) fn write(&self, query_uid: &str, index_uid: &str, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        if let Some(query) = &self.query {
            write_string(object.name("query"), query);
        }
        write_string(object.name("queryUid"), query_uid);
        write_string(object.name("indexUid"), index_uid);
        if let Some(key) = &self.primary_key {
            write_string(object.name("primaryKey"), key);
        }
        object.end();
    }
}
