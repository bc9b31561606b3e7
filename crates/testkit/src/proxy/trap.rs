//! Requests that the test has an eye on.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};

use super::connection::Seen;
use super::counts::{Counts, request_passed};
use super::framing::Head;

/// What is done to a request that a trap matches. Each time the whole request is read from the client and given to the
/// test as a [`Caught`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It passes, and a copy is kept.
    Copy,
    /// Nothing of it passes until it is released.
    Hold,
    /// The head and so many bytes of the body pass, the rest when it is released.
    Pause {
        /// Bytes of the body.
        body: u64,
    },
    /// The head and so many bytes of the body pass, then both ends of the connection are reset.
    Reset {
        /// Bytes of the body.
        body: u64,
    },
}

/// Catches requests while it lives. One whose client ends before it is complete is never caught.
#[derive(Debug)]
pub struct Trap {
    traps: Arc<Traps>,
    caught: mpsc::UnboundedReceiver<Caught>,
}

impl Trap {
    /// The next request, once it is complete and what passes of it has passed. `None` when a trap for one request has
    /// had it.
    pub async fn next(&mut self) -> Option<Caught> {
        self.caught.recv().await
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.caught.close();
        self.traps.rules().retain(|rule| !rule.hook.caught.is_closed());
    }
}

/// A request, in the hands of the test. Dropped, a stopped one is never released: its connection hangs until the client
/// closes it.
#[derive(Debug)]
pub struct Caught {
    pub(super) head: Head,
    pub(super) bytes: Bytes,
    pub(super) target: SocketAddr,
    pub(super) counts: watch::Sender<Counts>,
    pub(super) client: watch::Receiver<Seen>,
    pub(super) release: Option<oneshot::Sender<()>>,
}

impl Caught {
    /// Its method and path.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// All of it, as it was sent.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Waits until the client has closed the connection, or that was reset.
    pub async fn client_gone(&self) {
        // The reader of a connection is gone when the connection is.
        let _ = self.client.clone().wait_for(|client| client.ended).await;
    }

    /// Lets the request go on, on its own connection, and says whether it did.
    ///
    /// A paused one goes on even if its client is gone: the target gets the end of what it waits for, and is not told
    /// of the client before it has answered. Of a held one the target knows nothing, so it ends with its client;
    /// [`Caught::deliver`] is then the way. One that was copied, reset or released before does not go on.
    pub fn release(&mut self) -> bool {
        self.release.take().is_some_and(|release| release.send(()).is_ok())
    }

    /// Sends the request, whole and byte for byte, on a new connection to the target, past every fault of the proxy: a
    /// duplicate, or the late request. Returns the status of the answer.
    ///
    /// # Errors
    /// When the target cannot be reached or gives no answer of HTTP/1.
    pub async fn deliver(&self) -> io::Result<u16> {
        let mut target = TcpStream::connect(self.target).await?;
        target.write_all(&self.bytes).await?;
        request_passed(&self.counts, &self.head);
        status(&mut target).await
    }
}

async fn status(from: &mut TcpStream) -> io::Result<u16> {
    let mut unread = BytesMut::new();
    loop {
        if from.read_buf(&mut unread).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some((length, code)) = response_head(&unread)? {
            // Those below 200 announce the answer.
            if code >= 200 {
                return Ok(code);
            }
            let _ = unread.split_to(length);
        }
    }
}

fn response_head(unread: &[u8]) -> io::Result<Option<(usize, u16)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let status = response.parse(unread).map_err(io::Error::other)?;
    let complete = if let httparse::Status::Complete(length) = status { Some(length) } else { None };
    Ok(complete.zip(response.code))
}

pub(super) type Matches = Box<dyn Fn(&Head) -> bool + Send + Sync>;

struct Rule {
    once: bool,
    matches: Matches,
    hook: Hook,
}

/// What a matching request takes along.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) action: Action,
    pub(super) caught: mpsc::UnboundedSender<Caught>,
}

/// The traps that are set.
#[derive(Default)]
pub(super) struct Traps(Mutex<Vec<Rule>>);

impl Traps {
    pub(super) fn set(self: &Arc<Self>, action: Action, once: bool, matches: Matches) -> Trap {
        let (sender, caught) = mpsc::unbounded_channel();
        self.rules().push(Rule { once, matches, hook: Hook { action, caught: sender } });
        Trap { traps: Arc::clone(self), caught }
    }

    pub(super) fn find(&self, head: &Head) -> Option<Hook> {
        let mut rules = self.rules();
        let at = rules.iter().position(|rule| (rule.matches)(head))?;
        Some(if rules[at].once { rules.remove(at).hook } else { rules[at].hook.clone() })
    }

    /// A predicate that panicked has changed nothing.
    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Traps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traps").finish_non_exhaustive()
    }
}
