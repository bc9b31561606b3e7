//! The embedded search node: Meilisearch's own engine (the crate `milli-core`, version 1.15.1) behind the HTTP routes
//! that a cluster calls on its nodes. For development, tests and small set-ups; large ones run official Meilisearch,
//! and the two must be interchangeable: same paths, bodies, status codes, task life cycle and batching.
//!
//! Constraints that shape it:
//! - a task is durable before its 202: payload file first, then its row in the task queue, both fsynced;
//! - one batch runs at a time over all indexes; a crash between the commit of an index and the commit of the queue
//!   runs the batch again, and what that batch does to *names* is in the queue's commit, so it happens exactly once;
//! - several engines share one small machine: one indexing thread per two cores, no memory held between batches.
//!
//! Where things are: `routes` speaks HTTP; `queue` keeps tasks; `batch` joins and runs them; `index` keeps the indexes
//! and their settings; `search` answers queries; `keys` decides who may do what; `store` is the LMDB environment that
//! holds everything but the indexes.

mod batch;
mod config;
mod engine;
mod error;
mod index;
mod keys;
mod mapped;
mod payloads;
mod queue;
mod routes;
mod search;
mod serve;
mod store;

pub use config::Config;
pub use serve::{ServeError, serve};

// Dependencies that are only held at a version or given a feature (see Cargo.toml).
use arroy as _;
use smartstring as _;
