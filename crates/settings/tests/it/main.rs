//! The settings against a real server, and their laws.

mod golden;
mod laws;
mod node;
