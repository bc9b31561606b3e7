//! Identifiers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The id after this one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id! {
    /// A peer: a Raft member. Made at random with its data directory, so a new disk is a new peer.
    PeerId(u64)
}
number_id! {
    /// The public uid of a task: dense, from 0, in the order of acceptance. It is below 2^53, so that every JSON
    /// reader holds it exactly.
    TaskUid(u64)
}
number_id! {
    /// A physical index: what an index is on the nodes, whatever users call it. Never reused.
    PhysicalId(u64)
}
number_id! {
    /// A shard of one physical index. Never reused within its index.
    ShardId(u32)
}
number_id! {
    /// Counts the owners that a lane has had. A command of an older epoch is refused.
    Epoch(u64)
}
number_id! {
    /// Counts the names that a physical index has had on one node: `i<id>-<generation>`.
    Generation(u32)
}

/// One run of a peer's process, from start to end. The owner of a lane is a life, not a peer: what a former life
/// left open is first taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerLife {
    /// The peer.
    pub peer: PeerId,
    /// How often the peer has started on its data directory, this time included.
    pub boot: u64,
}

impl fmt::Display for PeerLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.peer, self.boot)
    }
}

/// A node, by the name that its operator gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The node of this name.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(Arc::from(name.as_ref()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for NodeId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// The name of a physical index on one node: `i<id>-<generation>`. The lane renames it to the next generation to
/// fence off requests whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PhysicalName {
    /// The physical index.
    pub index: PhysicalId,
    /// Which of its names.
    pub generation: Generation,
}

impl fmt::Display for PhysicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "i{}-{}", self.index, self.generation)
    }
}

/// A text that is no [`PhysicalName`]: the index of that name on a node is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a physical index (i<id>-<generation>)")]
pub struct ForeignName(pub String);

impl FromStr for PhysicalName {
    type Err = ForeignName;

    fn from_str(text: &str) -> Result<Self, ForeignName> {
        let parse = || {
            let (index, generation) = text.strip_prefix('i')?.split_once('-')?;
            Some(Self {
                index: PhysicalId(index.parse().ok()?),
                generation: Generation(generation.parse().ok()?),
            })
        };
        match parse() {
            Some(name) if name.to_string() == text => Ok(name),
            _ => Err(ForeignName(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_names_read_back_and_foreign_ones_do_not() {
        let name = PhysicalName { index: PhysicalId(12), generation: Generation(3) };
        assert_eq!(name.to_string(), "i12-3");
        assert_eq!("i12-3".parse(), Ok(name));
        for foreign in ["movies", "i12", "i012-3", "i12-03", "i-1", "i1--1", "i+1-1", "12-3", ""] {
            assert_eq!(foreign.parse::<PhysicalName>(), Err(ForeignName(foreign.to_owned())));
        }
    }
}
