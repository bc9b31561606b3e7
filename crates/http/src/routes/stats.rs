//! `/stats` and `/indexes/{uid}/stats`.

use axum::Json;
use axum::extract::{RawQuery, State};
use futures::future::join_all;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::IndexUid;
use miroir_search::{IndexNumbers, SearchError};
use serde_json::{Map, Value, json};

use crate::app::{App, served};
use crate::error::ApiError;
use crate::params::Params;
use crate::path::Path;

/// How a size looks. Sizes on disk are the nodes' own affair and are not summed: they are 0.
fn size_format(query: Option<&str>) -> Result<Value, ResponseError> {
    let mut params = Params::parse(query);
    params.boolean("showInternalDatabaseSizes", ErrorCode::InvalidStatsShowInternalDatabaseSizes)?;
    let nothing = match params.one_of("sizeFormat", &["human", "raw"], ErrorCode::InvalidStatsSizeFormat)? {
        Some("human") => json!("0 B"),
        _ => json!(0),
    };
    params.finish(&["showInternalDatabaseSizes", "sizeFormat"])?;
    Ok(nothing)
}

fn view(numbers: &IndexNumbers, size: &Value) -> Value {
    json!({
        "numberOfDocuments": numbers.documents,
        "rawDocumentDbSize": size,
        "avgDocumentSize": size,
        "isIndexing": numbers.indexing,
        "numberOfEmbeddings": numbers.sums.embeddings,
        "numberOfEmbeddedDocuments": numbers.sums.embedded_documents,
        "fieldDistribution": numbers.sums.fields,
    })
}

pub(crate) async fn index(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let size = size_format(query.as_deref())?;
    served(&*app.fresh_state().await?, &uid)?;
    Ok(Json(view(&app.searcher().numbers(&uid).await?, &size)))
}

pub(crate) async fn all(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, ApiError> {
    let size = size_format(query.as_deref())?;
    let state = app.fresh_state().await?;
    let served = state.names.served.iter();
    let last_update = served.clone().filter_map(|(_, id)| Some(state.indexes.get(id)?.updated_at)).max();
    let searcher = app.searcher();
    let asked = served.map(|(uid, _)| async move { (uid, searcher.numbers(uid).await) });
    let mut indexes = Map::new();
    for (uid, numbers) in join_all(asked).await {
        match numbers {
            Ok(numbers) => drop(indexes.insert(uid.to_string(), view(&numbers, &size))),
            // It went while the others were asked.
            Err(SearchError::IndexNotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(json!({
        "databaseSize": size,
        "usedDatabaseSize": size,
        "lastUpdate": last_update.map(|at| at.to_rfc3339()),
        "indexes": indexes,
    })))
}
