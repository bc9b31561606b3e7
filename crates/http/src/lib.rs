//! The Meilisearch API of a peer, one file per route family, and Miroir's own pages under `/_miroir/`.
//!
//! Reads of metadata first pass a barrier, so that what one peer confirmed every peer shows. Writes are validated here
//! and proposed ([`accept`]); searches go to `search`. What goes wrong becomes an HTTP answer in one place, [`error`].

mod accept;
mod app;
mod auth;
mod body;
mod error;
mod freshness;
mod history;
mod measure;
mod miroir;
mod params;
mod request_id;
mod routes;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::RequestDecompressionLayer;

pub use app::{App, Options};

use routes::{documents, health, indexes, search, settings, stats, tasks, unsupported};

/// The largest payload, in bytes after decompression: Meilisearch's own limit.
pub const PAYLOAD_BYTES: usize = 100 << 20;

/// Everything that a peer serves over HTTP.
pub fn router(app: App) -> Router {
    let guarded = Router::new()
        .route("/version", get(health::version))
        .route("/stats", get(stats::all))
        .route("/indexes", get(indexes::list).post(indexes::create))
        .route("/indexes/{uid}", get(indexes::get).patch(indexes::update).delete(indexes::delete))
        .route("/indexes/{uid}/stats", get(stats::index))
        .route("/indexes/{uid}/search", get(search::get).post(search::post))
        .route(
            "/indexes/{uid}/documents",
            get(documents::read::list)
                .post(documents::write::write)
                .put(documents::write::write)
                .delete(documents::delete::all),
        )
        .route("/indexes/{uid}/documents/fetch", post(documents::read::fetch))
        .route("/indexes/{uid}/documents/delete", post(documents::delete::by_filter))
        .route("/indexes/{uid}/documents/delete-batch", post(documents::delete::batch))
        .route("/indexes/{uid}/documents/{id}", get(documents::read::one).delete(documents::delete::one))
        .route("/tasks", get(tasks::list))
        .route("/tasks/{uid}", get(tasks::get))
        .route("/_miroir/topology", get(miroir::topology))
        .route("/_miroir/metrics", get(miroir::metrics))
        .merge(settings::routes())
        .merge(unsupported::routes())
        .layer(from_fn_with_state(app.clone(), freshness::of_reads))
        .layer(from_fn_with_state(app.clone(), auth::master_key));
    Router::new()
        .route("/health", get(health::health))
        .route("/_miroir/ready", get(miroir::ready))
        .merge(guarded)
        .fallback(unsupported::unknown)
        .method_not_allowed_fallback(unsupported::method)
        .layer(DefaultBodyLimit::max(PAYLOAD_BYTES))
        .layer(RequestDecompressionLayer::new())
        .layer(CompressionLayer::new())
        .layer(CorsLayer::very_permissive())
        .layer(CatchPanicLayer::new())
        .layer(from_fn(measure::requests))
        .layer(from_fn(request_id::assign))
        .with_state(app)
}
