//! The engine over a real socket.

mod batching;
mod contract;
mod crash;
mod documents;
mod harness;
mod indexes;
mod keys;
mod live;
mod multi_search;
mod process;
mod search;
mod settings;
mod tasks;
mod vectors;
