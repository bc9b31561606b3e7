//! Searches over many nodes.
//!
//! What to ask and what comes of the answers is decided by the pure functions of `query`; this crate sends. A node that
//! does not answer is left out, the search is planned again over the other copies, and answers that are there already
//! are used again. Hedging and the adaptive choice of copies come later; their place is [`scatter`].

mod clients;
mod error;
mod explain;
mod facet_search;
mod listing;
mod scatter;
mod scope;
mod searcher;
mod stats;
mod topology;
mod touch;
mod view;

pub use error::SearchError;
pub use explain::{Explained, Resolved};
pub use searcher::{Ids, Searcher};
pub use stats::IndexNumbers;
pub use touch::Clock;
