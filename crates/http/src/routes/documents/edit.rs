//! `POST /indexes/{uid}/documents/edit`: an edit by function, while the feature is on.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{Edit, EnqueueWork, State as Cluster, Target};
use miroir_documents::edit::Function;
use miroir_model::IndexUid;
use miroir_tasks::TaskKind;
use serde_json::Value;

use super::Parts;
use crate::accept::{Draft, Origin};
use crate::app::App;
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::params::{Object, Params, wrong_type};
use crate::path::Path;
use crate::routes::filters;
use crate::routes::indexes::{existing, path};

/// What the client sent, as far as its form goes.
struct Sent {
    filter: Option<Value>,
    context: Option<Value>,
    function: String,
}

pub(crate) async fn edit(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    (method, uri, headers): Parts,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let mut params = Params::parse(query.as_deref());
    let metadata = params.take("customMetadata");
    params.finish(&["customMetadata"])?;
    let sent = Sent::parse(&body)?;
    check_enabled(&app).await?;
    let uid: IndexUid = uid.parse()?;
    let edit = sent.check()?;
    let origin = Origin::read(&headers, (&method, path(&uri), &body))?.with_metadata(metadata);
    let name = uid.clone();
    app.accept(uid, TaskKind::DocumentEdition, origin, move |state| Ok(draft(state, &name, &edit))).await
}

/// Another peer may have switched it on a moment ago.
async fn check_enabled(app: &App) -> Result<(), ApiError> {
    if app.ledger().state().features.edit_documents || app.fresh_state().await?.features.edit_documents {
        return Ok(());
    }
    let text = "Using the documents edit route requires enabling the `edit documents by function` experimental feature. \
                See https://github.com/orgs/meilisearch/discussions/762";
    Err(ApiError::new(ErrorCode::FeatureNotEnabled, text))
}

impl Sent {
    fn parse(body: &[u8]) -> Result<Self, ResponseError> {
        let mut object = Object::parse(body, &["filter", "context", "function"])?;
        let mut present = |name| object.take(name).filter(|value| !value.is_null());
        let (filter, context) = (present("filter"), present("context"));
        let function = match object.take("function") {
            Some(Value::String(function)) => function,
            None => {
                let code = ErrorCode::MissingDocumentEditionFunction;
                return Err(ResponseError::new(code, "Missing field `function`"));
            }
            Some(other) => {
                let code = ErrorCode::InvalidDocumentEditionFunctionFilter;
                return Err(wrong_type("function", "a string", &other, code));
            }
        };
        Ok(Self { filter, context, function })
    }

    /// In the order in which Meilisearch finds fault with it.
    fn check(self) -> Result<Edit, ResponseError> {
        Function::parse(&self.function)
            .map_err(|error| ResponseError::new(ErrorCode::BadRequest, error.to_string()))?;
        if let Some(filter) = &self.filter {
            filters::check_form(filter)?;
        }
        if self.context.as_ref().is_some_and(|context| !context.is_object()) {
            let code = ErrorCode::InvalidDocumentEditionContext;
            return Err(ResponseError::new(code, "The context must be an object"));
        }
        let text = |value: Option<Value>| value.map(|value| value.to_string());
        Ok(Edit { function: self.function, context: text(self.context), filter: text(self.filter) })
    }
}

fn draft(state: &Cluster, uid: &IndexUid, edit: &Edit) -> Draft {
    let parsed = edit.filter.as_deref().and_then(|filter| serde_json::from_str(filter).ok());
    let details = edit.details();
    let kind = TaskKind::DocumentEdition;
    let Some(index) = state.ordered(uid) else {
        return Draft::refused(Target::Missing, kind, ResponseError::index_not_found(uid.as_str()), details);
    };
    let target = existing(index, None);
    let reserved =
        |filter: &Value| filters::check_reserved(uid, filter, || state.ordered_settings(index)).err();
    match parsed.as_ref().and_then(reserved) {
        Some(error) => Draft::refused(target, kind, error, details),
        None => Draft { target, work: EnqueueWork::Edit(edit.clone()), details },
    }
}
