//! Shard maps, rendezvous hashing, the desired layout and its differences.
