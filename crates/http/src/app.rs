//! What every route can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics_exporter_prometheus::PrometheusHandle;
use miroir_cluster::{Index, Ledger, ProposalId, QueueLimits, State, UploadId};
use miroir_model::IndexUid;
use miroir_search::Searcher;

use crate::error::ApiError;
use crate::history::History;
use crate::limits::{Limits, Memory};

/// How the API is served.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The key that may do everything. Without it every route is open.
    pub master_key: Option<String>,
    /// How much may wait for a node.
    pub queue: QueueLimits,
}

/// What every route can reach.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    ledger: Arc<dyn Ledger>,
    searcher: Arc<Searcher>,
    options: Options,
    metrics: PrometheusHandle,
    limits: Limits,
    memory: Memory,
    history: History,
    /// Numbers this life's attempts and uploads.
    next: AtomicU64,
}

impl App {
    /// Over this peer's ledger and searcher, with the usual limits; `metrics` is what `/_miroir/metrics` prints.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        searcher: Arc<Searcher>,
        metrics: PrometheusHandle,
        options: Options,
    ) -> Self {
        Self::with_limits(ledger, searcher, metrics, options, Limits::default())
    }

    /// The same with these limits.
    pub fn with_limits(
        ledger: Arc<dyn Ledger>,
        searcher: Arc<Searcher>,
        metrics: PrometheusHandle,
        options: Options,
        limits: Limits,
    ) -> Self {
        let (history, next, memory) = (History::default(), AtomicU64::new(0), Memory::new(&limits));
        Self(Arc::new(Parts { ledger, searcher, options, metrics, limits, memory, history, next }))
    }

    pub(crate) fn ledger(&self) -> &dyn Ledger {
        &*self.0.ledger
    }

    pub(crate) fn searcher(&self) -> &Searcher {
        &self.0.searcher
    }

    pub(crate) fn master_key(&self) -> Option<&str> {
        self.0.options.master_key.as_deref()
    }

    pub(crate) fn queue_limits(&self) -> QueueLimits {
        self.0.options.queue
    }

    pub(crate) fn metrics(&self) -> &PrometheusHandle {
        &self.0.metrics
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub(crate) fn history(&self) -> &History {
        &self.0.history
    }

    pub(crate) fn next_proposal(&self) -> ProposalId {
        ProposalId { life: self.ledger().me(), number: self.0.next.fetch_add(1, Ordering::Relaxed) }
    }

    pub(crate) fn next_upload(&self) -> UploadId {
        UploadId { life: self.ledger().me(), number: self.0.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// The state with everything in it that any peer confirmed before.
    pub(crate) async fn fresh_state(&self) -> Result<Arc<State>, ApiError> {
        self.ledger().read_barrier().await?;
        Ok(self.ledger().state())
    }
}

/// The index that reads and searches see under a name.
pub(crate) fn served<'a>(state: &'a State, uid: &IndexUid) -> Result<&'a Index, ApiError> {
    state.served(uid).ok_or_else(|| miroir_api::ResponseError::index_not_found(uid.as_str()).into())
}
