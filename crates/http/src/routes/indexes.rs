//! `/indexes`: list, create, get, update, delete.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use miroir_api::{ErrorCode, IndexView, Page, ResponseError};
use miroir_cluster::{EnqueueWork, Index, Shape, State as Cluster, Target};
use miroir_model::IndexUid;
use miroir_placement::MAX_SHARDS;
use miroir_tasks::{TaskDetails, TaskKind};

use crate::accept::{Draft, Origin};
use crate::app::{App, served};
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::params::{Object, Params};
use crate::path::Path;
use crate::routes::swap;

fn view(uid: &IndexUid, index: &Index) -> IndexView {
    IndexView {
        uid: uid.clone(),
        created_at: index.created_at,
        updated_at: index.updated_at,
        primary_key: index.served_primary_key.clone(),
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<IndexView>>, ApiError> {
    let mut params = Params::parse(query.as_deref());
    let offset = params.number("offset", ErrorCode::InvalidIndexOffset)?.unwrap_or(0);
    let limit = params.number("limit", ErrorCode::InvalidIndexLimit)?.unwrap_or(20);
    params.finish(&["offset", "limit"])?;
    let state = app.fresh_state().await?;
    let all: Vec<_> = (state.names.served.iter())
        .filter_map(|(uid, id)| state.indexes.get(id).map(|index| view(uid, index)))
        .collect();
    Ok(Json(Page::of(all.into_iter(), offset, limit)))
}

pub(crate) async fn get(
    State(app): State<App>,
    Path(uid): Path<String>,
) -> Result<Json<IndexView>, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let state = app.fresh_state().await?;
    Ok(Json(view(&uid, served(&state, &uid)?)))
}

/// `POST /indexes?shards=N&factor=F`: the shape is Miroir's own.
pub(crate) async fn create(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    (method, uri, headers): (Method, Uri, HeaderMap),
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let mut params = Params::parse(query.as_deref());
    let shape = Shape {
        shards: count(&mut params, "shards", MAX_SHARDS)?,
        factor: count(&mut params, "factor", u16::MAX)?,
    };
    params.finish(&["shards", "factor"])?;
    let object = Object::parse(&body, &["uid", "primaryKey"])?;
    let Some(uid) = object.text("uid", ErrorCode::InvalidIndexUid)? else {
        return Err(ApiError::new(ErrorCode::MissingIndexUid, "Missing field `uid`"));
    };
    let uid: IndexUid = uid.parse().map_err(|error| {
        ApiError::new(ErrorCode::InvalidIndexUid, format!("Invalid value at `.uid`: {error}"))
    })?;
    let key = object.text("primaryKey", ErrorCode::InvalidIndexPrimaryKey)?.map(str::to_owned);
    let origin = Origin::read(&headers, (&method, path(&uri), &body))?;
    let name = uid.clone();
    app.accept(uid, TaskKind::IndexCreation, origin, move |state| Ok(creation(state, &name, &key, shape)))
        .await
}

fn count(params: &mut Params, name: &str, most: u16) -> Result<Option<u16>, ResponseError> {
    let Some(number) = params.number(name, ErrorCode::BadRequest)? else { return Ok(None) };
    let count = u16::try_from(number).ok().filter(|number| (1..=most).contains(number));
    count.map(Some).ok_or_else(|| {
        let text = format!("Invalid value in parameter `{name}`: {number} is not from 1 to {most}");
        ResponseError::new(ErrorCode::BadRequest, text)
    })
}

fn creation(state: &Cluster, uid: &IndexUid, key: &Option<String>, shape: Shape) -> Draft {
    let details = TaskDetails::Index { primary_key: key.clone(), old_uid: None, new_uid: None };
    match state.ordered(uid) {
        None => Draft {
            target: Target::Creates { primary_key: key.clone(), shape },
            work: EnqueueWork::CreateIndex,
            details,
        },
        Some(index) => {
            let error =
                ResponseError::new(ErrorCode::IndexAlreadyExists, format!("Index `{uid}` already exists."));
            Draft::refused(existing(index, None), TaskKind::IndexCreation, error, details)
        }
    }
}

/// Against this index, as it is ordered.
pub(crate) fn existing(index: &Index, primary_key: Option<String>) -> Target {
    Target::Existing { index: index.id, settings: index.settings.ordered, primary_key }
}

pub(crate) async fn update(
    State(app): State<App>,
    Path(uid): Path<String>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    for (name, code) in
        [("createdAt", ErrorCode::ImmutableIndexCreatedAt), ("updatedAt", ErrorCode::ImmutableIndexUpdatedAt)]
    {
        if crate::params::json_body(&body)?.get(name).is_some() {
            let text = format!("Immutable field `{name}`: expected one of `primaryKey`, `uid`");
            return Err(ApiError::new(code, text));
        }
    }
    let object = Object::parse(&body, &["primaryKey", "uid"])?;
    let key = object.text("primaryKey", ErrorCode::InvalidIndexPrimaryKey)?.map(str::to_owned);
    let origin = Origin::read(&headers, (&method, path(&uri), &body))?;
    let name = uid.clone();
    if let Some(new) = object.text("uid", ErrorCode::InvalidIndexUid)? {
        if key.is_some() {
            return Err(ApiError::not_implemented("a new name and a primary key in one request"));
        }
        let new: IndexUid = new.parse()?;
        let validate = move |state: &Cluster| Ok(swap::rename(state, &name, &new));
        return app.accept(uid, TaskKind::IndexUpdate, origin, validate).await;
    }
    app.accept(uid, TaskKind::IndexUpdate, origin, move |state| Ok(update_of(state, &name, &key))).await
}

fn update_of(state: &Cluster, uid: &IndexUid, key: &Option<String>) -> Draft {
    let details = TaskDetails::Index { primary_key: key.clone(), old_uid: None, new_uid: None };
    let Some(index) = state.ordered(uid) else {
        let error = ResponseError::index_not_found(uid.as_str());
        return Draft::refused(Target::Missing, TaskKind::IndexUpdate, error, details);
    };
    if let (Some(old), Some(new)) = (&index.primary_key, key)
        && old != new
        && index.may_hold_documents
    {
        let text = format!("Index `{uid}`: Index already has a primary key: `{old}`.");
        let error = ResponseError::new(ErrorCode::IndexPrimaryKeyAlreadyExists, text);
        return Draft::refused(existing(index, None), TaskKind::IndexUpdate, error, details);
    }
    Draft { target: existing(index, key.clone()), work: EnqueueWork::SetPrimaryKey, details }
}

pub(crate) async fn delete(
    State(app): State<App>,
    Path(uid): Path<String>,
    (method, uri, headers): (Method, Uri, HeaderMap),
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let origin = Origin::read(&headers, (&method, path(&uri), &[]))?;
    let name = uid.clone();
    let validate = move |state: &Cluster| {
        let details = TaskDetails::Clear { deleted: None };
        Ok(match state.ordered(&name) {
            Some(index) => Draft { target: existing(index, None), work: EnqueueWork::DeleteIndex, details },
            None => {
                let error = ResponseError::index_not_found(name.as_str());
                Draft::refused(Target::Missing, TaskKind::IndexDeletion, error, details)
            }
        })
    };
    app.accept(uid, TaskKind::IndexDeletion, origin, validate).await
}

/// Path and query, as the client sent them.
pub(crate) fn path(uri: &Uri) -> &str {
    uri.path_and_query().map_or_else(|| uri.path(), |path| path.as_str())
}
