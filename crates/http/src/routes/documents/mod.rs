//! `/indexes/{uid}/documents`: write, delete, edit, read.

pub(crate) mod delete;
pub(crate) mod edit;
pub(crate) mod read;
pub(crate) mod write;

use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use miroir_cluster::PayloadSource;
use miroir_documents::payload::Payload;

/// What a handler reads besides path and body.
pub(crate) type Parts = (Method, Uri, HeaderMap);

/// The payload, to travel with its task.
fn source(payload: Payload) -> PayloadSource {
    PayloadSource {
        frames: u32::try_from(payload.frames).unwrap_or(u32::MAX),
        inline: payload.blocks.into_iter().map(Bytes::from).collect(),
        upload: None,
    }
}
