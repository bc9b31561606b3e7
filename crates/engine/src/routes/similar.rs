//! Documents like another one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::search::threshold;
use super::{Answer, Params, Payload, Shared, Token, blocking, read_object};
use crate::error::ApiError;
use crate::search::{SimilarQuery, find_similar};

pub(super) async fn post(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Answer {
    token.allows(&engine, "search", Some(&uid))?;
    run(engine, uid, SimilarQuery::parse(read_object(&headers, &body)?)?).await
}

pub(super) async fn get(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    params: Params,
) -> Answer {
    token.allows(&engine, "search", Some(&uid))?;
    run(engine, uid, SimilarQuery::parse(body_of(params)?)?).await
}

async fn run(engine: Shared, uid: String, query: SimilarQuery) -> Answer {
    blocking(engine, move |engine| find_similar(&engine.index(&uid)?, &engine.embedders, &query).map(Json))
        .await
}

/// The body that says what a query string says.
fn body_of(mut params: Params) -> Result<Map<String, Value>, ApiError> {
    let mut body = Map::new();
    for (name, code) in [("offset", "invalid_similar_offset"), ("limit", "invalid_similar_limit")] {
        body.extend(params.size(name, code)?.map(|size| (name.to_owned(), json!(size))));
    }
    for (name, code) in [
        ("retrieveVectors", "invalid_similar_retrieve_vectors"),
        ("showRankingScore", "invalid_similar_show_ranking_score"),
        ("showRankingScoreDetails", "invalid_similar_show_ranking_score_details"),
    ] {
        body.insert(name.to_owned(), json!(params.flag(name, code)?));
    }
    let names = params.list("attributesToRetrieve");
    body.extend(names.map(|names| ("attributesToRetrieve".to_owned(), json!(names))));
    body.extend(params.filter().map(|filter| ("filter".to_owned(), filter)));
    let threshold = threshold(&mut params, "invalid_similar_ranking_score_threshold")?;
    body.extend(threshold.map(|threshold| ("rankingScoreThreshold".to_owned(), json!(threshold))));
    let (id, embedder) = (params.text("id"), params.text("embedder"));
    params.finish()?;
    for (name, text) in [("id", id), ("embedder", embedder)] {
        let missing = || ApiError::new("bad_request", format!("Missing parameter `{name}`"));
        body.insert(name.to_owned(), Value::String(text.ok_or_else(missing)?));
    }
    Ok(body)
}
