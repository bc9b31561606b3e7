//! Listing tasks, against a real server.

mod golden;
