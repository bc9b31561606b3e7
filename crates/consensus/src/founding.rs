//! Founding the group, once.
//!
//! The peers that are to found it are given to each of them by name. When all of them answer that they are empty, the
//! lowest name proposes the membership, with the ids that it learned by asking. The others wait to be called. A peer
//! that holds anything never founds, and one whose disk is new is told so by those that know its name.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use miroir_wire::peer::{HelloReply, HelloRequest};
use miroir_wire::{ClusterId, Incarnation};
use openraft::error::{InitializeError, RaftError};
use tokio::time::timeout;
use tonic::Code;

use crate::links::Lane;
use crate::node::{Failure, Node};
use crate::types::Member;

const ASK_EVERY: Duration = Duration::from_millis(100);
const WITHIN: Duration = Duration::from_secs(1);

/// Asks and waits until the group is founded, by this peer or another; then remembers that it was.
pub(crate) async fn run(node: Arc<Node>) {
    let mut told = Vec::new();
    loop {
        match node.raft.is_initialized().await {
            Ok(true) => break,
            Ok(false) => {}
            Err(_) => return,
        }
        // All ask, so that each hears when it is not welcome.
        match ask(&node).await {
            Answers::Founders(members)
                if node.config.initial_peers.keys().next() == Some(&node.config.name) =>
            {
                if let Err(failure) = found(&node, members).await {
                    return node.fail(failure);
                }
            }
            Answers::Missing(missing) if missing != told => {
                let peers = missing.join(", ");
                tracing::info!(%peers, "the cluster is founded when these initial peers answer too");
                told = missing;
            }
            Answers::Founders(_) | Answers::Missing(_) | Answers::Others => {}
        }
        if node.links.another_disk() {
            let why = format!(
                "the cluster knows `{}` under another id than {}, that of this new data directory: bring back the \
                 former one, or remove that peer from the cluster first",
                node.config.name,
                node.me(),
            );
            return node.fail(Failure::Identity(why));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    if !node.identity.joined()
        && let Err(error) = node.identity.set_joined()
    {
        node.fail(disk(&error));
    }
}

fn disk(error: &io::Error) -> Failure {
    Failure::Disk(error.to_string())
}

/// What the initial peers say.
enum Answers {
    /// All of them are empty and have the names that they should have.
    Founders(BTreeMap<u64, Member>),
    /// These do not answer, or another does where they should.
    Missing(Vec<String>),
    /// Some are not empty: they will call.
    Others,
}

async fn ask(node: &Node) -> Answers {
    let (mut members, mut missing) = (BTreeMap::new(), Vec::new());
    for (name, address) in &node.config.initial_peers {
        if *name == node.config.name {
            let own = Member { name: name.clone(), grpc: node.config.advertised.clone() };
            members.insert(node.me().0, own);
            continue;
        }
        match hello(node, name, address).await {
            Ok(reply) if reply.name == *name => {
                let member = Member { name: name.clone(), grpc: address.clone() };
                let same = empty(reply).and_then(|id| members.insert(id, member));
                missing.extend(same.map(|other| {
                    format!(
                        "{name} at {address} (it has the id of {}: a copy of its data directory)",
                        other.name
                    )
                }));
            }
            Ok(reply) => missing.push(format!("{name} at {address} ({} answers there)", reply.name)),
            Err(why) => missing.push(format!("{name} at {address} ({why})")),
        }
    }
    if !missing.is_empty() {
        return Answers::Missing(missing);
    }
    if members.len() == node.config.initial_peers.len() {
        Answers::Founders(members)
    } else {
        Answers::Others
    }
}

/// What a founder answers, or why it does not.
async fn hello(node: &Node, name: &str, address: &str) -> Result<HelloReply, String> {
    const SILENT: &str = "no answer";
    let mut client = node.client(address, Lane::Control).ok_or(SILENT)?;
    let from = Some(node.identity.incarnation().into());
    let request = node.links.request(HelloRequest { from, name: node.config.name.clone() });
    match timeout(WITHIN, client.hello(request)).await {
        Ok(Ok(reply)) => Ok(reply.into_inner()),
        Ok(Err(error)) => {
            node.links.refused(&error);
            tracing::debug!(name, address, %error, "a founder does not answer");
            // How a connection fails changes all the time, and says no more.
            let silent = matches!(error.code(), Code::Unavailable | Code::Unknown | Code::Cancelled);
            Err(if silent { SILENT.to_owned() } else { error.message().to_owned() })
        }
        Err(_) => Err(SILENT.to_owned()),
    }
}

/// The id of the peer that answered, when it holds nothing.
fn empty(reply: HelloReply) -> Option<u64> {
    let life: Incarnation = reply.life?.into();
    reply.empty.then_some(life.life.peer.0)
}

async fn found(node: &Node, members: BTreeMap<u64, Member>) -> Result<(), Failure> {
    let [high, low] = [(); 2].map(|()| u128::from(node.config.platform.random()));
    let id = high << 64 | low;
    let cluster = node.identity.join(ClusterId(id)).map_err(|error| disk(&error))?;
    tracing::info!(%cluster, peers = members.len(), "founding the cluster");
    match node.raft.initialize(members).await {
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(RaftError::APIError(error)) => Err(Failure::Raft(error.to_string())),
        Err(RaftError::Fatal(fatal)) => Err(Failure::of_raft(fatal)),
    }
}
