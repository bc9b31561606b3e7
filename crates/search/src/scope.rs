//! The state that an answer is made from, and when it is new enough.
//!
//! Searches and reads of documents pass no barrier: they go on when the quorum is lost. But two answers would be wrong
//! then, not old: that of a life which has not caught up with what was committed before it began, and "not found" for an
//! index of which another peer has said that it is there. So the first answer of a life waits for one barrier, and a name
//! that is not served is looked up once more behind one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use miroir_cluster::{BarrierError, Index, Ledger, State};
use miroir_model::{IndexUid, NodeId};
use miroir_query::{IndexView, NodeView, ShardView, Shown};

use crate::error::SearchError;
use crate::searcher::Searcher;
use crate::touch::InUse;
use crate::view::{self, Marks};

/// An index under one search: the state that the search uses, and what it reads of it.
pub(crate) struct Scope {
    in_use: InUse,
    pub(crate) uid: IndexUid,
    shown: Arc<Shown>,
}

impl Scope {
    pub(crate) fn state(&self) -> &State {
        &self.in_use.state
    }

    pub(crate) fn index(&self) -> Result<&Index, SearchError> {
        self.state().served(&self.uid).ok_or_else(|| SearchError::IndexNotFound(self.uid.to_string()))
    }

    /// What its settings say about answers.
    pub(crate) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// The nodes that can be asked.
    pub(crate) fn nodes(&self, marks: Marks<'_>) -> Result<BTreeMap<NodeId, NodeView>, SearchError> {
        Ok(view::nodes(self.state(), self.index()?, marks))
    }

    pub(crate) fn shards<'a>(
        &self,
        nodes: &'a BTreeMap<NodeId, NodeView>,
    ) -> Result<Vec<ShardView<'a>>, SearchError> {
        Ok(view::shards(self.index()?, nodes))
    }

    pub(crate) fn view<'a>(&'a self, shards: &'a [ShardView<'a>]) -> Result<IndexView<'a>, SearchError> {
        let index = self.index()?;
        Ok(IndexView {
            uid: self.uid.as_str(),
            version: self.state().api_version(),
            // While the first task with documents is under way some can be found, under the key that it brings.
            primary_key: index.served_primary_key.as_deref().or(index.primary_key.as_deref()),
            shown: &self.shown,
            tie_rule: index.tie_rule,
            shards,
        })
    }
}

/// Whether this life has passed a barrier.
#[derive(Debug, Default)]
pub(crate) struct CaughtUp(AtomicBool);

impl CaughtUp {
    /// Returns at once from the first barrier on. Until then all who wait share the ledger's barriers.
    async fn wait(&self, ledger: &dyn Ledger) -> Result<(), BarrierError> {
        if !self.0.load(Ordering::Acquire) {
            ledger.read_barrier().await?;
            self.0.store(true, Ordering::Release);
        }
        Ok(())
    }
}

impl Searcher {
    /// # Errors
    /// When nothing is served under the name, or nobody can say so.
    pub(crate) async fn scope(&self, uid: &IndexUid) -> Result<Scope, SearchError> {
        self.caught_up.wait(&*self.ledger).await?;
        if let Some(scope) = self.present_scope(uid) {
            return Ok(scope);
        }
        self.ledger.read_barrier().await?;
        self.present_scope(uid).ok_or_else(|| SearchError::IndexNotFound(uid.to_string()))
    }

    fn present_scope(&self, uid: &IndexUid) -> Option<Scope> {
        let in_use = self.touch.take(&*self.ledger);
        let shown = self.shown.of(&in_use.state, in_use.state.served(uid)?);
        Some(Scope { uid: uid.clone(), shown, in_use })
    }
}
