//! `POST` and `PUT /indexes/{uid}/documents`.

use axum::extract::{RawQuery, State};
use axum::http::{Method, header};
use axum::response::Response;
use bytes::Bytes;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{EnqueueWork, Shape, State as Cluster, Target, WriteMode};
use miroir_documents::{
    Embedder, Format, PayloadError, PrepareError, Prepared, Rules, parse_csv_delimiter, prepare,
};
use miroir_model::IndexUid;
use miroir_settings::UserSettings;
use miroir_tasks::{TaskDetails, TaskKind};

use super::{Parts, source};
use crate::accept::{Draft, Origin};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::params::Params;
use crate::path::Path;
use crate::routes::indexes::{existing, path};

const KNOWN: [&str; 4] = ["primaryKey", "csvDelimiter", "customMetadata", "skipCreation"];

/// A batch of documents and what the client said about it.
struct Batch {
    uid: IndexUid,
    format: Format,
    primary_key: Option<String>,
    mode: WriteMode,
    skip_creation: bool,
    body: Bytes,
}

impl From<PayloadError> for ApiError {
    fn from(error: PayloadError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// `POST` replaces documents, `PUT` updates their top-level members.
pub(crate) async fn write(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    (method, uri, headers): Parts,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let mut params = Params::parse(query.as_deref());
    let delimiter = params.take("csvDelimiter").map(|text| parse_csv_delimiter(&text)).transpose()?;
    let skip_creation = params.take("skipCreation").map(|text| skips_creation(&text)).transpose()?;
    let (primary_key, metadata) = (params.take("primaryKey"), params.take("customMetadata"));
    params.finish(&KNOWN)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let format = Format::from_request(content_type, delimiter)?;
    let origin = Origin::read(&headers, (&method, path(&uri), &body))?.with_metadata(metadata);
    let mode = if method == Method::PUT { WriteMode::Update } else { WriteMode::Replace };
    let skip_creation = skip_creation.unwrap_or(false);
    let batch = Batch { uid: uid.clone(), format, primary_key, mode, skip_creation, body };
    app.accept(uid, TaskKind::DocumentAdditionOrUpdate, origin, move |state| batch.validate(state)).await
}

/// Unlike other truths in any case, and refused in words of its own.
fn skips_creation(text: &str) -> Result<bool, ResponseError> {
    text.to_ascii_lowercase().parse().map_err(|_| {
        let text = format!("skipCreation must be either `true` or `false`. Found: `{text}`");
        ResponseError::new(ErrorCode::InvalidSkipCreation, text)
    })
}

impl Batch {
    /// Everything that could make a node refuse a document is found here, against the index as it is ordered.
    fn validate(&self, state: &Cluster) -> Result<Draft, ResponseError> {
        let index = state.ordered(&self.uid);
        let settings = index.map(|index| state.ordered_settings(index));
        let embedders = settings.as_ref().map(embedders).unwrap_or_default();
        let rules = Rules {
            index_uid: self.uid.as_str(),
            primary_key: index.and_then(|index| index.primary_key.as_deref()),
            requested_key: self.primary_key.as_deref(),
            geo: settings.as_ref().is_some_and(UserSettings::names_geo),
            embedders: &embedders,
        };
        let target = |key: Option<String>| match index {
            Some(index) => existing(index, key),
            None => Target::Creates { primary_key: key, shape: Shape::default() },
        };
        match prepare(self.format, &self.body, &rules) {
            Ok(prepared) => Ok(self.draft(target(prepared.primary_key.clone()), prepared)),
            Err(PrepareError::Payload(error)) => Err(ResponseError::new(error.code(), error.to_string())),
            Err(PrepareError::Refused { refusal, received }) => {
                let details = TaskDetails::Addition { received, indexed: None };
                let kind = TaskKind::DocumentAdditionOrUpdate;
                // It was judged by the index's key, and is judged again should that change meanwhile.
                let judged_by = index.and_then(|index| index.primary_key.clone());
                Ok(Draft::refused(target(judged_by), kind, refusal.into(), details))
            }
        }
    }

    fn draft(&self, target: Target, prepared: Prepared) -> Draft {
        let work = EnqueueWork::Documents {
            mode: self.mode,
            skip_creation: self.skip_creation,
            units: prepared.payload.units,
            payload: source(prepared.payload),
        };
        Draft { target, work, details: TaskDetails::Addition { received: prepared.received, indexed: None } }
    }
}

fn embedders(settings: &UserSettings) -> Vec<Embedder> {
    let dimensions = |dimensions: Option<u64>| dimensions.and_then(|number| usize::try_from(number).ok());
    (settings.embedders().into_iter())
        .map(|embedder| Embedder { name: embedder.name, dimensions: dimensions(embedder.dimensions) })
        .collect()
}
