//! A searcher over a ledger in memory and nodes that answer what a test says.

mod failing;
mod fake;
mod federated;
mod fresh;
mod names;
mod partial;
mod reserved;
mod served;
mod tail;
mod topology;
mod world;
