//! `POST /swap-indexes`, and new names for indexes.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{EnqueueWork, NameChange, State as Cluster, Target};
use miroir_model::{IndexUid, PhysicalId};
use miroir_tasks::{IndexSwap, TaskDetails, TaskKind};
use serde_json::Value;

use super::indexes::path;
use crate::accept::{Draft, Origin};
use crate::app::App;
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::params::{json_body, wrong_type};

pub(crate) async fn swap(
    State(app): State<App>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let swaps = parse(&json_body(&body)?)?;
    named_once(&swaps)?;
    let origin = Origin::read(&headers, (&method, path(&uri), &body))?;
    app.accept(None, TaskKind::IndexSwap, origin, move |state| Ok(draft(state, &swaps))).await
}

/// Order of checks, texts and codes are Meilisearch's.
fn parse(body: &Value) -> Result<Vec<IndexSwap>, ResponseError> {
    let Value::Array(items) = body else {
        return Err(wrong_type("", "an array", body, ErrorCode::BadRequest));
    };
    let payloads: Vec<(Vec<IndexUid>, bool)> = items
        .iter()
        .enumerate()
        .map(|(at, item)| payload(item, &format!("[{at}]")))
        .collect::<Result<_, _>>()?;
    let swap = |(indexes, rename): (Vec<IndexUid>, bool)| match <[IndexUid; 2]>::try_from(indexes) {
        Ok([first, second]) => Ok(IndexSwap { first, second, rename }),
        Err(indexes) => {
            let names: Vec<&str> = indexes.iter().map(IndexUid::as_str).collect();
            let text = format!(
                "Two indexes must be given for each swap. The list `{names:?}` contains {} indexes.",
                names.len()
            );
            Err(ResponseError::new(ErrorCode::InvalidSwapIndexes, text))
        }
    };
    payloads.into_iter().map(swap).collect()
}

fn payload(item: &Value, at: &str) -> Result<(Vec<IndexUid>, bool), ResponseError> {
    let Value::Object(members) = item else {
        return Err(wrong_type(at, "an object", item, ErrorCode::BadRequest));
    };
    let (mut indexes, mut rename) = (None, false);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("indexes", Value::Array(names)) => {
                let name = |(place, name): (usize, &Value)| index(name, &format!("{at}.indexes[{place}]"));
                indexes = Some(names.iter().enumerate().map(name).collect::<Result<_, _>>()?);
            }
            ("indexes", other) => {
                let place = format!("{at}.indexes");
                return Err(wrong_type(&place, "an array", other, ErrorCode::InvalidSwapIndexes));
            }
            ("rename", Value::Bool(set)) => rename = *set,
            ("rename", other) => {
                let place = format!("{at}.rename");
                return Err(wrong_type(&place, "a boolean", other, ErrorCode::InvalidSwapRename));
            }
            (unknown, _) => {
                let text =
                    format!("Unknown field `{unknown}` inside `{at}`: expected one of `indexes`, `rename`");
                return Err(ResponseError::new(ErrorCode::BadRequest, text));
            }
        }
    }
    let missing = || {
        ResponseError::new(ErrorCode::MissingSwapIndexes, format!("Missing field `indexes` inside `{at}`"))
    };
    Ok((indexes.ok_or_else(missing)?, rename))
}

fn index(name: &Value, at: &str) -> Result<IndexUid, ResponseError> {
    let code = ErrorCode::InvalidSwapIndexes;
    let Value::String(text) = name else { return Err(wrong_type(at, "a string", name, code)) };
    text.parse().map_err(|error| ResponseError::new(code, format!("Invalid value at `{at}`: {error}")))
}

fn named_once(swaps: &[IndexSwap]) -> Result<(), ResponseError> {
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for name in swaps.iter().flat_map(|swap| [&swap.first, &swap.second]) {
        if !seen.insert(name) {
            twice.insert(name);
        }
    }
    if twice.is_empty() {
        return Ok(());
    }
    let was = if twice.len() == 1 { "was" } else { "were" };
    let text = format!(
        "Indexes must be declared only once during a swap. {} {was} specified several times.",
        quoted(twice)
    );
    Err(ResponseError::new(ErrorCode::InvalidSwapDuplicateIndexFound, text))
}

fn quoted<'n>(names: impl IntoIterator<Item = &'n IndexUid>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn draft(state: &Cluster, swaps: &[IndexSwap]) -> Draft {
    let details = TaskDetails::Swap { swaps: swaps.to_vec() };
    let ordered = |name: &IndexUid| state.names.ordered.get(name).copied();
    let (mut missing, mut taken, mut changes) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    for IndexSwap { first, second, rename } in swaps {
        let (one, other) = (ordered(first), ordered(second));
        if one.is_none() {
            missing.insert(first);
        }
        match (other, rename) {
            (None, false) => drop(missing.insert(second)),
            (Some(_), true) => drop(taken.insert(first, second)),
            _ => {}
        }
        changes.extend([change(first, one, other), change(second, other, one)]);
    }
    let error = match (missing.len(), taken.pop_first()) {
        (0, None) => {
            return Draft { target: Target::Names(changes), work: EnqueueWork::Swap, details };
        }
        (0, Some((first, second))) if taken.is_empty() => {
            let text = format!(
                "Cannot rename `{first}` to `{second}` as the index already exists. Hint: You can remove `{second}` \
                 first and then do your remove."
            );
            ResponseError::new(ErrorCode::IndexAlreadyExists, text)
        }
        (0, Some((_, second))) => {
            let text = format!(
                "The following indexes are being renamed but cannot because their new name conflicts with an already \
                 existing index: {}. Renaming doesn't overwrite the other index name.",
                quoted(std::iter::once(second).chain(taken.into_values()))
            );
            ResponseError::new(ErrorCode::IndexAlreadyExists, text)
        }
        (1, _) => {
            ResponseError::new(ErrorCode::IndexNotFound, format!("Index {} not found.", quoted(missing)))
        }
        _ => ResponseError::new(ErrorCode::IndexNotFound, format!("Indexes {} not found.", quoted(missing))),
    };
    Draft::refused(as_they_are(changes), TaskKind::IndexSwap, error, details)
}

/// `PATCH /indexes/{uid}` with another name.
pub(super) fn rename(state: &Cluster, old: &IndexUid, new: &IndexUid) -> Draft {
    let ordered = |name: &IndexUid| state.names.ordered.get(name).copied();
    let details =
        TaskDetails::Index { primary_key: None, old_uid: Some(old.clone()), new_uid: Some(new.clone()) };
    let (index, other) = (ordered(old), ordered(new));
    let changes = match old == new {
        true => vec![change(old, index, index)],
        false => vec![change(old, index, None), change(new, other, index)],
    };
    let error = match (index, other) {
        (None, _) => ResponseError::index_not_found(old.as_str()),
        (Some(_), Some(_)) if old != new => {
            ResponseError::new(ErrorCode::IndexAlreadyExists, format!("Index `{new}` already exists."))
        }
        _ => return Draft { target: Target::Names(changes), work: EnqueueWork::Rename, details },
    };
    Draft::refused(as_they_are(changes), TaskKind::IndexUpdate, error, details)
}

fn change(name: &IndexUid, from: Option<PhysicalId>, to: Option<PhysicalId>) -> NameChange {
    NameChange { name: name.clone(), from, to }
}

/// What a task fails for: the names, as long as they stand for what they do.
fn as_they_are(changes: Vec<NameChange>) -> Target {
    Target::Names(changes.into_iter().map(|change| NameChange { to: change.from, ..change }).collect())
}
