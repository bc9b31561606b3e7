//! Equal requests to a node at the same time are sent once.
//!
//! Who comes while one is under way does not get its answer: the node may have read its documents before something was
//! reported done that the newcomer must see. It waits for the *next* one, with all others that come meanwhile. That is sent
//! when the one under way has ended, or after [`PATIENCE`], so that nobody waits for a connection that is dead.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, Shared, WeakShared};
use miroir_node::NodeError;
use miroir_query::NodeRequest;
use tokio::time::{Instant, timeout};

use crate::scatter::Route;

/// For so long the next request waits for the one under way.
const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) type Answer = Result<Bytes, Unanswered>;

/// Why a request has no answer that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node has answered, but what is answered to all searches takes all the memory that it may.
    #[error("there is no memory left for the answer")]
    NoRoom,
}

/// When a request was sent; nothing while it waits for its turn.
pub(crate) type Begun = Arc<OnceLock<Instant>>;

/// A request. It is sent when somebody first waits for its answer, and given up when nobody does any more.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    pub(crate) answer: Shared<BoxFuture<'static, Answer>>,
    pub(crate) begun: Begun,
}

impl Flight {
    pub(crate) fn new(send: impl Future<Output = Answer> + Send + 'static) -> Self {
        let begun = Begun::default();
        let begins = Arc::clone(&begun);
        let answer = async move {
            begins.get_or_init(Instant::now);
            send.await
        };
        Self { answer: answer.boxed().shared(), begun }
    }
}

/// What is asked, and of whom.
pub(crate) type Key = (Route, NodeRequest);

/// The requests under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shares(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    by_key: Mutex<HashMap<Key, Line>>,
    numbers: AtomicU64,
}

/// The requests of one key, as long as somebody waits for them.
#[derive(Debug, Default)]
struct Line {
    under_way: Option<Entry>,
    next: Option<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// So that each request knows whether it is still the one.
    number: u64,
    answer: WeakShared<BoxFuture<'static, Answer>>,
    begun: Begun,
}

impl Entry {
    fn flight(&self) -> Option<Flight> {
        Some(Flight { answer: self.answer.upgrade()?, begun: Arc::clone(&self.begun) })
    }
}

impl Shares {
    /// A request that is sent after this call: one that waits already, or this one.
    pub(crate) fn join(&self, key: Key, flight: Flight) -> Flight {
        let mut lines = self.0.lines();
        let line = lines.entry(key.clone()).or_default();
        if let Some(next) = line.next.as_ref().and_then(Entry::flight) {
            metrics::counter!("miroir_search_shared_total").increment(1);
            return next;
        }
        let before = line.under_way.as_ref().and_then(Entry::flight);
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        let place = Place { shares: self.clone(), key, number };
        let slot = if before.is_some() { &mut line.next } else { &mut line.under_way };
        let Flight { answer: send, begun } = flight;
        let answer = async move {
            if let Some(before) = before {
                let _ = timeout(PATIENCE, before.answer).await;
                place.begin();
            }
            let answer = send.await;
            drop(place);
            answer
        };
        let answer = answer.boxed().shared();
        let entry = |answer| Entry { number, answer, begun: Arc::clone(&begun) };
        *slot = answer.downgrade().map(entry);
        Flight { answer, begun }
    }
}

impl Known {
    fn lines(&self) -> MutexGuard<'_, HashMap<Key, Line>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's place in its line, until it is dropped.
struct Place {
    shares: Shares,
    key: Key,
    number: u64,
}

impl Place {
    /// From now on nobody joins it.
    fn begin(&self) {
        if let Some(line) = self.shares.0.lines().get_mut(&self.key)
            && let Some(next) = line.next.take_if(|entry| entry.number == self.number)
        {
            line.under_way = Some(next);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.shares.0.lines();
        let Some(line) = lines.get_mut(&self.key) else { return };
        line.under_way.take_if(|entry| entry.number == self.number);
        line.next.take_if(|entry| entry.number == self.number);
        if line.under_way.is_none() && line.next.is_none() {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures::future::{join_all, pending};
    use tokio::sync::Semaphore;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    fn key(body: &str) -> Key {
        let index = "i1-0".parse().expect("a name");
        (Route::Search, NodeRequest { node: "node-0".into(), index, body: body.to_owned() })
    }

    /// A node that answers with how many requests it has had, when it may.
    struct Node {
        asked: AtomicUsize,
        may_answer: Semaphore,
    }

    impl Node {
        fn new() -> Arc<Self> {
            Arc::new(Self { asked: AtomicUsize::new(0), may_answer: Semaphore::new(0) })
        }

        /// Somebody who asks it, and waits.
        fn ask(self: &Arc<Self>, shares: &Shares, body: &str) -> JoinHandle<Answer> {
            let node = Arc::clone(self);
            let flight = Flight::new(async move {
                let number = node.asked.fetch_add(1, Ordering::SeqCst) + 1;
                node.may_answer.acquire().await.expect("it stays open").forget();
                Ok(Bytes::from(number.to_string()))
            });
            tokio::spawn(shares.join(key(body), flight).answer)
        }

        async fn is_asked(&self, times: usize) {
            while self.asked.load(Ordering::SeqCst) < times {
                yield_now().await;
            }
        }
    }

    async fn said(waits: JoinHandle<Answer>) -> String {
        let answer = waits.await.expect("it ends").expect("an answer");
        String::from_utf8(answer.to_vec()).expect("a number")
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_one_is_under_way_shares_the_next() {
        let (shares, node) = (Shares::default(), Node::new());
        let first = node.ask(&shares, "a");
        node.is_asked(1).await;
        let others: Vec<_> = (0..5).map(|_| node.ask(&shares, "a")).collect();
        let other = node.ask(&shares, "b");
        node.is_asked(2).await;
        node.may_answer.add_permits(3);
        assert_eq!(said(first).await, "1");
        assert_eq!(said(other).await, "2", "another request waits for nobody");
        assert_eq!(join_all(others.into_iter().map(said)).await, ["3"; 5]);
        assert!(shares.0.lines().is_empty(), "nothing is kept of what has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_one_that_hangs() {
        let (shares, node) = (Shares::default(), Node::new());
        let hangs = tokio::spawn(shares.join(key("a"), Flight::new(pending())).answer);
        yield_now().await;
        node.may_answer.add_permits(9);
        let before = Instant::now();
        assert_eq!(said(node.ask(&shares, "a")).await, "1");
        assert_eq!(before.elapsed(), PATIENCE);
        assert_eq!(said(node.ask(&shares, "a")).await, "2");
        assert_eq!(before.elapsed(), PATIENCE, "the one that hangs is forgotten");
        hangs.abort();
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_given_up() {
        let (shares, node) = (Shares::default(), Node::new());
        let (first, second) = (node.ask(&shares, "a"), node.ask(&shares, "a"));
        node.is_asked(1).await;
        first.abort();
        second.abort();
        while !shares.0.lines().is_empty() {
            yield_now().await;
        }
        assert_eq!(Arc::strong_count(&node), 1, "nothing runs on");
        node.may_answer.add_permits(1);
        assert_eq!(said(node.ask(&shares, "a")).await, "2");
    }
}
