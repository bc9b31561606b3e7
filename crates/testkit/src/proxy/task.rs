//! The task of a proxy: it accepts connections and obeys the test, one after the other, so that what a test does after
//! an order comes after it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::connection::{self, reset};
use super::counts::{Counts, Open};
use super::link::{Door, Link};
use super::listener::Listener;
use super::trap::Traps;

/// What all connections of a proxy look at.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) target: SocketAddr,
    pub(super) link: watch::Sender<Link>,
    pub(super) resets: watch::Sender<()>,
    pub(super) counts: watch::Sender<Counts>,
    pub(super) traps: Arc<Traps>,
}

impl Shared {
    pub(super) fn new(target: SocketAddr) -> Self {
        Self {
            target,
            link: watch::Sender::default(),
            resets: watch::Sender::default(),
            counts: watch::Sender::default(),
            traps: Arc::default(),
        }
    }
}

#[derive(Debug)]
pub(super) enum Change {
    Link(Link),
    Reset,
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) change: Change,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

/// Runs until the senders of orders are gone.
pub(super) async fn run(
    mut listener: Listener,
    mut orders: mpsc::UnboundedReceiver<Order>,
    shared: Arc<Shared>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order else { return };
                // Clients that connected before the order are connections that exist.
                admit(listener.waiting(), &shared, &mut connections);
                // A test that no longer waits for it needs no answer.
                let _ = order.done.send(obey(order.change, &mut listener, &shared));
            }
            accepted = listener.accept() => admit(accepted, &shared, &mut connections),
            Some(_) = connections.join_next() => {}
        }
    }
}

fn obey(change: Change, listener: &mut Listener, shared: &Shared) -> io::Result<()> {
    match change {
        Change::Reset => shared.resets.send_replace(()),
        Change::Link(link) => {
            match link.door {
                Door::Refused => listener.close(),
                Door::Open | Door::Reset => listener.open()?,
            }
            shared.link.send_replace(link);
        }
    }
    Ok(())
}

fn admit(accepted: impl IntoIterator<Item = TcpStream>, shared: &Arc<Shared>, connections: &mut JoinSet<()>) {
    for client in accepted {
        let open = Open::new(&shared.counts);
        if shared.link.borrow().door == Door::Reset {
            reset(client);
        } else {
            let resets = shared.resets.subscribe();
            let shared = Arc::clone(shared);
            connections.spawn(async move {
                connection::serve(client, resets, &shared).await;
                drop(open);
            });
        }
    }
}
