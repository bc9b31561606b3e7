//! From the bytes of a request to what the log stores.
//!
//! A batch of documents is checked whole before any node sees it, since a node that refuses one document of its part
//! would leave the others' parts applied. What passes is stamped with its slot and packed:
//!
//! 1. [`Format`]: which of Meilisearch's formats the request is in. Errors up to the syntax of the payload are the
//!    client's at once: [`PayloadError`].
//! 2. [`Rules`]: what the index asks of documents. What breaks them is a failed task: [`Refusal`].
//! 3. [`prepare`]: parses, checks, stamps and packs in one pass; [`prepare_deletions`] does so for ids.
//! 4. [`payload`]: the stored format, its writer and its reader.
//!
//! [`edit`] is about the other kind of write that nodes carry out document by document: edits by function.
//!
//! No value is ever written anew: numbers, escapes and whitespace inside values stay the client's bytes. Codes and
//! texts of errors are Meilisearch 1.50's, as a real server gives them.

mod check;
mod csv_format;
mod deletions;
pub mod edit;
mod format;
mod id;
mod json_format;
pub mod payload;
mod payload_error;
mod prepare;
mod refusal;
mod stamp;

pub use check::{Embedder, Rules};
pub use deletions::prepare_deletions;
pub use format::{Format, parse_csv_delimiter};
pub use id::{canonical_id, slot_of_id};
pub use payload_error::PayloadError;
pub use prepare::{PrepareError, Prepared, RevalidateError, prepare, revalidate};
pub use refusal::Refusal;
pub use stamp::{STAMP_LEN, stamp, unstamp};
