//! From the client to the target: requests are told apart, and those that a trap matches are dealt with.

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::connection::{Content, Piece, Seen};
use super::counts::request_passed;
use super::framing::{Framing, Head, Part};
use super::task::Shared;
use super::trap::{Action, Caught, Hook};
use super::wire::{Reset, Wire};

pub(super) struct Upward<'a> {
    wire: Wire<'a>,
    shared: &'a Shared,
    client: watch::Receiver<Seen>,
    target: watch::Receiver<Seen>,
    request: Option<Request>,
}

/// The request whose bytes are passing.
struct Request {
    head: Head,
    hook: Option<Hook>,
    /// All that was read of it, if a trap has it.
    kept: BytesMut,
    /// How many bytes of it may pass at once.
    limit: u64,
}

impl Request {
    fn new(head: Head, hook: Option<Hook>, head_bytes: usize) -> Self {
        let limit = match hook.as_ref().map(|hook| hook.action) {
            None | Some(Action::Copy) => u64::MAX,
            Some(Action::Hold) => 0,
            Some(Action::Pause { body } | Action::Reset { body }) => body.saturating_add(head_bytes as u64),
        };
        Self { head, hook, kept: BytesMut::new(), limit }
    }

    /// Keeps the bytes if need be and returns those that pass.
    fn take(&mut self, mut bytes: Bytes) -> Bytes {
        if self.hook.is_some() {
            let room = self.limit.saturating_sub(self.kept.len() as u64);
            self.kept.extend_from_slice(&bytes);
            bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        }
        bytes
    }
}

impl<'a> Upward<'a> {
    pub(super) fn new(
        wire: Wire<'a>,
        shared: &'a Shared,
        client: watch::Receiver<Seen>,
        target: watch::Receiver<Seen>,
    ) -> Self {
        Self { wire, shared, client, target, request: None }
    }

    pub(super) async fn run(mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<(), Reset> {
        let mut framing = Framing::default();
        while let Some(Piece { arrived, content }) = pieces.recv().await {
            match content {
                Content::Bytes(bytes) => {
                    for part in framing.push(&bytes) {
                        self.part(part, arrived).await?;
                    }
                }
                Content::End { clean } => {
                    self.wire.pass(framing.rest(), arrived).await?;
                    self.wire.end(clean, arrived).await?;
                }
            }
        }
        Ok(())
    }

    async fn part(&mut self, part: Part, arrived: Instant) -> Result<(), Reset> {
        let bytes = match part {
            Part::Opaque(bytes) => bytes,
            Part::Head(head, bytes) => {
                let hook = self.shared.traps.find(&head);
                self.request.insert(Request::new(head, hook, bytes.len())).take(bytes)
            }
            Part::Body(bytes) => match &mut self.request {
                Some(request) => request.take(bytes),
                None => bytes,
            },
            Part::End => {
                return match self.request.take() {
                    Some(request) => self.complete(request).await,
                    None => Ok(()),
                };
            }
        };
        self.wire.pass(bytes, arrived).await
    }

    async fn complete(&mut self, request: Request) -> Result<(), Reset> {
        let Request { head, hook, kept, limit } = request;
        let Some(Hook { action, caught }) = hook else {
            request_passed(&self.shared.counts, &head);
            return Ok(());
        };
        let bytes = kept.freeze();
        let rest = bytes.slice(usize::try_from(limit).unwrap_or(usize::MAX).min(bytes.len())..);
        let (release, released) = oneshot::channel();
        let stops = matches!(action, Action::Hold | Action::Pause { .. });
        if action == Action::Copy {
            request_passed(&self.shared.counts, &head);
        }
        // Nobody waits for it if the trap is gone; then nobody will release it either.
        let _ = caught.send(Caught {
            head: head.clone(),
            bytes,
            target: self.shared.target,
            counts: self.shared.counts.clone(),
            client: self.client.clone(),
            release: stops.then_some(release),
        });
        // A trap for one request ends with it, not with its release.
        drop(caught);
        match action {
            Action::Copy => Ok(()),
            Action::Reset { .. } => Err(Reset),
            Action::Hold | Action::Pause { .. } => {
                if self.released(action, released).await {
                    return self.go_on(rest, &head).await;
                }
                self.client_gone().await;
                Ok(())
            }
        }
    }

    /// Waits for the test, and while nothing of the request has passed also for the client to go.
    async fn released(&mut self, action: Action, mut released: oneshot::Receiver<()>) -> bool {
        tokio::select! {
            biased;
            answer = &mut released => answer.is_ok(),
            () = self.client_gone(), if action == Action::Hold => {
                // From here on a release says that it comes too late; one that came just before counts.
                released.close();
                released.try_recv().is_ok()
            }
        }
    }

    async fn go_on(&mut self, rest: Bytes, head: &Head) -> Result<(), Reset> {
        let before = self.target.borrow().bytes;
        self.wire.pass(rest, Instant::now()).await?;
        request_passed(&self.shared.counts, head);
        if self.client.borrow().ended {
            // Servers drop what they are doing for a client whose FIN they see.
            let _ = self.target.wait_for(|target| target.bytes > before || target.ended).await;
        }
        Ok(())
    }

    async fn client_gone(&mut self) {
        // The reader leaves `ended` behind when it goes.
        let _ = self.client.wait_for(|client| client.ended).await;
    }
}
