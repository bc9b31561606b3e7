//! `/indexes/{uid}/settings`: whole, and each setting by itself.

use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, on};
use bytes::Bytes;
use miroir_api::ResponseError;
use miroir_cluster::{EnqueueWork, Shape, State as Cluster, Target};
use miroir_model::IndexUid;
use miroir_settings::{Features, Rules, SettingName, SettingsPatch, UpdateMethod};
use miroir_tasks::{TaskDetails, TaskKind};

use super::indexes::{existing, path};
use crate::accept::{Draft, Origin};
use crate::app::{App, served};
use crate::body::{JsonBody, json};
use crate::error::ApiError;
use crate::params::json_body;
use crate::path::Path;

/// The routes: one for the whole, one for each setting.
pub(crate) fn routes() -> impl Iterator<Item = (String, MethodRouter<App>)> {
    let whole = get(read_all).patch(change_all).delete(reset_all);
    let each = SettingName::ALL.into_iter().map(|name| {
        let update = match name.update_method() {
            UpdateMethod::Put => axum::routing::MethodFilter::PUT,
            UpdateMethod::Patch => axum::routing::MethodFilter::PATCH,
        };
        let one = get(move |app, uid| read_one(app, uid, name))
            .merge(on(update, move |app, uid, parts, body| change_one(app, uid, parts, body, name)))
            .delete(move |app, uid, parts| reset_one(app, uid, parts, name));
        (format!("/indexes/{{uid}}/settings/{}", name.path()), one)
    });
    std::iter::once(("/indexes/{uid}/settings".to_owned(), whole)).chain(each)
}

type Parts = (Method, Uri, HeaderMap);

async fn read_all(State(app): State<App>, Path(uid): Path<String>) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let state = app.fresh_state().await?;
    Ok(json(served(&state, &uid)?.settings.served.to_json(Features::default())))
}

async fn read_one(
    State(app): State<App>,
    Path(uid): Path<String>,
    name: SettingName,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let state = app.fresh_state().await?;
    Ok(json(served(&state, &uid)?.settings.served.value_json(name)))
}

fn rules(app: &App) -> Rules {
    Rules { version: app.ledger().state().api_version(), features: Features::default() }
}

async fn change_all(
    State(app): State<App>,
    Path(uid): Path<String>,
    parts: Parts,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let patch = SettingsPatch::parse(&json_body(&body)?, rules(&app))?;
    change(app, uid, parts, (patch, body)).await
}

async fn change_one(
    State(app): State<App>,
    Path(uid): Path<String>,
    parts: Parts,
    JsonBody(body): JsonBody,
    name: SettingName,
) -> Result<Response, ApiError> {
    let patch = SettingsPatch::parse_one(name, &json_body(&body)?, rules(&app))?;
    change(app, uid, parts, (patch, body)).await
}

async fn reset_all(
    State(app): State<App>,
    Path(uid): Path<String>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let patch = SettingsPatch::reset_all(rules(&app).version);
    change(app, uid, parts, (patch, Bytes::new())).await
}

async fn reset_one(
    State(app): State<App>,
    Path(uid): Path<String>,
    parts: Parts,
    name: SettingName,
) -> Result<Response, ApiError> {
    change(app, uid, parts, (SettingsPatch::reset(name), Bytes::new())).await
}

async fn change(
    app: App,
    uid: String,
    (method, uri, headers): Parts,
    (patch, body): (SettingsPatch, Bytes),
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let deletes = method == Method::DELETE;
    let origin = Origin::read(&headers, (&method, path(&uri), &body))?;
    let name = uid.clone();
    let validate = move |state: &Cluster| Ok(draft(state, &name, &patch, deletes));
    app.accept(uid, TaskKind::SettingsUpdate, origin, validate).await
}

/// Changing the settings of an index that is not there creates it; resetting them does not.
fn draft(state: &Cluster, uid: &IndexUid, patch: &SettingsPatch, deletes: bool) -> Draft {
    let details = TaskDetails::Settings { sent: patch.details() };
    let work = EnqueueWork::Settings { patch: patch.clone() };
    let refuse = |target, error: ResponseError, details| {
        Draft::refused(target, TaskKind::SettingsUpdate, error, details)
    };
    match state.ordered(uid) {
        None if deletes => refuse(Target::Missing, ResponseError::index_not_found(uid.as_str()), details),
        None => {
            Draft { target: Target::Creates { primary_key: None, shape: Shape::default() }, work, details }
        }
        Some(index) => match state.ordered_settings(index).apply(patch) {
            Ok(_) => Draft { target: existing(index, None), work, details },
            Err(error) => {
                // Meilisearch finds this while it indexes, and names the index.
                let error = ResponseError::new(error.code, format!("Index `{uid}`: {}", error.message));
                refuse(existing(index, None), error, details)
            }
        },
    }
}
