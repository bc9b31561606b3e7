//! The heart of the project's correctness: the same documents, settings and requests to one node and to clusters of
//! three nodes with 2, 6 and 17 shards; the answers must be the same.
//!
//! | file | what |
//! |---|---|
//! | `suite` | the run: load, ask, compare, report |
//! | `profile` | the indexes: data and settings |
//! | `corpus` | the documents |
//! | `rounds` | requests one after the other; of one that fails, the simplest form |
//! | `generate` | requests, from the numbers of a seed |
//! | `compare` | when two answers are the same; what may differ, each exception by name |
//! | `order` | the order of ties against one node with the same stamped documents |
//! | `multi` | multi-searches against their searches one by one |
//! | `federated` | multi-searches whose hits become one list |
//! | `similar` | documents like one |
//! | `documents` | lists of documents |
//! | `changes` | searches while settings change |
//! | `pages` | all pages of hits that tie |
//! | `values` | searches among the values of a facet |
//! | `breakage` | wrong answers made from right ones: the suite must refuse each |
//! | `report` | what the run has covered, and the least that it must |
//! | `dead` | a peer to which one node is dead |
//! | `world`, `server`, `cluster`, `client` | the node, the clusters, and how they are spoken to |
//!
//! `MIROIR_MEILISEARCH` puts an official server on both sides, `MIROIR_SEED` repeats a run, `MIROIR_PART` one part of it
//! (`searches`, `multi`, `federated`, `similar`, `values`, `documents`, `changes`), `MIROIR_ROUNDS` some requests of each part (`7`,
//! `7..`, `7..20`). `MIROIR_LONG=1` sends 20,000 searches and as much more of the rest, `MIROIR_DATA` names a folder with
//! the whole data.

#[cfg(test)]
mod breakage;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod client;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod dead;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod federated;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod multi;
#[cfg(test)]
mod order;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod report;
#[cfg(test)]
mod rounds;
#[cfg(test)]
mod server;
#[cfg(test)]
mod similar;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod values;
#[cfg(test)]
mod world;
