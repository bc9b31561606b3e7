//! Configuration, wiring and life cycle of the three programs: a peer, an embedded node, and `dev`, which runs a whole
//! cluster on one machine.
//!
//! Configuration is read once, from file, environment and flags (the later wins), validated once, and is a plain
//! value from then on. Every program ends with one of the codes of [`Exit`].

mod cli;
mod config;
mod dev;
mod exit;
mod logging;
mod node;
mod peer;
mod pidfile;

pub use cli::{Cli, run};
