//! The contract with one node: a Meilisearch server that holds documents.
//!
//! - [`Node`] is all that Miroir asks of a node; [`HttpNode`] asks it over HTTP.
//! - [`Write`] is what changes an index; it becomes a task of the node, followed by [`wait_for_task`].
//! - [`NodeError`] says whether a request that failed may have been done.
//! - [`Gate`] says what must hold of a node before anything is sent over a new connection ([`Connections::gated`]), and
//!   [`examine`] judges a node of which it does not.
//! - [`NewKey`] and [`ApiKey`] are the keys that adoption makes on a node.
//! - `conformance` (feature of that name) states each rule of the contract as a check, and `fixtures` holds answers of
//!   official Meilisearch; every implementation of a node passes both.

#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
mod credentials;
mod error;
#[cfg(feature = "conformance")]
pub mod fixtures;
mod gate;
mod http;
mod shapes;
mod wait;
mod write;

pub use contract::{ById, Node, Origin};
pub use credentials::{ApiKey, KeyInfo, NewKey};
pub use error::NodeError;
pub use gate::{CheckFailure, Expected, Gate, Known, Verdict, examine};
pub use http::{ClientError, Connections, GatedError, HttpNode, InvalidUrl, Pools, Timeouts};
pub use shapes::{
    Details, Enqueued, IndexInfo, IndexPage, IndexStats, NodeTask, NodeTaskStatus, TaskError, TaskPage,
    TaskQuery, Version,
};
pub use wait::{Pace, wait_for_task};
pub use write::{Add, AddMode, Format, Write};
