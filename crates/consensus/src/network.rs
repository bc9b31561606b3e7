//! Raft's calls to other peers, over gRPC.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use miroir_model::PeerId;
use miroir_wire::peer::snapshot_part::Part;
use miroir_wire::peer::{End, RaftReply, RaftRequest, Row, Rows, SnapshotHead, SnapshotPart};
use openraft::error::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use crate::links::{Client, Lane, Links};
use crate::rows::RowStore;
use crate::snapshot::SnapshotData;
use crate::types::{Group, Member, Snapshot, Vote};

/// How long entries may take: the follower syncs them.
const APPEND: Duration = Duration::from_secs(10);
/// How many parts of a snapshot may wait to be sent.
const PARTS: usize = 4;

/// Makes connections for Raft.
pub(crate) struct Network {
    pub(crate) links: Arc<Links>,
    pub(crate) rows: RowStore,
    /// Addresses from the configuration, by name: they win over the log's.
    pub(crate) addresses: Arc<BTreeMap<String, String>>,
}

/// One follower, over one of its two connections.
pub(crate) struct Connection {
    links: Arc<Links>,
    rows: RowStore,
    target: PeerId,
    address: String,
    lane: Lane,
}

impl Network {
    fn connection(&self, target: u64, node: &Member, lane: Lane) -> Connection {
        let address = self.addresses.get(&node.name).unwrap_or(&node.grpc).clone();
        Connection {
            links: self.links.clone(),
            rows: self.rows.clone(),
            target: PeerId(target),
            address,
            lane,
        }
    }
}

impl RaftNetworkFactory<Group> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, node: &Member) -> Connection {
        self.connection(target, node, Lane::Bulk)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Member) -> Connection {
        self.connection(target, node, Lane::Control)
    }
}

fn unreachable(why: impl ToString) -> Unreachable<Group> {
    Unreachable::from_string(why)
}

impl Connection {
    fn client(&self, lane: Lane) -> Result<Client, Unreachable<Group>> {
        self.links.client(&self.address, lane).map_err(unreachable)
    }

    fn message(&self, body: &impl Serialize) -> Result<RaftRequest, Unreachable<Group>> {
        let envelope = self.links.envelope(self.target);
        let envelope = envelope.ok_or_else(|| unreachable("this peer belongs to no cluster yet"))?;
        let body = postcard::to_stdvec(body).map_err(unreachable)?;
        Ok(RaftRequest { envelope: Some(envelope), body: body.into() })
    }

    async fn ask<T: DeserializeOwned, F>(
        &self,
        body: &impl Serialize,
        within: Duration,
        send: impl FnOnce(tonic::Request<RaftRequest>) -> F,
    ) -> Result<T, RPCError<Group>>
    where
        F: Future<Output = Result<Response<RaftReply>, Status>>,
    {
        let request = self.links.request(self.message(body)?);
        match tokio::time::timeout(within, send(request)).await {
            Ok(Ok(reply)) => answer(&reply.into_inner()),
            Ok(Err(status)) => {
                self.links.refused(&status);
                Err(RPCError::Unreachable(unreachable(status)))
            }
            Err(late) => Err(RPCError::Unreachable(unreachable(late))),
        }
    }
}

fn answer<T: DeserializeOwned>(reply: &RaftReply) -> Result<T, RPCError<Group>> {
    postcard::from_bytes(&reply.body).map_err(|error| RPCError::Unreachable(unreachable(error)))
}

impl RaftNetworkV2<Group> for Connection {
    type SnapshotData = SnapshotData;

    /// One request at a time to a follower, of at most one batch of entries: what its disk has to sync before it can
    /// answer a heartbeat is bounded by that.
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Group>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Group>, RPCError<Group>> {
        let mut client = self.client(self.lane)?;
        self.ask(&rpc, APPEND, |request| async move { client.append(request).await }).await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Group>,
        option: RPCOption,
    ) -> Result<VoteResponse<Group>, RPCError<Group>> {
        let mut client = self.client(Lane::Control)?;
        self.ask(&rpc, option.hard_ttl(), |request| async move { client.vote(request).await }).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Group>,
        option: RPCOption,
    ) -> Result<VoteResponse<Group>, RPCError<Group>> {
        let mut client = self.client(Lane::Control)?;
        self.ask(&rpc, option.hard_ttl(), |request| async move { client.pre_vote(request).await }).await
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<Group>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Group>, RPCError<Group>> {
        let mut client = self.client(Lane::Control)?;
        let within = option.hard_ttl();
        self.ask(&rpc, within, |request| async move { client.transfer_leader(request).await }).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Group>, StreamingError<Group>> {
        let mut client = self.client(Lane::Bulk)?;
        let envelope = self.links.envelope(self.target);
        let head = SnapshotHead {
            envelope,
            vote: postcard::to_stdvec(&vote).map_err(unreachable)?.into(),
            meta: postcard::to_stdvec(&snapshot.meta).map_err(unreachable)?.into(),
        };
        let (to, parts) = mpsc::channel(PARTS);
        let rows = self.rows.clone();
        // Held until the other has fetched the chunks that it names.
        let state = snapshot.snapshot.state.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send_parts(head, &snapshot.snapshot, &rows, &to) {
                tracing::warn!(%error, "a snapshot was not sent whole");
            }
        });
        let call = client.install_snapshot(self.links.request(ReceiverStream::new(parts)));
        let reply = tokio::select! {
            reply = call => reply.map_err(unreachable)?.into_inner(),
            closed = cancel => return Err(closed.into()),
        };
        drop(state);
        Ok(answer(&reply)?)
    }
}

fn send_parts(
    head: SnapshotHead,
    data: &SnapshotData,
    rows: &RowStore,
    to: &mpsc::Sender<SnapshotPart>,
) -> io::Result<()> {
    let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the other peer stopped listening");
    let send = |part| to.blocking_send(SnapshotPart { part: Some(part) }).map_err(|_| gone());
    send(Part::Head(head))?;
    let state = bytes::Bytes::from(data.state.encode());
    for at in (0..state.len()).step_by(miroir_wire::PART) {
        send(Part::State(state.slice(at..state.len().min(at + miroir_wire::PART))))?;
    }
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for row in rows.iter() {
        let (key, value) = row?;
        bytes += key.len() + value.len();
        batch.push(Row { key: key.to_vec().into(), value: value.to_vec().into() });
        if bytes >= miroir_wire::PART {
            send(Part::Rows(Rows { rows: std::mem::take(&mut batch) }))?;
            bytes = 0;
        }
    }
    send(Part::Rows(Rows { rows: batch }))?;
    send(Part::End(End {}))
}
