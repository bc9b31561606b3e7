//! The driver of one queue: at most one request of an index is in progress on a node.
//!
//! It looks at the state, decides, records, acts, records, and looks again. What it keeps in memory only saves work,
//! but for one thing: which open dispatch it has recorded itself and not sent yet. Any other may have been sent by
//! someone, and is [settled](crate::settle) before anything else is done.

use std::sync::Arc;

use miroir_cluster::{
    Action, Command, Dispatch, DispatchResult, Fault, Index, LaneStep, Queue, QueueStep, State, StepRefused,
    Work, recordable,
};
use miroir_documents::edit::Function;
use miroir_model::{PhysicalId, PhysicalName};
use miroir_settings::{UserSettings, in_users_words};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, error, warn};

use crate::assemble::{Place, assemble, early, reassemble};
use crate::attempt::Attempt;
use crate::config::Backoff;
use crate::decide::{Next, Step, decide};
use crate::gather::Gathering;
use crate::lane::Lane;
use crate::payload::{Body, Cursor, ReadError};
use crate::request::Request;
use crate::rollback;
use crate::room::Fits;
use crate::verdict::{self, End};

/// The queue is gone, or another's to drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// An action with the body of its request.
type Prepared = (Action, Option<Body>);

/// See the module.
pub(crate) struct Driver {
    pub(crate) lane: Arc<Lane>,
    pub(crate) index: PhysicalId,
    pub(crate) backoff: Backoff,
    /// The first dispatch that this driver can have recorded.
    first: Option<u64>,
    /// The dispatch whose outcome is unknown, though this driver recorded it.
    unknown: Option<u64>,
    /// What the next dispatch of this driver carries.
    prepared: Option<Prepared>,
    cursor: Option<Cursor>,
    gathering: Gathering,
    /// When what failed for a fault of the node is tried again.
    again_at: Option<Instant>,
    /// The last dispatch that the node may have carried out twice: it was not seen all the time.
    pub(crate) may_repeat: Option<u64>,
    /// Since when the embedders of the index fail.
    embedders_fail: Option<Instant>,
    /// The node's newest task that is known to be this queue's.
    pub(crate) seen: Option<u32>,
}

/// The queue as the state shows it.
pub(crate) struct View {
    pub(crate) state: Arc<State>,
    pub(crate) index: Index,
    pub(crate) queue: Queue,
}

impl Driver {
    pub(crate) fn new(lane: Arc<Lane>, index: PhysicalId) -> Self {
        Self {
            backoff: Backoff::new(lane.config.retry),
            lane,
            index,
            first: None,
            unknown: None,
            prepared: None,
            cursor: None,
            gathering: Gathering::default(),
            again_at: None,
            may_repeat: None,
            embedders_fail: None,
            seen: None,
        }
    }

    /// Drives the queue until it is gone or another's.
    pub(crate) async fn run(mut self) {
        while self.turn().await.is_ok() {}
    }

    async fn turn(&mut self) -> Result<(), Gone> {
        let view = self.view()?;
        let first = *self.first.get_or_insert(view.queue.next_dispatch);
        match view.queue.dispatch.clone() {
            None => self.begin(&view).await,
            // It only reads.
            Some(open) if matches!(open.action, Action::Count(_)) && !view.queue.renaming => {
                self.carry_out(&view, &open).await
            }
            Some(open) if open.number < first || self.unknown == Some(open.number) || view.queue.renaming => {
                self.settle(&view, &open).await
            }
            Some(open) => self.carry_out(&view, &open).await,
        }
    }

    pub(crate) fn view(&self) -> Result<View, Gone> {
        let state = self.lane.ledger.state();
        if !self.lane.is_ours(&state) {
            return Err(Gone);
        }
        let index = state.indexes.get(&self.index).ok_or(Gone)?.clone();
        let queue = index.queues.get(&self.lane.node).ok_or(Gone)?.clone();
        Ok(View { state, index, queue })
    }

    pub(crate) fn place<'a>(&'a self, state: &'a State) -> Place<'a> {
        Place { state, index: self.index, node: &self.lane.node }
    }

    /// Records the next request, if there is one; else waits until something changes.
    async fn begin(&mut self, view: &View) -> Result<(), Gone> {
        let next = decide(&view.state, self.index, &self.lane.node, self.lane.config.request_tasks);
        let step = match next {
            Next::Do(step) => step,
            Next::Again(step) => {
                let at = *self.again_at.get_or_insert_with(|| Instant::now() + self.backoff.take());
                if Instant::now() < at {
                    // Something that can pass may come first.
                    let _ = timeout_at(at, self.lane.ledger.changed(view.state.version())).await;
                    return Ok(());
                }
                self.again_at = None;
                step
            }
            Next::Check(task) => return self.check(view, task).await,
            Next::Wait(_) => {
                self.lane.ledger.changed(view.state.version()).await;
                return Ok(());
            }
        };
        match self.lane.fits(&view.state, &step) {
            Fits::Yes => {}
            Fits::No(text) => return self.fault(text).await,
            Fits::Unknown => {
                tokio::select! {
                    () = self.lane.until_weighed() => {}
                    _ = self.lane.ledger.changed(view.state.version()) => {}
                }
                return Ok(());
            }
        }
        if let Some(until) = self.waits_for_more(&view.state, &step) {
            let more = self.lane.ledger.changed(view.state.version());
            // Whichever it is, the queue looks again.
            let _ = timeout_at(until, more).await;
            return Ok(());
        }
        let (action, body) = match self.prepare(&view.state, step).await {
            Ok(prepared) => prepared,
            Err(error) => return self.unreadable(error).await,
        };
        let number = view.queue.next_dispatch;
        let node_task = view.queue.node_task.max(self.seen);
        self.prepared = Some((action.clone(), body));
        let start = QueueStep::Start { action, node_task };
        if !self.try_record(start, |queue| queue.next_dispatch > number).await? {
            self.backoff.pause().await;
        }
        Ok(())
    }

    /// Until when a request waits for more that could go with it.
    fn waits_for_more(&mut self, state: &State, step: &Step) -> Option<Instant> {
        let Step::Send { tasks, .. } = step else { return None };
        let queue = state.indexes.get(&self.index)?.queues.get(&self.lane.node)?;
        let config = &self.lane.config;
        self.gathering.until((state, queue), tasks, config.request_bytes as u64, config.gather)
    }

    async fn prepare(&mut self, state: &State, step: Step) -> Result<Prepared, ReadError> {
        Ok(match step {
            Step::Create => (Action::Create, None),
            Step::Configure(version) => (Action::Configure { version }, None),
            Step::Alone(uid) => (Action::Alone(uid), None),
            Step::Count(uid) => (Action::Count(uid), None),
            Step::Try(uid) => (Action::Try(uid), None),
            Step::Drop => (Action::Drop, None),
            Step::Ahead(uid) => {
                let ledger = Arc::clone(&self.lane.ledger);
                (Action::Ahead(uid), Some(early(&*ledger, self.place(state), uid).await?))
            }
            Step::Send { tasks, from } => {
                let (ledger, limit) = (Arc::clone(&self.lane.ledger), self.lane.config.request_bytes);
                let mut cursor = self.cursor.take();
                let joined = (tasks.as_slice(), from);
                let assembled = assemble(&*ledger, self.place(state), joined, limit, &mut cursor).await;
                self.cursor = cursor;
                let (slices, body) = assembled?;
                (Action::Send(slices), Some(body))
            }
        })
    }

    /// The body of a dispatch: as it was prepared, or read again.
    async fn body(&mut self, view: &View, action: &Action) -> Result<Option<Body>, ReadError> {
        match self.prepared.take() {
            Some((prepared, body)) if prepared == *action => Ok(body),
            _ => match action {
                Action::Send(slices) => {
                    let place = self.place(&view.state);
                    reassemble(&*self.lane.ledger, place, slices).await.map(Some)
                }
                Action::Ahead(uid) => {
                    early(&*self.lane.ledger, self.place(&view.state), *uid).await.map(Some)
                }
                _ => Ok(None),
            },
        }
    }

    /// Sends a request that was recorded by this driver and never sent, until it has ended or its outcome is unknown.
    async fn carry_out(&mut self, view: &View, open: &Dispatch) -> Result<(), Gone> {
        let body = match self.body(view, &open.action).await {
            Ok(body) => body,
            Err(error) => return self.unreadable(error).await,
        };
        let held = self.held(view, open).await?;
        let request = Request::new(self.place(&view.state), &open.action, body, held.as_ref());
        let Some(request) = request else {
            // The state that the dispatch was recorded in is this one or an older one, and what it speaks of stays
            // until it has ended.
            error!(index = %self.index, node = %self.lane.node, dispatch = open.number, "nothing fits the dispatch");
            self.backoff.pause().await;
            return Ok(());
        };
        loop {
            self.view()?;
            match self.attempt(view, open, &request).await {
                Attempt::Ended(End::Result(result)) => return self.finish(open, result).await,
                Attempt::Ended(End::NameTaken) => return self.fenced(open, false).await,
                Attempt::Ended(End::Embedder(error)) => {
                    let since = *self.embedders_fail.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.lane.config.embedder_patience {
                        return self.finish(open, verdict::without_embedder(&open.action, error)).await;
                    }
                    self.fault(format!("{}: {}", error.code, error.message)).await?;
                }
                Attempt::Ended(End::Fault(text)) => self.fault(text).await?,
                Attempt::NotSent(error) => {
                    debug!(index = %self.index, node = %self.lane.node, dispatch = open.number, %error, "not sent");
                }
                Attempt::Unknown(error) => {
                    warn!(index = %self.index, node = %self.lane.node, dispatch = open.number, %error, "outcome unknown");
                    self.unknown = Some(open.number);
                    self.backoff.pause().await;
                    return Ok(());
                }
            }
            // Nothing of it is on its way: it failed, or was not sent.
            if self.gives_way(open).await? {
                return Ok(());
            }
        }
    }

    /// Pauses before a request is sent again; `true` when something can pass it instead, and it is withdrawn for that.
    async fn gives_way(&mut self, open: &Dispatch) -> Result<bool, Gone> {
        let until = Instant::now() + self.backoff.take();
        loop {
            let view = self.view()?;
            let (state, index, queue) = (&*view.state, &view.index, &view.queue);
            let goes_first = state.superseding(index, queue);
            let passes = goes_first.is_some_and(|task| !open.action.tasks().contains(&task.uid))
                || (state.early(index, queue).is_some() && !matches!(open.action, Action::Ahead(_)));
            if let (true, Some((fault, _))) =
                (passes && has_open(&view.queue, open.number), &view.queue.fault)
            {
                let number = open.number;
                let stop = QueueStep::Stop { number, fault: fault.clone() };
                self.record(stop, |queue| !has_open(queue, number)).await?;
                return Ok(true);
            }
            if !has_open(&view.queue, open.number) {
                return Ok(true);
            }
            if timeout_at(until, self.lane.ledger.changed(view.state.version())).await.is_err() {
                return Ok(false);
            }
        }
    }

    /// The settings that the node may have, where that matters.
    async fn held(&mut self, view: &View, open: &Dispatch) -> Result<Option<UserSettings>, Gone> {
        if !matches!(open.action, Action::Configure { .. }) || view.queue.installed.is_none() {
            return Ok(None);
        }
        loop {
            self.view()?;
            let name = view.queue.name(self.index).to_string();
            match self.lane.clients.lane.settings(&name).await {
                Ok(text) => return Ok(rollback::embedders(&text, view.index.settings.decided.version())),
                Err(error) => {
                    debug!(index = %self.index, node = %self.lane.node, %error, "settings not read");
                    self.backoff.pause().await;
                }
            }
        }
    }

    /// Records how a request ended, and the next one with it: decided and read on the state as it will be.
    pub(crate) async fn finish(&mut self, open: &Dispatch, result: DispatchResult) -> Result<(), Gone> {
        self.backoff.reset();
        if let DispatchResult::Done { .. } = result {
            self.embedders_fail = None;
        }
        let number = open.number;
        let view = self.view()?;
        let result = self.in_users_words(&view, open, result);
        let ended = |next| QueueStep::Finish { number, result: result.clone(), next };
        let mut after = (*view.state).clone();
        let stamp = after.stamp;
        after.apply(stamp, &Command::Lanes(vec![self.step(ended(None))]));
        let next = match decide(&after, self.index, &self.lane.node, self.lane.config.request_tasks) {
            // What has no room, waits for more or cannot be read is found again when the queue begins.
            Next::Do(step) if self.lane.fits(&after, &step) != Fits::Yes => None,
            Next::Do(step) if self.waits_for_more(&after, &step).is_some() => None,
            Next::Do(step) => self.prepare(&after, step).await.ok(),
            Next::Again(_) | Next::Check(_) | Next::Wait(_) => None,
        };
        let action = next.as_ref().map(|(action, _)| action.clone());
        self.prepared = next;
        debug!(index = %self.index, node = %self.lane.node, dispatch = number, ?result, "ended");
        self.record(ended(action), |queue| !has_open(queue, number)).await
    }

    fn in_users_words(&self, view: &View, open: &Dispatch, mut result: DispatchResult) -> DispatchResult {
        let task = open.action.tasks().first().and_then(|uid| view.state.tasks.get(uid));
        if let (DispatchResult::Refused { error, .. }, Some(task)) = (&mut result, task) {
            let name = PhysicalName { index: self.index, generation: open.generation };
            let told = match &task.work {
                Work::Edit(edit) => {
                    Function::parse(&edit.function).map(|it| it.in_users_words(&error.message))
                }
                _ => Ok(error.message.clone()),
            };
            let told = told.unwrap_or_else(|_| error.message.clone());
            error.message = recordable(in_users_words(&told, task.name(), name));
        }
        result
    }

    /// Records what a fence has shown, or that a name is given up.
    pub(crate) async fn fenced(&mut self, open: &Dispatch, arrived: bool) -> Result<(), Gone> {
        let (number, generation) = (open.number, self.view()?.queue.generation);
        let step = QueueStep::Fenced { number, arrived };
        self.record(step, |queue| queue.generation > generation || !has_open(queue, number)).await
    }

    /// Records why the queue is stopped, unless that is known.
    pub(crate) async fn fault(&mut self, text: String) -> Result<(), Gone> {
        let fault = Some(Fault { text: recordable(text) });
        let shows = |queue: &Queue| queue.fault.as_ref().map(|(fault, _)| fault) == fault.as_ref();
        if shows(&self.view()?.queue) {
            return Ok(());
        }
        warn!(index = %self.index, node = %self.lane.node, ?fault, "stopped");
        self.record(QueueStep::Fault { fault: fault.clone() }, shows).await
    }

    pub(crate) async fn unreadable(&mut self, error: ReadError) -> Result<(), Gone> {
        // The chunk may be gone because the state went on; if not, this peer's disk is at fault, not the node.
        warn!(index = %self.index, node = %self.lane.node, %error, "payload not read");
        self.cursor = None;
        self.backoff.pause().await;
        Ok(())
    }

    fn step(&self, step: QueueStep) -> LaneStep {
        LaneStep { node: self.lane.node.clone(), index: self.index, epoch: self.lane.epoch, step }
    }

    /// Records a step that cannot but be taken, since only this driver records for the queue. It goes on until the
    /// state shows it: giving it up would mean to forget what happened on the node.
    pub(crate) async fn record(
        &mut self,
        step: QueueStep,
        applied: impl Fn(&Queue) -> bool,
    ) -> Result<(), Gone> {
        while !self.try_record(step.clone(), &applied).await? {
            error!(index = %self.index, node = %self.lane.node, ?step, "a step was refused");
            self.backoff.pause().await;
        }
        Ok(())
    }

    /// Records a step and waits until the state shows it; `false` when it was refused.
    pub(crate) async fn try_record(
        &mut self,
        step: QueueStep,
        applied: impl Fn(&Queue) -> bool,
    ) -> Result<bool, Gone> {
        loop {
            match self.lane.recorder.propose(self.step(step.clone())).await {
                Ok(Ok(())) => return self.shows(applied).await.map(|()| true),
                Ok(Err(StepRefused::Epoch | StepRefused::NoQueue)) => return Err(Gone),
                Ok(Err(refused)) => {
                    // It may have been taken before, when nobody could say so.
                    debug!(index = %self.index, node = %self.lane.node, %refused, "refused");
                    while self.lane.ledger.read_barrier().await.is_err() {
                        self.backoff.pause().await;
                    }
                    return Ok(applied(&self.view()?.queue));
                }
                Err(error) => {
                    debug!(index = %self.index, node = %self.lane.node, %error, "not recorded");
                    self.backoff.pause().await;
                }
            }
            if applied(&self.view()?.queue) {
                return Ok(true);
            }
        }
    }

    async fn shows(&self, applied: impl Fn(&Queue) -> bool) -> Result<(), Gone> {
        loop {
            let view = self.view()?;
            if applied(&view.queue) {
                return Ok(());
            }
            self.lane.ledger.changed(view.state.version()).await;
        }
    }
}

/// Whether this dispatch is the open one.
pub(crate) fn has_open(queue: &Queue, number: u64) -> bool {
    queue.dispatch.as_ref().is_some_and(|open| open.number == number)
}
