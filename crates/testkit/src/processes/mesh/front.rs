//! Who speaks to a node: the address of a node is one for all peers, but each is to have a link of its own.
//!
//! Peers agree on where a node is, so their configurations cannot give each another address for it. A front listens
//! there, finds out which process a connection comes from, and passes it on to that peer's proxy.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};

use super::sender;

/// The process that each peer is now.
pub(super) type Processes = Arc<Mutex<Vec<Option<u32>>>>;

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct Front {
    task: AbortHandle,
}

impl Front {
    /// On a port of loopback; `ways` are the proxies, by peer.
    pub(super) async fn start(port: u16, peers: Processes, ways: Vec<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let ways: Arc<[SocketAddr]> = ways.into();
        let task = tokio::spawn(async move {
            // They end with this task.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((client, from)) = listener.accept() => {
                        let (peers, ways) = (Arc::clone(&peers), Arc::clone(&ways));
                        connections.spawn(async move {
                            let to = sender(from.port(), port, peers).await.and_then(|peer| ways.get(peer).copied());
                            pass(client, to).await;
                        });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { task: task.abort_handle() })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection of nobody, or on which one end failed, is reset at both.
async fn pass(mut client: TcpStream, to: Option<SocketAddr>) {
    let target = match to {
        Some(to) => TcpStream::connect(to).await.ok(),
        None => None,
    };
    let Some(mut target) = target else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    if copy_bidirectional(&mut client, &mut target).await.is_err() {
        let _ = (client.set_zero_linger(), target.set_zero_linger());
    }
}

/// The peer whose process has a connection from one port of loopback to another.
async fn sender(from: u16, to: u16, peers: Processes) -> Option<usize> {
    let asked = spawn_blocking(move || {
        let peers = peers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sender::find(from, to, &peers)
    });
    asked.await.expect("it does not panic").expect("the kernel tells whose a connection is")
}
