//! Who speaks to a node: the address of a node is one for all peers, but each is to have a link of its own.
//!
//! Peers agree on where a node is, so their configurations cannot give each another address for it. A front listens
//! there, finds out which process a connection comes from, and passes it on to that peer's proxy.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

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
        let task = tokio::spawn(async move {
            // They end with this task.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((client, from)) = listener.accept() => {
                        let to = sender(from.port(), port, &peers).and_then(|peer| ways.get(peer).copied());
                        connections.spawn(pass(client, to));
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
fn sender(from: u16, to: u16, peers: &Processes) -> Option<usize> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let socket = format!("socket:[{}]", inode(&table, from, to)?);
    let peers = peers.lock().unwrap_or_else(PoisonError::into_inner).clone();
    peers.iter().position(|pid| pid.is_some_and(|pid| has(pid, &socket)))
}

fn inode(table: &str, from: u16, to: u16) -> Option<&str> {
    let ends = |port: u16| format!("0100007F:{port:04X}");
    let (from, to) = (ends(from), ends(to));
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let here = fields.next()? == from && fields.next()? == to;
        // Then come the state, the queues, the timer, retransmissions, the user and the time-out.
        if here { fields.nth(6) } else { None }
    })
}

fn has(pid: u32, socket: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_known_by_its_process() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let client = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        let from = client.local_addr().expect("an address").port();
        let peers: Processes = Arc::new(Mutex::new(vec![None, Some(std::process::id())]));
        assert_eq!(sender(from, port, &peers), Some(1));
        assert_eq!(sender(port, port, &peers), None);
        peers.lock().expect("nobody failed").clear();
        assert_eq!(sender(from, port, &peers), None);
    }
}
