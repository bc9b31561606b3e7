//! A TCP proxy on loopback that does what networks do, when the test says so.
//!
//! It stands between a peer and a node, or between two peers. What it does can be changed at any time:
//!
//! - **To bytes**, on all connections alike ([`Link`], [`Proxy::set`], [`Proxy::reset`]): delay, stall, loss without a
//!   reset, one direction only, a cut after so many bytes, resets, refusal. For HTTP/2 (gRPC between peers) these are the
//!   faults that make sense: its streams share one connection, and a frame of one cannot be taken out of it.
//! - **To requests** of HTTP/1.1 with a `content-length` or no body ([`Action`], [`Proxy::trap`]): hold one back, stop
//!   or reset it after its head, keep a copy. What was [`Caught`] can be delivered later, after its sender gave it up or
//!   even died: a node cannot tell it from one that is in time, and that is how an old request lands late.
//!
//! Tests await conditions and never sleep: [`Proxy::until`] waits for counts of what has passed, [`Trap::next`] for a
//! request, [`Caught::client_gone`] for a client that gave up.
//!
//! Bytes pass as they come, but for the head of a request, which passes when it is complete. Requests are looked at
//! before the [`Link`] sees their bytes. All tasks end with the [`Proxy`], and all connections are closed then.

mod connection;
mod counts;
mod framing;
mod link;
mod listener;
mod task;
mod trap;
mod upward;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

pub use counts::Counts;
pub use framing::Head;
pub use link::{Door, Flow, Link, Then};
pub use trap::{Action, Caught, Trap};

use listener::Listener;
use task::{Change, Order, Shared};

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Proxy {
    /// A proxy on a free port of 127.0.0.1, which passes everything.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into(), target).await
    }

    /// The same on an address that the test chose.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start_on(listen: SocketAddr, target: SocketAddr) -> io::Result<Self> {
        let listener = Listener::bind(listen)?;
        let address = listener.address();
        let shared = Arc::new(Shared::new(target));
        let (orders, received) = mpsc::unbounded_channel();
        tokio::spawn(task::run(listener, received, Arc::clone(&shared)));
        Ok(Self { address, shared, orders })
    }

    /// Where clients connect. It stays the same, also while connections are refused.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the link another. It holds for every byte and connection that comes after the return.
    ///
    /// # Errors
    /// When the port, closed before, cannot be opened again.
    pub async fn set(&self, link: Link) -> io::Result<()> {
        self.order(Change::Link(link)).await
    }

    /// Resets (RST) the connections that exist, at both ends. [`Door`] is for those to come.
    ///
    /// # Errors
    /// When the proxy has stopped because its runtime did.
    pub async fn reset(&self) -> io::Result<()> {
        self.order(Change::Reset).await
    }

    /// Does this to every request that matches, until the trap is dropped. Of several traps the one set first has it.
    pub fn trap(&self, action: Action, matches: impl Fn(&Head) -> bool + Send + Sync + 'static) -> Trap {
        self.shared.traps.set(action, false, Box::new(matches))
    }

    /// Does this to the first request that matches: the next one, perhaps its repetition, passes.
    pub fn trap_once(&self, action: Action, matches: impl Fn(&Head) -> bool + Send + Sync + 'static) -> Trap {
        self.shared.traps.set(action, true, Box::new(matches))
    }

    /// What has passed, now and as it changes.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.shared.counts.subscribe()
    }

    /// Waits until the counts are so, and returns them.
    pub async fn until(&self, are_so: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.counts();
        let found = counts.wait_for(are_so).await;
        found.expect("the counts live as long as the proxy").clone()
    }

    async fn order(&self, change: Change) -> io::Result<()> {
        let stopped = || io::Error::other("the proxy's task has ended");
        let (done, result) = oneshot::channel();
        self.orders.send(Order { change, done }).map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }
}
