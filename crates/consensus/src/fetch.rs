//! Fetching payload chunks from other peers.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use miroir_cluster::{ChunkId, ChunkMeta, State};
use miroir_model::PeerId;
use miroir_wire::peer::FetchChunkRequest;
use tokio::time::timeout;

use crate::links::Lane;
use crate::node::Node;

/// How many chunks are fetched at once: some MiB under way.
const AT_ONCE: usize = 4;
const WITHIN: Duration = Duration::from_secs(10);

/// Nobody has a chunk, or the disk failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("no peer has chunk {0}")]
    Nowhere(u64),
    #[error("a chunk cannot be kept: {0}")]
    Disk(String),
}

/// Fetches every chunk that a state needs and this peer lacks, first from `from`, else from any other.
pub(crate) async fn missing(node: &Node, state: &State, from: PeerId) -> Result<(), FetchError> {
    let lacking: Vec<_> =
        state.chunks().filter(|(chunk, _)| !node.shared.segments.contains(*chunk)).collect();
    if !lacking.is_empty() {
        tracing::info!(chunks = lacking.len(), %from, "fetching payload for a snapshot");
    }
    stream::iter(lacking)
        .map(|(chunk, meta)| async move {
            let bytes = one(node, chunk, meta, Some(from)).await.ok_or(FetchError::Nowhere(chunk.0))?;
            let segments = node.shared.segments.clone();
            let store =
                move || segments.store(chunk, &bytes).and_then(|()| miroir_fault::point("fetch.stored"));
            let stored = tokio::task::spawn_blocking(store).await;
            stored
                .map_err(|error| error.to_string())
                .and_then(|stored| stored.map_err(|error| error.to_string()))
                .map_err(FetchError::Disk)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// The bytes of one chunk from another peer: `first`, if given, then the others.
pub(crate) async fn one(
    node: &Node,
    chunk: ChunkId,
    meta: ChunkMeta,
    first: Option<PeerId>,
) -> Option<Bytes> {
    let mut members: Vec<_> = node.members().into_iter().filter(|(peer, _)| *peer != node.me()).collect();
    members.sort_by_key(|(peer, _)| (Some(*peer) != first, *peer));
    for (peer, (member, _)) in members {
        match from(node, peer, node.address(&member), chunk).await {
            Some(bytes) if ChunkMeta::of(&bytes) == meta => return Some(bytes),
            Some(_) => tracing::warn!(%peer, chunk = chunk.0, "a peer sent other bytes than the state names"),
            None => {}
        }
    }
    None
}

async fn from(node: &Node, peer: PeerId, address: &str, chunk: ChunkId) -> Option<Bytes> {
    let mut client = node.client(address, Lane::Bulk)?;
    let message = FetchChunkRequest { envelope: node.links.envelope(peer), chunk: chunk.0 };
    let reply = timeout(WITHIN, client.fetch_chunk(node.links.request(message))).await.ok()?;
    reply
        .inspect_err(|error| tracing::warn!(%peer, chunk = chunk.0, %error, "a chunk"))
        .ok()?
        .into_inner()
        .bytes
}
