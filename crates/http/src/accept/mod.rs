//! Accepting a write: validate, propose, answer with the task.
//!
//! A write is validated against this peer's state and proposed with what it was validated against. When that has
//! changed meanwhile the state refuses it, nothing is assigned, and it is validated again. Nothing is said to the
//! client before the outcome is known; when the leader is lost with the proposal, the outcome is settled first.

mod headers;
mod settle;
mod upload;

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use miroir_api::{ErrorCode, ResponseError, SummarizedTask};
use miroir_cluster::{Enqueue, EnqueueWork, Outcome, Refusal, Settled, State, Target, recordable};
use miroir_model::{IndexUid, TaskUid, Timestamp};
use miroir_tasks::{TaskDetails, TaskKind};
use tokio::time::Instant;

use crate::app::App;
use crate::error::ApiError;
pub(crate) use headers::Origin;

/// How often a write is validated again before the client is asked to come back.
const ATTEMPTS: usize = 3;

/// A body of at most so many bytes is validated where the request is: a fraction of a millisecond, less than it takes
/// to hand it to another thread and back.
const INLINE: usize = 16 << 10;

/// What a write comes to, against one state.
pub(crate) struct Draft {
    /// What it was validated against.
    pub(crate) target: Target,
    /// What it asks, its payload inline.
    pub(crate) work: EnqueueWork,
    /// What its task says about itself.
    pub(crate) details: TaskDetails,
}

impl Draft {
    /// A write that fails: a task all the same, as on Meilisearch.
    pub(crate) fn refused(
        target: Target,
        kind: TaskKind,
        mut error: ResponseError,
        details: TaskDetails,
    ) -> Self {
        error.message = recordable(error.message);
        Self { target, work: EnqueueWork::Refused { kind, error }, details }
    }
}

/// A write that was accepted.
struct Accepted {
    task: TaskUid,
    at: Timestamp,
    replayed: bool,
}

impl App {
    /// Has a write accepted and answers 202 with its task. `validate` is called again when the state refuses what it
    /// made as stale; for a large body it runs on a thread where it may take its time.
    pub(crate) async fn accept<F>(
        &self,
        uid: impl Into<Option<IndexUid>>,
        kind: TaskKind,
        origin: Origin,
        validate: F,
    ) -> Result<Response, ApiError>
    where
        F: Fn(&State) -> Result<Draft, ResponseError> + Send + Sync + 'static,
    {
        let uid = uid.into();
        let started = Instant::now();
        let mut deadline = started + settle::PATIENCE;
        let validate = Arc::new(validate);
        for _ in 0..ATTEMPTS {
            let begun = Instant::now();
            let state = self.ledger().state();
            let mut draft = if origin.body_len <= INLINE {
                validate(&state)?
            } else {
                let validate = Arc::clone(&validate);
                tokio::task::spawn_blocking(move || validate(&state))
                    .await
                    .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))??
            };
            if let Some(uid) = &uid {
                self.check_queues(uid, &draft)?;
            }
            self.upload_if_large(&mut draft.work).await?;
            // A large body takes what it takes; only then the client waits for certainty.
            deadline += begun.elapsed();
            match self.propose(&uid, &origin, draft, deadline).await? {
                Ok(accepted) => {
                    metrics::histogram!("miroir_write_ack_seconds").record(started.elapsed());
                    return Ok(answer(uid, kind, &origin, &accepted));
                }
                // Another peer's write came first. What this peer knows by then, it validates against.
                Err(_) => self.ledger().read_barrier().await?,
            }
        }
        Err(ApiError::new(
            ErrorCode::MiroirBackpressure,
            "The index changes too often for this write to be validated against it. Nothing was changed; try again.",
        ))
    }

    /// A write that could not be kept for a node is not accepted: its node must come back, or another copy be made.
    fn check_queues(&self, uid: &IndexUid, draft: &Draft) -> Result<(), ApiError> {
        let state = self.ledger().state();
        let Some(index) = state.ordered(uid) else { return Ok(()) };
        let (units, limits) = (draft.work.units(), self.queue_limits());
        match state.stuck(index, units, limits, self.ledger().now()) {
            Some(node) if !frees_space(&draft.work) => {
                let fault = index.queues.get(node).and_then(|queue| queue.fault.as_ref());
                let why = fault.map_or_else(
                    || "try again when it is back".to_owned(),
                    |(fault, _)| format!("it says: {}", fault.text),
                );
                let text = format!(
                    "Too much waits for node `{node}`, which has the only copy of some of these documents; {why}."
                );
                Err(ApiError::new(ErrorCode::MiroirBackpressure, text))
            }
            _ => Ok(()),
        }
    }

    /// One attempt: accepted, or stale. At `deadline` the client hears that the outcome is unknown.
    async fn propose(
        &self,
        uid: &Option<IndexUid>,
        origin: &Origin,
        draft: Draft,
        deadline: Instant,
    ) -> Result<Result<Accepted, Refusal>, ApiError> {
        let enqueue = Enqueue {
            proposal: self.next_proposal(),
            idempotency: origin.idempotency.clone(),
            index_uid: uid.clone(),
            target: draft.target,
            work: draft.work,
            details: draft.details,
            custom_metadata: origin.custom_metadata.clone(),
        };
        match self.propose_and_settle(enqueue, deadline).await? {
            Outcome::Enqueued { task, at, replayed }
            | Outcome::Settled(Settled::Accepted { task, at, replayed }) => {
                Ok(Ok(Accepted { task, at, replayed }))
            }
            Outcome::Settled(Settled::Refused) => Err(ApiError::no_quorum()),
            Outcome::Refused(refusal @ Refusal::Stale(_)) => Ok(Err(refusal)),
            Outcome::Refused(refusal) => Err(refused(&refusal)),
            other => Err(ApiError::new(ErrorCode::Internal, format!("an unexpected outcome: {other:?}"))),
        }
    }
}

/// Whether a write passes what waits for a node that is full: it is what makes the node less full.
fn frees_space(work: &EnqueueWork) -> bool {
    matches!(work, EnqueueWork::DeleteIndex | EnqueueWork::DeleteAll | EnqueueWork::DeleteIds { .. })
}

fn refused(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::IdempotencyConflict => ApiError::new(
            ErrorCode::MiroirIdempotencyConflict,
            "This `Idempotency-Key` was used for another request: use a new key for each write.",
        ),
        Refusal::Shape(text) => ApiError::new(ErrorCode::BadRequest, text.clone()),
        Refusal::NoNodes => ApiError::new(
            ErrorCode::MiroirShardUnavailable,
            "The cluster has too few nodes to hold an index yet: add nodes, or wait for them.",
        ),
        other => {
            ApiError::new(ErrorCode::MiroirBackpressure, format!("The write was not accepted: {other}."))
        }
    }
}

fn answer(uid: Option<IndexUid>, kind: TaskKind, origin: &Origin, accepted: &Accepted) -> Response {
    let body = SummarizedTask {
        task_uid: accepted.task,
        index_uid: uid,
        status: "enqueued".into(),
        kind: kind.as_str().into(),
        enqueued_at: accepted.at,
        custom_metadata: origin.custom_metadata.clone(),
    };
    // As Meilisearch answers.
    let status = if kind == TaskKind::TaskCancelation { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = (status, Json(body)).into_response();
    if accepted.replayed {
        let name = HeaderName::from_static("idempotent-replay");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// The length of a payload's blocks together, in bytes.
fn length(blocks: &[Bytes]) -> usize {
    blocks.iter().map(Bytes::len).sum()
}
