//! Peers as their users see them: several in one process over loopback, and one that is killed.

mod children;
mod crash;
mod damage;
mod failover;
mod faults;
mod identity;
mod lagging;
mod large;
mod lost;
mod low_disk;
mod measure;
mod newcomer;
mod points;
mod receiver;
mod reports;
mod support;
