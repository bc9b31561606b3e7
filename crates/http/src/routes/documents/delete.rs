//! Deletions: one document, a batch, by filter, all.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{EnqueueWork, State as Cluster, Target};
use miroir_documents::{Prepared, prepare_deletions};
use miroir_model::IndexUid;
use miroir_tasks::{TaskDetails, TaskKind};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Parts, source};
use crate::accept::{Draft, Origin};
use crate::app::App;
use crate::body::{self, JsonBody, JsonText};
use crate::error::ApiError;
use crate::params::{Object, Params, json_syntax};
use crate::path::Path;
use crate::routes::filters;
use crate::routes::indexes::{existing, path};

/// What is deleted.
enum Deletion {
    Ids(Prepared),
    Filter(Value),
    All,
}

/// What every deletion is sent with.
struct Call {
    uid: IndexUid,
    origin: Origin,
}

impl Call {
    fn read(uid: &str, query: Option<&str>, parts: &Parts, body: &[u8]) -> Result<Self, ApiError> {
        let uid: IndexUid = uid.parse()?;
        let mut params = Params::parse(query);
        let metadata = params.take("customMetadata");
        params.finish(&["customMetadata"])?;
        let (method, uri, headers) = parts;
        let origin = Origin::read(headers, (method, path(uri), body))?.with_metadata(metadata);
        Ok(Self { uid, origin })
    }

    async fn accept(self, app: App, deletion: Deletion) -> Result<Response, ApiError> {
        let name = self.uid.clone();
        let validate = move |state: &Cluster| Ok(deletion.draft(state, &name));
        app.accept(self.uid, TaskKind::DocumentDeletion, self.origin, validate).await
    }
}

impl Deletion {
    fn draft(&self, state: &Cluster, uid: &IndexUid) -> Draft {
        let details = self.details();
        let Some(index) = state.ordered(uid) else {
            let error = ResponseError::index_not_found(uid.as_str());
            return Draft::refused(Target::Missing, TaskKind::DocumentDeletion, error, details);
        };
        let target = existing(index, None);
        let work = match self {
            Self::Ids(prepared) => EnqueueWork::DeleteIds {
                payload: source(prepared.payload.clone()),
                units: prepared.payload.units,
            },
            Self::Filter(filter) => {
                if let Err(error) = filters::check_reserved(uid, filter, || state.ordered_settings(index)) {
                    return Draft::refused(target, TaskKind::DocumentDeletion, error, details);
                }
                EnqueueWork::DeleteFilter { filter: filter.to_string() }
            }
            Self::All => EnqueueWork::DeleteAll,
        };
        Draft { target, work, details }
    }

    fn details(&self) -> TaskDetails {
        match self {
            Self::Ids(prepared) => {
                TaskDetails::Deletion { provided: prepared.received, deleted: None, filter: None }
            }
            Self::Filter(filter) => {
                TaskDetails::Deletion { provided: 0, deleted: None, filter: Some(filter.to_string()) }
            }
            Self::All => TaskDetails::Clear { deleted: None },
        }
    }
}

/// `DELETE /indexes/{uid}/documents/{id}`.
pub(crate) async fn one(
    State(app): State<App>,
    Path((uid, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Result<Response, ApiError> {
    let call = Call::read(&uid, query.as_deref(), &parts, &[])?;
    let id = serde_json::value::to_raw_value(&id)
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    call.accept(app, Deletion::Ids(prepare_deletions([&*id]))).await
}

/// `POST /indexes/{uid}/documents/delete-batch`: an array of ids.
pub(crate) async fn batch(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    parts: Parts,
    JsonText(body): JsonText,
) -> Result<Response, ApiError> {
    let call = Call::read(&uid, query.as_deref(), &parts, &body)?;
    json_syntax(&body)?;
    let _room = app.memory().hold(body::members(&body) * size_of::<Value>())?;
    let ids: Vec<&RawValue> = serde_json::from_slice(&body).map_err(|error| {
        let text = format!("The json payload provided is malformed. `{error}`.");
        ApiError::new(ErrorCode::MalformedPayload, text)
    })?;
    call.accept(app, Deletion::Ids(prepare_deletions(ids))).await
}

/// `POST /indexes/{uid}/documents/delete`: a filter.
pub(crate) async fn by_filter(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    parts: Parts,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let call = Call::read(&uid, query.as_deref(), &parts, &body)?;
    let mut object = Object::parse(&body, &["filter"])?;
    let Some(filter) = object.take("filter") else {
        return Err(ApiError::new(ErrorCode::MissingDocumentFilter, "Missing field `filter`"));
    };
    filters::check_form(&filter)?;
    call.accept(app, Deletion::Filter(filter)).await
}

/// `DELETE /indexes/{uid}/documents`.
pub(crate) async fn all(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Result<Response, ApiError> {
    Call::read(&uid, query.as_deref(), &parts, &[])?.accept(app, Deletion::All).await
}
