//! What other peers ask this one.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use futures::TryStreamExt;
use miroir_cluster::{ChunkId, State};
use miroir_model::PeerId;
use miroir_wire::peer::snapshot_part::Part;
use miroir_wire::peer::{
    self, Envelope, FetchChunkReply, FetchChunkRequest, HelloReply, HelloRequest, ProposeReply,
    ProposeRequest, RaftReply, RaftRequest, ReadIndexReply, ReadIndexRequest, ReportReply, ReportRequest,
    SnapshotHead, SnapshotPart,
};
use miroir_wire::{Address, Misaddressed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::{Request, Response, Status, Streaming};

use crate::barrier;
use crate::fetch::{self, FetchError};
use crate::links::{ANOTHER_DISK, SUPERSEDED};
use crate::node::{Failure, Node};
use crate::propose::{Encoded, propose_for_another, reply};
use crate::reports;
use crate::snapshot::{SnapshotData, Spool};
use crate::spool;
use crate::types::{Snapshot, SnapshotMeta, Vote};

/// The service of one peer.
#[derive(Clone)]
pub(crate) struct Service(pub(crate) Arc<Node>);

fn invalid(error: impl ToString) -> Status {
    Status::invalid_argument(error.to_string())
}

fn unavailable(error: impl ToString) -> Status {
    Status::unavailable(error.to_string())
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Status> {
    postcard::from_bytes(body).map_err(invalid)
}

fn encode(answer: &impl Serialize) -> Result<Response<RaftReply>, Status> {
    let body = postcard::to_stdvec(answer).map_err(invalid)?;
    Ok(Response::new(RaftReply { body: body.into() }))
}

impl Node {
    /// What was to be kept is not, and nobody knows what else is not: this peer stops.
    fn disk_failed(&self, error: impl ToString) -> Status {
        self.fail(Failure::Disk(error.to_string()));
        unavailable(error)
    }
}

impl Service {
    /// Checks that a call is for this peer, in this cluster, by a living peer. A peer that belongs to no cluster yet
    /// joins that of the first who knows its id.
    fn admit(&self, envelope: Option<Envelope>) -> Result<Address, Status> {
        let node = &self.0;
        let address = Address::try_from(envelope).map_err(|error: Misaddressed| invalid(error))?;
        let me = node.identity.incarnation();
        if address.to != me.life.peer {
            return Err(Status::failed_precondition(format!("this is peer {}", me.life.peer)));
        }
        let cluster = node.identity.join(address.cluster).map_err(|error| node.disk_failed(error))?;
        if cluster != address.cluster {
            return Err(Status::failed_precondition(format!("this is cluster {cluster}")));
        }
        if address.from.life.peer == me.life.peer && address.from != me {
            node.fail(Failure::Identity(format!("a call came from boot {}", address.from.life.boot)));
        }
        if !node.lives.admit(address.from) {
            return Err(Status::failed_precondition(SUPERSEDED));
        }
        Ok(address)
    }

    /// The message, and who sends it.
    fn raft_call<T: DeserializeOwned>(&self, request: Request<RaftRequest>) -> Result<(PeerId, T), Status> {
        self.0.links.secret.check(request.metadata())?;
        let RaftRequest { envelope, body } = request.into_inner();
        let from = self.admit(envelope)?.from.life.peer;
        Ok((from, decode(&body)?))
    }
}

#[tonic::async_trait]
impl peer::peer_server::Peer for Service {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let node = &self.0;
        node.links.secret.check(request.metadata())?;
        let HelloRequest { from, name } = request.into_inner();
        let known = node.members().into_iter().find(|(_, (member, _))| member.name == name);
        if let (Some((peer, _)), Some(from)) = (known, from)
            && peer.0 != from.peer
        {
            return Err(Status::failed_precondition(ANOTHER_DISK));
        }
        let empty = !node.raft.is_initialized().await.map_err(unavailable)?;
        Ok(Response::new(HelloReply {
            life: Some(node.identity.incarnation().into()),
            name: node.config.name.clone(),
            cluster: node.identity.cluster().map(|id| id.to_bytes()).unwrap_or_default(),
            empty,
        }))
    }

    async fn vote(&self, request: Request<RaftRequest>) -> Result<Response<RaftReply>, Status> {
        let (_, rpc) = self.raft_call(request)?;
        encode(&self.0.raft.vote(rpc).await.map_err(unavailable)?)
    }

    async fn pre_vote(&self, request: Request<RaftRequest>) -> Result<Response<RaftReply>, Status> {
        let (_, rpc) = self.raft_call(request)?;
        encode(&self.0.raft.pre_vote(rpc).await.map_err(unavailable)?)
    }

    async fn append(&self, request: Request<RaftRequest>) -> Result<Response<RaftReply>, Status> {
        let (from, rpc) = self.raft_call(request)?;
        self.0.heard.note(from);
        encode(&self.0.raft.append_entries(rpc).await.map_err(unavailable)?)
    }

    async fn transfer_leader(&self, request: Request<RaftRequest>) -> Result<Response<RaftReply>, Status> {
        let (_, rpc) = self.raft_call(request)?;
        encode(&self.0.raft.handle_transfer_leader(rpc).await.map_err(unavailable)?)
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<SnapshotPart>>,
    ) -> Result<Response<RaftReply>, Status> {
        let node = &self.0;
        node.links.secret.check(request.metadata())?;
        let mut parts = request.into_inner();
        let head = match parts.try_next().await?.and_then(|first| first.part) {
            Some(Part::Head(head)) => head,
            _ => return Err(invalid("a snapshot begins with its head")),
        };
        let SnapshotHead { envelope, vote, meta } = head;
        let from = self.admit(envelope)?.from.life.peer;
        let (vote, meta): (Vote, SnapshotMeta) = (decode(&vote)?, decode(&meta)?);
        let data = receive(node, parts).await?;
        fetch::missing(node, &data.state, from).await.map_err(|error| match error {
            FetchError::Nowhere(_) => unavailable(error),
            FetchError::Disk(error) => node.disk_failed(error),
        })?;
        let snapshot = Snapshot { meta, snapshot: data };
        encode(&node.raft.install_full_snapshot(vote, snapshot).await.map_err(unavailable)?)
    }

    async fn fetch_chunk(
        &self,
        request: Request<FetchChunkRequest>,
    ) -> Result<Response<FetchChunkReply>, Status> {
        self.0.links.secret.check(request.metadata())?;
        let FetchChunkRequest { envelope, chunk } = request.into_inner();
        self.admit(envelope)?;
        let segments = self.0.shared.segments.clone();
        let read = tokio::task::spawn_blocking(move || segments.read(ChunkId(chunk)));
        let bytes = read.await.map_err(unavailable)?.map_err(unavailable)?;
        Ok(Response::new(FetchChunkReply { bytes }))
    }

    async fn propose(&self, request: Request<ProposeRequest>) -> Result<Response<ProposeReply>, Status> {
        let node = &self.0;
        node.links.secret.check(request.metadata())?;
        let ProposeRequest { envelope, command, payload } = request.into_inner();
        self.admit(envelope)?;
        let outcome = propose_for_another(node, &Encoded::received(&command, payload)).await;
        Ok(Response::new(reply(outcome)))
    }

    async fn read_index(
        &self,
        request: Request<ReadIndexRequest>,
    ) -> Result<Response<ReadIndexReply>, Status> {
        self.0.links.secret.check(request.metadata())?;
        self.admit(request.into_inner().envelope)?;
        let index = barrier::confirm(&self.0).await.map(|id| id.index);
        Ok(Response::new(ReadIndexReply { index }))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportReply>, Status> {
        self.0.links.secret.check(request.metadata())?;
        let ReportRequest { envelope, version, disk_low } = request.into_inner();
        let life = self.admit(envelope)?.from.life;
        let acknowledged = reports::take(&self.0, life, version, disk_low).await;
        Ok(Response::new(ReportReply { acknowledged }))
    }
}

/// Takes in the parts of a snapshot: the state into memory, the history into a file.
async fn receive(node: &Node, mut parts: Streaming<SnapshotPart>) -> Result<SnapshotData, Status> {
    let path = node.shared.snapshots.spool(node.config.platform.random());
    let disk = |error: io::Error| node.disk_failed(error);
    let mut rows = spool::Writer::create(&path).map_err(disk)?;
    let file = Arc::new(Spool(path));
    let mut state = BytesMut::new();
    loop {
        match parts.try_next().await?.and_then(|part| part.part) {
            Some(Part::State(bytes)) => state.extend_from_slice(&bytes),
            Some(Part::Rows(batch)) => {
                for row in &batch.rows {
                    let row = spool::Row::new(&row.key, &row.value).map_err(invalid)?;
                    rows.push(row).map_err(disk)?;
                }
            }
            Some(Part::End(_)) => break,
            Some(Part::Head(_)) => return Err(invalid("a snapshot has one head")),
            None => return Err(invalid("the snapshot is not whole")),
        }
    }
    rows.finish().map_err(disk)?;
    let state = State::decode(&state).map_err(invalid)?;
    Ok(SnapshotData { state: Arc::new(state), rows: Some(file) })
}
