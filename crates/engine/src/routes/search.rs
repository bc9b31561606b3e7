//! Searching one index.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{Answer, Params, Payload, Shared, Token, blocking, read_object};
use crate::error::ApiError;
use crate::search::{self, SearchQuery, ValuesQuery};

pub(super) async fn post(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Answer {
    token.allows(&engine, "search", Some(&uid))?;
    run(engine, uid, SearchQuery::parse(read_object(&headers, &body)?)?).await
}

pub(super) async fn get(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    params: Params,
) -> Answer {
    token.allows(&engine, "search", Some(&uid))?;
    run(engine, uid, SearchQuery::parse(body_of(params)?)?).await
}

async fn run(engine: Shared, uid: String, query: SearchQuery) -> Answer {
    blocking(engine, move |engine| {
        let index = engine.index(&uid)?;
        search::run(&uid, &index, &engine.embedders, &query).map(Json)
    })
    .await
}

pub(super) async fn values(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Answer {
    token.allows(&engine, "search", Some(&uid))?;
    let query = ValuesQuery::parse(read_object(&headers, &body)?)?;
    blocking(engine, move |engine| {
        search::find_values(&engine.index(&uid)?, &engine.embedders, &query).map(Json)
    })
    .await
}

/// The body that says what a query string says.
fn body_of(mut params: Params) -> Result<Map<String, Value>, ApiError> {
    let mut body = Map::new();
    for (name, code) in [
        ("offset", "invalid_search_offset"),
        ("limit", "invalid_search_limit"),
        ("page", "invalid_search_page"),
        ("hitsPerPage", "invalid_search_hits_per_page"),
        ("cropLength", "invalid_search_crop_length"),
    ] {
        body.extend(params.size(name, code)?.map(|size| (name.to_owned(), json!(size))));
    }
    for (name, code) in [
        ("showMatchesPosition", "invalid_search_show_matches_position"),
        ("showRankingScore", "invalid_search_show_ranking_score"),
        ("showRankingScoreDetails", "invalid_search_show_ranking_score_details"),
        ("retrieveVectors", "invalid_search_retrieve_vectors"),
    ] {
        body.insert(name.to_owned(), json!(params.flag(name, code)?));
    }
    for name in [
        "attributesToRetrieve",
        "attributesToCrop",
        "attributesToHighlight",
        "attributesToSearchOn",
        "facets",
        "locales",
    ] {
        body.extend(params.list(name).map(|list| (name.to_owned(), json!(list))));
    }
    // A comma inside parentheses belongs to a point.
    body.extend(params.text("sort").map(|sort| ("sort".to_owned(), json!(split_sort(&sort)))));
    body.extend(params.filter().map(|filter| ("filter".to_owned(), filter)));
    let threshold = threshold(&mut params, "invalid_search_ranking_score_threshold")?;
    body.extend(threshold.map(|threshold| ("rankingScoreThreshold".to_owned(), json!(threshold))));
    // What is left is text, or unknown and refused as a field.
    body.extend(params.0.into_iter().map(|(name, text)| (name, Value::String(text))));
    Ok(body)
}

/// The score that hits have at least: from 0 to 1.
pub(super) fn threshold(params: &mut Params, code: &'static str) -> Result<Option<f64>, ApiError> {
    let threshold: Option<f64> = params.parsed("rankingScoreThreshold", code, "a number")?;
    if threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        let text = "Invalid value in parameter `rankingScoreThreshold`: the value of `rankingScoreThreshold` is \
                    invalid, expected a float between `0.0` and `1.0`.";
        return Err(ApiError::new(code, text));
    }
    Ok(threshold)
}

fn split_sort(sort: &str) -> Vec<String> {
    let mut depth = 0;
    let parts = sort.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => (),
        }
        letter == ',' && depth == 0
    });
    parts.map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_of_points_do_not_split() {
        assert_eq!(split_sort("_geoPoint(1, 2):asc, price:desc"), ["_geoPoint(1, 2):asc", "price:desc"]);
        assert_eq!(split_sort("price:asc"), ["price:asc"]);
    }
}
