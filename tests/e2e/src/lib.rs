//! Whole clusters of real processes, used as their users use them.
//!
//! Each test starts `miroir dev` on a directory of its own; the programs are those that `cargo test --workspace` has
//! just built. With `MIROIR_MEILISEARCH` set, the nodes are official servers. [`chaos`] has a cluster of its own making
//! and is a test of its own, so that it has the machine to itself.

#[cfg(test)]
mod audit;
pub mod chaos;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod dev;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod full_disks;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod names;
#[cfg(test)]
mod partition;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod whole_path;
