//! The engine over a real socket.

mod batching;
mod documents;
mod harness;
mod indexes;
mod keys;
mod search;
mod settings;
mod tasks;
