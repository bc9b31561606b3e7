//! Searches over many nodes.
//!
//! What to ask and what comes of the answers is decided by the pure functions of `query`; this crate sends. A node that
//! does not answer is left out, the search is planned again over the other copies, and answers that are there already
//! are used again ([`race`]); so is one that is late ([`tail`]).

mod ask;
mod clients;
mod error;
mod explain;
mod facet_search;
mod federated;
mod listing;
mod race;
mod room;
mod scatter;
mod scope;
mod search;
mod searcher;
mod similar;
mod stats;
mod tail;
mod topology;
mod touch;
mod view;

pub use ask::Found;
pub use error::SearchError;
pub use explain::{Explained, Hedging, Resolved};
pub use federated::{Charge, FederatedError};
pub use miroir_node::ById;
pub use searcher::{Ids, Searcher};
pub use stats::{IndexNumbers, Sums};
pub use tail::Config;
pub use touch::Clock;
