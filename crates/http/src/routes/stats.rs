//! `/stats` and `/indexes/{uid}/stats`.

use axum::Json;
use axum::extract::State;
use miroir_model::IndexUid;
use miroir_search::IndexNumbers;
use serde_json::{Map, Value, json};

use crate::app::{App, served};
use crate::error::ApiError;
use crate::path::Path;

/// Sizes on disk are the nodes' own affair and are not summed: they are 0.
fn view(numbers: &IndexNumbers) -> Value {
    json!({
        "numberOfDocuments": numbers.documents,
        "rawDocumentDbSize": 0,
        "avgDocumentSize": 0,
        "isIndexing": numbers.indexing,
        "numberOfEmbeddings": 0,
        "numberOfEmbeddedDocuments": 0,
        "fieldDistribution": numbers.fields,
    })
}

pub(crate) async fn index(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<Value>, ApiError> {
    let uid: IndexUid = uid.parse()?;
    served(&*app.fresh_state().await?, &uid)?;
    Ok(Json(view(&app.searcher().numbers(&uid).await?)))
}

pub(crate) async fn all(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let state = app.fresh_state().await?;
    let mut indexes = Map::new();
    let mut last_update = None;
    for (uid, id) in &state.names.served {
        last_update = last_update.max(state.indexes.get(id).map(|index| index.updated_at));
        indexes.insert(uid.to_string(), view(&app.searcher().numbers(uid).await?));
    }
    Ok(Json(json!({
        "databaseSize": 0,
        "usedDatabaseSize": 0,
        "lastUpdate": last_update.map(|at| at.to_rfc3339()),
        "indexes": indexes,
    })))
}
