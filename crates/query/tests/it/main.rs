//! A cluster of model nodes answers as one model node does.

mod documents;
mod explain;
mod federated;
mod merge;
mod model;
mod plan;
mod reserved;
mod similar;
mod world;
