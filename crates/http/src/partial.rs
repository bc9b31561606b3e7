//! Answers that lack shards, under the policy `partial`: they say so.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use miroir_search::Found;

use crate::app::App;
use crate::error::ApiError;

const MISSING: HeaderName = HeaderName::from_static("miroir-missing-shards");

/// The shards that the answers of a request lack, as `index/shard`.
#[derive(Default)]
pub(crate) struct Missing(Vec<String>);

impl Missing {
    pub(crate) fn add(&mut self, found: &Found) {
        for name in &found.missing {
            if !self.0.contains(name) {
                self.0.push(name.clone());
            }
        }
    }

    pub(crate) fn mark(self, response: &mut Response) {
        if let Ok(value) = HeaderValue::from_str(&self.0.join(","))
            && !self.0.is_empty()
        {
            response.headers_mut().insert(MISSING, value);
        }
    }
}

/// One answer as a response.
pub(crate) fn answer(app: &App, found: Found) -> Result<Response, ApiError> {
    let mut missing = Missing::default();
    missing.add(&found);
    let mut response = crate::body::long(app, found.answer)?;
    missing.mark(&mut response);
    Ok(response)
}
