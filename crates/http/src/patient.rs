//! A connection that waits for its client, but not for ever.
//!
//! Three waits are told apart: for the head of a request to be whole once it has begun, for another request, and for
//! the client to take what is sent to it. While a request is answered nothing is expected to come in but its body,
//! which whoever reads it keeps the time of.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::Limits;

/// A connection with a limit for each wait.
pub(crate) struct Patient<S> {
    stream: S,
    limits: Limits,
    turns: Turns,
    /// How many turns had changed when the wait for a head began.
    seen: usize,
    reading: Wait,
    writing: Wait,
    /// A part of a head has come.
    begun: bool,
}

/// Whose turn it is. Even: the client's. Odd: a request is being answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<AtomicUsize>);

/// A request is being answered, until this is dropped.
pub(crate) struct Turn(Turns);

impl Turns {
    pub(crate) fn begin(&self) -> Turn {
        self.0.fetch_add(1, Ordering::Relaxed);
        Turn(self.clone())
    }

    /// How many there have been, and whether a request is being answered.
    fn now(&self) -> (usize, bool) {
        let turns = self.0.load(Ordering::Relaxed);
        (turns, !turns.is_multiple_of(2))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, limits: Limits) -> Self {
        let (reading, writing) = (Wait::default(), Wait::default());
        Self { stream, limits, turns: Turns::default(), seen: 0, reading, writing, begun: false }
    }

    /// Who answers requests says so here.
    pub(crate) fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// Nothing has come: an error once it should have.
    fn nothing_came(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (turns, answering) = self.turns.now();
        if turns != self.seen {
            (self.seen, self.begun) = (turns, false);
            self.reading.end();
        }
        if answering {
            return Poll::Pending;
        }
        self.reading.at_most(if self.begun { self.limits.head } else { self.limits.idle }, cx)
    }

    fn came(&mut self) {
        let (turns, answering) = self.turns.now();
        if !answering && (turns != self.seen || !self.begun) {
            (self.seen, self.begun) = (turns, true);
            self.reading.end();
        }
    }

    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(written) => {
                self.writing.end();
                Poll::Ready(written)
            }
            Poll::Pending => {
                self.writing.at_most(self.limits.stall, cx).map(|late| late.and(Err(too_late())))
            }
        }
    }
}

/// A wait with an end.
#[derive(Default)]
struct Wait(Option<Pin<Box<Sleep>>>);

impl Wait {
    /// Ready with an error when it has lasted so long.
    fn at_most(&mut self, long: Duration, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(long)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(too_late()))
    }

    fn end(&mut self) {
        self.0 = None;
    }
}

fn too_late() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the client is too slow")
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(read) => {
                self.came();
                Poll::Ready(read)
            }
            Poll::Pending => self.nothing_came(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
