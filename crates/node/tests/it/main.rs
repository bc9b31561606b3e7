//! Tests of the client over real sockets, and of the contract on official Meilisearch.

#[cfg(test)]
mod classification;
#[cfg(test)]
mod examine;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod official;
#[cfg(test)]
mod recorder;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod server;
