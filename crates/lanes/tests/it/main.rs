//! Lanes over a ledger in memory and nodes that fail as planned.

#[cfg(test)]
mod copies;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod gather;
#[cfg(test)]
mod random;
#[cfg(test)]
mod real;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod stale;
#[cfg(test)]
mod verdicts;
#[cfg(test)]
mod world;
