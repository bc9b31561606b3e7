//! Peers as their users see them: several in one process over loopback, and one that is killed.

mod crash;
mod failover;
mod identity;
mod lagging;
mod large;
mod low_disk;
mod measure;
mod reports;
mod support;
