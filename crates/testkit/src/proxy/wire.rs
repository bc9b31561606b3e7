//! One direction of one connection, under whatever the link is at the moment.

use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::WriteHalf;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::counts::Counts;
use super::link::{Flow, Link, Then};
use super::task::Shared;

/// The connection is to be reset at both ends.
#[derive(Debug)]
pub(super) struct Reset;

/// Which flow of the link is meant.
pub(super) type Direction = fn(&Link) -> Flow;

pub(super) struct Wire<'a> {
    to: WriteHalf<'a>,
    link: watch::Receiver<Link>,
    counts: watch::Sender<Counts>,
    direction: Direction,
    flow: Flow,
    /// How many bytes may pass before the cut, since the flow was set.
    left: u64,
    /// Bytes were lost: no more may follow.
    holed: bool,
}

impl<'a> Wire<'a> {
    pub(super) fn new(to: WriteHalf<'a>, shared: &Shared, direction: Direction) -> Self {
        let (mut link, counts) = (shared.link.subscribe(), shared.counts.clone());
        link.mark_changed();
        Self { to, link, counts, direction, flow: Flow::Pass, left: u64::MAX, holed: false }
    }

    /// Passes bytes on that arrived at that time, or loses them, as the link says.
    pub(super) async fn pass(&mut self, mut bytes: Bytes, arrived: Instant) -> Result<(), Reset> {
        while !bytes.is_empty() && !self.holed {
            self.due(arrived).await;
            match self.flow {
                Flow::Cut { then: Then::Reset, .. } if self.left == 0 => return Err(Reset),
                Flow::Cut { then: Then::Silence, .. } if self.left == 0 => self.holed = true,
                _ => self.write(&mut bytes).await,
            }
        }
        if !bytes.is_empty() {
            self.counts.send_modify(|counts| counts.lost += bytes.len() as u64);
        }
        match self.flow {
            Flow::Cut { after: 1.., then: Then::Reset } if self.left == 0 => Err(Reset),
            _ => Ok(()),
        }
    }

    /// Passes on that the stream has ended: with a FIN if it came so and no byte is missing, with a reset otherwise.
    pub(super) async fn end(&mut self, clean: bool, arrived: Instant) -> Result<(), Reset> {
        loop {
            self.due(arrived).await;
            match self.flow {
                Flow::Cut { then: Then::Silence, .. } if self.left == 0 => changed(&mut self.link).await,
                _ => break,
            }
        }
        if !clean || self.holed {
            return Err(Reset);
        }
        // An end that is already gone needs no FIN.
        let _ = self.to.shutdown().await;
        Ok(())
    }

    /// Waits until the link lets pass what arrived then, or has something else to say about it.
    async fn due(&mut self, arrived: Instant) {
        loop {
            if self.link.has_changed().unwrap_or(false) {
                self.flow = (self.direction)(&self.link.borrow_and_update());
                self.left = if let Flow::Cut { after, .. } = self.flow { after } else { u64::MAX };
            }
            match self.flow {
                Flow::Stall => changed(&mut self.link).await,
                Flow::Delay(by) if Instant::now() < arrived + by => tokio::select! {
                    () = changed(&mut self.link) => {}
                    () = sleep_until(arrived + by) => {}
                },
                _ => return,
            }
        }
    }

    /// Writes what the other end takes, unless the link changes meanwhile.
    async fn write(&mut self, bytes: &mut Bytes) {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        tokio::select! {
            biased;
            () = changed(&mut self.link) => {}
            written = self.to.write(&bytes[..most]) => match written {
                Ok(written) => {
                    bytes.advance(written);
                    self.left -= written as u64;
                }
                // The other end is gone. What it sent before may still be under way, so the connection goes on.
                Err(_) => self.holed = true,
            }
        }
    }
}

async fn changed(link: &mut watch::Receiver<Link>) {
    match link.changed().await {
        // Not yet seen: the next look must find it.
        Ok(()) => link.mark_changed(),
        // Without the proxy this task ends too.
        Err(_) => std::future::pending().await,
    }
}
