//! A question to an index, from its plan to its answer.
//!
//! A plan says what nodes are asked, and a merge what is lacking until there is an answer; both are pure. What nodes have
//! said is kept by what they were asked, so two plans can be carried out at once over the same answers: that is a hedge.
//! When a node does not answer in time, a second plan is made around it, which keeps what the others were asked, and the
//! plan that first has all it needs is the one that counts. A node that fails is planned around in the same way.

mod hedge;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use miroir_api::ResponseError;
use miroir_model::{IndexUid, NodeId, PhysicalId, ShardId};
use miroir_query::{Answers, IndexView, MergeError, Merged, NodeRequest, PlanError};
use miroir_settings::UserSettings;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::SearchError;
use crate::scatter::{Halt, Refused, Round, Route};
use crate::scope::Scope;
use crate::searcher::Searcher;
use crate::tail::{Answer, Begun};
use crate::view::Marks;

/// What is asked of an index.
pub(crate) trait Question: Sync {
    /// What nodes are asked for it.
    type Plan: Send + Sync;
    /// What comes of their answers.
    type Answer: Send;
    /// Where they are asked.
    const ROUTE: Route;

    /// What is wrong with it that no node would say.
    fn check(&self, uid: &IndexUid, settings: &UserSettings) -> Result<(), ResponseError>;
    /// Over the nodes of the view; around an earlier plan, whose nodes may not all be there any more.
    fn plan(&self, index: &IndexView<'_>, around: Option<&Self::Plan>) -> Result<Self::Plan, PlanError>;
    fn requests(plan: &Self::Plan) -> &[NodeRequest];
    fn merge(&self, plan: &Self::Plan, answers: &Answers<Bytes>) -> Result<Merged<Self::Answer>, MergeError>;
    /// The same with the user's filter alone, for one of the nodes.
    fn user_filter_alone(plan: &Self::Plan) -> Option<NodeRequest>;
    /// What a node's refusal says to the user.
    fn user_error(
        plan: &Self::Plan,
        refusal: (&NodeId, &[u8]),
        settings: &UserSettings,
    ) -> Option<ResponseError>;
}

/// A plan that is carried out.
struct Runner<P> {
    plan: P,
    /// What its last merge has asked for.
    asks: Vec<NodeRequest>,
    /// It goes around a node that was late.
    is_hedge: bool,
    /// What it sends goes beyond what must be sent.
    pays: bool,
}

impl<P> Runner<P> {
    fn new(plan: P) -> Self {
        Self { plan, asks: Vec::new(), is_hedge: false, pays: false }
    }
}

/// Why there is no answer.
enum Stop<P> {
    Failed(SearchError),
    /// A node refused what it was asked by this plan.
    Refused(Refused, P),
}

impl<P, E: Into<SearchError>> From<E> for Stop<P> {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A question under way.
pub(crate) struct Race<'a, Q: Question> {
    searcher: &'a Searcher,
    scope: &'a Scope,
    question: &'a Q,
    request_id: Option<&'a str>,
    index: PhysicalId,
    slow: BTreeSet<NodeId>,
    /// Shards of which no copy answers are left out.
    partial: bool,
    round: Round,
    /// The plan, and a hedge.
    runners: Vec<Runner<Q::Plan>>,
    /// The plan that a failed node has ended, where there is no other.
    ended: Option<Q::Plan>,
    /// What nodes refused while some plan went on without them. Nothing is sent twice, so a plan that asks one of them
    /// would wait for ever.
    refused: BTreeMap<NodeId, Refused>,
    sent: Answers<Begun>,
    flights: FuturesUnordered<BoxFuture<'static, (NodeRequest, Answer)>>,
    /// When to look for what is late, and after how long again.
    look: Option<(Instant, Duration)>,
    hedged: bool,
    /// For how long nodes were waited for.
    pub(crate) waited: Duration,
}

impl<'a, Q: Question> Race<'a, Q> {
    pub(crate) fn new(
        searcher: &'a Searcher,
        scope: &'a Scope,
        question: &'a Q,
        request_id: Option<&'a str>,
    ) -> Result<Self, SearchError> {
        let (index, state) = (scope.index()?, scope.state());
        searcher.tail.paces.know(index, |index| state.indexes.contains_key(&index));
        Ok(Self {
            searcher,
            scope,
            question,
            request_id,
            index: index.id,
            slow: searcher.tail.slow(index.id),
            partial: false,
            round: Round::default(),
            runners: Vec::new(),
            ended: None,
            refused: BTreeMap::new(),
            sent: Answers::default(),
            flights: FuturesUnordered::new(),
            look: None,
            hedged: false,
            waited: Duration::ZERO,
        })
    }

    /// The same of the shards that have a copy on other nodes than these.
    pub(crate) fn without(mut self, nodes: Option<BTreeSet<NodeId>>) -> Self {
        self.partial = nodes.is_some();
        self.round.failed = nodes.unwrap_or_default();
        self
    }

    /// The answer, if it is there within the deadline of what began then.
    pub(crate) async fn run(&mut self, began: Instant, deadline: Duration) -> Result<Q::Answer, SearchError> {
        match timeout_at(began + deadline, self.answer()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Stop::Failed(error))) => Err(error),
            Ok(Err(Stop::Refused(refused, plan))) => Err(self.told(refused, &plan).await),
            Err(_) => {
                let asks = self.runners.iter().flat_map(|runner| self.round.answers.lacking(&runner.asks));
                let nodes: BTreeSet<NodeId> = asks.map(|request| request.node.clone()).collect();
                Err(SearchError::Late { nodes: nodes.into_iter().collect(), deadline })
            }
        }
    }

    async fn answer(&mut self) -> Result<Q::Answer, Stop<Q::Plan>> {
        let plan = self.plan((&self.round.failed, &self.slow), None)?;
        self.probe(Q::requests(&plan));
        self.runners.push(Runner::new(plan));
        loop {
            if let Some(answer) = self.step()? {
                return Ok(answer);
            }
            let began = Instant::now();
            let came = self.next().await;
            self.waited += began.elapsed();
            match came {
                None => self.hedge(),
                Some((request, came)) => self.take(&request, came)?,
            }
        }
    }

    /// A plan without the nodes that are out, and if possible without those that are slow.
    fn plan(
        &self,
        (out, slow): (&BTreeSet<NodeId>, &BTreeSet<NodeId>),
        around: Option<&Q::Plan>,
    ) -> Result<Q::Plan, SearchError> {
        let nodes = self.scope.nodes(Marks { out, slow })?;
        let mut shards = self.scope.shards(&nodes)?;
        if self.partial && shards.iter().any(|shard| !shard.copies.is_empty()) {
            shards.retain(|shard| !shard.copies.is_empty());
        }
        Ok(self.question.plan(&self.scope.view(&shards)?, around)?)
    }

    /// The shards that no node answers for.
    pub(crate) fn missing(&self) -> Result<Vec<ShardId>, SearchError> {
        let nodes = self.scope.nodes(Marks::out(&self.round.failed))?;
        let shards = self.scope.shards(&nodes)?;
        Ok(shards.iter().filter(|shard| shard.copies.is_empty()).map(|shard| shard.id).collect())
    }

    /// Merges what is there of all that was asked for, and sends what is asked for next.
    fn step(&mut self) -> Result<Option<Q::Answer>, SearchError> {
        let mut at = 0;
        while let Some(runner) = self.runners.get(at) {
            if self.round.answers.lacking(&runner.asks).next().is_some() {
                at += 1;
                continue;
            }
            let alone = self.runners.len() == 1;
            match self.question.merge(&runner.plan, &self.round.answers) {
                Ok(Merged::Answer(answer)) => {
                    self.won(at);
                    return Ok(Some(answer));
                }
                Ok(Merged::Asks(asks)) if alone || self.pays_for(at, &asks) => {
                    self.send(&asks);
                    if !self.runners[at].pays {
                        self.look_again();
                    }
                    self.runners[at].asks = asks;
                    at += 1;
                }
                Err(error) if alone => return Err(error.into()),
                // The other plan has all it needs, or will have.
                Ok(Merged::Asks(_)) | Err(_) => {
                    self.runners.remove(at);
                    self.promote();
                }
            }
        }
        Ok(None)
    }

    /// Sends what was not sent before.
    fn send(&mut self, requests: &[NodeRequest]) {
        let new: Vec<NodeRequest> = self.sent.lacking(requests).cloned().collect();
        for request in new {
            let flight = self.searcher.send(self.scope.state(), (Q::ROUTE, &request), self.request_id);
            self.sent.insert(&request, flight.begun);
            self.flights.push(flight.answer.map(move |came| (request, came)).boxed());
        }
    }

    /// The next answer; `None` when it is time to look for what is late.
    async fn next(&mut self) -> Option<(NodeRequest, Answer)> {
        let look = self.look.map(|(at, _)| at);
        let late = async {
            match look {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(came) = self.flights.next() => Some(came),
            () = late => None,
        }
    }

    fn take(&mut self, request: &NodeRequest, came: Answer) -> Result<(), Stop<Q::Plan>> {
        if let Err(halt) = self.round.take(request, came) {
            let Halt::Refused(refused) = halt else { return Err(SearchError::NoRoom.into()) };
            let [asking, others] = self.parted(|node| *node == refused.node);
            self.runners = others;
            self.promote();
            // Whoever does not ask that node goes on without its word.
            let asked = asking.into_iter().next().map(|runner| runner.plan).or(self.ended.take());
            if let Some(plan) = asked.filter(|_| self.runners.is_empty()) {
                return Err(Stop::Refused(refused, plan));
            }
            self.refused.insert(refused.node.clone(), refused);
        }
        if !self.round.failed.is_empty() {
            self.leave_failed()?;
        }
        Ok(())
    }

    /// Leaves the plans that ask a node that failed. When none is left, there is another one around such nodes, or an
    /// error when all that was sent has ended.
    fn leave_failed(&mut self) -> Result<(), Stop<Q::Plan>> {
        let failed = self.round.failed.clone();
        let [gone, left] = self.parted(|node| failed.contains(node));
        self.runners = left;
        self.promote();
        if !self.runners.is_empty() {
            return Ok(());
        }
        let ended = gone.into_iter().next().map(|runner| runner.plan).or(self.ended.take());
        match self.plan((&failed, &self.slow), ended.as_ref()) {
            Ok(plan) => match self.refusal_to(&plan) {
                Some(refused) => return Err(Stop::Refused(refused.clone(), plan)),
                None => self.runners.push(Runner::new(plan)),
            },
            Err(error) if self.flights.is_empty() => return Err(error.after(&failed).into()),
            // What else fails, or refuses, is known before it is told or tried again.
            Err(_) => self.ended = ended,
        }
        Ok(())
    }

    /// What a node that this plan asks has refused.
    fn refusal_to(&self, plan: &Q::Plan) -> Option<&Refused> {
        Q::requests(plan).iter().find_map(|request| self.refused.get(&request.node))
    }

    /// The plans that ask such a node, and the others.
    fn parted(&mut self, is_such: impl Fn(&NodeId) -> bool) -> [Vec<Runner<Q::Plan>>; 2] {
        let asks =
            |runner: &Runner<Q::Plan>| Q::requests(&runner.plan).iter().any(|request| is_such(&request.node));
        std::mem::take(&mut self.runners).into_iter().partition::<Vec<_>, _>(asks).into()
    }

    async fn told(&mut self, refused: Refused, plan: &Q::Plan) -> SearchError {
        let Ok(index) = self.scope.index() else { return refused.told(|_, _| None) };
        let alone = (Q::ROUTE, Q::user_filter_alone(plan));
        let refused = refused.without_ours(self.searcher, self.scope.state(), alone).await;
        refused.told(|node, body| Q::user_error(plan, (node, body), &index.settings.served))
    }
}
