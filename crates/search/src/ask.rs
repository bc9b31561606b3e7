//! Asking an index: again where that may help, and what is left of it where the policy allows that.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use miroir_model::{IndexUid, NodeId};
use tokio::time::Instant;

use crate::error::SearchError;
use crate::race::{Question, Race};
use crate::scatter::Route;
use crate::searcher::{Searcher, twice};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T = String> {
    /// The answer; JSON where it is a text.
    pub answer: T,
    /// The shards that it lacks, since no copy of them answers, as `index/shard`. None are, but under the policy
    /// `partial`.
    pub missing: Vec<String>,
}

impl<T> Found<T> {
    pub(crate) fn map<U>(self, to: impl FnOnce(T) -> U) -> Found<U> {
        Found { answer: to(self.answer), missing: self.missing }
    }
}

impl Found {
    /// Under the policy `partial` an answer says itself what it lacks.
    pub(crate) fn telling(mut self) -> Self {
        // An answer is an object with members, and nothing in the names would be escaped.
        if !self.missing.is_empty() && self.answer.pop() == Some('}') {
            let names = self.missing.join("\",\"");
            self.answer.push_str(&format!(",\"missingShards\":[\"{names}\"]}}"));
        }
        self
    }
}

/// A question to an index.
pub(crate) struct Asking<'a, Q> {
    pub(crate) uid: &'a IndexUid,
    pub(crate) question: &'a Q,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) began: Instant,
}

/// The nodes that did not answer in time while others did: under the policy `partial`, what is asked later for the same
/// request does not wait for them again.
#[derive(Default)]
pub(crate) struct Silent(Mutex<BTreeSet<NodeId>>);

impl Silent {
    fn nodes(&self) -> BTreeSet<NodeId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, nodes: &BTreeSet<NodeId>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(nodes.iter().cloned());
    }
}

impl Searcher {
    /// The answer to a question of which the answer is all that the user gets.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub(crate) async fn find<Q: Question<Answer = String>>(
        &self,
        asking: Asking<'_, Q>,
    ) -> Result<Found, SearchError> {
        self.ask(asking).await.map(Found::telling)
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub(crate) async fn ask<Q: Question>(
        &self,
        asking: Asking<'_, Q>,
    ) -> Result<Found<Q::Answer>, SearchError> {
        self.ask_of_many(asking, &Silent::default()).await
    }

    /// The answer to one of several questions of a request.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub(crate) async fn ask_of_many<Q: Question>(
        &self,
        asking: Asking<'_, Q>,
        silent: &Silent,
    ) -> Result<Found<Q::Answer>, SearchError> {
        let known = silent.nodes();
        if !known.is_empty() {
            return self.ask_once(&asking, Some(known)).await;
        }
        let answer = twice(|| self.ask_once(&asking, None)).await;
        let out: BTreeSet<NodeId> = match &answer {
            Err(SearchError::Late { nodes, .. }) => nodes.iter().cloned().collect(),
            Err(error) if error.is_of_a_moment() => BTreeSet::new(),
            _ => return answer,
        };
        if !self.tail.config.partial {
            return answer;
        }
        silent.add(&out);
        let rest = self.ask_once(&asking, Some(out)).await;
        // Where nothing is left, why there is no whole answer says more.
        rest.or(answer)
    }

    /// Asks all shards; or, without these nodes, those of which some copy answers.
    async fn ask_once<Q: Question>(
        &self,
        asking: &Asking<'_, Q>,
        without: Option<BTreeSet<NodeId>>,
    ) -> Result<Found<Q::Answer>, SearchError> {
        let Asking { uid, question, request_id, began } = asking;
        let scope = self.scope(uid).await?;
        question.check(uid, &scope.index()?.settings.served).map_err(SearchError::Refused)?;
        let config = self.tail.config;
        let deadline = if without.is_some() { config.deadline } else { config.for_all() };
        let partial = without.is_some();
        let mut race = Race::new(self, &scope, *question, *request_id)?.without(without);
        let answer = race.run(*began, deadline).await?;
        if Q::ROUTE == Route::Search {
            let took = began.elapsed();
            metrics::histogram!("miroir_search_seconds").record(took);
            metrics::histogram!("miroir_search_overhead_seconds").record(took.saturating_sub(race.waited));
        }
        let missing = if partial { race.missing()? } else { Vec::new() };
        if !missing.is_empty() {
            metrics::counter!("miroir_search_partial_total").increment(1);
        }
        let missing = missing.iter().map(|shard| format!("{uid}/{shard}")).collect();
        Ok(Found { answer, missing })
    }
}
