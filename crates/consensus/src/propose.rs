//! Proposing a command, here or at the leader, and saying truly what became of it.
//!
//! An error may say "not proposed" only when that is sure. Once a proposal is handed to the leader's log, or a call
//! that carries it may have reached the leader, everything but an outcome is "unknown".

use bytes::Bytes;
use miroir_cluster::{Command, EnqueueWork, Outcome, ProposeError};
use miroir_wire::peer::propose_reply::Result as Answer;
use miroir_wire::peer::{ProposeReply, ProposeRequest, Refusal};
use openraft::error::{ClientWriteError, RaftError};
use tokio::time::{Instant, timeout, timeout_at};
use tonic::{Code, Status};

use crate::flow::SMALL;
use crate::links::Lane;
use crate::node::{Leader, Node};
use crate::types::{Proposal, Reply};

/// Why an attempt brought no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Nobody took it: it was not proposed, and may be tried again.
    NotTaken,
    /// It may be committed yet.
    Unknown,
    /// The leader takes no payload. It was not proposed.
    DiskLow,
    /// The leader has too much under way. It was not proposed.
    Busy,
    /// It is longer than [`MAX_COMMAND`]. It was not proposed.
    TooLarge,
    /// The leader could not apply it. It was not proposed.
    NotUnderstood,
}

/// The longest encoded command, in bytes.
///
/// What is in the log must reach every peer in one message: an entry that none can take in would end all replication
/// behind it. This is far below what a message may have ([`miroir_wire::MAX_MESSAGE`]), and four times the longest
/// chunk of payload.
pub(crate) const MAX_COMMAND: usize = 4 << 20;

/// An encoded command.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    /// It brings payload, which a peer that is low on disk does not take: any write but those that free space.
    pub(crate) payload: bool,
}

impl From<&Command> for Encoded {
    fn from(command: &Command) -> Self {
        let payload = match command {
            Command::Chunk { .. } => true,
            Command::Enqueue(write) => !matches!(
                write.work,
                EnqueueWork::DeleteIndex | EnqueueWork::DeleteAll | EnqueueWork::Cancel { .. }
            ),
            _ => false,
        };
        Self { bytes: command.encode().into(), payload }
    }
}

/// Proposes, and looks for a leader as long as `barrier_wait`.
pub(crate) async fn propose(node: &Node, command: &Command) -> Result<Outcome, ProposeError> {
    node.running()?;
    let command = Encoded::from(command);
    let bytes = command.bytes.len();
    let failed = |missed| match missed {
        Missed::NotTaken => ProposeError::NoQuorum,
        Missed::Unknown => ProposeError::Unknown,
        Missed::DiskLow => ProposeError::DiskLow,
        Missed::Busy => ProposeError::Busy,
        Missed::TooLarge => ProposeError::TooLarge { bytes, limit: MAX_COMMAND },
        Missed::NotUnderstood => ProposeError::NotUnderstood,
    };
    command.admissible(node).map_err(failed)?;
    let deadline = Instant::now() + node.config.timing.barrier_wait;
    let Ok(_permit) = timeout_at(deadline, node.flow.own(bytes)).await else {
        // Without a leader nothing flows, and that is what is wrong.
        return Err(failed(if node.leader().is_some() { Missed::Busy } else { Missed::NotTaken }));
    };
    loop {
        let attempt = match node.leader() {
            Some(Leader::Here) => propose_here(node, &command, deadline).await,
            Some(Leader::There(leader, address)) => forward(node, &command, leader, &address).await,
            None => Err(Missed::NotTaken),
        };
        match attempt {
            Ok(outcome) => return Ok(outcome),
            Err(Missed::NotTaken) if Instant::now() < deadline => node.running()?,
            Err(missed) => return Err(failed(missed)),
        }
        node.leader_may_have_changed().await;
    }
}

/// Proposes what another peer sent. Bytes that cannot be applied never get into the log: there they would end every
/// peer, at each start again.
pub(crate) async fn propose_for_another(node: &Node, command: &Encoded) -> Result<Outcome, Missed> {
    let deadline = Instant::now() + node.config.timing.barrier_wait;
    // Before it is decoded: that takes as long as it is.
    command.admissible(node)?;
    if let Err(error) = Command::decode(&command.bytes) {
        tracing::warn!(%error, "a peer proposes what cannot be read here");
        return Err(Missed::NotUnderstood);
    }
    propose_here(node, command, deadline).await
}

impl Encoded {
    /// One that came in a message. Its bytes are copied: they stay in the log's cache for long, and as a part of the
    /// message they would keep the whole buffer that it was received into, 8 KiB for a command of a hundred bytes.
    pub(crate) fn received(bytes: &[u8], payload: bool) -> Self {
        Self { bytes: Bytes::copy_from_slice(bytes), payload }
    }

    /// Whether this peer would pass it on, or take it as the leader.
    fn admissible(&self, node: &Node) -> Result<(), Missed> {
        if self.bytes.len() > MAX_COMMAND {
            return Err(Missed::TooLarge);
        }
        if self.payload && node.disk.low() { Err(Missed::DiskLow) } else { Ok(()) }
    }
}

/// Proposes as the leader: stamps it, and waits until it is applied here.
async fn propose_here(node: &Node, command: &Encoded, deadline: Instant) -> Result<Outcome, Missed> {
    command.admissible(node)?;
    if command.payload && node.majority_low() {
        return Err(Missed::DiskLow);
    }
    let budget = timeout_at(deadline, node.flow.leader(command.bytes.len())).await;
    let _permit = budget.map_err(|_| Missed::Busy)?;
    let proposal = Proposal { stamp: node.config.platform.now(), command: command.bytes.clone() };
    match timeout(node.config.timing.outcome_wait, node.raft.client_write(proposal)).await {
        Ok(Ok(written)) => {
            let Reply(outcome) = written.data;
            outcome.ok_or(Missed::Unknown)
        }
        // openraft says this only before it appends.
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => Err(Missed::NotTaken),
        Ok(Err(_)) | Err(_) => Err(Missed::Unknown),
    }
}

async fn forward(
    node: &Node,
    command: &Encoded,
    leader: miroir_model::PeerId,
    address: &str,
) -> Result<Outcome, Missed> {
    let lane = if command.bytes.len() <= SMALL { Lane::Control } else { Lane::Bulk };
    let mut client = node.client(address, lane).ok_or(Missed::NotTaken)?;
    let envelope = node.links.envelope(leader).ok_or(Missed::NotTaken)?;
    let message =
        ProposeRequest { envelope: Some(envelope), command: command.bytes.clone(), payload: command.payload };
    // Longer than the leader itself waits, so that its word is heard.
    let within = node.config.timing.outcome_wait + node.config.timing.barrier_wait;
    match timeout(within, client.propose(node.links.request(message))).await {
        Ok(Ok(reply)) => read(reply.into_inner()),
        Ok(Err(status)) if surely_refused(&status) => Err(Missed::NotTaken),
        Ok(Err(_)) | Err(_) => Err(Missed::Unknown),
    }
}

/// Whether a call failed before anybody could act on it: no connection, or the callee's own check of its address.
fn surely_refused(status: &Status) -> bool {
    let refused =
        matches!(status.code(), Code::FailedPrecondition | Code::Unauthenticated | Code::Unimplemented);
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    refused
}

/// The answer to another peer.
pub(crate) fn reply(result: Result<Outcome, Missed>) -> ProposeReply {
    let refuse = |refusal: Refusal| Answer::Refusal(refusal.into());
    let answer = match result {
        // Writing to memory fails only for types that postcard does not support.
        Ok(outcome) => postcard::to_stdvec(&outcome)
            .map_or_else(|_| refuse(Refusal::Unknown), |bytes| Answer::Outcome(bytes.into())),
        Err(Missed::NotTaken) => refuse(Refusal::NotLeader),
        Err(Missed::Unknown) => refuse(Refusal::Unknown),
        Err(Missed::DiskLow) => refuse(Refusal::DiskLow),
        Err(Missed::Busy) => refuse(Refusal::Busy),
        Err(Missed::TooLarge) => refuse(Refusal::TooLarge),
        Err(Missed::NotUnderstood) => refuse(Refusal::NotUnderstood),
    };
    ProposeReply { result: Some(answer) }
}

fn read(reply: ProposeReply) -> Result<Outcome, Missed> {
    match reply.result {
        Some(Answer::Outcome(bytes)) => postcard::from_bytes(&bytes).map_err(|_| Missed::Unknown),
        Some(Answer::Refusal(refusal)) => Err(match Refusal::try_from(refusal) {
            Ok(Refusal::NotLeader) => Missed::NotTaken,
            Ok(Refusal::DiskLow) => Missed::DiskLow,
            Ok(Refusal::Busy) => Missed::Busy,
            Ok(Refusal::TooLarge) => Missed::TooLarge,
            Ok(Refusal::NotUnderstood) => Missed::NotUnderstood,
            _ => Missed::Unknown,
        }),
        None => Err(Missed::Unknown),
    }
}

#[cfg(test)]
mod tests;
