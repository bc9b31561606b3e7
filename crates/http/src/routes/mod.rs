//! The routes, one file per family.

pub(crate) mod cancel;
pub(crate) mod documents;
pub(crate) mod features;
pub(crate) mod filters;
pub(crate) mod health;
pub(crate) mod indexes;
pub(crate) mod multi_search;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod similar;
pub(crate) mod stats;
pub(crate) mod swap;
pub(crate) mod tasks;
pub(crate) mod unsupported;
