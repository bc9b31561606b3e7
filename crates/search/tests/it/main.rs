//! A searcher over a ledger in memory and nodes that answer what a test says.

mod fake;
mod fresh;
mod world;
