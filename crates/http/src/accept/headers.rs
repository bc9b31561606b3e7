//! What a client says about a write besides its body.

use axum::http::{HeaderMap, Method};
use miroir_api::ErrorCode;
use xxhash_rust::xxh3::Xxh3Default;

use crate::error::ApiError;

/// Where a write comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// The idempotency key, with the hash of method, path and body.
    pub(crate) idempotency: Option<(String, u128)>,
    /// What the client wants shown with the task.
    pub(crate) custom_metadata: Option<String>,
    /// The length of its body, in bytes.
    pub(crate) body_len: usize,
}

impl Origin {
    /// Reads `Idempotency-Key`: 1 to 255 visible ASCII characters.
    pub(crate) fn read(
        headers: &HeaderMap,
        (method, path, body): (&Method, &str, &[u8]),
    ) -> Result<Self, ApiError> {
        let origin = Self { body_len: body.len(), ..Self::default() };
        let Some(value) = headers.get("idempotency-key") else { return Ok(origin) };
        let key = value
            .to_str()
            .ok()
            .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some(key) = key else {
            return Err(ApiError::new(
                ErrorCode::InvalidHeaderValue,
                "The header `Idempotency-Key` must have 1 to 255 visible ASCII characters.",
            ));
        };
        let mut hash = Xxh3Default::new();
        for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
            hash.update(&part.len().to_le_bytes());
            hash.update(part);
        }
        Ok(Self { idempotency: Some((key.to_owned(), hash.digest128())), ..origin })
    }

    /// With what the client wants shown with the task.
    pub(crate) fn with_metadata(mut self, metadata: Option<String>) -> Self {
        self.custom_metadata = metadata;
        self
    }
}
