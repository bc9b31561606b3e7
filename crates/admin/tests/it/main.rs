//! The services of a peer's gRPC port, over real connections.

mod call;
mod frames;
mod hostile;
mod server;
