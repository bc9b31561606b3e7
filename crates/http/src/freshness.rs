//! How new an answer is: what a client may ask for, and what it is told.
//!
//! `Miroir-Min-Task: N` on a read waits until task N is done everywhere it must be. `Miroir-Stale: S` on an answer says
//! that this peer has been out of touch with a leader for S seconds, so that the answer may lack what is reported done
//! elsewhere; it is looked at when the answer is written, not when the search is planned.
//! `Miroir-Settings-In-Flight: true` says that the settings of an index that was searched were being changed: each part of
//! the answer is as before or as after.

use std::time::Duration;

use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use miroir_api::ErrorCode;
use miroir_cluster::State;
use miroir_model::{IndexUid, PhysicalId, TaskUid};
use tokio::time::timeout;

use crate::app::App;
use crate::error::ApiError;

const MIN_TASK: HeaderName = HeaderName::from_static("miroir-min-task");
const STALE: HeaderName = HeaderName::from_static("miroir-stale");
const IN_FLIGHT: HeaderName = HeaderName::from_static("miroir-settings-in-flight");
/// How long a read waits for a task.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes reads wait for what they ask for, and marks the answers that pass no barrier when they are old.
pub(crate) async fn of_reads(Extracted(app): Extracted<App>, request: Request, next: Next) -> Response {
    let kind = Read::of(request.method(), request.uri().path());
    if kind.is_some()
        && let Err(error) = app.wait_for_task(request.headers()).await
    {
        return error.into_response();
    }
    let of_one = kind.filter(|kind| *kind == Read::Documents).and_then(|_| index_of(request.uri().path()));
    let settings = Settings::of(&app, of_one);
    let mut response = next.run(request).await;
    if kind == Some(Read::Documents)
        && let Some(age) = app.searcher().stale()
    {
        response.headers_mut().insert(STALE, HeaderValue::from(age.as_secs()));
    }
    settings.mark(&app, &mut response);
    response
}

/// The index in a path: `/indexes/{uid}/…`.
fn index_of(path: &str) -> Option<IndexUid> {
    let mut names = path.split('/').skip(1);
    names.next().filter(|first| *first == "indexes")?;
    names.next()?.parse().ok()
}

/// The settings of the indexes that a read is about, as they were when it began.
pub(crate) struct Settings(Vec<(IndexUid, Steady)>);

/// The index that is served under a name, and which settings it has; `None` while they are in flight.
type Steady = Option<(PhysicalId, u64)>;

impl Settings {
    pub(crate) fn of(app: &App, uids: impl IntoIterator<Item = IndexUid>) -> Self {
        let state = app.ledger().state();
        let with_settings = |uid: IndexUid| Some((uid.clone(), steady(&state, &uid)?));
        Self(uids.into_iter().filter_map(with_settings).collect())
    }

    /// Marks the answer when some of them were in flight, or have changed since.
    pub(crate) fn mark(self, app: &App, response: &mut Response) {
        let state = app.ledger().state();
        let in_flight = |(uid, before): &(IndexUid, Steady)| {
            before.is_none() || steady(&state, uid).is_some_and(|now| now != *before)
        };
        if self.0.iter().any(in_flight) {
            response.headers_mut().insert(IN_FLIGHT, HeaderValue::from_static("true"));
        }
    }
}

fn steady(state: &State, uid: &IndexUid) -> Option<Steady> {
    let index = state.served(uid)?;
    Some((!index.settings.are_in_flight()).then_some((index.id, index.settings.version)))
}

/// What a request reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// Documents, from this peer's own state.
    Documents,
    /// Anything else, behind a barrier.
    Other,
}

impl Read {
    /// `None` when it writes.
    fn of(method: &Method, path: &str) -> Option<Self> {
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let searches = matches!(last, "search" | "fetch" | "facet-search" | "similar" | "multi-search");
        let documents = path.split('/').nth(3) == Some("documents");
        match *method {
            Method::GET if searches || documents => Some(Self::Documents),
            Method::GET => Some(Self::Other),
            Method::POST if searches => Some(Self::Documents),
            _ => None,
        }
    }
}

impl App {
    async fn wait_for_task(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(asked) = headers.get(MIN_TASK) else { return Ok(()) };
        let uid = asked.to_str().ok().and_then(|text| text.parse().ok()).map(TaskUid);
        let Some(uid) = uid else {
            return Err(ApiError::new(
                ErrorCode::InvalidHeaderValue,
                "The header `Miroir-Min-Task` must be the uid of a task: a number.",
            ));
        };
        let done = async {
            let mut state = self.ledger().state();
            while !state.is_done(uid) {
                state = self.ledger().changed(state.version()).await;
            }
        };
        timeout(PATIENCE, done).await.map_err(|_| {
            let text = format!("Task {uid} is not done yet; try again, or leave out `Miroir-Min-Task`.");
            ApiError::new(ErrorCode::MiroirNotCaughtUp, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use miroir_node::{Connections, Pools, Timeouts};
    use miroir_search::Searcher;
    use miroir_testkit::{LocalCluster, adopt, defaults};
    use tower::ServiceExt;

    use super::*;
    use crate::app::Options;

    /// A search that is planned in time and answers too late says so.
    #[tokio::test]
    async fn staleness_is_told_when_the_answer_is_written() {
        let cluster = LocalCluster::founded(defaults(1), [adopt("node-0", "http://127.0.0.1:9")]);
        let ledger = Arc::new(cluster.start(1));
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let searcher = Arc::new(Searcher::with_clock(
            ledger.clone(),
            Pools::open(Connections::new(Timeouts::default()).expect("a client")),
            Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))),
        ));
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let app = App::new(ledger, Arc::clone(&searcher), metrics, Options::default());
        // It goes on for ever; one report is enough.
        while searcher.stale().is_some() {
            let _ = timeout(Duration::from_millis(5), searcher.report()).await;
        }
        let takes = |time: u64| {
            let seconds = Arc::clone(&seconds);
            get(move || async move { seconds.fetch_add(time, Ordering::SeqCst).to_string() })
        };
        let router: Router = Router::new()
            .route("/indexes/quick/search", takes(1))
            .route("/indexes/slow/search", takes(6))
            .layer(from_fn_with_state(app, of_reads));
        for (index, stale) in [("quick", false), ("slow", true)] {
            let request = Request::get(format!("/indexes/{index}/search")).body(Body::empty());
            let answer = router.clone().oneshot(request.expect("a request")).await.expect("an answer");
            assert_eq!(answer.headers().contains_key(STALE), stale, "{index}");
        }
    }

    #[test]
    fn what_reads_documents_is_told_from_what_reads_anything_else() {
        let of = |method: &Method, path| Read::of(method, path);
        for path in ["/indexes/a/search", "/indexes/a/documents", "/indexes/a/documents/7"] {
            assert_eq!(of(&Method::GET, path), Some(Read::Documents), "{path}");
        }
        for path in ["/indexes/a/search", "/indexes/a/documents/fetch", "/multi-search"] {
            assert_eq!(of(&Method::POST, path), Some(Read::Documents), "{path}");
        }
        for path in ["/indexes", "/tasks/3", "/indexes/documents", "/indexes/a/stats"] {
            assert_eq!(of(&Method::GET, path), Some(Read::Other), "{path}");
        }
        for path in ["/indexes/a/documents", "/indexes/a/documents/delete-batch", "/indexes"] {
            assert_eq!(of(&Method::POST, path), None, "{path}");
        }
    }
}
