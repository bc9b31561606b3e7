//! The gRPC admin service: what operators ask a peer.
//!
//! Every call carries the master key in its metadata, `authorization: Bearer KEY`, where the cluster has one. Any peer
//! answers. What is asked only reads; changes of the topology come as commands of their own.

mod auth;
mod canonical;
mod service;
mod verify;

pub use auth::Guard;
pub use service::Admin;
