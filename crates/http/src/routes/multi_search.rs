//! `POST /multi-search`: several searches in one request, each with an answer of its own, or all with one list of hits.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use miroir_query::{Federation, MultiQuery, MultiRequest};
use miroir_search::{FederatedError, Found, Ids};

use crate::app::App;
use crate::body::{JsonBody, json, kept};
use crate::error::ApiError;
use crate::freshness::Settings;
use crate::partial::Missing;

/// How many searches of one request run at once. A slow one holds back only what does not fit beside it.
const AT_ONCE: usize = 16;

pub(crate) async fn post(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let MultiRequest { queries, federation } = miroir_query::multi_from_json(&body)?;
    let settings = Settings::of(&app, queries.iter().map(|query| query.index.clone()));
    let ids = super::search::ids(&headers);
    let mut response = match federation {
        Some(federation) => one_list(&app, queries, &federation, &ids).await.into_response(),
        None => results(&app, queries, &ids).await.into_response(),
    };
    settings.mark(&app, &mut response);
    Ok(response)
}

/// The hits of all searches as one list.
async fn one_list(
    app: &App,
    queries: Vec<MultiQuery>,
    federation: &Federation,
    ids: &Ids<'_>,
) -> Result<Response, ApiError> {
    let mut held = app.memory().begin()?;
    let mut charge = |bytes| app.memory().grow(&mut held, bytes).map_err(ApiError::into_told);
    let found = app.searcher().federated(queries, federation, ids, &mut charge).await;
    let found = found.map_err(|FederatedError { place, error }| match place {
        Some(place) => ApiError::from(error).inside_query(place),
        None => ApiError::from(error).inside_body(),
    })?;
    let mut missing = Missing::default();
    missing.add(&found);
    app.memory().grow(&mut held, found.answer.len())?;
    let mut response = json(kept(found.answer.into_bytes(), held));
    missing.mark(&mut response);
    Ok(response)
}

async fn results(app: &App, queries: Vec<MultiQuery>, ids: &Ids<'_>) -> Result<Response, ApiError> {
    let answers = queries.into_iter().enumerate().map(|(place, query)| async move {
        let uid = query.index.clone();
        let found = found(app, query, ids).await.map_err(|error| error.inside_query(place))?;
        Ok::<_, ApiError>((uid, found))
    });
    // In order, so that of several errors the first query's is told, as on one Meilisearch.
    let mut answers = stream::iter(answers).buffered(AT_ONCE);
    let mut text = String::from("{\"results\":[");
    let (mut held, mut missing) = (app.memory().begin()?, Missing::default());
    while let Some(answer) = answers.next().await {
        let (uid, found) = answer?;
        missing.add(&found);
        // The uid of an index has no character that JSON would escape, and an answer has members.
        let answer = found.answer.replacen('{', &format!("{{\"indexUid\":\"{uid}\","), 1);
        // What all of them have together is as unbounded as a body.
        app.memory().grow(&mut held, text.len() + answer.len())?;
        text.extend([if text.ends_with('[') { "" } else { "," }, answer.as_str()]);
    }
    text.push_str("]}");
    let mut response = json(kept(text.into_bytes(), held));
    missing.mark(&mut response);
    Ok(response)
}

async fn found(app: &App, query: MultiQuery, ids: &Ids<'_>) -> Result<Found, ApiError> {
    let search = query.search?;
    Ok(app.searcher().search(&query.index, &search, ids).await?)
}
