//! A port that can be closed and opened again, and that nobody else gets in between.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

const BACKLOG: u32 = 1024;

#[derive(Debug)]
pub(super) struct Listener {
    /// Bound, and never listening: it keeps the port. Without a listener beside it connections are refused.
    _guard: TcpSocket,
    listening: Option<Listening>,
    address: SocketAddr,
}

/// One listening socket, by two handles.
#[derive(Debug)]
struct Listening {
    /// Waits; but it accepts only what its reactor has already heard of.
    waits: TcpListener,
    /// Accepts, at once, all that the kernel has: what an order of the test must find.
    now: std::net::TcpListener,
}

impl Listener {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let guard = bound(address)?;
        let address = guard.local_addr()?;
        let mut listener = Self { _guard: guard, listening: None, address };
        listener.open()?;
        Ok(listener)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn open(&mut self) -> io::Result<()> {
        if self.listening.is_none() {
            let now = bound(self.address)?.listen(BACKLOG)?.into_std()?;
            self.listening = Some(Listening { waits: TcpListener::from_std(now.try_clone()?)?, now });
        }
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.listening = None;
    }

    /// The connections that the kernel has accepted.
    pub(super) fn waiting(&self) -> Vec<TcpStream> {
        let Some(listening) = &self.listening else { return Vec::new() };
        let accepted = std::iter::from_fn(|| listening.now.accept().ok());
        accepted.filter_map(|(stream, _)| tokio_stream(stream).ok()).collect()
    }

    /// Waits for a connection; for ever while closed.
    ///
    /// # Errors
    /// That of the kernel, for a connection that is lost by it or for want of descriptors.
    pub(super) async fn accept(&self) -> io::Result<TcpStream> {
        let Some(listening) = &self.listening else { return std::future::pending().await };
        let (stream, _) = listening.waits.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// With `SO_REUSEADDR` two sockets may have one port as long as the first does not listen.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn tokio_stream(stream: std::net::TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream)
}
