//! What JSON a setting takes: a small schema language, and the walk that checks a value against it.
//!
//! Meilisearch reads settings with the `deserr` crate into typed structures and answers the first thing that is wrong,
//! in the order of the client's text. The same crate words the errors here, so texts and places (`.a.b[0]`) are its own;
//! the structures are tables (`table`), since Miroir passes most settings on without looking into them.
//!
//! A value that passes comes out in Meilisearch's own form: members in its order, sets sorted and without duplicates,
//! members that have a default filled in. So two clients that mean the same store the same text.

mod locales;
mod table;
mod walk;

use miroir_api::ApiVersion;
use serde_json::{Map, Value};

pub use locales::LOCALES;
pub(crate) use locales::shown_locale;
pub(crate) use table::{default_of, shape_of, word_sizes_in_order};
pub(crate) use walk::{canonical, check, members, word};

/// The JSON that is allowed in a place.
#[derive(Debug)]
pub(crate) enum Shape {
    Flag,
    /// An integer from 0 to the bound.
    Count(u64),
    /// An integer from 1.
    Positive,
    Float,
    /// A float from 0 to 1; the name is for the error text.
    Ratio(&'static str),
    Text,
    OneOf(&'static [&'static str]),
    Anything,
    /// Texts whose order and repetition mean nothing.
    TextSet,
    List(&'static Shape),
    Map(&'static Shape),
    Nullable(&'static Shape),
    Object(&'static Object),
    RankingRule,
    /// The name of an attribute, or an object of patterns and features.
    FilterableRule,
}

/// An object whose members are known.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) members: &'static [Member],
    /// Whether unknown members are dropped instead of refused.
    pub(crate) open: bool,
    /// What must hold between members that are each right.
    pub(crate) rule: Option<Rule>,
}

/// The error is the reason, in Meilisearch's words.
pub(crate) type Rule = fn(&Map<String, Value>) -> Result<(), String>;

/// A member of an [`Object`].
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) need: Need,
    /// The first version that has it.
    pub(crate) since: ApiVersion,
}

/// What it means when a member is not there.
#[derive(Debug)]
pub(crate) enum Need {
    /// It is an error.
    Required,
    /// It stands for this JSON text.
    Default(&'static str),
    /// The client says nothing about it; `null` resets it.
    Setting,
}
