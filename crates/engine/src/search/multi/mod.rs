//! Answering several searches at once (`meilisearch/src/search/federated` of 1.50), each on its own or all with
//! one list of hits.
//!
//! Three checks of 1.50 are left out: that the queries' rankings can be compared, that merged facets have one
//! order in all indexes, and that facets of an index no query names are right. The cluster checks these; a node is
//! not asked such things.

mod compare;
mod distinct;
mod facets;
mod list;
mod of_index;
mod request;

use serde_json::{Map, Value, json};

use super::run;
use crate::engine::Engine;
use crate::error::ApiError;

use request::MultiQuery;
pub(crate) use request::MultiSearch;

impl MultiSearch {
    /// Runs all queries.
    ///
    /// # Errors
    /// That of the first query which has one.
    pub(crate) fn run(&self, engine: &Engine) -> Result<Value, ApiError> {
        if let Some(federation) = &self.federation {
            return list::run(engine, &self.queries, federation);
        }
        let results = self
            .queries
            .iter()
            .map(|query| run_alone(engine, query).map_err(|error| error.in_query(query.position)));
        let results: Vec<Value> = results.collect::<Result<_, _>>()?;
        Ok(json!({ "results": results }))
    }
}

fn run_alone(engine: &Engine, query: &MultiQuery) -> Result<Value, ApiError> {
    if query.weight.is_some() {
        let text = "Using `federationOptions` is not allowed in a non-federated search.\n - Hint: remove \
                    `federationOptions` from the query or add `federation` to the request.";
        return Err(ApiError::new("invalid_multi_search_federation_options", text));
    }
    let index = engine.index(&query.uid)?;
    let answer = run(&query.uid, &index, &engine.embedders, &query.search)?;
    let mut result = Map::from_iter([("indexUid".to_owned(), json!(query.uid))]);
    if let Value::Object(members) = answer {
        result.extend(members);
    }
    Ok(Value::Object(result))
}
