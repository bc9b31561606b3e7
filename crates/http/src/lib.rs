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
mod limits;
mod measure;
mod miroir;
mod params;
mod partial;
mod path;
mod patient;
mod request_id;
mod routes;
mod serve;
mod slashes;

use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowHeaders, AllowMethods, Any, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;

pub use app::{App, Options};
pub use limits::{Limits, PAYLOAD_BYTES};
pub use serve::serve;

use routes::{
    cancel, documents, features, health, indexes, multi_search, search, settings, similar, stats, swap,
    tasks, unsupported,
};

/// Everything that a peer serves over HTTP.
pub fn router(app: App) -> Router {
    measure::describe();
    let of = |routes: Vec<Route>| {
        routes.into_iter().fold(Router::new(), |router, (path, methods)| router.route(&path, methods))
    };
    let guarded = of(guarded())
        .layer(from_fn_with_state(app.clone(), freshness::of_reads))
        .layer(from_fn_with_state(app.clone(), auth::master_key));
    of(open())
        .merge(guarded)
        .fallback(unsupported::unknown)
        .method_not_allowed_fallback(unsupported::method)
        // An encoding that nobody knows is found out where the body is parsed, as on Meilisearch.
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(CompressionLayer::new())
        .layer(cross_origin())
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn(measure::requests))
        .layer(from_fn(request_id::assign))
        .with_state(app)
}

/// Pages of any origin may ask, as on Meilisearch: but not with what a browser adds by itself (cookies, certificates). That
/// they may holds for a day, so that a browser does not ask before each search.
fn cross_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(Duration::from_secs(86_400))
}

/// The path of every route, with `{name}` for what is given in it.
pub fn paths() -> impl Iterator<Item = String> {
    open().into_iter().chain(guarded()).map(|(path, _)| path)
}

/// A path and what answers there.
type Route = (String, MethodRouter<App>);

/// For anybody.
fn open() -> Vec<Route> {
    let routes =
        [("/", get(health::root)), ("/health", get(health::health)), ("/_miroir/ready", get(miroir::ready))];
    listed(routes).collect()
}

/// For who has the master key.
fn guarded() -> Vec<Route> {
    let documents = get(documents::read::list)
        .post(documents::write::write)
        .put(documents::write::write)
        .delete(documents::delete::all);
    listed([
        ("/version", get(health::version)),
        ("/stats", get(stats::all)),
        ("/indexes", get(indexes::list).post(indexes::create)),
        ("/indexes/{uid}", get(indexes::get).patch(indexes::update).delete(indexes::delete)),
        ("/indexes/{uid}/stats", get(stats::index)),
        ("/indexes/{uid}/search", get(search::get).post(search::post)),
        ("/indexes/{uid}/similar", get(similar::get).post(similar::post)),
        ("/indexes/{uid}/facet-search", post(search::facet_values)),
        ("/indexes/{uid}/documents", documents),
        ("/indexes/{uid}/documents/fetch", post(documents::read::fetch)),
        ("/indexes/{uid}/documents/delete", post(documents::delete::by_filter)),
        ("/indexes/{uid}/documents/edit", post(documents::edit::edit)),
        ("/indexes/{uid}/documents/delete-batch", post(documents::delete::batch)),
        ("/indexes/{uid}/documents/{id}", get(documents::read::one).delete(documents::delete::one)),
        ("/experimental-features", get(features::get).patch(features::patch)),
        ("/multi-search", post(multi_search::post)),
        ("/swap-indexes", post(swap::swap)),
        ("/tasks", get(tasks::list).delete(unsupported::answer)),
        ("/tasks/cancel", post(cancel::cancel)),
        ("/tasks/{uid}", get(tasks::get)),
        ("/_miroir/topology", get(miroir::topology)),
        ("/_miroir/metrics", get(miroir::metrics)),
        ("/_miroir/indexes/{uid}/explain", post(miroir::explain)),
    ])
    .chain(settings::routes())
    .chain(listed(unsupported::routes()))
    .collect()
}

fn listed(
    routes: impl IntoIterator<Item = (&'static str, MethodRouter<App>)>,
) -> impl Iterator<Item = Route> {
    routes.into_iter().map(|(path, methods)| (path.to_owned(), methods))
}
